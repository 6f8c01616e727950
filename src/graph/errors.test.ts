import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  ATTEMPTS_MAX,
  CODES,
  DOUBTFUL_ATTEMPTS_MAX,
  type FailureClass,
  type FailureScope,
  STATUSES,
} from './error-table.ts'
import { classifyAnswer, classifyNoAnswer, errorInside, parseRetryAfter } from './errors.ts'
import { networkError } from './testing/scripted.ts'

function classify(status: number, error: unknown, headers: Record<string, string> = {}) {
  const body = typeof error === 'string' ? error : JSON.stringify({ error })
  return classifyAnswer({ status, headers: new Headers(headers), body, nowMs: 0 })
}

/** facts/graph.md 2.1, 2.2, 2.4 and 7: every code named there, and what it must mean here. */
const codes: Record<string, [of: FailureClass, code: string, scope: FailureScope]> = {
  ApplicationThrottled: ['wait', 'Throttled', 'owner'],
  TooManyRequests: ['wait', 'Throttled', 'owner'],
  activityLimitReached: ['wait', 'Throttled', 'owner'],
  ErrorTooManyObjectsOpened: ['wait', 'Throttled', 'owner'],
  MailboxConcurrency: ['wait', 'Throttled', 'owner'],
  ErrorServerBusy: ['wait', 'Throttled', 'owner'],
  ErrorMailboxMoveInProgress: ['wait', 'MailboxMoving', 'owner'],
  SyncStateNotFound: ['resync', 'ResyncNeeded', 'call'],
  SyncStateInvalid: ['resync', 'ResyncNeeded', 'call'],
  ResyncRequired: ['resync', 'ResyncNeeded', 'call'],
  resyncRequired: ['resync', 'ResyncNeeded', 'call'],
  resyncChangesApplyDifferences: ['resync', 'ResyncNeeded', 'call'],
  resyncChangesUploadDifferences: ['resync', 'ResyncNeeded', 'call'],
  ErrorSyncFolderNotFound: ['resync', 'ResyncNeeded', 'call'],
  Directory_ExpiredPageToken: ['resync', 'ResyncNeeded', 'call'],
  ErrorItemNotFound: ['gone', 'ItemGone', 'item'],
  itemNotFound: ['gone', 'ItemGone', 'item'],
  ErrorFolderNotFound: ['gone', 'ItemGone', 'item'],
  Request_ResourceNotFound: ['gone', 'OwnerGone', 'owner'],
  ResourceNotFound: ['not-provisioned', 'MailboxNotAvailable', 'owner'],
  ErrorInvalidUser: ['not-provisioned', 'MailboxNotAvailable', 'owner'],
  MailboxNotEnabledForRESTAPI: ['not-provisioned', 'MailboxNotAvailable', 'owner'],
  MailboxNotSupportedForRESTAPI: ['not-provisioned', 'MailboxNotAvailable', 'owner'],
  ErrorNonExistentMailbox: ['not-provisioned', 'MailboxNotAvailable', 'owner'],
  ErrorCorruptData: ['corrupt', 'ItemCorrupt', 'item'],
  ErrorInvalidRecipients: ['corrupt', 'ItemCorrupt', 'item'],
  ErrorCannotOpenFileAttachment: ['corrupt', 'ItemCorrupt', 'item'],
  InvalidAuthenticationToken: ['refused', 'SignInRefused', 'owner'],
  Authorization_RequestDenied: ['refused', 'AccessDenied', 'owner'],
  ErrorAccessDenied: ['refused', 'AccessDenied', 'item'],
  accessDenied: ['refused', 'AccessDenied', 'item'],
  notAllowed: ['refused', 'AccessDenied', 'item'],
  sharingDisabled: ['refused', 'SharingDisabled', 'item'],
  noResolvedUsers: ['refused', 'PersonUnknown', 'item'],
  ErrorQuotaExceeded: ['refused', 'QuotaExceeded', 'owner'],
  quotaLimitReached: ['refused', 'QuotaExceeded', 'owner'],
  ErrorFolderExists: ['refused', 'NameTaken', 'item'],
  nameAlreadyExists: ['refused', 'NameTaken', 'item'],
  upload_name_conflict: ['refused', 'NameTaken', 'item'],
  malwareDetected: ['refused', 'MalwareDetected', 'item'],
  resourceLocked: ['refused', 'ResourceLocked', 'item'],
  pathIsTooLong: ['refused', 'PathTooLong', 'item'],
  ErrorMessageSizeExceeded: ['refused', 'TooLarge', 'item'],
  ErrorArchiveFolderMovedPermanently: ['refused', 'MovedToAnotherMailbox', 'item'],
  InefficientFilter: ['fault', 'RequestNotUnderstood', 'call'],
  invalidRequest: ['fault', 'RequestNotUnderstood', 'call'],
}

/** The statuses to expect (2.1), with a body that says nothing. */
const statuses: Record<number, [of: FailureClass, code: string]> = {
  302: ['fault', 'RequestNotUnderstood'],
  308: ['refused', 'MovedToAnotherMailbox'],
  400: ['fault', 'RequestNotUnderstood'],
  401: ['refused', 'SignInRefused'],
  403: ['refused', 'AccessDenied'],
  404: ['gone', 'ItemGone'],
  405: ['fault', 'RequestNotUnderstood'],
  406: ['fault', 'RequestNotUnderstood'],
  408: ['retry', 'GraphUnavailable'],
  409: ['refused', 'Conflict'],
  410: ['resync', 'ResyncNeeded'],
  411: ['fault', 'RequestNotUnderstood'],
  412: ['refused', 'ChangedMeanwhile'],
  413: ['refused', 'TooLarge'],
  415: ['fault', 'RequestNotUnderstood'],
  416: ['fault', 'RequestNotUnderstood'],
  422: ['fault', 'RequestNotUnderstood'],
  423: ['refused', 'ResourceLocked'],
  424: ['retry', 'GraphUnavailable'],
  429: ['wait', 'Throttled'],
  500: ['retry', 'GraphUnavailable'],
  501: ['fault', 'RequestNotUnderstood'],
  502: ['retry', 'GraphUnavailable'],
  503: ['retry', 'GraphUnavailable'],
  504: ['retry', 'GraphUnavailable'],
  507: ['refused', 'QuotaExceeded'],
  509: ['wait', 'Throttled'],
}

const messages: [string, FailureClass, string][] = [
  ['Application is over its MailboxConcurrency limit.', 'wait', 'Throttled'],
  ["Parameter 'DeltaToken' not supported for this request.", 'refused', 'DeltaNotSupported'],
  ["Unable to retrieve user's mysite URL: user's mysite not found.", ...noContent()],
  ['Tenant does not have a SPO license.', 'not-provisioned', 'NoSharePointLicence'],
]

function noContent(): [FailureClass, string] {
  return ['not-provisioned', 'ContentNotAvailable']
}

test('every code that the facts name means the same under whatever status it comes', () => {
  for (const [code, expected] of Object.entries(codes)) {
    const { onlyUnder = [200, 400, 403, 404, 429, 500, 503] } = CODES[code] ?? {}
    for (const status of onlyUnder) {
      const { class: of, code: said, scope } = classify(status, { code, message: 'x' })
      assert.deepEqual([of, said, scope], expected, `${status} ${code}`)
    }
  }
  assert.deepEqual(Object.keys(CODES).sort(), Object.keys(codes).sort(), 'and no other code')
})

test('every status that the facts name is known, with JSON, with HTML and without a body', () => {
  for (const [status, expected] of Object.entries(statuses)) {
    for (const body of ['', '<html>gateway</html>', '{"value":[', { code: 'UnknownError' }]) {
      const { class: of, code } = classify(Number(status), body)
      assert.deepEqual([of, code], expected, `${status} ${JSON.stringify(body)}`)
    }
  }
  assert.deepEqual(Object.keys(STATUSES).sort(), Object.keys(statuses).sort(), 'and no other')
})

test('an unknown status is the service in trouble from 500 on, and our request below', () => {
  assert.equal(classify(599, '').class, 'retry')
  assert.equal(classify(418, '').class, 'fault')
})

test('where only the message tells, it is read', () => {
  for (const [message, of, code] of messages) {
    const failure = classify(400, { code: 'BadRequest', message })
    assert.deepEqual([failure.class, failure.code], [of, code], message)
  }
  const bare =
    '{"Message":"Invalid import session. The target session is expected in mailbox MBX:1@2"}'
  assert.equal(classify(409, bare).code, 'MovedToAnotherMailbox')
})

test('the deepest code that is known decides, whatever stands around it', () => {
  const inner = (code: string) => ({ code: 'notAllowed', innerError: { code } })
  assert.equal(classify(403, inner('resourceLocked')).code, 'ResourceLocked')
  assert.equal(
    classify(403, { code: 'accessDenied', innererror: { code: 'new' } }).code,
    'AccessDenied',
  )
  assert.equal(
    classify(403, { code: 'accessDenied', innerError: { code: 'malwareDetected' } }).code,
    'MalwareDetected',
  )
  assert.equal(classify(400, { code: 'BadRequest', innerError: null }).class, 'fault')
})

test('an answer is believed at once, but for what is known to pass', () => {
  const attempts = (...args: Parameters<typeof classify>) => classify(...args).attemptsMax
  assert.equal(attempts(404, ''), DOUBTFUL_ATTEMPTS_MAX)
  assert.equal(attempts(404, { code: 'ErrorItemNotFound' }), 1)
  assert.equal(attempts(400, { code: 'invalidRequest' }), DOUBTFUL_ATTEMPTS_MAX)
  assert.equal(attempts(400, { code: 'BadRequest' }), 1)
  assert.equal(attempts(503, { code: 'invalidRequest' }), ATTEMPTS_MAX)
  assert.equal(attempts(500, { code: 'ErrorCorruptData' }), 1)
  assert.equal(
    attempts(410, ''),
    1,
    'a resync that is asked for again is asked for for ever (7.13)',
  )
  assert.equal(attempts(401, ''), DOUBTFUL_ATTEMPTS_MAX)
})

test('a mailbox that is being moved is left alone, as long as the service says or a while', () => {
  const moving = { code: 'ErrorMailboxMoveInProgress' }
  assert.equal(classify(503, moving).retryAfterMs, 900_000)
  assert.equal(classify(503, moving, { 'retry-after': '30' }).retryAfterMs, 30_000)
  assert.equal(classify(503, moving).attemptsMax, 1)
})

test('a success that holds an error instead of a value is that error', () => {
  const of = (answer: Record<string, unknown>, method = 'GET') =>
    errorInside(answer, { name: 'x', method })?.code
  const error = (code: string) => ({ error: { code, message: 'x' } })
  assert.equal(of(error('ErrorCorruptData')), 'ItemCorrupt')
  assert.equal(of(error('ErrorInternalServerError')), 'GraphUnavailable')
  assert.equal(of(error('ErrorInternalServerError'), 'POST'), 'AnswerLost')
  assert.equal(of({ id: '1', ...error('ErrorCorruptData') }), undefined)
  assert.equal(of({ value: [], ...error('ErrorCorruptData') }), undefined)
  assert.equal(of({}), undefined)
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

test('the deepest code decides: what is locked or not shared is told from what is forbidden', () => {
  const nested = (code: string, inner: string) => ({
    code,
    message: 'x',
    innerError: { code: inner },
  })
  const locked = classify(423, nested('notAllowed', 'resourceLocked'))
  assert.deepEqual([locked.code, locked.class], ['ResourceLocked', 'refused'])
  const unshared = classify(403, nested('accessDenied', 'sharingDisabled'))
  assert.equal(unshared.code, 'SharingDisabled')
})

test('a throttled call waits for the later one of Retry-After and RateLimit-Reset', () => {
  const waitOf = (headers: Record<string, string>, status = 429) =>
    classify(status, { code: 'activityLimitReached' }, headers).retryAfterMs
  assert.equal(waitOf({ 'Retry-After': '2.5', 'RateLimit-Reset': '31' }), 31_000)
  assert.equal(waitOf({ 'Retry-After': '40', 'RateLimit-Reset': '31' }), 40_000)
  assert.equal(waitOf({ 'RateLimit-Reset': '31' }), 31_000)
  assert.equal(waitOf({ 'Retry-After': '7', 'RateLimit-Reset': 'soon' }), 7_000)
  const gone = classify(404, { code: 'itemNotFound' }, { 'RateLimit-Reset': '31' })
  assert.equal(gone.retryAfterMs, undefined)
})
