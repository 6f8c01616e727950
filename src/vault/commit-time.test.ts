import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COMMIT_TIME_TOLERANCE_MS, effectiveTime, statedTime } from './commit-time.ts'

const STATED = '2026-03-01T10:00:00.500Z'
const after = (ms: number) => new Date(Date.parse(STATED) + ms)

test('a commit has the time that it states, up to five minutes from that of storage', () => {
  assert.equal(COMMIT_TIME_TOLERANCE_MS, 300_000)
  for (const ms of [0, 1, -1, 300_000, -300_000]) {
    assert.equal(effectiveTime(STATED, after(ms)), STATED, `${ms}`)
  }
})

test('beyond that storage counts: nobody commits into a past or future that is not its own', () => {
  for (const ms of [300_001, -300_001, 10 ** 9]) {
    assert.equal(effectiveTime(STATED, after(ms)), after(ms).toISOString(), `${ms}`)
  }
})

test('what a commit states is the time of storage, and later than the commit before', () => {
  assert.equal(statedTime(after(0), undefined), STATED)
  assert.equal(statedTime(after(0), after(-1).toISOString()), STATED)
  for (const ms of [0, 400]) {
    const before = after(ms).toISOString()
    assert.equal(statedTime(after(0), before), after(ms + 1).toISOString())
  }
})
