/**
 * What went wrong with a Graph call, decided once and by one table (error-table.ts).
 *
 * Nothing else in Holdfast looks at status codes or Graph's error codes. A failure's class says
 * what to do and its scope whose trouble it is; its code is the stable code of the AppError that
 * callers see. Messages of Graph are matched here and nowhere kept: they quote addresses and
 * names (P9).
 */
import { AppError, type ErrorKind } from '../model/errors.ts'
import {
  ATTEMPTS_MAX,
  CODES,
  DOUBTFUL_ATTEMPTS_MAX,
  type FailureClass,
  type FailureScope,
  MESSAGES,
  type Verdict,
  verdictOfStatus,
} from './error-table.ts'
import { isRepeatable } from './exchange.ts'
import { isObject, type JsonObject, objectOf, textOf } from './json.ts'
import { resetMsIn } from './rate-limit.ts'

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
  /** Whose trouble it is, as far as the answer says; what the path named is the caller's to know. */
  scope: FailureScope
  /** Attempts after which it is believed, the first one included. */
  attemptsMax: number
  /** The answer's `request-id`, for Microsoft's support. */
  requestId: string
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

interface Said {
  /** The deepest first. */
  codes: readonly string[]
  message: string
}

/** What an object says of an error: Graph's envelope, or the bare `Message` of import sessions. */
function saidIn(answer: JsonObject): Said | undefined {
  const error = objectOf(answer, 'error')
  if (error !== undefined) return { codes: codesOf(error), message: textOf(error, 'message') ?? '' }
  const message = textOf(answer, 'Message')
  return message === undefined ? undefined : { codes: [], message }
}

function errorIn(body: string): Said {
  const nothing = { codes: [], message: '' }
  try {
    const parsed: unknown = JSON.parse(body)
    return (isObject(parsed) ? saidIn(parsed) : undefined) ?? nothing
  } catch {
    // Front doors answer with HTML or nothing; then only the status tells.
    return nothing
  }
}

function verdictOf({ codes, message }: Said, status: number): Verdict {
  const byCode = codes
    .map((code) => (Object.hasOwn(CODES, code) ? CODES[code] : undefined))
    .find((found) => found !== undefined && (found.onlyUnder?.includes(status) ?? true))
  const byMessage = MESSAGES.find(({ pattern }) => pattern.test(message))?.verdict
  return byCode ?? byMessage ?? verdictOfStatus(status)
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

/** The longer one of what `Retry-After` and, of a throttled call, `RateLimit-Reset` say. */
function namedWaitMs({ headers, nowMs }: FailedAnswer, verdict: Verdict): number | undefined {
  const named = parseRetryAfter(headers.get('retry-after'), nowMs)
  const resetMs = verdict.class === 'wait' ? resetMsIn(headers) : undefined
  return named === undefined || resetMs === undefined
    ? (named ?? resetMs)
    : Math.max(named, resetMs)
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
  const said = errorIn(answer.body)
  const verdict = verdictOf(said, answer.status)
  // Exchange answers 404 without a body for items that are there (7.27).
  const isDoubtful = answer.status === 404 && answer.body.trim() === ''
  const retryAfterMs = namedWaitMs(answer, verdict) ?? verdict.waitMs
  const requestId = answer.headers.get('request-id') ?? ''
  return {
    class: verdict.class,
    code: verdict.code,
    scope: verdict.scope,
    attemptsMax: isDoubtful ? DOUBTFUL_ATTEMPTS_MAX : verdict.attemptsMax,
    status: answer.status,
    graphCode: said.codes[0] ?? '',
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    reached: 'answered',
    requestId: /^[\w-]{1,64}$/.test(requestId) ? requestId : '',
  }
}

/**
 * The error that stands where a success was announced: a 200 whose object is an error, as
 * Exchange sends it for one entry of an answer. Undefined where there is none. An entry that
 * holds a value beside it is a value: `error` is then its own property. Of a create that such an
 * answer leaves in doubt it is `AnswerLost`.
 */
export function errorInside(
  answer: JsonObject,
  { name, method }: { name: string; method: string },
): AppError | undefined {
  if ('id' in answer || 'value' in answer) return undefined
  const said = saidIn(answer)
  if (said === undefined || said.codes.length === 0) return undefined
  const { class: of, code, scope, attemptsMax } = verdictOf(said, 500)
  const graphCode = said.codes[0] ?? ''
  const outcome = { status: 200, graphCode, reached: 'answered', requestId: '' } as const
  const failure: Failure = { class: of, code, scope, attemptsMax, ...outcome }
  return !isRepeatable(method) && of === 'retry'
    ? answerLost(failure, name)
    : toAppError(failure, name)
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
    scope: 'call',
    attemptsMax: ATTEMPTS_MAX,
    reached: notSent.has(code) ? 'no' : 'maybe',
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
      scope: failure.scope,
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

/** Nothing was sent. `why`: the code of what the service paused this budget for, if it did. */
export function throttled({
  call,
  retryAfterMs,
  why = 'Throttled',
}: {
  call: string
  retryAfterMs: number
  why?: string
}): AppError {
  return new AppError({
    code: why,
    kind: 'throttled',
    message: `The budget for ${call} allows the next request only later.`,
    hint: hints.wait,
    retryAfterMs: Math.max(1, Math.ceil(retryAfterMs)),
    context: { call },
  })
}

/** A link whose time is over, where no answer says so by itself. */
export function resyncNeeded(call: string): AppError {
  return new AppError({
    code: 'ResyncNeeded',
    kind: 'transient',
    message: `The link of ${call} is no longer one that can be followed.`,
    hint: hints.resync,
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
