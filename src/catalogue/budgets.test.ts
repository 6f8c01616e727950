import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NEVER, stillClock, testCatalogue } from './testing/fixtures.ts'
import { memoryTableStore } from './testing/memory-table-store.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
const LIMITS = { perMinute: 100, perDay: 1000 }

function budgets() {
  const clock = stillClock()
  const { budgets: table } = testCatalogue(memoryTableStore(), clock)
  return { clock, table }
}

test('no minute and no day ever holds more than its limit, whoever claims and when', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.record({
          waitMs: fc.oneof(fc.nat(20_000), fc.nat(2 * 3_600_000)),
          units: fc.integer({ min: 1, max: 80 }),
        }),
        { minLength: 1, maxLength: 60 },
      ),
      async (steps) => {
        const { clock, table } = budgets()
        const granted: { at: number; units: number }[] = []
        for (const { waitMs, units } of steps) {
          clock.advance(waitMs)
          const claim = await table.claim('sharepoint', { units, limits: LIMITS }, NEVER)
          assert.ok(claim.granted <= units)
          if (claim.granted > 0) granted.push({ at: clock.now(), units: claim.granted })
          else assert.ok(claim.waitMs > 0)
        }
        const inWindow = (end: number, ms: number) =>
          granted
            .filter(({ at }) => at > end - ms && at <= end)
            .reduce((sum, { units }) => sum + units, 0)
        for (const { at } of granted) {
          assert.ok(inWindow(at, MINUTE_MS) <= LIMITS.perMinute)
          assert.ok(inWindow(at, DAY_MS) <= LIMITS.perDay)
        }
      },
    ),
  )
})

test('who waits as long as was said is granted something', async () => {
  const { clock, table } = budgets()
  const wanted = { units: 100, limits: LIMITS }
  for (let n = 0; n < 30; n += 1) {
    const claim = await table.claim('sharepoint', wanted, NEVER)
    if (claim.granted > 0) continue
    clock.advance(claim.waitMs)
    assert.ok((await table.claim('sharepoint', wanted, NEVER)).granted > 0)
  }
})

test('workers that claim at once share one limit', async () => {
  const { table } = budgets()
  const claims = await Promise.all(
    Array.from({ length: 8 }, () =>
      table.claim('sharepoint', { units: 30, limits: LIMITS }, NEVER),
    ),
  )
  assert.equal(
    claims.reduce((sum, { granted }) => sum + granted, 0),
    LIMITS.perMinute,
  )
  const other = await table.claim('teams', { units: 30, limits: LIMITS }, NEVER)
  assert.equal(other.granted, 30, 'budgets are apart')
})

test('a pause holds for everybody, and is never shortened', async () => {
  const { clock, table } = budgets()
  const until = clock.now() + 90_000
  await table.pause('sharepoint', until, NEVER)
  await table.pause('sharepoint', until - 60_000, NEVER)
  const wanted = { units: 1, limits: LIMITS }
  const held = await table.claim('sharepoint', wanted, NEVER)
  assert.deepEqual([held.granted, held.waitMs], [0, 90_000])
  clock.advance(90_000)
  assert.equal((await table.claim('sharepoint', wanted, NEVER)).granted, 1)
})
