/**
 * Keeps what a job reads from expiring while it may read it (DESIGN 5, decision 018): the expirer
 * leaves a stream from the pinned commit on.
 *
 * A pin is made before the plan reads the point and taken away when a step has brought the job to
 * its end. Where nobody does that (a plan that is never started, a cancel between steps) it runs out
 * by itself, so a plan is good for `PIN_DAYS_MAX`: later its point may have expired, and its items say so.
 */
import { createRecord, datedName, PIN, PIN_DAYS_MAX, UNPIN } from '../vault/retention/index.ts'
import type { StepContext } from './step-context.ts'

const DAY_MS = 24 * 3_600_000

/** Idempotent. Throws what storage throws: without its pin a point is not planned from. */
export async function pin({ deps, lease, request, signal }: StepContext): Promise<void> {
  const { id, createdAt } = lease.job
  const from = Date.parse(createdAt)
  const { owner, workload, seq } = request
  const until = new Date(from + PIN_DAYS_MAX * DAY_MS).toISOString()
  const document = { owner, workload, seq, until }
  await createRecord(deps.pins, datedName(PIN, id, from), document, signal)
}

/** Idempotent. */
export async function unpin({ deps, lease, signal }: StepContext): Promise<void> {
  const { id, createdAt } = lease.job
  await createRecord(deps.pins, datedName(UNPIN, id, Date.parse(createdAt)), {}, signal)
}
