/**
 * The ways in which a real service fails, one by one: facts/graph.md 2.1, 2.2 and 7 (27-30).
 *
 * Invariants: `answerInstead` stands for a call that had no effect; what `spoil` changes has
 * taken effect already. No kind invents content: raw control characters are those that the JSON
 * held escaped, so a reader that copes gets the very same value.
 */
import { type Answer, StreamedBody } from './http.ts'

export const FAULT_KINDS = [
  'throttled',
  'throttled-fraction',
  'throttled-date',
  'throttled-silent',
  'mailbox-concurrency',
  'unavailable-empty',
  'unavailable-html',
  'internal-error',
  'false-404',
  'invalid-request',
  'expired-token',
  'drop-before',
  'drop-after',
  'timeout-after',
  'cut-answer',
  'truncated-json',
  'raw-controls',
] as const

export type FaultKind = (typeof FAULT_KINDS)[number]

/** Of downloads only, and in no mix: the right length, one byte of it wrong. */
export const DOWNLOAD_FAULT_KINDS = ['wrong-bytes'] as const

export type AnyFaultKind = FaultKind | (typeof DOWNLOAD_FAULT_KINDS)[number]

/** Seen on reads only; a mix never does them to a write. */
const READS_ONLY: ReadonlySet<FaultKind> = new Set([
  ...(['false-404', 'invalid-request', 'truncated-json', 'raw-controls'] as const),
])

export function kindsFor(method: string, kinds: readonly FaultKind[]): readonly FaultKind[] {
  return method === 'GET' ? kinds : kinds.filter((kind) => !READS_ONLY.has(kind))
}

const HTML =
  '<!DOCTYPE html><html><head><title>Service unavailable</title></head>' +
  '<body><h2>Our services aren&#39;t available right now</h2></body></html>'

/** Default `Retry-After` of the kinds that send one. */
const RETRY_AFTER_SECONDS = 1
const RETRY_AFTER_FRACTION = 0.128

interface Refusal {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly headers?: Readonly<Record<string, string>>
}

export type Instead = { readonly refusal: Refusal } | { readonly answer: Answer }

const throttled = (headers: Record<string, string>, message?: string): Instead => ({
  refusal: {
    status: 429,
    code: message === undefined ? 'TooManyRequests' : 'ApplicationThrottled',
    message: message ?? 'Too many requests.',
    headers,
  },
})

/** Tells a throttled caller when to come back; `seconds` may be a fraction. */
export interface RetryHint {
  readonly seconds: number | undefined
  readonly nowMs: number
}

/** What is answered in place of the call; null: this kind serves the call first. */
export function answerInstead(kind: AnyFaultKind, { seconds, nowMs }: RetryHint): Instead | null {
  switch (kind) {
    case 'throttled':
      return throttled({ 'retry-after': String(Math.ceil(seconds ?? RETRY_AFTER_SECONDS)) })
    case 'throttled-fraction':
      return throttled({ 'retry-after': (seconds ?? RETRY_AFTER_FRACTION).toFixed(3) })
    case 'throttled-date': {
      const until = nowMs + (seconds ?? RETRY_AFTER_SECONDS) * 1000
      return throttled({ 'retry-after': new Date(until).toUTCString() })
    }
    case 'throttled-silent':
      return throttled({})
    case 'mailbox-concurrency':
      return throttled(
        { 'retry-after': String(Math.ceil(seconds ?? RETRY_AFTER_SECONDS)) },
        'Application is over its MailboxConcurrency limit.',
      )
    case 'unavailable-empty':
      return { answer: { status: 503 } }
    case 'unavailable-html':
      return { answer: { status: 503, headers: { 'content-type': 'text/html' }, body: HTML } }
    case 'internal-error':
      return {
        refusal: {
          status: 500,
          code: 'ErrorInternalServerError',
          message: 'An internal server error occurred. The operation failed.',
        },
      }
    case 'false-404':
      return { answer: { status: 404 } }
    case 'invalid-request':
      return { refusal: { status: 400, code: 'invalidRequest', message: 'Invalid request' } }
    case 'expired-token':
      return {
        refusal: {
          status: 401,
          code: 'InvalidAuthenticationToken',
          message: 'Lifetime validation failed, the token is expired.',
          headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
        },
      }
    case 'drop-before':
      return { answer: { status: 0, drop: true } }
    default:
      return null
  }
}

const CUT_AT = 0.6

/** The answer as it reaches the client; null: this answer has nothing that could be spoilt. */
export function spoil(kind: AnyFaultKind, answer: Answer): Answer | null {
  switch (kind) {
    case 'drop-after':
      return { status: 0, drop: true }
    case 'timeout-after':
      return { status: 504 }
    case 'cut-answer':
      return answer.body === undefined
        ? { status: 0, drop: true }
        : { ...answer, body: answer.body, cutAt: CUT_AT }
    case 'wrong-bytes':
      return answer.body instanceof StreamedBody
        ? { ...answer, body: withWrongByte(answer.body) }
        : null
    case 'truncated-json': {
      const json = jsonOf(answer)
      return json === null ? null : asText(answer, truncated(json))
    }
    case 'raw-controls': {
      const json = jsonOf(answer)
      if (json === null) return null
      const raw = unescapeControls(json)
      return raw === json ? null : asText(answer, raw)
    }
    default:
      return null
  }
}

/**
 * The byte in the middle is another one. How it differs goes by the length: equal differences at a
 * distance of 160 bytes, in two ranges of one file, would cancel each other in its quickXorHash.
 */
function withWrongByte({ size, chunks }: StreamedBody): StreamedBody {
  const wrong = Math.floor(size / 2)
  const difference = 1 + (size % 255)
  return new StreamedBody(size, function* () {
    let at = 0
    for (const chunk of chunks()) {
      const copy = Uint8Array.from(chunk)
      const here = wrong - at
      if (here >= 0 && here < copy.length) copy[here] = (copy[here] ?? 0) ^ difference
      at += copy.length
      yield copy
    }
  })
}

function jsonOf({ status, body }: Answer): string | null {
  const isBytes = body instanceof Uint8Array || body instanceof StreamedBody
  const isJson = status === 200 && typeof body === 'object' && !isBytes
  return isJson ? JSON.stringify(body) : null
}

function asText(answer: Answer, body: string): Answer {
  return { ...answer, headers: { 'content-type': 'application/json', ...answer.headers }, body }
}

/** A page of which nothing but its beginning could be rendered (facts 7, no. 29). */
export function brokenOff(answer: Answer): Answer {
  const json = jsonOf(answer)
  return json === null ? answer : asText(answer, truncated(json))
}

/** Right after the start of a collection, as Exchange does it (facts 7, no. 29), or half-way. */
function truncated(json: string): string {
  const start = json.indexOf('"value":[')
  return start < 0 ? json.slice(0, json.length >> 1) : json.slice(0, start + '"value":['.length)
}

/** JSON with its escaped control characters as they are; strict parsers refuse that. */
function unescapeControls(json: string): string {
  return json.replace(/\\(?:\\|"|u[0-9a-f]{4}|[bfnrt])/gi, (found) => {
    const character: unknown = JSON.parse(`"${found}"`)
    return typeof character === 'string' && character < ' ' ? character : found
  })
}
