/**
 * Asking for an undo: a job of its own, which removes what a restore made.
 *
 * Idempotent: while an undo of a restore has not ended, asking again gives that one. After it a
 * new one may be asked for; it finds what is still there, which is nothing if all was removed.
 * Two who ask at once meet at the id, which follows from the restore.
 */
import { createHash } from 'node:crypto'
import type { Job } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import { decodePlan, decodeRequest, encodePlan, NEW_PLAN } from './job-document.ts'
import { UNDOS_MAX } from './limits.ts'
import { hasEnded, type RestoreDeps } from './step-context.ts'

/** Throws `UndoOfUndo`, `RestoreNotEnded`, `TooManyUndos`. */
export async function askUndo(
  deps: Pick<RestoreDeps, 'catalogue' | 'clock'>,
  restore: Job,
  by: string,
  signal: AbortSignal,
): Promise<Job> {
  if (restore.kind === 'undo') throw undoOfUndo(restore)
  refuseUnended(restore, deps.clock.now())
  const { jobs } = deps.catalogue
  for (let n = 0; n < UNDOS_MAX; n += 1) {
    const id = undoId(restore.id, n)
    const job = (await jobs.get(id, signal)) ?? newUndo(restore, id, { by, at: deps.clock.now() })
    if (hasEnded(job)) continue
    // Not inserted: it is there already, by this loop's look or because another asked just now.
    const inserted = await jobs.insert(job, signal)
    return inserted ? job : ((await jobs.get(id, signal)) ?? job)
  }
  throw tooManyUndos(restore)
}

function newUndo(restore: Job, id: string, asked: { by: string; at: number }): Job {
  const at = new Date(asked.at).toISOString()
  return {
    id,
    kind: 'undo',
    state: 'planning',
    createdAt: at,
    updatedAt: at,
    heartbeatAt: at,
    attempt: 0,
    by: asked.by,
    request: JSON.stringify({ ...decodeRequest(restore), undoes: restore.id }),
    plan: encodePlan(NEW_PLAN),
    counts: {},
    flags: { cancel: false },
    trouble: '',
  }
}

function undoId(restore: string, n: number): string {
  return createHash('sha256').update(`holdfast-undo\n${restore}\n${n}`).digest('hex').slice(0, 32)
}

/** A step may outlive the end of its job: until its lease is over it may still send. */
function refuseUnended(restore: Job, now: number): void {
  const { lease } = decodePlan(restore)
  if (hasEnded(restore) && (lease === undefined || lease.until <= now)) return
  throw new AppError({
    code: 'RestoreNotEnded',
    kind: 'permanent',
    message: `This restore has not ended, so it cannot be undone: it is ${restore.state}.`,
    hint: 'Wait for its end, or cancel it first; then ask again.',
    context: { job: restore.id, state: restore.state },
  })
}

function undoOfUndo(job: Job): AppError {
  return new AppError({
    code: 'UndoOfUndo',
    kind: 'permanent',
    message: 'This is an undo, and an undo cannot be undone.',
    hint: 'To have the items again, plan a restore of them; what was removed can be recovered too.',
    context: { job: job.id },
  })
}

function tooManyUndos(restore: Job): AppError {
  return new AppError({
    code: 'TooManyUndos',
    kind: 'permanent',
    message: `This restore was undone ${UNDOS_MAX} times already.`,
    hint: 'Look at the reports of those undos for what they left, and why.',
    context: { job: restore.id },
  })
}
