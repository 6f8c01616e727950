import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { anOwner } from '../catalogue/testing/fixtures.ts'
import type { Owner } from '../catalogue/types.ts'
import { type EstimateInput, estimateFirstCopies } from './estimate.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** Of a tenant with up to 1,000 licences (facts of Graph, 2.2). */
const limits = { perMinute: 1_250, perDay: 1_200_000 }

function estimate(owners: readonly Partial<Owner>[], more: Partial<EstimateInput> = {}) {
  const none = { limits, claimedToday: 0, done: { bytes: 0, ms: 0 }, now: NOW }
  return estimateFirstCopies({ owners: owners.map(anOwner), ...none, ...more })
}

const drive = (items: number, bytes: number): Partial<Owner> => ({
  workloads: [],
  source: { items, bytes },
})
const msUntil = (at: string | undefined) => Date.parse(at ?? '') - NOW

test('500 people with 20,000 files each are more than a week, and the units of a day bind', () => {
  const people = Array.from({ length: 500 }, () => drive(20_000, 20_000 * 300_000))
  const told = estimate(people)
  assert.equal(told?.binds, 'sharepoint-units-a-day')
  assert.ok(msUntil(told?.completeAt) > 7 * DAY_MS)
  assert.equal(told?.items, 10_000_000)
})

test('a few large files wait for bytes, not for units', () => {
  const told = estimate([drive(1_000, 10 * 1000 ** 4)])
  assert.equal(told?.binds, 'sharepoint-bytes-an-hour')
  assert.equal(msUntil(told?.completeAt), 25 * HOUR_MS)
})

test('mail waits for its largest mailbox, whatever the others hold', () => {
  const mailbox = (items: number) => ({ source: { items } })
  const told = estimate([mailbox(60_000), mailbox(10_000), mailbox(20_000)])
  assert.equal(told?.binds, 'mailbox-requests')
  assert.equal(msUntil(told?.completeAt), 63 * 60_000)
})

test('where we are slower than every budget, our own pace says when', () => {
  const gigabyte = 1000 ** 3
  const told = estimate([drive(1_000, 100 * gigabyte)], {
    done: { bytes: gigabyte, ms: HOUR_MS },
  })
  assert.equal(told?.binds, 'own-pace')
  assert.equal(msUntil(told?.completeAt), 100 * HOUR_MS)
})

test('what is held is not counted again, and who is complete not at all', () => {
  const half = { ...drive(1_000, 1_000_000), held: { items: 400, bytes: 400_000 } }
  assert.equal(estimate([half])?.items, 600)
  assert.equal(estimate([{ ...half, completeAt: '2026-11-21T11:00:00Z' }]), undefined)
})

test('of whom nothing is known is said, and not guessed', () => {
  const told = estimate([drive(100, 100_000), {}])
  assert.deepEqual([told?.owners, told?.unknown, told?.items], [2, 1, 100])
})

test('more to read never ends earlier', () => {
  const owner = fc.record({
    isMail: fc.boolean(),
    items: fc.nat(1_000_000),
    bytes: fc.nat(1_000_000_000),
  })
  const ownerOf = ({ isMail, items, bytes }: { isMail: boolean; items: number; bytes: number }) =>
    isMail ? { source: { items, bytes } } : drive(items, bytes)
  fc.assert(
    fc.property(fc.array(owner, { minLength: 1 }), owner, (some, one) => {
      const fewer = estimate(some.map(ownerOf))
      const more = estimate([...some, one].map(ownerOf))
      assert.ok(msUntil(more?.completeAt) >= msUntil(fewer?.completeAt))
    }),
  )
})
