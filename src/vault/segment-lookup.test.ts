/** Finding segments by the indexes of their owner. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { before, describe, test } from 'node:test'
import { AppError } from '../model/errors.ts'
import type { CommitRef, SegmentRef } from '../model/events.ts'
import { type OwnerId, parseSegmentId } from '../model/ids.ts'
import { createPackOpener } from './pack-opener.ts'
import { createSegmentLookup } from './segment-lookup.ts'
import {
  collect,
  contentOf,
  forkOf,
  memoryVault,
  never,
  putEvent,
  registered,
  type TestVault,
  version,
} from './testing/fixture.ts'

/** More than are tried. */
const COPIES = 18
const SAME = randomBytes(200)

let made: TestVault
let owner: OwnerId
let other: OwnerId
/** The same content in as many packs, the first of which has its index beside its commit. */
let copies: SegmentRef[]

async function commitOf(
  on: TestVault,
  whose: OwnerId,
  last: CommitRef | undefined,
  bulky: boolean,
) {
  on.clock.advance(60_000)
  const writer = (await on.vault.stream(whose, 'mail', never)).begin(last)
  const event = putEvent('m', await writer.addVersion(version('m', SAME), never))
  if (bulky) event.display.name = randomBytes(300_000).toString('base64')
  const result = await writer.commit(contentOf([event]), { complete: true }, never)
  assert.ok(result.outcome === 'committed')
  const [put] = result.commit.events
  const mime =
    put?.op === 'put' ? put.representations.find(({ name }) => name === 'mime') : undefined
  const { seq, hash, time } = result.commit
  return { ref: { seq, hash, time }, segment: mime?.segments[0] ?? assert.fail('it has one') }
}

before(async () => {
  made = memoryVault()
  await made.vault.prepare(never)
  owner = await registered(made.vault)
  other = await registered(made.vault)
  copies = []
  let last: CommitRef | undefined
  for (let n = 0; n < COPIES; n += 1) {
    const { ref, segment } = await commitOf(made, owner, last, n === 0)
    last = ref
    copies.push(segment)
  }
  await commitOf(made, other, undefined, false)
})

const ID = () => copies[0]?.id ?? assert.fail('there is one')

function looking(on = forkOf(made), whose = owner) {
  const reads: string[] = []
  const { store, keys } = on
  const read = async (...[name, ...rest]: Parameters<typeof store.read>) => {
    reads.push(name)
    return store.read(name, ...rest)
  }
  const lookup = createSegmentLookup({ ...store, read }, whose, createPackOpener(keys, whose))
  const find = async (id = ID()) => (await collect(lookup.find(id, never))).map(({ ref }) => ref)
  return { on, lookup, find, reads }
}

const named = (on: TestVault, pattern: RegExp) =>
  [...on.store.blobs.keys()].filter((name) => name.includes(owner) && pattern.test(name)).sort()

function spoil(on: TestVault, name: string): void {
  const blob = on.store.blobs.get(name) ?? assert.fail(name)
  const bytes = Uint8Array.from(blob.bytes)
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
  on.store.blobs.set(name, { ...blob, bytes })
}

describe('a segment is found by its id', () => {
  test('in every pack that holds it, as far as copies are tried, those with an index beside first', async () => {
    const { find, lookup } = looking()
    const found = await find()
    assert.equal(found.length, 16)
    const places = found.map((ref) => JSON.stringify(ref))
    const known = copies.map(({ id, pack, offset, sealedBytes, plainBytes }) =>
      JSON.stringify({ id, pack, offset, sealedBytes, plainBytes }),
    )
    assert.equal(new Set(places).size, 16)
    assert.ok(places.every((place) => known.includes(place)))
    assert.equal(places[0], known[0])
    assert.equal(lookup.damagedIndexes, 0)
  })

  test('after the indexes were read once, also for those who ask at the same time', async () => {
    const { find, reads } = looking()
    const [one, two] = await Promise.all([find(), find()])
    assert.deepEqual(one, two)
    assert.equal(reads.length, new Set(reads).size)
    const before = reads.length
    assert.deepEqual(await find(parseSegmentId('ab'.repeat(32))), [])
    assert.equal(reads.length, before)
  })

  test('of its owner alone', async () => {
    const { find } = looking(forkOf(made), other)
    assert.deepEqual(await find(), [])
  })

  test('and by whoever is satisfied with the first place', async () => {
    const { lookup, find } = looking()
    for await (const { ref } of lookup.find(ID(), never)) {
      assert.equal(ref.pack, copies[0]?.pack)
      break
    }
    assert.equal((await find()).length, 16)
  })
})

describe('an index that cannot be read', () => {
  test('is passed over and counted, once: others serve', async () => {
    const on = forkOf(made)
    const [beside = ''] = named(on, /\.ix$/)
    spoil(on, beside)
    for (const name of named(on, /00000000(02|03)\/commit\.json$/)) spoil(on, name)
    const { find, lookup } = looking(on)
    const found = await find()
    assert.equal(found.length, COPIES - 3)
    assert.equal(lookup.damagedIndexes, 3)
    await find()
    assert.equal(lookup.damagedIndexes, 3)
  })

  test('is passed over where it is of somebody else, or for a key that is not there', async () => {
    const on = forkOf(made)
    const [beside = ''] = named(on, /\.ix$/)
    const theirs = [...on.store.blobs].find(([name]) => name.startsWith(`packs/${other}`))
    on.store.blobs.set(beside, theirs?.[1] ?? assert.fail('there is one'))
    const { find, lookup } = looking(on)
    await find()
    assert.equal(lookup.damagedIndexes, 1)
    const gone = forkOf(made)
    gone.keys.erase(owner)
    const erased = looking(gone)
    assert.deepEqual(await erased.find(), [])
    assert.equal(erased.lookup.damagedIndexes, COPIES)
  })

  test('because storage does not answer is asked for again', async () => {
    const on = forkOf(made)
    let isAway = true
    const { store, keys } = on
    const read = async (...args: Parameters<typeof store.read>) => {
      if (isAway) throw new AppError({ code: 'Away', kind: 'transient', message: 'planned' })
      return store.read(...args)
    }
    const lookup = createSegmentLookup({ ...store, read }, owner, createPackOpener(keys, owner))
    await assert.rejects(collect(lookup.find(ID(), never)), { code: 'Away' })
    isAway = false
    assert.equal((await collect(lookup.find(ID(), never))).length, 16)
    assert.equal(lookup.damagedIndexes, 0)
  })

  test('or is gone since it was listed, or has a name of another shape, is none', async () => {
    const on = forkOf(made)
    const { store, keys } = on
    for (const name of [
      `idx/${owner}/notes.txt`,
      `c/${owner}/mail/notes.txt`,
      `c/${owner}/odd/0000000001/commit.json`,
    ]) {
      await store.create(name, randomBytes(9), never)
    }
    const read = async (...[name, ...rest]: Parameters<typeof store.read>) => {
      if (name.endsWith('.ix') || name.includes('/0000000004/')) return undefined
      return store.read(name, ...rest)
    }
    const lookup = createSegmentLookup({ ...store, read }, owner, createPackOpener(keys, owner))
    assert.equal((await collect(lookup.find(ID(), never))).length, 16)
    assert.equal(lookup.damagedIndexes, 0)
  })

  test('for a format that is not known ends the search', async () => {
    const on = forkOf(made)
    const [name = ''] = named(on, /0000000002\/commit\.json$/)
    const blob = on.store.blobs.get(name) ?? assert.fail('it is there')
    const text = Buffer.from(blob.bytes).toString().replace('{"holdfast":1', '{"holdfast":2')
    on.store.blobs.set(name, { ...blob, bytes: Buffer.from(text) })
    await assert.rejects(looking(on).find(), { code: 'FormatUnknown' })
  })
})
