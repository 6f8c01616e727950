/** The delay rule of SDK retry options, as the task framework computes it. Pure. */
import type { RetryOptions } from './orchestrator-answer.ts'

/**
 * Milliseconds until the next attempt after attempt `number` (1 is the first) failed; 0 means
 * that no further attempt is made because `retryTimeout` has passed.
 */
export function retryDelayMs(options: RetryOptions, number: number, elapsedMs: number): number {
  const timeoutMs = options.retryTimeoutInMilliseconds ?? Number.POSITIVE_INFINITY
  if (elapsedMs >= timeoutMs) return 0
  const factor = (options.backoffCoefficient ?? 1) ** (number - 1)
  const delayMs = options.firstRetryIntervalInMilliseconds * factor
  return Math.min(delayMs, options.maxRetryIntervalInMilliseconds ?? Number.POSITIVE_INFINITY)
}
