import assert from 'node:assert/strict'
import { test } from 'node:test'
import { restoreAnswer } from './restore.ts'

const NOW = Date.parse('2026-11-21T10:00:00.900Z')
/** Durable cuts a timer's delay to whole seconds, so it may come a second early. */
const cut = (ms: number) => Math.floor(ms / 1000) * 1000

test('a wait of a restore is not over before it should be, though timers come early', () => {
  for (const waitMs of [1, 999, 1000, 1001, 30_000]) {
    const { nextAt } = restoreAnswer({ state: 'wait', waitMs, code: 'AnswerLost' }, NOW)
    assert.ok(cut(Date.parse(nextAt) - NOW) >= waitMs, `${waitMs} ms`)
  }
})

test('a step that goes on at once does not wait', () => {
  assert.equal(Date.parse(restoreAnswer({ state: 'more' }, NOW).nextAt), NOW)
})
