/** One pack at a time, and what is said of it. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { before, describe, test } from 'node:test'
import { AppError } from '../../model/errors.ts'
import { type OwnerId, parsePackId } from '../../model/ids.ts'
import { sha256Hex } from '../create-once.ts'
import { PACK_BYTES_MAX, PACK_HEADER_BYTES_MAX } from '../limits.ts'
import { packOfName } from '../names.ts'
import { sealFooter } from '../pack-crypto.ts'
import { encodeFooter, encodeIndex, encodeTrailer, TRAILER_BYTES } from '../pack-format.ts'
import { createPackOpener } from '../pack-opener.ts'
import { readFooterEntries, readLayout } from '../pack-reader.ts'
import {
  contentOf,
  forkOf,
  memoryVault,
  never,
  putEvent,
  registered,
  type TestVault,
  version,
} from '../testing/fixture.ts'
import type { VerifyDeps, VerifyPlan } from './index.ts'
import { createPackChecker, type PackResult, type PackToCheck } from './pack-check.ts'
import {
  change,
  FULL,
  flipped,
  HASHES,
  namesOf,
  type OwnedVault,
  ownedVault,
  workOn,
} from './testing/vaults.ts'

let made: OwnedVault
before(async () => {
  made = await ownedVault()
})

const NAMED = { workload: 'mail', seq: 2 } as const

interface Pack {
  on: TestVault
  owner: OwnerId
  name: string
  bytes: Uint8Array
}

function aPack(nth = 0): Pack {
  const on = forkOf(made.on)
  const { owner } = made
  const sizeOf = (name: string) => on.store.blobs.get(name)?.bytes.length ?? 0
  const names = namesOf(on, new RegExp(`^packs/${owner}/`))
  const name = names.sort((a, b) => sizeOf(b) - sizeOf(a))[nth] ?? assert.fail('there is one')
  return { on, owner, name, bytes: on.store.blobs.get(name)?.bytes ?? randomBytes(0) }
}

/** Under the name that its bytes ask for. */
function renamed({ on, owner }: Pack, bytes: Uint8Array): Pack {
  const name = `packs/${owner}/2026-03/${sha256Hex(bytes)}.pk`
  on.store.blobs.set(name, { bytes, createdAt: new Date() })
  return { on, owner, name, bytes }
}

async function checked(
  { on, owner, name, bytes }: Pack,
  {
    plan = FULL,
    deps = on,
    ...pack
  }: Partial<PackToCheck> & { plan?: VerifyPlan; deps?: VerifyDeps } = {},
): Promise<PackResult> {
  const { work, access } = await workOn(deps, owner, plan)
  const to = { name, bytes: bytes.length, named: NAMED, indexBlob: undefined, ...pack }
  return createPackChecker(work, access).check(to)
}

const told = ({ findings }: PackResult) => findings.map(({ code, check }) => [code, check])
const segmentsOf = ({ bytes, owner }: Pack) => readLayout(bytes, owner).segments
const idOf = ({ name }: Pack) => packOfName(name) ?? parsePackId('0'.repeat(64))

function indexOf(pack: Pack): Uint8Array {
  const { clear, footer } = readLayout(pack.bytes, pack.owner)
  return encodeIndex({ pack: idOf(pack), header: clear, footer })
}

function addedBy(pack: Pack, how: Partial<{ bytes: number; index: string; inline: boolean }> = {}) {
  const added = { bytes: pack.bytes.length, index: sha256Hex(indexOf(pack)), inline: false, ...how }
  return { ...NAMED, added }
}

describe('a pack in order', () => {
  test('is counted with its segments, all of them opened', async () => {
    const pack = aPack()
    const segments = segmentsOf(pack)
    const { counts, findings } = await checked(pack)
    assert.deepEqual(findings, [])
    assert.deepEqual(counts, {
      packs: 1,
      packBytes: pack.bytes.length,
      segments: segments.length,
      opened: segments.length,
      openedBytes: segments.reduce((sum, { header }) => sum + header.plainBytes, 0),
    })
  })

  test('is not opened where hashes are asked for, and without a key', async () => {
    const pack = aPack()
    for (const { counts, findings } of [
      await checked(pack, { plan: HASHES }),
      await checked(pack, { deps: { store: pack.on.store } }),
    ]) {
      assert.deepEqual(findings, [])
      assert.deepEqual([counts.opened, counts.openedBytes], [0, 0])
      assert.equal(counts.segments, segmentsOf(pack).length)
    }
    const before = pack.on.keys.unwraps
    await checked(pack, { plan: HASHES })
    assert.equal(pack.on.keys.unwraps, before + 1, 'that of its index secret')
  })

  test('is not opened where its key opens nothing, which was told of before', async () => {
    const pack = aPack()
    const { work, access } = await workOn(pack.on, pack.owner)
    const before = pack.on.keys.unwraps
    const checker = createPackChecker(work, { ...access, canUnwrap: false })
    const to = { name: pack.name, bytes: pack.bytes.length, named: NAMED, indexBlob: undefined }
    const { counts, findings } = await checker.check(to)
    assert.deepEqual([findings, counts.opened, pack.on.keys.unwraps], [[], 0, before])
  })

  test('is opened in part for a sample', async () => {
    const pack = aPack()
    const all = segmentsOf(pack).length
    const opened: number[] = []
    for (let n = 0; n < 20; n += 1) {
      const { counts } = await checked(pack, { plan: { openPercent: 50, seed: `${n}` } })
      opened.push(counts.opened ?? 0)
    }
    assert.ok(opened.some((some) => some > 0 && some < all))
    assert.ok(opened.every((some) => some <= all))
  })

  test('shares its data key with others of its owner: it is unwrapped once', async () => {
    const { on, owner } = aPack()
    const { work, access } = await workOn(on, owner)
    const checker = createPackChecker(work, access)
    const before = on.keys.unwraps
    for (const nth of [0, 1, 2]) {
      const { name, bytes } = aPack(nth)
      await checker.check({ name, bytes: bytes.length, named: NAMED, indexBlob: undefined })
    }
    const kinds = new Set(
      [0, 1, 2].map((nth) => readLayout(aPack(nth).bytes, owner).header.dataKeyId),
    )
    assert.equal(on.keys.unwraps - before, kinds.size)
  })
})

describe('a damaged pack is named', () => {
  const cases: Record<string, { spoil: (bytes: Buffer) => Uint8Array; checks: string[] }> = {
    'by its hash alone, where only that shows it': {
      spoil: flipped(45),
      checks: ['a pack has the hash that is its name'],
    },
    'by its beginning': {
      spoil: flipped(0),
      checks: ['the pack begins with its magic', 'a pack has the hash that is its name'],
    },
    'by a header that is too long': {
      spoil: (bytes) => {
        bytes.writeUInt16BE(PACK_HEADER_BYTES_MAX + 1, 10)
        return bytes
      },
      checks: ['the pack header fits', 'a pack has the hash that is its name'],
    },
    'by a header that is too short': {
      spoil: (bytes) => {
        bytes.writeUInt16BE(11, 10)
        return bytes
      },
      checks: ['the pack header fits', 'a pack has the hash that is its name'],
    },
    'by its owner': {
      spoil: flipped(13),
      checks: ['a pack belongs to the owner', 'a pack has the hash that is its name'],
    },
    'by its end': {
      spoil: flipped(-1),
      checks: ['the pack ends with its magic', 'a pack has the hash that is its name'],
    },
    'by where it ends': {
      spoil: (bytes) => bytes.subarray(0, TRAILER_BYTES - 1),
      checks: ['a pack has a trailer', 'a pack has the hash that is its name'],
    },
    'where nothing is left of it': {
      spoil: () => randomBytes(0),
      checks: ['a pack has a trailer', 'a pack has the hash that is its name'],
    },
  }
  for (const [name, { spoil, checks }] of Object.entries(cases)) {
    test(name, async () => {
      const pack = aPack()
      const bytes = Uint8Array.from(spoil(Buffer.from(pack.bytes)))
      change(pack.on, pack.name, () => bytes)
      const result = await checked({ ...pack, bytes }, { plan: HASHES })
      const found = told(result)
      assert.deepEqual(
        found.map(([code]) => code),
        checks.map(() => 'PackDamaged'),
      )
      for (const check of checks) {
        assert.ok(
          found.some(([, said]) => said === check || said?.startsWith(check)),
          `${check} in ${found}`,
        )
      }
      assert.ok(result.findings.every(({ seq, workload }) => seq === 2 && workload === 'mail'))
      assert.ok(result.findings.every(({ blob, severity }) => blob === pack.name && !severity))
    })
  }

  test('by its length, where its commit says another', async () => {
    const pack = aPack()
    const named = addedBy(pack, { bytes: pack.bytes.length + 1, inline: true })
    assert.deepEqual(told(await checked(pack, { named })), [
      ['PackDamaged', 'a pack has the length it was committed with'],
    ])
  })

  test('by its length alone, where no pack is so long: it is not read', async () => {
    const pack = aPack()
    const store = {
      ...pack.on.store,
      read: async (name: string, ...rest: [AbortSignal]) => {
        assert.notEqual(name, pack.name)
        return pack.on.store.read(name, ...rest)
      },
    }
    const deps = { store, keys: pack.on.keys }
    const result = await checked(pack, { deps, bytes: PACK_BYTES_MAX + 1 })
    assert.deepEqual(told(result), [['PackDamaged', 'a pack is not longer than its limit']])
    assert.deepEqual([result.counts.packs, result.counts.segments], [1, 0])
  })

  test('by the hash in its trailer, though its name is right', async () => {
    const pack = aPack()
    const spoilt = renamed(pack, flipped(-30)(Buffer.from(pack.bytes)))
    assert.deepEqual(told(await checked(spoilt, { plan: HASHES })), [
      ['PackDamaged', 'a pack has the hash in its trailer'],
    ])
  })

  test('by a footer that lists something else, though it opens', async () => {
    const pack = aPack()
    const layout = readLayout(pack.bytes, pack.owner)
    const keys = await createPackOpener(pack.on.keys, pack.owner).keysOf(layout.header, never)
    const entries = readFooterEntries(layout, keys).reverse()
    const footer = sealFooter(keys, layout.clear, encodeFooter(entries))
    const body = Buffer.concat([pack.bytes.subarray(0, layout.trailer.footerOffset), footer])
    const trailer = encodeTrailer(layout.trailer, createHash('sha256').update(body))
    const forged = renamed(pack, Buffer.concat([body, trailer]))
    assert.deepEqual(told(await checked(forged)), [
      ['PackDamaged', 'the footer lists the segments that are there'],
    ])
    assert.deepEqual(told(await checked(forged, { plan: HASHES })), [], 'it is sealed')
  })

  test('by bytes that storage says it has and does not give', async () => {
    const pack = aPack()
    const gone = { ...pack.on.store, read: async () => undefined }
    const { work, access } = await workOn(pack.on, pack.owner, HASHES)
    const checker = createPackChecker({ ...work, store: gone }, access)
    const to = { name: pack.name, bytes: pack.bytes.length, named: NAMED, indexBlob: undefined }
    const found = told(await checker.check(to))
    assert.deepEqual(
      found.map(([, check]) => check),
      ['a pack has a trailer', 'a pack is read to its end', 'a pack has the hash that is its name'],
    )
  })

  test('as nothing grave, where no commit names it', async () => {
    const pack = aPack()
    change(pack.on, pack.name, flipped(-1))
    const { findings } = await checked(pack, { named: undefined })
    assert.ok(findings.length > 0)
    for (const { severity, seq, workload, blob } of findings) {
      assert.deepEqual([severity, seq, workload, blob], ['notice', undefined, undefined, pack.name])
    }
  })

  test('segment by segment, and the others are opened', async () => {
    const pack = aPack()
    const segments = segmentsOf(pack)
    const [, second, third] = segments
    assert.ok(second && third)
    for (const { offset, header } of [second, third]) {
      change(pack.on, pack.name, flipped(offset + 56 + header.bodyBytes - 1))
    }
    const result = await checked(pack)
    const hurt = result.findings.filter(({ code }) => code === 'SegmentDamaged')
    assert.deepEqual(
      hurt.map(({ segment, check }) => [segment, typeof check]),
      [
        [second.header.id, 'string'],
        [third.header.id, 'string'],
      ],
    )
    assert.equal(result.counts.opened, segments.length - 2)
  })
})

describe('a pack whose key cannot be had', () => {
  for (const [code, kind, said] of [
    ['KeyMissing', 'denied', 'KeyMissing'],
    ['KeyDisabled', 'denied', 'KeyDisabled'],
    ['KeyDenied', 'denied', 'KeyDenied'],
    ['WrappedKeyDamaged', 'corrupt', 'KeyCannotOpen'],
    ['PackDamaged', 'corrupt', 'PackDamaged'],
  ] as const) {
    test(`is told of once: ${code}`, async () => {
      const pack = aPack()
      const { work, access } = await workOn(pack.on, pack.owner)
      const keys = {
        ...pack.on.keys,
        unwrap: async () => {
          throw new AppError({ code, kind, message: 'planned' })
        },
      }
      const checker = createPackChecker({ ...work, keys }, access)
      const to = { name: pack.name, bytes: pack.bytes.length, named: NAMED, indexBlob: undefined }
      const { counts, findings } = await checker.check(to)
      assert.deepEqual(
        findings.map((f) => f.code),
        [said],
      )
      assert.equal(counts.opened, 0)
      assert.equal(counts.segments, segmentsOf(pack).length)
    })
  }

  test('because nobody answers ends the verification', async () => {
    const pack = aPack()
    const { work, access } = await workOn(pack.on, pack.owner)
    for (const error of [
      new AppError({ code: 'KeyStoreUnavailable', kind: 'transient', message: 'planned' }),
      new TypeError('a defect'),
    ]) {
      const unwrap = async () => {
        throw error
      }
      const checker = createPackChecker({ ...work, keys: { ...pack.on.keys, unwrap } }, access)
      const to = { name: pack.name, bytes: pack.bytes.length, named: NAMED, indexBlob: undefined }
      await assert.rejects(checker.check(to), error)
    }
  })
})

describe('the index of a pack', () => {
  const BLOB = 'idx/some'
  const withIndex = (pack: Pack, bytes = indexOf(pack)) => {
    pack.on.store.blobs.set(BLOB, { bytes, createdAt: new Date() })
    return { indexBlob: BLOB, named: addedBy(pack) }
  }

  test('is the copy of it, by its commit and by its blob', async () => {
    const pack = aPack()
    assert.deepEqual(told(await checked(pack, withIndex(pack))), [])
  })

  test('is damaged where the commit names another', async () => {
    const pack = aPack()
    const named = addedBy(pack, { index: 'ab'.repeat(32) })
    const result = await checked(pack, { ...withIndex(pack), named })
    assert.deepEqual(told(result), [['IndexDamaged', 'a commit names the index of its pack']])
    assert.equal(result.findings[0]?.blob, pack.name)
  })

  test('is damaged where its blob is another, shorter or longer', async () => {
    const pack = aPack()
    const right = Buffer.from(indexOf(pack))
    for (const wrong of [
      flipped(60)(Buffer.from(right)),
      right.subarray(0, -1),
      Buffer.concat([right, right]),
      Buffer.alloc(0),
    ]) {
      const result = await checked(pack, withIndex(pack, wrong))
      assert.deepEqual(told(result), [['IndexDamaged', 'an index is the copy of its pack']])
      assert.equal(result.findings[0]?.blob, BLOB)
    }
  })

  test('is missing where a commit adds the pack with an index beside it', async () => {
    const pack = aPack()
    assert.deepEqual(told(await checked(pack, { named: addedBy(pack) })), [
      ['IndexMissing', undefined],
    ])
    const { indexBlob, named } = { ...withIndex(pack), named: addedBy(pack) }
    pack.on.store.blobs.delete(BLOB)
    assert.deepEqual(told(await checked(pack, { indexBlob, named })), [['IndexMissing', undefined]])
  })

  test('is not missed where it lies in its commit, nor where no commit adds the pack', async () => {
    const pack = aPack()
    assert.deepEqual(told(await checked(pack, { named: addedBy(pack, { inline: true }) })), [])
    assert.deepEqual(told(await checked(pack, { named: NAMED })), [])
    assert.deepEqual(told(await checked(pack, { named: undefined })), [])
  })

  test('beside a pack that no commit names is looked at, as nothing grave', async () => {
    const pack = aPack()
    withIndex(pack, randomBytes(30))
    const { findings } = await checked(pack, { named: undefined, indexBlob: BLOB })
    assert.deepEqual(
      findings.map(({ code, severity, blob }) => [code, severity, blob]),
      [['IndexDamaged', 'notice', BLOB]],
    )
  })

  test('is not compared with a pack that is damaged', async () => {
    const pack = aPack()
    change(pack.on, pack.name, flipped(-30))
    const result = await checked(pack, { named: addedBy(pack), plan: HASHES })
    assert.deepEqual(
      told(result).map(([code]) => code),
      ['PackDamaged'],
    )
  })
})

describe('a pack of several pieces', () => {
  const PIECE = 4 * 1024 * 1024

  /** With one item. */
  async function noisy(noiseBytes: number): Promise<Pack> {
    const on = memoryVault(16 * 1024 * 1024)
    await on.vault.prepare(never)
    const owner = await registered(on.vault)
    const writer = (await on.vault.stream(owner, 'mail', never)).begin(undefined)
    const content = version('m', randomBytes(noiseBytes))
    const event = putEvent('m', await writer.addVersion(content, never))
    await writer.commit(contentOf([event]), { complete: true }, never)
    const [name = ''] = namesOf(on, /\.pk$/)
    return { on, owner, name, bytes: on.store.blobs.get(name)?.bytes ?? randomBytes(0) }
  }

  async function readsOf(pack: Pack, plan: VerifyPlan, onRead: (offset: number) => void) {
    const { work, access } = await workOn(pack.on, pack.owner, plan)
    const { store } = pack.on
    const read = async (...[of, signal, range]: Parameters<typeof store.read>) => {
      if (range && of === pack.name) onRead(range.offset)
      return store.read(of, signal, range)
    }
    const checker = createPackChecker({ ...work, store: { ...store, read } }, access)
    const { name, bytes } = pack
    return () => checker.check({ name, bytes: bytes.length, named: NAMED, indexBlob: undefined })
  }

  test('is read once, and each piece by its place', async () => {
    const pack = await noisy(2 * PIECE)
    const reads: number[] = []
    const check = await readsOf(pack, FULL, (offset) => reads.push(offset))
    const [first, second] = [await check(), await check()]
    assert.deepEqual([first.findings, second], [[], first])
    const once = [pack.bytes.length - TRAILER_BYTES, 0, PIECE, 2 * PIECE]
    assert.deepEqual(reads, [...once, ...once])
    assert.equal(first.counts.opened, first.counts.segments)
  })

  test('is whole wherever its end lies between two of them', async () => {
    for (const beyond of [40, 20, 1, 0]) {
      const pack = await packOf(PIECE + beyond)
      const check = await readsOf(pack, HASHES, () => {})
      assert.deepEqual((await check()).findings, [], `${beyond} bytes in the second piece`)
    }
  })

  /** The lengths of what is compressed vary by a little. */
  async function packOf(length: number): Promise<Pack> {
    let noise = length - 1000
    for (let n = 0; n < 200; n += 1) {
      const pack = await noisy(noise)
      if (pack.bytes.length === length) return pack
      noise += length - pack.bytes.length
    }
    return assert.fail(`no pack of ${length} bytes`)
  }

  test('of which one cannot be read ends the verification with that, and with nothing else', async () => {
    const pack = await noisy(2 * PIECE)
    const error = new AppError({ code: 'StorageUnavailable', kind: 'transient', message: 'p' })
    for (const failing of [0, PIECE, 2 * PIECE]) {
      const check = await readsOf(pack, FULL, (offset) => {
        if (offset === failing) throw error
      })
      await assert.rejects(check(), error)
    }
  })

  test('is not read on where something else ends it', async () => {
    const pack = await noisy(2 * PIECE)
    const { work, access } = await workOn(pack.on, pack.owner)
    const unwrap = async () => {
      throw new TypeError('a defect')
    }
    const work2 = { ...work, keys: { ...pack.on.keys, unwrap } }
    const { name, bytes } = pack
    const to = { name, bytes: bytes.length, named: NAMED, indexBlob: undefined }
    await assert.rejects(createPackChecker(work2, access).check(to), TypeError)
  })
})
