/**
 * What went wrong with a Graph call, decided once and in one table.
 *
 * Nothing else in Holdfast looks at status codes or Graph's error codes. A failure's class says
 * what to do; its code is the stable code of the AppError that callers see. Rows are tried from
 * the top, so that a code that means the same under every status stands above the statuses.
 * Messages of Graph are matched here and nowhere kept: they quote addresses and names (P9).
 * Sources: facts on Graph errors, and the codes that other backup products met in the field.
 */
import { AppError, type ErrorKind } from '../model/errors.ts'
import { isObject, type JsonObject, objectOf, textOf } from './json.ts'

export const FAILURE_CLASSES = [
  /** May work when asked again soon. */
  'retry',
  /** Too much was asked; the key must pause. */
  'wait',
  /** The link is no longer accepted: start over. */
  'resync',
  /** The thing is not there. */
  'gone',
  /** The service will not do this, however often it is asked. */
  'refused',
  /** The item is broken inside the service. */
  'corrupt',
  /** There is no mailbox (or no licence for it): an expected state, not a failure of a run. */
  'not-provisioned',
  /** We asked for something that Graph does not understand. */
  'fault',
] as const
export type FailureClass = (typeof FAILURE_CLASSES)[number]

export interface Failure {
  class: FailureClass
  /** Stable code of the AppError. */
  code: string
  /** HTTP status; 0 where no answer came. */
  status: number
  /** Graph's deepest error code, if it looks like a code. */
  graphCode: string
  retryAfterMs?: number
  /** Whether the request may have taken effect. */
  reached: 'no' | 'maybe' | 'answered'
  /** Only observed to be passing: a GET is tried again some times before it is believed. */
  doubtful: boolean
  /** The answer's `request-id`, for Microsoft's support. */
  requestId: string
}

interface Rule {
  class: FailureClass
  code: string
  codes?: readonly string[]
  statuses?: readonly number[]
  /** Where only the message tells. */
  message?: RegExp
  doubtful?: true
}

const rules: readonly Rule[] = [
  {
    class: 'wait',
    code: 'Throttled',
    codes: [
      'ApplicationThrottled',
      'TooManyRequests',
      'activityLimitReached',
      'ErrorTooManyObjectsOpened',
      'MailboxConcurrency',
    ],
  },
  { class: 'wait', code: 'Throttled', message: /MailboxConcurrency limit/i },
  { class: 'wait', code: 'Throttled', statuses: [429] },
  {
    class: 'resync',
    code: 'ResyncNeeded',
    codes: [
      'SyncStateNotFound',
      'SyncStateInvalid',
      'ResyncRequired',
      'resyncRequired',
      'resyncChangesApplyDifferences',
      'resyncChangesUploadDifferences',
      'ErrorSyncFolderNotFound',
    ],
  },
  { class: 'resync', code: 'ResyncNeeded', statuses: [410] },
  {
    class: 'not-provisioned',
    code: 'MailboxNotAvailable',
    codes: [
      'MailboxNotEnabledForRESTAPI',
      'MailboxNotSupportedForRESTAPI',
      'ErrorInvalidUser',
      'ErrorNonExistentMailbox',
      'Request_ResourceNotFound',
      'ResourceNotFound',
      'ErrorArchiveFolderMovedPermanently',
    ],
  },
  {
    class: 'not-provisioned',
    code: 'ContentNotAvailable',
    message: /mysite not found|does not have a SPO license/i,
  },
  {
    class: 'corrupt',
    code: 'ItemCorrupt',
    codes: ['ErrorCorruptData', 'ErrorInvalidRecipients', 'ErrorCannotOpenFileAttachment'],
  },
  { class: 'refused', code: 'QuotaExceeded', codes: ['ErrorQuotaExceeded'], statuses: [507] },
  { class: 'refused', code: 'NameTaken', codes: ['ErrorFolderExists', 'nameAlreadyExists'] },
  { class: 'refused', code: 'MalwareDetected', codes: ['malwareDetected'] },
  { class: 'refused', code: 'ResourceLocked', codes: ['resourceLocked'], statuses: [423] },
  { class: 'refused', code: 'PathTooLong', codes: ['pathIsTooLong'] },
  {
    class: 'refused',
    code: 'SignInRefused',
    codes: ['InvalidAuthenticationToken'],
    statuses: [401],
  },
  {
    class: 'refused',
    code: 'AccessDenied',
    codes: ['ErrorAccessDenied', 'Authorization_RequestDenied', 'accessDenied'],
  },
  { class: 'refused', code: 'TooLarge', codes: ['ErrorMessageSizeExceeded'], statuses: [413] },
  { class: 'refused', code: 'AccessDenied', statuses: [403] },
  {
    class: 'gone',
    code: 'ItemGone',
    codes: ['ErrorItemNotFound', 'ErrorFolderNotFound', 'itemNotFound'],
  },
  { class: 'gone', code: 'ItemGone', statuses: [404] },
  {
    class: 'fault',
    code: 'RequestNotUnderstood',
    codes: ['invalidRequest'],
    statuses: [400],
    doubtful: true,
  },
  { class: 'retry', code: 'GraphUnavailable', statuses: [408, 500, 502, 503, 504] },
]

/** `invalidRequest` is passing only as the answer 400; other rules name any code or status. */
function matches(rule: Rule, status: number, codes: readonly string[], message: string): boolean {
  if (rule.doubtful) {
    return (rule.statuses?.includes(status) ?? false) && codes.some((c) => rule.codes?.includes(c))
  }
  return (
    codes.some((code) => rule.codes?.includes(code) ?? false) ||
    (rule.statuses?.includes(status) ?? false) ||
    (rule.message?.test(message) ?? false)
  )
}

/** Errors nest a few levels at most; a body that nests deeper is not read further. */
const NESTING_MAX = 10

/** From the deepest code to the outermost: the deepest is the useful one. */
function codesOf(error: JsonObject): string[] {
  const codes: string[] = []
  let level: JsonObject | undefined = error
  for (let depth = 0; level !== undefined && depth < NESTING_MAX; depth += 1) {
    const code = textOf(level, 'code')
    if (code !== undefined && /^[\w.:-]{1,80}$/.test(code)) codes.unshift(code)
    level = objectOf(level, 'innerError') ?? objectOf(level, 'innererror')
  }
  return codes
}

function errorIn(body: string): { codes: string[]; message: string } {
  let parsed: unknown
  try {
    parsed = JSON.parse(body)
  } catch {
    // Front doors answer with HTML or nothing; then only the status tells.
    return { codes: [], message: '' }
  }
  const error = isObject(parsed) ? objectOf(parsed, 'error') : undefined
  if (error === undefined) return { codes: [], message: '' }
  return { codes: codesOf(error), message: textOf(error, 'message') ?? '' }
}

/** The longest wait that is believed; a longer one is read as this. */
const RETRY_AFTER_MAX_MS = 24 * 3600 * 1000

/** Seconds (fractions occur) or an HTTP date. Undefined where there is none or it is malformed. */
export function parseRetryAfter(value: string | null, nowMs: number): number | undefined {
  if (value === null || value.trim() === '') return undefined
  const seconds = Number(value)
  const ms = Number.isNaN(seconds) ? Date.parse(value) - nowMs : seconds * 1000
  if (Number.isNaN(ms)) return undefined
  return Math.min(Math.max(Math.ceil(ms), 0), RETRY_AFTER_MAX_MS)
}

export interface FailedAnswer {
  status: number
  headers: Headers
  /** The beginning of the body is enough. */
  body: string
  nowMs: number
}

/** Classifies an answer that is not a success. Pure. */
export function classifyAnswer(answer: FailedAnswer): Failure {
  const { codes, message } = errorIn(answer.body)
  const rule =
    // The deepest code that any rule knows decides, before statuses and outer codes do.
    codes.map((c) => rules.find((r) => matches(r, -1, [c], ''))).find((r) => r !== undefined) ??
    rules.find((r) => matches(r, answer.status, codes, message))
  const retryAfterMs = parseRetryAfter(answer.headers.get('retry-after'), answer.nowMs)
  // Exchange answers 404 without a body for items that are there (7.27).
  const emptyNotFound = answer.status === 404 && answer.body.trim() === ''
  const requestId = answer.headers.get('request-id') ?? ''
  return {
    class: rule?.class ?? 'fault',
    code: rule?.code ?? 'RequestNotUnderstood',
    status: answer.status,
    graphCode: codes[0] ?? '',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    reached: 'answered',
    doubtful: emptyNotFound || rule?.doubtful === true,
    requestId: /^[\w-]{1,64}$/.test(requestId) ? requestId : '',
  }
}

/** Network errors after which the request has certainly not reached the service. */
const notSent = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

const CAUSES_MAX = 5

/** The errno of a failed fetch, which hides it in a chain of causes. */
function networkCode(error: unknown): string {
  let level: unknown = error
  for (let depth = 0; level instanceof Error && depth < CAUSES_MAX; depth += 1) {
    if ('code' in level && typeof level.code === 'string') return level.code
    level = level.cause
  }
  return ''
}

/** Classifies a call that got no answer. The error is not kept: its text may hold a link (P9). */
export function classifyNoAnswer(error: unknown, deadlineReached: boolean): Failure {
  const code = networkCode(error)
  return {
    class: 'retry',
    code: deadlineReached ? 'DeadlineReached' : 'GraphUnavailable',
    status: 0,
    graphCode: /^[A-Z_]{1,40}$/.test(code) ? code : '',
    reached: notSent.has(code) ? 'no' : 'maybe',
    doubtful: false,
    requestId: '',
  }
}

const kinds: Record<FailureClass, ErrorKind> = {
  retry: 'transient',
  wait: 'throttled',
  resync: 'transient',
  gone: 'permanent',
  refused: 'denied',
  corrupt: 'corrupt',
  'not-provisioned': 'permanent',
  fault: 'bug',
}

const hints: Record<FailureClass, string> = {
  retry: 'Nothing to do: Holdfast tries again later. If it persists, look at the service health.',
  wait: 'Nothing to do: Holdfast goes on when the service allows it.',
  resync: 'Nothing to do: Holdfast reads this container anew.',
  gone: 'Nothing to do: it was deleted or moved.',
  refused: 'Compare the permissions of the app with docs/permissions.md, then look at the item.',
  corrupt: 'The item is damaged in the service; repair or delete it there.',
  'not-provisioned': 'Give the user a mailbox, or take it out of the policy.',
  fault: 'This is a defect in Holdfast. Please report it with the code and the context.',
}

/** The error that callers see. `call` names the kind of call, never its address. */
export function toAppError(failure: Failure, call: string): AppError {
  const outcome = failure.status === 0 ? 'got no answer' : `was answered with ${failure.status}`
  return new AppError({
    code: failure.code,
    kind: kinds[failure.class],
    message: `The Graph call ${call} ${outcome}${failure.graphCode && ` (${failure.graphCode})`}.`,
    hint: hints[failure.class],
    ...(failure.retryAfterMs === undefined ? {} : { retryAfterMs: failure.retryAfterMs }),
    context: {
      call,
      class: failure.class,
      status: failure.status,
      graphCode: failure.graphCode,
      requestId: failure.requestId,
    },
  })
}

/** The call may have taken effect and must not be sent again. */
export function answerLost(failure: Failure, call: string): AppError {
  return new AppError({
    code: 'AnswerLost',
    kind: 'transient',
    message: `The answer to ${call} was lost, so it is not known whether it took effect.`,
    hint: 'Nothing to do: Holdfast looks for what was made before it goes on.',
    context: { call, status: failure.status, requestId: failure.requestId },
  })
}

export function throttled(call: string, retryAfterMs: number): AppError {
  return new AppError({
    code: 'Throttled',
    kind: 'throttled',
    message: `The budget for ${call} allows the next request only later.`,
    hint: hints.wait,
    retryAfterMs: Math.max(1, Math.ceil(retryAfterMs)),
    context: { call },
  })
}

export function deadlineReached(call: string): AppError {
  return new AppError({
    code: 'DeadlineReached',
    kind: 'transient',
    message: `The time for ${call} is over; it was not sent.`,
    hint: 'Nothing to do: the work goes on in the next slice.',
    context: { call },
  })
}
