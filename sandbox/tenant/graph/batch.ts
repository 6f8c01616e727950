/**
 * `POST /$batch`: up to 20 requests in one (facts/graph.md 2.3).
 *
 * Invariants: each request is charged, limited, faulted and permitted as if it came alone;
 * independent ones begin at once, so of more than four for one mailbox the rest answers 429; the
 * answers come in no useful order. `dependsOn` takes the three patterns that are documented: none,
 * a chain, or all on one; what depends on a failure answers 424.
 */
import { z } from 'zod'
import type { Answer, Call } from '../http.ts'
import { stableNumber } from '../ids.ts'
import { BATCH_REQUESTS_MAX, REQUEST_BYTES_MAX } from '../limits.ts'
import { badRequest, GraphError } from './errors.ts'
import { checked, readLimited } from './inputs.ts'

export const BATCH_PATH = /^\/v1\.0\/(\$|%24)batch$/i
const VERSION_PATH = '/v1.0'

const Part = z.strictObject({
  id: z.string().min(1),
  method: z.string().transform((method) => method.toUpperCase()),
  url: z.string().min(1),
  headers: z.record(z.string(), z.string()).optional(),
  /** An object, or base64 of what is no JSON. */
  body: z.unknown().optional(),
  dependsOn: z.array(z.string()).optional(),
  // Documented as having no effect.
  atomicityGroup: z.string().optional(),
})
type Part = z.output<typeof Part>

const Batch = z.strictObject({ requests: z.array(Part).min(1) })

interface PartAnswer {
  readonly id: string
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

type RunPart = (call: Call) => Promise<Answer>

/** `run` answers one request as if it had come alone. */
export async function answerBatch(call: Call, run: RunPart): Promise<Answer> {
  const { requests } = checked(Batch, await readJson(call))
  checkBatch(requests)
  const answers = new Map<string, PartAnswer>()
  let waiting = requests
  for (let wave = 0; waiting.length > 0 && wave < BATCH_REQUESTS_MAX; wave += 1) {
    const ready = waiting.filter((part) => (part.dependsOn ?? []).every((id) => answers.has(id)))
    waiting = waiting.filter((part) => !ready.includes(part))
    const failed = (part: Part) =>
      (part.dependsOn ?? []).some((id) => (answers.get(id)?.status ?? 0) >= 400)
    const done = await Promise.all(
      ready.map(async (part) =>
        failed(part) ? failedDependency(part) : toPartAnswer(part, await run(toCall(call, part))),
      ),
    )
    for (const answer of done) answers.set(answer.id, answer)
  }
  const responses = [...answers.values()].toSorted(
    (a, b) => stableNumber('batch', a.id) - stableNumber('batch', b.id),
  )
  return { status: 200, body: { responses } }
}

async function readJson(call: Call): Promise<unknown> {
  const bytes = await readLimited(() => call.readBody(REQUEST_BYTES_MAX))
  try {
    return JSON.parse(bytes.toString())
  } catch (error) {
    if (error instanceof SyntaxError) throw badRequest('Invalid batch payload format.')
    throw error
  }
}

function checkBatch(parts: readonly Part[]): void {
  if (parts.length > BATCH_REQUESTS_MAX) {
    throw badRequest(`Number of batch requests exceeds the maximum of ${BATCH_REQUESTS_MAX}.`)
  }
  const ids = new Set(parts.map(({ id }) => id))
  if (ids.size !== parts.length) throw badRequest('Request ids of a batch must be unique.')
  for (const part of parts) {
    if (!part.url.startsWith('/') || part.url.toLowerCase().startsWith('/$batch')) {
      throw badRequest(`The URL of batch request '${part.id}' must be relative, and no batch.`)
    }
    if (part.body !== undefined && contentTypeOf(part) === undefined) {
      throw badRequest(
        `Write request id : ${part.id} does not contain Content-Type header or body.`,
      )
    }
  }
  if (!isKnownPattern(parts)) {
    throw badRequest('dependsOn must form no dependency, one chain, or all on one request.')
  }
}

function isKnownPattern(parts: readonly Part[]): boolean {
  const [first, ...others] = parts.map(({ dependsOn }) => dependsOn ?? [])
  if (!first || first.length > 0) return parts.every((part) => isOnOne(part, parts))
  if (others.every((dependsOn) => dependsOn.length === 0)) return true
  const chained = others.every(
    (dependsOn, n) => dependsOn.length === 1 && dependsOn[0] === parts[n]?.id,
  )
  return chained || parts.every((part) => isOnOne(part, parts))
}

/** Everything waits for the same request, which waits for nothing. */
function isOnOne({ id, dependsOn = [] }: Part, parts: readonly Part[]): boolean {
  const roots = parts.filter((part) => (part.dependsOn ?? []).length === 0)
  const [root] = roots
  if (!root || roots.length > 1) return false
  return id === root.id || (dependsOn.length === 1 && dependsOn[0] === root.id)
}

function lowerCaseNames(headers: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]),
  )
}

function contentTypeOf({ headers }: Part): string | undefined {
  return lowerCaseNames(headers ?? {})['content-type']
}

/** The call that the part stands for, signed in as the batch is. */
function toCall(outer: Call, part: Part): Call {
  const question = part.url.indexOf('?')
  const isJson = /^application\/json/i.test(contentTypeOf(part) ?? '')
  const { body } = part
  const text = body === undefined ? '' : isJson ? JSON.stringify(body) : String(body)
  const bytes = Buffer.from(text, isJson || body === undefined ? 'utf8' : 'base64')
  return {
    method: part.method,
    rawPath: VERSION_PATH + (question < 0 ? part.url : part.url.slice(0, question)),
    rawQuery: question < 0 ? '' : part.url.slice(question + 1),
    headers: {
      ...lowerCaseNames(part.headers ?? {}),
      ...(outer.headers.authorization === undefined
        ? {}
        : { authorization: outer.headers.authorization }),
    },
    readBody: async () => bytes,
    stream: async function* () {
      yield bytes
    },
  }
}

/** `retry-after` as `Retry-After`, the way batch answers spell header names. */
function titleCase(name: string): string {
  return name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase())
}

function toPartAnswer({ id }: Part, answer: Answer): PartAnswer {
  // What cuts a connection, or spoils JSON, can only be a gateway's failure inside a batch.
  const isSpoilt = typeof answer.body === 'string' && answer.status < 400
  if (answer.drop || answer.cutAt !== undefined || isSpoilt) {
    const error = { code: 'UnknownError', message: '' }
    return { id, status: 504, headers: { 'Content-Type': 'application/json' }, body: { error } }
  }
  const headers = Object.fromEntries(
    Object.entries(answer.headers ?? {}).map(([name, value]) => [titleCase(name), value]),
  )
  const { body } = answer
  if (body === undefined) return { id, status: answer.status, headers }
  if (typeof body === 'string' || body instanceof Uint8Array) {
    const base64 = Buffer.from(body).toString('base64')
    return { id, status: answer.status, headers, body: base64 }
  }
  const typed = { 'Content-Type': 'application/json', ...headers }
  return { id, status: answer.status, headers: typed, body }
}

function failedDependency({ id }: Part): PartAnswer {
  const { status, code, message } = new GraphError(
    424,
    'FailedDependency',
    'A request that this one depends on has failed.',
  )
  const headers = { 'Content-Type': 'application/json' }
  return { id, status, headers, body: { error: { code, message } } }
}
