/**
 * Reads what a caller sent: query, body, ids. Everything is bounded and schema-checked here.
 *
 * Refusals name parameters and rules, never the value that was sent: a value may be a token or a
 * subject in the wrong place, and answers end up in logs (P9).
 */
import type { HttpRequest } from '@azure/functions'
import { z } from 'zod'
import { AppError } from '../../model/errors.ts'
import { isWorkloadName, type KeyHash, parseKeyHash, type WorkloadName } from '../../model/ids.ts'
import { refusal } from './problems.ts'

export const BODY_BYTES_MAX = 256 * 1024
const ISSUES_SHOWN_MAX = 5
/** What we repeat of a name that the caller made up: enough to see a slip of the pen. */
const HARMLESS_NAME = /^[A-Za-z]{1,20}$/
/** What may stand in a table key, a queue message and an instance id. */
const ID_PATTERN = /^[0-9A-Za-z][0-9A-Za-z._-]{0,59}$/
const PAGE_MAX = 1000
/** Clocks of callers may be ahead of ours. */
const CLOCK_SKEW_MS = 60_000
const SEE_DOCS = 'docs/api.md shows every call with an example.'

/** For calls that take no body: nothing, or an empty object. */
export const noBody = z.strictObject({}).default({})

export const noQuery = z.strictObject({})

/** How many lines a page has at most. */
export const maxParam = z
  .string()
  .regex(/^\d{1,6}$/, 'must be a whole number')
  .transform(Number)
  .pipe(z.number().min(1, 'must be at least 1').max(PAGE_MAX, `must be at most ${PAGE_MAX}`))
  .default(100)

export const cursorParam = z.string().min(1).max(4000).optional()

export const pageQuery = z.strictObject({ max: maxParam, cursor: cursorParam })

/** ISO 8601 with a zone: a local time would mean another moment on another machine. */
const isoTime = z.iso.datetime({
  offset: true,
  error: 'must be an ISO 8601 time with a zone, such as 2026-03-01T08:00:00Z',
})
export const atParam = isoTime.transform((text) => new Date(text).toISOString()).optional()

/** A moment that has passed, in UTC. */
export const pastTime = isoTime.transform((text) => new Date(text).toISOString())

export const workloadParam = z.string().max(40).optional()

/** Throws `WorkloadUnknown`. */
export function workloadOf(text: string, offered: readonly WorkloadName[]): WorkloadName {
  if (isWorkloadName(text) && offered.includes(text)) return text
  throw refusal(
    'WorkloadUnknown',
    'There is no such workload.',
    `Use one of: ${offered.join(', ')}.`,
  )
}

/** Throws `TimeInFuture`. */
export function refuseFuture(at: string, nowMs: number): void {
  if (Date.parse(at) <= nowMs + CLOCK_SKEW_MS) return
  throw refusal(
    'TimeInFuture',
    'The time in "at" lies in the future: there is no recovery point there yet.',
    'Leave "at" out for the newest state, or give the time of a recovery point.',
  )
}

/** A hash id, as Holdfast printed it. Throws `MalformedId`. */
export function keyOf(text: string | undefined, what: string): KeyHash {
  try {
    return parseKeyHash(text ?? '')
  } catch (cause) {
    if (!(cause instanceof AppError)) throw cause
    throw malformedId(what)
  }
}

/** The id of a run or job. Throws `MalformedId`. */
export function jobIdOf(text: string | undefined, what: string): string {
  if (text !== undefined && ID_PATTERN.test(text)) return text
  throw malformedId(what)
}

function malformedId(what: string): AppError {
  return refusal(
    'MalformedId',
    `This is not the id of a ${what}.`,
    `Use the id exactly as the API printed it; the list of ${what}s has them.`,
  )
}

/** Throws `QueryInvalid`. */
export function parsedQuery<S extends z.ZodObject>(query: URLSearchParams, schema: S): z.output<S> {
  const known = Object.keys(schema.shape)
  const allowed = known.length === 0 ? 'It takes none.' : `It takes: ${known.join(', ')}.`
  const given: Record<string, string> = {}
  for (const [name, value] of query) {
    if (Object.hasOwn(given, name)) {
      throw refusal('QueryInvalid', `The query parameter ${quoted(name)} is given twice.`)
    }
    given[name] = value
  }
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  throw refusal('QueryInvalid', described('The query', parsed.error), `${allowed} ${SEE_DOCS}`)
}

/** Throws `BodyTooLarge`, `BodyTypeUnsupported`, `BodyMalformed`, `BodyInvalid`. */
export async function parsedBody<S extends z.ZodType>(
  request: HttpRequest,
  schema: S,
): Promise<z.output<S>> {
  const text = await bodyText(request)
  const json = text === '' ? undefined : jsonOf(request, text)
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  throw refusal('BodyInvalid', described('The body', parsed.error), SEE_DOCS)
}

async function bodyText(request: HttpRequest): Promise<string> {
  const tooLarge = () =>
    refusal(
      'BodyTooLarge',
      `The body is larger than ${BODY_BYTES_MAX / 1024} KiB.`,
      'Name fewer ids in one call, or name whole containers instead of their items.',
    )
  if (Number(request.headers.get('content-length') ?? 0) > BODY_BYTES_MAX) throw tooLarge()
  const pieces: Uint8Array[] = []
  let bytes = 0
  for await (const piece of request.body ?? []) {
    bytes += piece.length
    if (bytes > BODY_BYTES_MAX) throw tooLarge()
    pieces.push(piece)
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces))
  } catch {
    throw bodyMalformed()
  }
}

function jsonOf(request: HttpRequest, text: string): unknown {
  const type = (request.headers.get('content-type') ?? '').split(';')[0]?.trim().toLowerCase()
  if (type !== 'application/json' || request.headers.get('content-encoding') !== null) {
    throw refusal(
      'BodyTypeUnsupported',
      'The body must be plain JSON.',
      'Send the header Content-Type: application/json, and no Content-Encoding.',
    )
  }
  try {
    return JSON.parse(text)
  } catch {
    // The parser's own text quotes the body.
    throw bodyMalformed()
  }
}

function bodyMalformed(): AppError {
  return refusal('BodyMalformed', 'The body is not JSON in UTF-8.', SEE_DOCS)
}

/** One sentence for the first few things that are wrong. */
function described(what: string, error: z.ZodError): string {
  const texts = error.issues.flatMap(issueTexts)
  const shown = [...new Set(texts)].slice(0, ISSUES_SHOWN_MAX)
  return `${what} is not usable: ${shown.join('; ')}.`
}

function issueTexts(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : safe(String(part))))
  const where = path.length === 0 ? '' : `${path.join('.')}: `
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${where}there is nothing ${quoted(key)}`)
  }
  return [`${where}${plain(issue.message)}`]
}

/** The parser's own words for a wrong type are those of a programmer. */
function plain(message: string): string {
  const [, expected, received] =
    /^Invalid input: expected (\w+), received (\w+)$/.exec(message) ?? []
  if (expected === undefined) return message.replace(/\.$/, '')
  return received === 'undefined' ? 'is missing' : `must be of type ${expected}, not ${received}`
}

function quoted(name: string): string {
  return HARMLESS_NAME.test(name) ? `named "${name}"` : 'of that name'
}

function safe(name: string): string {
  return HARMLESS_NAME.test(name) ? name : '(a member)'
}
