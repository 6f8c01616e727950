import assert from 'node:assert/strict'
import { test } from 'node:test'
import { durationText, Progress, paceText, plural } from './progress.ts'

const at = (seconds: number, items: number) => ({
  ...{ atMs: seconds * 1000, items, bytes: items * 1024 * 1024, requests: items * 2 },
})

test('the rate is that of the last seconds, and the time left follows from it', () => {
  const progress = new Progress(1000)
  assert.equal(progress.add(at(0, 0)).secondsLeft, undefined)
  assert.deepEqual(progress.add(at(10, 100)).itemsPerSecond, 10)
  progress.add(at(20, 200))
  const pace = progress.add(at(40, 600))
  assert.equal(pace.itemsPerSecond, 20)
  assert.equal(pace.secondsLeft, 20)
  assert.equal(paceText(pace), '600.0 MB · 1,200 requests · 20 items/s · about 20 s left')
})

test('the first few items say nothing of the time that is left', () => {
  const progress = new Progress(1000)
  progress.add(at(0, 0))
  assert.equal(progress.add(at(5, 10)).secondsLeft, undefined)
  assert.equal(Math.round(progress.add(at(6, 50)).secondsLeft ?? 0), 114)
})

test('nothing left is said as nothing, also where there is more than was known', () => {
  const progress = new Progress(10)
  progress.add(at(0, 0))
  const pace = progress.add(at(1, 12))
  assert.equal(pace.secondsLeft, 0)
  assert.doesNotMatch(paceText(pace), /left/)
})

test('numbers read as a person writes them', () => {
  assert.deepEqual(
    [plural(1, 'item'), plural(0, 'item'), plural(1234, 'mailbox', 'mailboxes')],
    ['1 item', '0 items', '1,234 mailboxes'],
  )
  assert.deepEqual([2.34, 45.6, 300, 7200].map(durationText), ['2.3 s', '46 s', '5 min', '2.0 h'])
})
