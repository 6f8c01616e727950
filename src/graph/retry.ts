/**
 * Decides whether a failed attempt is followed by another one, and ends a call with one error.
 *
 * A GET (and a DELETE, whose repetition finds nothing) is tried again as often as the table of
 * failures says. Whatever makes something (exchange.ts, `isRepeatable`) is never sent again once
 * it may have reached the service: then it ends as `AnswerLost`. It is sent again only if it certainly was not received, or was turned away
 * before anything was done (429, 401). This ring is outside the governor's, so that every attempt
 * is counted and waits its turn, and no slot is held while waiting.
 */
import type { Clock, Randomness } from '../ports.ts'
import { backoffMs } from './backoff.ts'
import { timeLeft } from './deadline.ts'
import { ATTEMPTS_MAX } from './error-table.ts'
import { answerLost, deadlineReached, type Failure, toAppError } from './errors.ts'
import { type GraphCall, isRepeatable, type Ring } from './exchange.ts'

/** Answered before anything was looked at: too early, or with a token that has run out. */
const TURNED_AWAY: ReadonlySet<number> = new Set([401, 429])

/** What becomes of a pre-authenticated address whose time is over. */
const ADDRESS_REFUSED: ReadonlySet<number> = new Set([401, 403, 404, 410])

export interface RetryOptions {
  clock: Clock
  random: Randomness
}

export function createRetryRing(options: RetryOptions): Ring {
  const { clock, random } = options
  return async (exchange, next) => {
    const { call } = exchange
    const met = new Map<string, number>()
    for (let attempt = 1; ; attempt += 1) {
      exchange.beginAttempt()
      await next()
      const { failure } = exchange
      if (failure === undefined) return
      // A doubtful answer is as doubtful after other failures: each kind has its own count.
      const times = (met.get(failure.code) ?? 0) + 1
      met.set(failure.code, times)
      if (!mayRetry(failure, call, { attempt, times })) throw finalError(failure, call)
      // Where the service throttles, the governor's pause of the key is the wait.
      const delayMs = isGoverned(failure) ? 0 : backoffMs(random, attempt)
      const left = timeLeft(call.signal, clock)
      if (left !== undefined && delayMs >= left) throw finalError(failure, call)
      await nap(clock, delayMs, call)
    }
  }
}

/** True where the governor pauses the key because of this failure. */
export function isGoverned(failure: Failure): boolean {
  return failure.class === 'wait' || (failure.status === 503 && failure.retryAfterMs !== undefined)
}

/** `times`: how often this failure has been met among the `attempt` attempts so far. */
function mayRetry(
  failure: Failure,
  call: GraphCall,
  { attempt, times }: { attempt: number; times: number },
): boolean {
  if (attempt >= ATTEMPTS_MAX || times >= failure.attemptsMax || call.signal.aborted) return false
  // An address that is refused is refused for good: its caller gets a fresh one.
  if (!call.signsIn && ADDRESS_REFUSED.has(failure.status)) return false
  if (isRepeatable(call.method)) return true
  return failure.reached === 'no' || TURNED_AWAY.has(failure.status)
}

function finalError(failure: Failure, call: GraphCall): Error {
  const lost = failure.reached === 'maybe' || (failure.status >= 500 && failure.class === 'retry')
  if (!isRepeatable(call.method) && lost) return answerLost(failure, call.name)
  return toAppError(failure, call.name)
}

async function nap(clock: Clock, ms: number, call: GraphCall): Promise<void> {
  if (ms === 0) return
  try {
    await clock.sleep(ms, call.signal)
  } catch {
    // A sleep is only ended early by its signal.
    throw deadlineReached(call.name)
  }
}
