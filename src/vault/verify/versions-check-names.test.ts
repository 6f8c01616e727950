/** One name at a time: its versions and locks, as a script tells them. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { AppError } from '../../model/errors.ts'
import type { BlobVersion, BlobVersions } from '../../ports.ts'
import { memoryVault, newOwner } from '../testing/fixture.ts'
import type { Position } from './progress.ts'
import { HASHES, workOn } from './testing/vaults.ts'
import { checkFormatVersions, checkVersions } from './versions-check.ts'
import { WHOLE_BYTES_MAX } from './whole-blob.ts'

type VersionsPosition = Extract<Position, { step: 'versions' }>

const owner = newOwner()
const WHOLE = randomBytes(50)
const HASH = createHash('sha256').update(WHOLE).digest('hex')
const PACK = `packs/${owner}/2026-03/${HASH}.pk`
const UNTIL = '2026-06-01T00:00:00.000Z'
const MOST = '2027-06-01T00:00:00.000Z'
const LOCKS = { until: UNTIL, most: MOST }
const LOCK = { until: new Date('2026-07-01T00:00:00Z'), locked: true }

/** `bytes` undefined: they are gone when they are read. */
interface Told extends Partial<Omit<BlobVersion, 'bytes' | 'lock'>> {
  lock?: BlobVersion['lock'] | undefined
  bytes?: Uint8Array | undefined
  length?: number
}

/** Of each name its versions, the oldest first, the last one current. */
function scripted(names: Record<string, Told[]>) {
  const reads: string[] = []
  const listed: string[] = []
  const versions: BlobVersions = {
    async *versions(prefix) {
      listed.push(prefix)
      for (const name of Object.keys(names).sort()) {
        if (!name.startsWith(prefix)) continue
        const of = names[name] ?? []
        for (const [n, { bytes = WHOLE, length = bytes.length, ...more }] of of.entries()) {
          const rest = { name, version: `${n}`, current: n === of.length - 1, bytes: length }
          yield { ...rest, createdAt: new Date(), held: false, lock: LOCK, ...more } as BlobVersion
        }
      }
    },
    async readVersion(name, version) {
      reads.push(version)
      const told = names[name]?.[Number(version)]
      return told && 'bytes' in told ? told.bytes : WHOLE
    },
  }
  return { versions, reads, listed }
}

async function checked(
  names: Record<string, Told[]>,
  { isNeeded = true, from = {} }: { isNeeded?: boolean; from?: Partial<VersionsPosition> } = {},
) {
  const { versions, reads, listed } = scripted(names)
  const on = memoryVault()
  const { work, access, told } = await workOn({ store: on.store }, owner, {
    ...HASHES,
    locks: LOCKS,
  })
  const position: VersionsPosition = { step: 'versions', owner, ends: {}, prefix: 0, ...from }
  const steps: VersionsPosition[] = []
  const looking = { position, isNeeded: () => isNeeded }
  for await (const at of checkVersions({ ...work, versions }, access, looking)) steps.push(at)
  const { findings, counts } = told()
  const codes = findings.map(({ code, severity }) => (severity ? `${severity} ${code}` : code))
  return { steps, findings, counts, codes, reads, listed }
}

describe('a name with one version', () => {
  test('is in order where it is locked long enough, and nothing is read', async () => {
    const { codes, counts, reads } = await checked({ [PACK]: [{}] })
    assert.deepEqual([codes, counts.versions, counts.held, reads], [[], 1, 0, []])
  })

  test('has a lock that may end when it has to, and no sooner; and no later than it may', async () => {
    const at = (until: string, more = 0) => ({
      lock: { until: new Date(Date.parse(until) + more), locked: true },
    })
    for (const [lock, said] of [
      [at(UNTIL), []],
      [at(UNTIL, -1), ['LockShort']],
      [at(MOST), []],
      [at(MOST, 1), ['LockLong']],
      [{ lock: { ...LOCK, locked: false } }, ['LockOpen']],
    ] as const) {
      assert.deepEqual((await checked({ [PACK]: [lock] })).codes, said)
    }
    assert.deepEqual((await checked({ [PACK]: [{ lock: undefined }] })).codes, ['LockMissing'])
  })

  test('needs no lock where nobody needs it; one that ends too late is told of all the same', async () => {
    const none = { [PACK]: [{ lock: undefined }] }
    assert.deepEqual((await checked(none, { isNeeded: false })).codes, [])
    const long: Told = { lock: { until: new Date('2030-01-01'), locked: true } }
    assert.deepEqual((await checked({ [PACK]: [long] }, { isNeeded: false })).codes, ['LockLong'])
  })

  test('that was deleted has no current one, which matters where it is needed', async () => {
    const deleted = { [PACK]: [{ current: false }] }
    assert.deepEqual((await checked(deleted)).codes, ['CurrentMissing'])
    const { codes } = await checked(deleted, { isNeeded: false })
    assert.deepEqual(codes, ['notice CurrentMissing'])
  })

  test('is found by its blob, its owner, and its place in a stream', async () => {
    const commit = `c/${owner}/mail/0000000007/commit.json`
    const { findings } = await checked({
      [PACK]: [{ current: false }],
      [commit]: [{ current: false }],
    })
    assert.deepEqual(findings, [
      { code: 'CurrentMissing', owner, workload: 'mail', seq: 7, blob: commit },
      { code: 'CurrentMissing', owner, blob: PACK },
    ])
  })
})

describe('a name with several versions', () => {
  const other = randomBytes(50)

  for (const [how, told, said] of [
    ['the same bytes', [{}, {}], ['SecondVersion']],
    ['others of the same length', [{}, { bytes: other }], ['OldestHidden']],
    ['others of another length', [{}, { bytes: randomBytes(60) }], ['OldestHidden']],
    ['the same again after others', [{}, { bytes: other }, {}], ['SecondVersion']],
    ['none that is current', [{}, { current: false }], ['CurrentMissing']],
    ['an oldest one that is not whole', [{ bytes: other }, {}], ['OldestDamaged']],
    [
      'an oldest one that is not whole, and none that is current',
      [{ bytes: other }, { current: false }],
      ['OldestDamaged', 'CurrentMissing'],
    ],
    ['an oldest one that is gone meanwhile', [{ bytes: undefined }, {}], []],
    ['a current one that is gone meanwhile', [{}, { bytes: undefined }], ['OldestHidden']],
  ] as [string, Told[], string[]][]) {
    test(`and ${how}: ${said.join(' and ') || 'nothing'}`, async () => {
      const { codes, counts } = await checked({ [PACK]: told })
      assert.deepEqual([codes, counts.versions], [said, told.length])
      const unneeded = await checked({ [PACK]: told }, { isNeeded: false })
      const grave = (code: string) => (code === 'CurrentMissing' ? 'notice' : 'warning')
      assert.deepEqual(
        unneeded.codes,
        said.map((code) => `${grave(code)} ${code}`),
      )
    })
  }

  test('is not read where it is of another length, nor where it is too long for any blob', async () => {
    assert.deepEqual((await checked({ [PACK]: [{}, { bytes: randomBytes(60) }] })).reads, ['0'])
    const most = { length: WHOLE_BYTES_MAX }
    assert.deepEqual((await checked({ [PACK]: [most, {}] })).reads, ['0'])
    const long = await checked({ [PACK]: [{ length: WHOLE_BYTES_MAX + 1 }, {}] })
    assert.deepEqual([long.reads, long.codes], [[], ['OldestDamaged']])
  })

  test('has its holds and long locks counted, and its oldest has to be locked', async () => {
    const long = { lock: { until: new Date('2030-01-01'), locked: true } }
    const { codes, counts, findings } = await checked({
      [PACK]: [
        { held: true, lock: { until: new Date('2026-05-01'), locked: true } },
        long,
        { ...long, held: true },
      ],
    })
    assert.deepEqual(codes, ['LockShort', 'LockLong', 'SecondVersion'])
    assert.equal(findings.find(({ code }) => code === 'LockLong')?.count, 2)
    assert.deepEqual([counts.versions, counts.held], [3, 2])
  })
})

describe('the names of an owner', () => {
  const nameOf = (n: number) => `packs/${owner}/2026-03/${n.toString(16).padStart(64, '0')}.pk`

  test('are looked at by their kinds, one after the other', async () => {
    const { steps, listed } = await checked({ [PACK]: [{}] })
    assert.deepEqual(listed, [
      `owners/${owner}/`,
      `c/${owner}/`,
      `idx/${owner}/`,
      `packs/${owner}/`,
    ])
    const rest = { step: 'versions', owner, ends: {} } as const
    assert.deepEqual(
      steps,
      [1, 2, 3, 4].map((prefix) => ({ ...rest, prefix })),
    )
  })

  test('are gone on with after a name, or a kind', async () => {
    const names = Object.fromEntries([1, 2, 3].map((n) => [nameOf(n), [{}]]))
    const at = async (from: Partial<VersionsPosition>) =>
      (await checked(names, { from })).counts.versions
    assert.equal(await at({ prefix: 3 }), 3)
    assert.equal(await at({ prefix: 3, after: nameOf(1) }), 2)
    assert.equal(await at({ prefix: 3, after: nameOf(3) }), 0)
    assert.equal(await at({ prefix: 4 }), 0)
    // `after` belongs to its own kind.
    assert.equal(await at({ prefix: 0, after: `owners/${owner}/1.json` }), 3)
    const { listed, steps } = await checked(names, { from: { prefix: 2, after: 'idx/z' } })
    assert.deepEqual(listed, [`idx/${owner}/`, `packs/${owner}/`])
    assert.ok(steps.every((step) => step.after === undefined))
  })

  test('are told of every thousand', async () => {
    const names = Object.fromEntries(Array.from({ length: 2001 }, (_, n) => [nameOf(n), [{}]]))
    const { steps, counts } = await checked(names, { from: { prefix: 3 } })
    assert.equal(counts.versions, 2001)
    assert.deepEqual(
      steps.map(({ prefix, after }) => [prefix, after]),
      [
        [3, nameOf(999)],
        [3, nameOf(1999)],
        [4, undefined],
      ],
    )
  })

  test('that Holdfast does not give are passed over', async () => {
    const foreign = { [`packs/${owner}/notes.txt`]: [{ current: false }], [PACK]: [{}] }
    const { codes, counts } = await checked(foreign)
    assert.deepEqual([codes, counts.versions], [[], 1])
  })

  test('are not looked at where nobody asked, or there are no versions', async () => {
    const { versions, listed } = scripted({ [PACK]: [{ current: false }] })
    const on = memoryVault()
    const position: VersionsPosition = { step: 'versions', owner, ends: {}, prefix: 0 }
    for (const [plan, given] of [
      [HASHES, versions],
      [{ ...HASHES, locks: LOCKS }, undefined],
    ] as const) {
      const { work, access, told } = await workOn({ store: on.store }, owner, plan)
      const of = { ...work, versions: given }
      for await (const _ of checkVersions(of, access, { position, isNeeded: () => true })) {
        assert.fail('there is no step')
      }
      await checkFormatVersions(of)
      assert.deepEqual([told().findings, listed], [[], []])
    }
  })
})

describe('format.json, and whether there are versions at all', () => {
  async function formatChecked(versions: BlobVersions) {
    const on = memoryVault()
    const { work, told } = await workOn({ store: on.store }, owner, { ...HASHES, locks: LOCKS })
    const of = { ...work, versions }
    await checkFormatVersions(of)
    return { findings: told().findings, counts: told().counts, isKept: of.versions !== undefined }
  }

  test('is looked at by its own name', async () => {
    const { versions } = scripted({
      'format.json': [{ current: false }],
      'format.json.bak': [{ current: false }],
    })
    const { findings, counts, isKept } = await formatChecked(versions)
    assert.deepEqual(findings, [{ code: 'CurrentMissing', blob: 'format.json' }])
    assert.deepEqual([counts.versions, isKept], [1, true])
  })

  test('is asked of an account that keeps none: that is told, and nothing is asked again', async () => {
    const failing = (code: string, kind: 'permanent' | 'transient'): BlobVersions => ({
      // biome-ignore lint/correctness/useYield: the listing fails before its first entry.
      async *versions() {
        throw new AppError({ code, kind, message: 'planned' })
      },
      readVersion: async () => undefined,
    })
    const none = await formatChecked(failing('VersionsMissing', 'permanent'))
    assert.deepEqual([none.findings, none.isKept], [[{ code: 'VersionsNotKept' }], false])
    await assert.rejects(formatChecked(failing('StorageUnavailable', 'transient')), {
      code: 'StorageUnavailable',
    })
  })
})
