import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { newOwner } from '../testing/fixture.ts'
import {
  FINDINGS_NAMED_MAX,
  plannedLocks,
  type VerifyCounts,
  type VerifyPlan,
  verifyOwnerStart,
  verifyProgressSchema,
  verifyStart,
} from './progress.ts'
import { reportOf, type VerifyOutcome } from './report.ts'
import { Tally } from './tally.ts'
import { FULL, HASHES } from './testing/vaults.ts'
import { isSampled } from './work.ts'

const DONE = { step: 'done' } as const
const SAMPLE = { openPercent: 50, seed: 's' }

function outcomeOf(plan: VerifyPlan, counts: Partial<VerifyCounts>): VerifyOutcome {
  const tally = new Tally(verifyStart(plan))
  tally.add(counts)
  return reportOf(tally.at(DONE)).outcome
}

describe('the outcome of a verification (P10)', () => {
  const looked = { owners: 1, commits: 2, packs: 1, segments: 4 }
  const cases: [VerifyOutcome, VerifyPlan, Partial<VerifyCounts>][] = [
    ['verified', FULL, { ...looked, opened: 4 }],
    ['unopened', FULL, { ...looked, opened: 3 }],
    ['unopened', FULL, { ...looked, opened: 0 }],
    ['sampled', SAMPLE, { ...looked, opened: 1 }],
    ['sampled', SAMPLE, { ...looked, opened: 4 }],
    ['unopened', SAMPLE, { ...looked, opened: 0 }],
    ['hashes', HASHES, looked],
    ['hashes', FULL, { owners: 1, commits: 1 }],
    ['hashes', FULL, { owners: 1, packs: 1 }],
    ['nothing', FULL, { owners: 1 }],
    ['nothing', FULL, { commits: 1, packs: 1, segments: 1, opened: 1 }],
  ]
  for (const [outcome, plan, counts] of cases) {
    test(`is ${outcome} of ${JSON.stringify(counts)}, ${plan.openPercent} %`, () => {
      assert.equal(outcomeOf(plan, counts), outcome)
    })
  }

  for (const [severity, outcome] of [
    ['error', 'findings'],
    ['warning', 'findings'],
    ['notice', 'verified'],
  ] as const) {
    test(`is ${outcome} where there is one ${severity}`, () => {
      const tally = new Tally(verifyStart(FULL))
      tally.add({ ...looked, opened: 4 })
      tally.find({ code: 'PackDamaged', severity })
      const report = reportOf(tally.at(DONE))
      assert.equal(report.outcome, outcome)
      assert.deepEqual(report.severities, { error: 0, warning: 0, notice: 0, [severity]: 1 })
    })
  }
})

test('a report has the gravest findings first, each with what it means and what to do', () => {
  const tally = new Tally(verifyStart(FULL))
  for (const severity of ['notice', 'warning', 'error', 'notice', 'error'] as const) {
    tally.find({ code: 'PackDamaged', severity })
  }
  tally.find({ code: 'LockShort' })
  const { findings } = reportOf(tally.at(DONE))
  const order = ['error', 'error', 'warning', 'warning', 'notice', 'notice']
  assert.deepEqual(
    findings.map(({ severity }) => severity),
    order,
  )
  assert.ok(findings.every(({ what, todo }) => what.length > 10 && todo.length > 10))
})

describe('what was found is counted', () => {
  const [ada, bob] = [newOwner(), newOwner()]

  test('all of it, and named as far as there is room', () => {
    const tally = new Tally(verifyStart(FULL))
    for (let n = 0; n <= FINDINGS_NAMED_MAX; n += 1) tally.find({ code: 'PackMissing', seq: n })
    const { found, findings, severities } = tally.at(DONE)
    assert.equal(findings.length, FINDINGS_NAMED_MAX)
    assert.deepEqual(found, { PackMissing: FINDINGS_NAMED_MAX + 1 })
    assert.equal(severities.error, FINDINGS_NAMED_MAX + 1)
    assert.equal(findings.at(-1)?.seq, FINDINGS_NAMED_MAX - 1)
  })

  test('what soon concerns every blob of an owner once for each, with how many', () => {
    const tally = new Tally(verifyStart(FULL))
    for (const code of ['LockMissing', 'LockOpen', 'LockShort', 'LockLong'] as const) {
      tally.find({ code, owner: ada, blob: 'first' })
      tally.find({ code, owner: bob, count: 3 })
      tally.find({ code, owner: ada, blob: 'second', count: 2 })
      tally.find({ code, owner: ada, blob: 'third' })
    }
    const { found, findings, severities } = tally.at(DONE)
    assert.deepEqual(
      findings.map(({ owner, count, blob }) => [owner, count, blob]),
      [1, 2, 3, 4].flatMap(() => [
        [ada, 4, 'first'],
        [bob, 3, undefined],
      ]),
    )
    assert.deepEqual(found, { LockMissing: 7, LockOpen: 7, LockShort: 7, LockLong: 7 })
    assert.equal(severities.warning, 28)
  })

  test('anything else by itself, also of one owner', () => {
    const tally = new Tally(verifyStart(FULL))
    for (const blob of ['a', 'b']) tally.find({ code: 'PackDamaged', owner: ada, blob })
    assert.equal(tally.at(DONE).findings.length, 2)
  })

  test('blobs of strangers are one finding, however many', () => {
    const tally = new Tally(verifyStart(FULL))
    tally.find({ code: 'ForeignBlobs', count: 40 })
    const { found, findings, severities } = tally.at(DONE)
    assert.deepEqual([found, severities.notice], [{ ForeignBlobs: 1 }, 1])
    assert.deepEqual(findings, [{ code: 'ForeignBlobs', count: 40 }])
  })

  test('without what is not said of it: a progress is plain JSON', () => {
    const tally = new Tally(verifyStart(FULL))
    tally.find({ code: 'PackMissing', owner: ada, workload: undefined, check: undefined })
    assert.deepEqual(Object.keys(tally.at(DONE).findings[0] ?? {}), ['code', 'owner'])
  })

  test('and what was told is not changed by what comes after, nor what it began with', () => {
    const start = verifyStart(FULL)
    const tally = new Tally(start)
    tally.add({ packs: 2, items: 1 })
    tally.find({ code: 'LockShort', owner: ada })
    const told = tally.at({ step: 'next', after: ada })
    tally.add({ packs: 3 })
    tally.find({ code: 'LockShort', owner: ada })
    assert.deepEqual([told.counts.packs, told.counts.items, told.found], [2, 1, { LockShort: 1 }])
    assert.deepEqual(told.at, { step: 'next', after: ada })
    assert.equal(told.findings[0]?.count, undefined)
    assert.equal(tally.at(DONE).counts.packs, 5)
    assert.deepEqual(start, verifyStart(FULL))
  })
})

describe('a progress', () => {
  test('of one owner begins with the owner, and has counted nothing', () => {
    const owner = newOwner()
    const start = verifyOwnerStart({ ...FULL, owner })
    assert.deepEqual(start.at, { step: 'owner', owner })
    assert.ok(Object.values(start.counts).every((count) => count === 0))
    assert.deepEqual(verifyProgressSchema.parse(JSON.parse(JSON.stringify(start))), start)
  })

  test('is refused where somebody wrote something else into its file', () => {
    const good = verifyStart({ ...FULL, owner: newOwner() })
    const wrong: unknown[] = [
      { ...good, holdfast: 2 },
      { ...good, plan: { ...FULL, openPercent: 101 } },
      { ...good, plan: { ...FULL, openPercent: -1 } },
      { ...good, plan: { ...FULL, owner: 'ada' } },
      { ...good, plan: { ...FULL, owner: `${'a'.repeat(32)}\n` } },
      { ...good, plan: { ...FULL, owner: `x${'a'.repeat(32)}` } },
      { ...good, plan: { ...FULL, seed: 's'.repeat(101) } },
      { ...good, plan: { ...FULL, locks: { until: 'tomorrow', most: 'never' } } },
      { ...good, at: { step: 'elsewhere' } },
      { ...good, at: { step: 'owner' } },
      { ...good, counts: { ...good.counts, packs: -1 } },
      { ...good, counts: { ...good.counts, packs: 0.5 } },
      { ...good, findings: [{ code: 'Unheard' }] },
      { ...good, findings: [{ code: 'PackMissing', blob: 'b'.repeat(301) }] },
      { ...good, findings: Array(FINDINGS_NAMED_MAX + 1).fill({ code: 'PackMissing' }) },
    ]
    assert.ok(verifyProgressSchema.safeParse(good).success)
    for (const one of wrong) {
      assert.ok(!verifyProgressSchema.safeParse(one).success, JSON.stringify(one).slice(0, 200))
    }
  })

  test('of an earlier version, which counted no versions, is gone on with', () => {
    const { versions: _, held: __, ...counts } = verifyStart(FULL).counts
    const parsed = verifyProgressSchema.parse({ ...verifyStart(FULL), counts })
    assert.deepEqual([parsed.counts.versions, parsed.counts.held], [0, 0])
  })
})

test('locks are planned for R days from now, and a year beyond R and G is too long', () => {
  const now = Date.parse('2026-01-01T00:00:00Z')
  assert.deepEqual(plannedLocks(now, { protectionDays: 30, generationDays: 7 }), {
    until: '2026-01-31T00:00:00.000Z',
    most: '2027-02-08T00:00:00.000Z',
  })
})

describe('a sample', () => {
  const ids = Array.from({ length: 2000 }, (_, n) => `id ${n}`)
  const drawn = (plan: VerifyPlan) => ids.filter((id) => isSampled(plan, id))

  test('is all or nothing at its ends, and so much between them', () => {
    assert.equal(drawn({ ...FULL, openPercent: 100 }).length, ids.length)
    assert.equal(drawn({ ...FULL, openPercent: 0 }).length, 0)
    for (const openPercent of [5, 50, 95]) {
      const share = (100 * drawn({ openPercent, seed: 's' }).length) / ids.length
      assert.ok(Math.abs(share - openPercent) < 4, `${share} % for ${openPercent}`)
    }
  })

  test('is the same for one seed, grows with the percentage, and differs between seeds', () => {
    const of = (seed: string, openPercent = 50) => drawn({ openPercent, seed })
    assert.deepEqual(of('s'), of('s'))
    const more = new Set(of('s', 60))
    assert.ok(of('s').every((id) => more.has(id)))
    assert.ok(of('t').filter((id) => !of('s').includes(id)).length > 300)
  })
})
