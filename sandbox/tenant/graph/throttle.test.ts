import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RESTORE_CLIENT_ID } from '../index.ts'
import { MAILBOX_REQUESTS_MAX, MAILBOX_WINDOW_MS } from '../limits.ts'
import { startBench } from '../testing/harness.ts'
import { GraphError } from './errors.ts'
import { createThrottle } from './throttle.ts'

const SEED = { seed: 1, users: 2, messages: 1 }

function refusalOf(work: () => unknown): GraphError {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof GraphError)
    return error
  }
  throw new Error('it was not refused')
}

test('a fifth call at once is refused for this mailbox and app only', () => {
  const throttle = createThrottle(() => 0)
  const slots = [1, 2, 3, 4].map(() => throttle.enter('app', 'box'))
  const refused = refusalOf(() => throttle.enter('app', 'box'))
  assert.deepEqual([refused.status, refused.code], [429, 'ApplicationThrottled'])
  assert.match(refused.message, /MailboxConcurrency/)
  assert.deepEqual(refused.headers, { 'retry-after': '1' })
  throttle.enter('app', 'other')()
  throttle.enter('other', 'box')()
  slots[0]?.()
  slots[0]?.()
  throttle.enter('app', 'box')
  refusalOf(() => throttle.enter('app', 'box'))
})

test('ten thousand calls fit into ten minutes, refused ones counted', () => {
  let now = 1_000_000_000
  const throttle = createThrottle(() => now)
  for (let n = 0; n < MAILBOX_REQUESTS_MAX; n += 1) throttle.enter('app', 'box')()
  const refused = refusalOf(() => throttle.enter('app', 'box'))
  assert.equal(refused.headers['retry-after'], String(MAILBOX_WINDOW_MS / 1000))
  now += MAILBOX_WINDOW_MS - 1_000
  assert.equal(refusalOf(() => throttle.enter('app', 'box')).headers['retry-after'], '1')
  now += 1_000
  throttle.enter('app', 'box')()
})

// Long enough that six calls overlap however busy the machine is.
test('real calls that overlap are refused and counted', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED, settings: { latencyMs: 1500 } })
  const { token } = await control.issueAppToken({ clientId: RESTORE_CLIENT_ID })
  const path = '/users/ada.brandt@sandbox.example/mailFolders/inbox'
  const calls = Array.from({ length: 6 }, () => call(path, { as: { token } }))
  const answers = await Promise.all(calls)
  const statuses = answers.map(({ status }) => status).toSorted()
  assert.deepEqual(statuses, [200, 200, 200, 200, 429, 429])
  assert.equal(answers.find(({ status }) => status === 429)?.headers.get('retry-after'), '1')
  const counts = await control.counts({})
  assert.deepEqual([counts.requests['mailFolder.get'], counts.throttled['mailFolder.get']], [6, 2])
})
