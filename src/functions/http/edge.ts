/**
 * The one edge between the handlers and the host.
 *
 * Whatever happens inside, the host gets an answer object: a thrown error, a text or nothing
 * would become a 500 with an empty body, or no answer at all. Each call leaves one log line with
 * opaque ids, and a failed one carries the same occurrence id in the answer and in the log.
 */
import { Readable } from 'node:stream'
import type { HttpRequest, HttpResponseInit } from '@azure/functions'
import type { AppError } from '../../model/errors.ts'
import type { HttpDeps } from './deps.ts'
import { problemOf, refusal } from './problems.ts'
import type { Reply, Route } from './route.ts'

/** Azure's front gives up after 230 s; we do so before, with an answer. */
const CALL_MS_MAX = 200_000
const OCCURRENCE_BYTES = 8
const CAUSES_MAX = 5
const FRAMES_MAX = 12
const HARMLESS_CODE = /^[A-Za-z][0-9A-Za-z_.-]{0,60}$/

const ALWAYS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

export async function answer(
  route: Route,
  request: HttpRequest,
  deps: HttpDeps,
): Promise<HttpResponseInit> {
  const startedAt = deps.clock.now()
  const signal = AbortSignal.timeout(CALL_MS_MAX)
  const elapsedMs = () => deps.clock.now() - startedAt
  try {
    const reply = await route.run(request, deps, signal)
    const fields = { call: route.name, status: reply.status, ms: elapsedMs() }
    deps.log.info('api', fields)
    return responseOf(reply)
  } catch (error) {
    const occurrence = Buffer.from(deps.random.bytes(OCCURRENCE_BYTES)).toString('hex')
    const shown = signal.aborted ? timedOut(error) : error
    const { problem, headers } = problemOf(shown, occurrence)
    const { status, code } = problem
    const fields = { call: route.name, status, code, occurrence, ms: elapsedMs() }
    if (status >= 500) deps.log.error('api', { ...fields, ...traceOf(error) })
    else deps.log.info('api', fields)
    return {
      status,
      headers: { ...ALWAYS, 'content-type': 'application/problem+json', ...headers },
      body: JSON.stringify(problem),
    }
  }
}

function responseOf(reply: Reply): HttpResponseInit {
  const headers = { ...ALWAYS, ...reply.headers }
  if (reply.content !== undefined) {
    const body = reply.content instanceof Uint8Array ? reply.content : Readable.from(reply.content)
    return { status: reply.status, headers, body }
  }
  return {
    status: reply.status,
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(reply.json ?? {}),
  }
}

function timedOut(cause: unknown): AppError {
  return refusal(
    'CallTimedOut',
    'The call took too long and was given up.',
    'Try again, or ask for less at once.',
    cause,
  )
}

/**
 * Where a failure of ours came from: classes, codes and places in the code, from the error down
 * its causes, but never a message, which may quote what the call was about (P9).
 */
function traceOf(error: unknown): Record<string, string> {
  const names: string[] = []
  let at: unknown = error
  for (let depth = 0; depth < CAUSES_MAX && at instanceof Error; depth++) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : ''
    const parts = [at.name, code].filter((text) => HARMLESS_CODE.test(text))
    names.push(parts.join(' ') || 'Error')
    at = at.cause
  }
  return { errors: names.join(' < ') || typeof error, frames: framesOf(error) }
}

function framesOf(error: unknown): string {
  if (!(error instanceof Error) || error.stack === undefined) return ''
  // The stack begins with name and message; where it does not, nothing can be cut off safely.
  const end = error.message === '' ? 0 : error.stack.indexOf(error.message)
  if (end < 0) return ''
  return error.stack
    .slice(end + error.message.length)
    .split('\n')
    .flatMap((line) => /^ +at ([\w$.<> ]{1,80}) \(/.exec(line)?.[1] ?? [])
    .slice(0, FRAMES_MAX)
    .join(' < ')
}
