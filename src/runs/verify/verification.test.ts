/** P10: what the row and the owner say of what was found. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Verification } from '../../catalogue/types.ts'
import { type OwnerId, parseOwnerId } from '../../model/ids.ts'
import { reportOf, type VerifyProgress, verifyOwnerStart } from '../../vault/verify/index.ts'
import {
  ended,
  FINDINGS_KEPT_MAX,
  FINDINGS_OF_OWNER_MAX,
  kindOf,
  newVerification,
  taken,
  verifiedBy,
} from './verification.ts'

const NOW = Date.parse('2026-11-21T08:00:00.000Z')
const LOST_EACH = 200
const ownerOf = (n: number): OwnerId => parseOwnerId(n.toString(16).padStart(32, '0'))

function progress(changes: { openPercent?: number; counts?: Partial<VerifyProgress['counts']> }) {
  const { openPercent = 100, counts = {} } = changes
  const from = verifyOwnerStart({ owner: ownerOf(1), openPercent, seed: 's' })
  return { ...from, counts: { ...from.counts, owners: 1, commits: 1, ...counts } }
}

const said = (changes: Parameters<typeof progress>[0]) => kindOf(reportOf(progress(changes)))

function lost(row: Verification, owner: OwnerId): Verification {
  const findings = Array.from({ length: LOST_EACH }, (_, n) => ({
    ...({ code: 'PackMissing', owner, pack: String(n) } as const),
  }))
  const severities = { error: LOST_EACH, warning: 0, notice: 0 }
  const report = reportOf({
    ...progress({}),
    found: { PackMissing: LOST_EACH },
    severities,
    findings,
  })
  const by = { owner, worker: 'w', at: NOW }
  return ended(taken(row, { ...by, until: NOW + 1 }), by, { as: 'seen', report })
}

describe('an owner is called', () => {
  test('opened where everything was, and what was not says so', () => {
    assert.equal(said({ counts: { segments: 4, opened: 4 } }), 'opened')
    assert.equal(said({ counts: { segments: 4, opened: 3 } }), 'hashes')
    assert.equal(said({ counts: { segments: 4, opened: 4 }, openPercent: 50 }), 'sampled')
    assert.equal(said({ counts: { segments: 4, opened: 0 }, openPercent: 50 }), 'hashes')
    assert.equal(said({ counts: { segments: 4, opened: 0 }, openPercent: 0 }), 'hashes')
    assert.equal(said({ counts: { commits: 0 } }), 'nothing')
  })

  test('opened where there are commits and nothing in them, as of an empty drive', () => {
    assert.equal(said({ counts: { segments: 0 } }), 'opened')
    assert.equal(said({ counts: { segments: 0 }, openPercent: 50 }), 'sampled')
    assert.equal(said({ counts: { segments: 0 }, openPercent: 0 }), 'hashes')
  })

  test('verified no later and no more than before, where something is lost', () => {
    const mark = { began: new Date(NOW).toISOString(), at: NOW }
    const before = verifiedBy(undefined, reportOf(progress({ counts: { segments: 0 } })), mark)
    const damaged = { ...progress({}), severities: { error: 1, warning: 0, notice: 0 } }
    const later = { began: new Date(NOW + 1e9).toISOString(), at: NOW + 2e9 }
    const after = verifiedBy(before, reportOf(damaged), later)
    assert.deepEqual(after, { ...before, at: new Date(NOW + 2e9).toISOString(), errors: 1 })
  })
})

test('of whom much is lost leaves room for others in the report, and all is counted', () => {
  let row = newVerification({ id: 'v', openPercent: 100, seed: 's' }, NOW)
  const owners = Array.from({ length: 30 }, (_, n) => ownerOf(n + 1))
  for (const owner of owners) row = lost(row, owner)
  assert.equal(row.findings.length, FINDINGS_KEPT_MAX)
  const named = new Set(row.findings.map((finding) => finding['owner']))
  assert.equal(named.size, FINDINGS_KEPT_MAX / FINDINGS_OF_OWNER_MAX)
  assert.deepEqual([row.counts.damaged, row.severities.error], [30, 30 * LOST_EACH])
})
