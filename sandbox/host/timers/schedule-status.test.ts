import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSchedule } from './ncrontab.ts'
import { statusAfterRun, statusAtStart } from './schedule-status.ts'

const hourly = parseSchedule('0 0 * * * *')
const at = (text: string): number => Date.parse(`2026-03-01T${text}Z`)

test('the first start is never past due and counts from now', () => {
  const { status, pastDue } = statusAtStart(undefined, hourly, at('10:20:00'))
  assert.deepEqual([pastDue, status.lastMs, status.nextMs], [false, undefined, at('11:00:00')])
})

test('an occurrence that passed while the host was down is past due', () => {
  const kept = { lastMs: at('10:00:00'), nextMs: at('11:00:00'), updatedMs: at('10:00:00') }
  assert.equal(statusAtStart(kept, hourly, at('10:59:59')).pastDue, false)
  assert.equal(statusAtStart(kept, hourly, at('11:00:01')).pastDue, true)
  const never = { lastMs: undefined, nextMs: at('11:00:00'), updatedMs: at('10:20:00') }
  assert.equal(statusAtStart(never, hourly, at('11:00:01')).pastDue, true)
})

test('a schedule that was changed meanwhile counts from now', () => {
  const kept = { lastMs: at('10:00:00'), nextMs: at('10:05:00'), updatedMs: at('10:00:00') }
  const { status, pastDue } = statusAtStart(kept, hourly, at('12:20:00'))
  assert.deepEqual([pastDue, status.lastMs, status.nextMs], [false, undefined, at('13:00:00')])
})

test('of what passes during a run one occurrence comes at once, the others are left out', () => {
  const status = { lastMs: at('10:00:00'), nextMs: at('11:00:00'), updatedMs: at('10:00:00') }
  const run = { startedMs: at('11:00:00'), reason: 'scheduled' } as const
  const after = statusAfterRun(status, hourly, run)
  assert.equal(after.nextMs, at('12:00:00'))
  const late = statusAfterRun(after, hourly, { startedMs: at('14:30:00'), reason: 'scheduled' })
  assert.equal(late.nextMs, at('15:00:00'))
})

test('a run that began early does not find its own occurrence again', () => {
  const status = { lastMs: at('10:00:00'), nextMs: at('11:00:00'), updatedMs: at('10:00:00') }
  const early = { startedMs: at('10:59:59.900'), reason: 'scheduled' } as const
  assert.equal(statusAfterRun(status, hourly, early).nextMs, at('12:00:00'))
  const startup = { startedMs: at('10:30:00'), reason: 'startup' } as const
  assert.equal(statusAfterRun(status, hourly, startup).nextMs, at('11:00:00'))
})
