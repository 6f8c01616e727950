import assert from 'node:assert/strict'
import { test } from 'node:test'
import { classifyAnswer, classifyNoAnswer, parseRetryAfter } from './errors.ts'
import { networkError } from './testing/scripted.ts'

function classify(status: number, error: unknown, headers: Record<string, string> = {}) {
  const body = typeof error === 'string' ? error : JSON.stringify({ error })
  return classifyAnswer({ status, headers: new Headers(headers), body, nowMs: 0 })
}

const cases: [number, unknown, string, string][] = [
  [429, { code: 'ApplicationThrottled' }, 'wait', 'Throttled'],
  [429, '', 'wait', 'Throttled'],
  [503, { code: 'activityLimitReached' }, 'wait', 'Throttled'],
  [403, { code: 'x', message: 'over its MailboxConcurrency limit.' }, 'wait', 'Throttled'],
  [410, '', 'resync', 'ResyncNeeded'],
  [400, { code: 'SyncStateNotFound' }, 'resync', 'ResyncNeeded'],
  [404, { code: 'ErrorSyncFolderNotFound' }, 'resync', 'ResyncNeeded'],
  [404, { code: 'MailboxNotEnabledForRESTAPI' }, 'not-provisioned', 'MailboxNotAvailable'],
  [404, { code: 'Request_ResourceNotFound' }, 'not-provisioned', 'MailboxNotAvailable'],
  [
    404,
    { code: 'x', message: "user's mysite not found" },
    'not-provisioned',
    'ContentNotAvailable',
  ],
  [404, { code: 'ErrorItemNotFound' }, 'gone', 'ItemGone'],
  [404, '', 'gone', 'ItemGone'],
  [500, { code: 'ErrorCorruptData' }, 'corrupt', 'ItemCorrupt'],
  [500, { code: 'ErrorInternalServerError' }, 'retry', 'GraphUnavailable'],
  [503, '', 'retry', 'GraphUnavailable'],
  [504, '<html>gateway</html>', 'retry', 'GraphUnavailable'],
  [403, { code: 'ErrorAccessDenied' }, 'refused', 'AccessDenied'],
  [
    403,
    { code: 'accessDenied', innerError: { code: 'malwareDetected' } },
    'refused',
    'MalwareDetected',
  ],
  [409, { code: 'ErrorFolderExists' }, 'refused', 'NameTaken'],
  [413, '', 'refused', 'TooLarge'],
  [
    423,
    { code: 'notAllowed', innererror: { code: 'resourceLocked' } },
    'refused',
    'ResourceLocked',
  ],
  [507, '', 'refused', 'QuotaExceeded'],
  [401, { code: 'InvalidAuthenticationToken' }, 'refused', 'SignInRefused'],
  [400, { code: 'BadRequest', innerError: null }, 'fault', 'RequestNotUnderstood'],
  [405, '', 'fault', 'RequestNotUnderstood'],
]

for (const [status, error, cls, code] of cases) {
  test(`${status} ${JSON.stringify(error)} is ${cls}`, () => {
    const failure = classify(status, error)
    assert.deepEqual([failure.class, failure.code], [cls, code])
  })
}

test('only a 404 without a body and a 400 invalidRequest are doubted', () => {
  assert.equal(classify(404, '').doubtful, true)
  assert.equal(classify(404, { code: 'ErrorItemNotFound' }).doubtful, false)
  assert.equal(classify(400, { code: 'invalidRequest' }).doubtful, true)
  assert.equal(classify(400, { code: 'BadRequest' }).doubtful, false)
})

test('the deepest code is kept, a code that is no code is not', () => {
  const nested = { code: 'a', innerError: { code: 'b', innerError: { code: 'c' } } }
  assert.equal(classify(403, nested).graphCode, 'c')
  assert.equal(classify(403, { code: 'mail of ada@example.com' }).graphCode, '')
})

test('Retry-After is read as seconds, fractions and dates, within bounds', () => {
  const now = Date.UTC(2026, 0, 1)
  assert.equal(parseRetryAfter('2.128', now), 2128)
  assert.equal(parseRetryAfter('0', now), 0)
  assert.equal(parseRetryAfter('Thu, 01 Jan 2026 00:00:30 GMT', now), 30_000)
  assert.equal(parseRetryAfter('Wed, 31 Dec 2025 00:00:00 GMT', now), 0)
  assert.equal(parseRetryAfter('soon', now), undefined)
  assert.equal(parseRetryAfter('', now), undefined)
  assert.equal(parseRetryAfter(null, now), undefined)
  assert.equal(parseRetryAfter('99999999', now), 86_400_000)
})

test('a refused connection was not sent, a reset may have been', () => {
  assert.equal(classifyNoAnswer(networkError('ECONNREFUSED'), false).reached, 'no')
  assert.equal(classifyNoAnswer(networkError('ECONNRESET'), false).reached, 'maybe')
  assert.equal(classifyNoAnswer(new Error('x'), true).code, 'DeadlineReached')
})
