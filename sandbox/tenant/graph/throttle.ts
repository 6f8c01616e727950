/**
 * Outlook's limits for each app and mailbox: 4 calls at once, 10,000 in 10 minutes.
 *
 * A refused call counts too (facts/graph.md 2.2). The window is a ring of one-second buckets, so
 * a busy bench costs no memory. Directory calls have no limit here.
 */
import { MAILBOX_CONCURRENT_MAX, MAILBOX_REQUESTS_MAX, MAILBOX_WINDOW_MS } from '../limits.ts'
import { GraphError } from './errors.ts'

const BUCKET_MS = 1_000
const BUCKETS = MAILBOX_WINDOW_MS / BUCKET_MS

interface Budget {
  open: number
  readonly counts: Uint32Array
  sum: number
  bucket: number
}

export interface Throttle {
  /** Takes a slot, or throws the 429; the returned function gives the slot back, once. */
  enter(appId: string, mailbox: string): () => void
  reset(): void
}

function advance(budget: Budget, bucket: number): void {
  const steps = Math.min(bucket - budget.bucket, BUCKETS)
  for (let i = 1; i <= steps; i += 1) {
    const index = (budget.bucket + i) % BUCKETS
    budget.sum -= budget.counts[index] ?? 0
    budget.counts[index] = 0
  }
  budget.bucket = bucket
}

/** Seconds until the oldest counted calls have left the window. */
function secondsUntilRoom(budget: Budget): number {
  for (let age = BUCKETS - 1, freed = 0; age >= 0; age -= 1) {
    freed += budget.counts[(((budget.bucket - age) % BUCKETS) + BUCKETS) % BUCKETS] ?? 0
    if (budget.sum - freed < MAILBOX_REQUESTS_MAX) return BUCKETS - age
  }
  return BUCKETS
}

export function createThrottle(nowMs: () => number): Throttle {
  const budgets = new Map<string, Budget>()
  return {
    enter(appId, mailbox) {
      const key = `${appId} ${mailbox}`
      const bucket = Math.floor(nowMs() / BUCKET_MS)
      const budget = budgets.get(key) ?? {
        open: 0,
        counts: new Uint32Array(BUCKETS),
        sum: 0,
        bucket,
      }
      budgets.set(key, budget)
      if (bucket > budget.bucket) advance(budget, bucket)
      budget.counts[budget.bucket % BUCKETS] = (budget.counts[budget.bucket % BUCKETS] ?? 0) + 1
      budget.sum += 1
      if (budget.sum > MAILBOX_REQUESTS_MAX) throw tooManyRequests(secondsUntilRoom(budget))
      if (budget.open >= MAILBOX_CONCURRENT_MAX) throw tooManyAtOnce()
      budget.open += 1
      let left = false
      return () => {
        if (left) return
        left = true
        budget.open -= 1
      }
    },
    reset: () => budgets.clear(),
  }
}

function tooManyAtOnce(): GraphError {
  return new GraphError(
    429,
    'ApplicationThrottled',
    'Application is over its MailboxConcurrency limit.',
    { 'retry-after': '1' },
  )
}

function tooManyRequests(seconds: number): GraphError {
  return new GraphError(429, 'ApplicationThrottled', 'Application is over its Request limit.', {
    'retry-after': String(seconds),
  })
}
