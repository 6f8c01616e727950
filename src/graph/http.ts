/**
 * The last ring of the chain: one request, one answer or one classified failure.
 *
 * Never throws for expected trouble and never retries. Every attempt has an end of its own, so
 * that a server that says nothing does not cost a whole slice.
 */
import { AppError } from '../model/errors.ts'
import type { Clock, GraphTransport } from '../ports.ts'
import {
  BUFFERED_MAX_BYTES,
  buffered,
  READ_AHEAD_BYTES,
  readFailureText,
  readHead,
  streamed,
} from './body.ts'
import { classifyAnswer, classifyNoAnswer, toAppError } from './errors.ts'
import type { Exchange, GraphCall, Ring } from './exchange.ts'
import { unreadableAnswer } from './json.ts'
import { chargedUnitsIn, rateLimitIn } from './rate-limit.ts'

/** One attempt, until its body (of a streamed answer: what is read ahead) is there. */
export const ATTEMPT_MS = 100_000

export interface HttpOptions {
  transport: GraphTransport
  clock: Clock
  attemptMs?: number
}

export function createHttpRing(options: HttpOptions): Ring {
  const { transport, clock, attemptMs = ATTEMPT_MS } = options
  return async (exchange) => {
    const { call } = exchange
    const timer = new AbortController()
    const attempt = new AbortController()
    clock.sleep(attemptMs, timer.signal).then(
      () => attempt.abort(),
      // The only way for this sleep to fail is that the attempt ended first.
      () => undefined,
    )
    call.meter.requests += 1
    call.meter.units += call.units ?? 0
    try {
      const signal = AbortSignal.any([call.signal, attempt.signal])
      const response = await transport(requestOf(exchange, signal))
      noteCharge(exchange, response.headers)
      await accept(exchange, response, clock)
    } catch (error) {
      if (error instanceof AppError) throw error
      exchange.failure = classifyNoAnswer(error, call.signal.aborted)
    } finally {
      timer.abort()
    }
  }
}

function requestOf(exchange: Exchange, signal: AbortSignal): Request {
  const { call } = exchange
  return new Request(call.url, {
    method: call.method,
    headers: {
      ...call.headers,
      ...(call.signsIn ? { Authorization: exchange.authorization } : {}),
    },
    redirect: 'manual',
    signal,
    ...(call.body === undefined ? {} : { body: call.body }),
  })
}

/** The answer knows better than the rule what it cost. */
function noteCharge(exchange: Exchange, headers: Headers): void {
  const { units, meter } = exchange.call
  if (units === undefined) return
  exchange.surcharge = (chargedUnitsIn(headers) ?? units) - units
  exchange.rateLimit = rateLimitIn(headers)
  meter.units += exchange.surcharge
}

async function accept(exchange: Exchange, response: Response, clock: Clock): Promise<void> {
  const { call } = exchange
  if (call.answer === 'redirect' && response.status === 302) {
    await response.body?.cancel()
    exchange.response = buffered(response, [])
    return
  }
  if (!response.ok) {
    const body = await readFailureText(response)
    const { status, headers } = response
    exchange.failure = classifyAnswer({ status, headers, body, nowMs: clock.now() })
    return
  }
  const streams = call.answer === 'streamed'
  const head = await readHead(response, streams ? READ_AHEAD_BYTES : BUFFERED_MAX_BYTES)
  if (head.rest === undefined) {
    exchange.response = buffered(response, head.chunks)
  } else if (streams) {
    const whole = { ...head, rest: head.rest }
    const result = streamed(response, whole, call.signal, (error) => broken(error, call))
    exchange.response = result.response
    exchange.bodyEnded = result.ended
  } else {
    await head.rest.cancel()
    throw unreadableAnswer(call.name, 'it is longer than what is read into memory')
  }
}

function broken(error: unknown, call: GraphCall): unknown {
  return toAppError(classifyNoAnswer(error, call.signal.aborted), call.name)
}
