/**
 * Restore: what a person asks for becomes a plan, the plan is confirmed, then replayed.
 *
 * `create`, `start`, `cancel` and `report` serve the role that faces people: they touch rows
 * only. `step` is the activity of the restore role: it alone opens content and writes to the
 * service. An undo is a job like a restore. Not here: who may ask for what (access), starting the
 * orchestration (functions), replace and exports.
 */
import type { Job } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import { admit } from './admission.ts'
import { decodePlan, decodeRequest, encodePlan, NEW_PLAN } from './job-document.ts'
import { type RestoreReport, reportOf } from './report.ts'
import { parseRestoreRequest } from './request.ts'
import { JobSlots, planChanged } from './slots.ts'
import { restoreStep } from './step.ts'
import { hasEnded, type RestoreDeps, type StepOutcome } from './step-context.ts'
import { askUndo } from './undo-request.ts'

export { type Outcome, type RestoreCounts, shownCounts } from './counting.ts'
export type { PlanTotals, UndoTotals } from './job-document.ts'
export type { ReportLine, RestoreReport } from './report.ts'
export {
  CONTAINERS_SELECTED_MAX,
  ITEMS_SELECTED_MAX,
  parseRestoreRequest,
  type RestoreRequest,
  restoreRequestSchema,
} from './request.ts'
export {
  hasEnded,
  type RestoreDeps,
  type RestoreSettings,
  type StepOutcome,
} from './step-context.ts'

export interface Restore {
  /**
   * Checks the body of a request and inserts a job in state `planning`; the caller then names it
   * to the restore role. Throws `RequestInvalid` and the refusals of admission.ts, whose message
   * and hint are for people. Not idempotent: each call is a new job.
   */
  create(request: unknown, by: string, signal: AbortSignal): Promise<Job>
  /**
   * One slice of a job: planning, or replay. Safe to call twice at the same time. Throws only
   * bugs; a job that does not exist is `failed` with `JobUnknown`.
   */
  step(jobId: string, options: { deadline: number }, signal: AbortSignal): Promise<StepOutcome>
  /**
   * Releases a planned job for replay. With a hash, only if it is the plan's; always only if the
   * rows still are that plan. Throws `JobUnknown`, `JobNotPlanned`, `PlanChanged`.
   */
  start(jobId: string, planHash: string | undefined, by: string, signal: AbortSignal): Promise<Job>
  /**
   * Ends a job: at once where nothing was sent yet, else after what was sent is accounted for.
   * Idempotent; a job that has ended stays as it is. Throws `JobUnknown`.
   */
  cancel(jobId: string, signal: AbortSignal): Promise<Job>
  /**
   * Inserts a job, in state `planning`, that will remove what this restore made and nobody
   * touched since; then it is planned, started and reported as a restore is. Idempotent while
   * one has not ended. Throws `JobUnknown`, `UndoOfUndo`, `RestoreNotEnded`, `TooManyUndos`.
   */
  undo(restoreId: string, by: string, signal: AbortSignal): Promise<Job>
  /** Throws `JobUnknown`. `max` lines at most, up to 1,000. */
  report(
    jobId: string,
    query: { max: number; continuation?: string },
    signal: AbortSignal,
  ): Promise<RestoreReport>
}

export function createRestore(deps: RestoreDeps): Restore {
  return {
    create: (request, by, signal) => create(deps, request, by, signal),
    step: (jobId, options, signal) => restoreStep(deps, jobId, options, signal),
    start: (jobId, planHash, by, signal) => start(deps, { jobId, planHash, by }, signal),
    cancel: (jobId, signal) => cancel(deps, jobId, signal),
    undo: async (restoreId, by, signal) =>
      askUndo(deps, await known(deps, restoreId, signal), by, signal),
    report: async (jobId, query, signal) => {
      const job = await known(deps, jobId, signal)
      return reportOf(job, new JobSlots(deps.catalogue, jobId), query, signal)
    },
  }
}

async function create(
  deps: RestoreDeps,
  body: unknown,
  by: string,
  signal: AbortSignal,
): Promise<Job> {
  const request = await admit(parseRestoreRequest(body), deps, signal)
  const at = new Date(deps.clock.now()).toISOString()
  const job: Job = {
    id: Buffer.from(deps.random.bytes(16)).toString('hex'),
    kind: 'restore',
    state: 'planning',
    createdAt: at,
    updatedAt: at,
    heartbeatAt: at,
    attempt: 0,
    by,
    request: JSON.stringify(request),
    plan: encodePlan(NEW_PLAN),
    counts: {},
    flags: { cancel: false },
    trouble: '',
  }
  const inserted = await deps.catalogue.jobs.insert(job, signal)
  if (!inserted) {
    throw new AppError({
      code: 'JobExists',
      kind: 'bug',
      message: 'A job with this random id exists already.',
    })
  }
  return job
}

async function start(
  deps: RestoreDeps,
  of: { jobId: string; planHash: string | undefined; by: string },
  signal: AbortSignal,
): Promise<Job> {
  const job = await known(deps, of.jobId, signal)
  const { hash, slots, target } = decodePlan(job)
  if (job.state !== 'planned' || hash === undefined || target === undefined) throw notPlanned(job)
  if (of.planHash !== undefined && of.planHash !== hash) throw planChanged(job.id)
  const header = { request: decodeRequest(job), target }
  const rows = await new JobSlots(deps.catalogue, job.id).hash(header, signal)
  if (rows.hash !== hash || rows.slots !== slots) throw planChanged(job.id)
  const at = deps.clock.now()
  let started = false
  const after = await deps.catalogue.jobs.update(
    job.id,
    (row) => {
      started = row.state === 'planned' && row.plan === job.plan
      if (!started) return row
      const plan = encodePlan({ ...decodePlan(row), startedBy: of.by, startedAt: at })
      const now = new Date(at).toISOString()
      // The reconciler counts silence from here on, not from the end of planning.
      return { ...row, state: 'queued', plan, updatedAt: now, heartbeatAt: now }
    },
    signal,
  )
  if (!after) throw jobUnknown(of.jobId)
  if (!started) throw notPlanned(after)
  return after
}

async function cancel(deps: RestoreDeps, jobId: string, signal: AbortSignal): Promise<Job> {
  const at = new Date(deps.clock.now()).toISOString()
  const job = await deps.catalogue.jobs.update(
    jobId,
    (now) => {
      if (hasEnded(now)) return now
      // A step may be in flight in the other two: it sees the flag and ends the job itself.
      const idle = now.state === 'planned' || now.state === 'queued'
      const state = idle ? 'cancelled' : now.state
      return { ...now, state, flags: { cancel: true }, updatedAt: at }
    },
    signal,
  )
  if (!job) throw jobUnknown(jobId)
  return job
}

async function known(deps: RestoreDeps, jobId: string, signal: AbortSignal): Promise<Job> {
  const job = await deps.catalogue.jobs.get(jobId, signal)
  if (!job) throw jobUnknown(jobId)
  return job
}

function jobUnknown(job: string): AppError {
  return new AppError({
    code: 'JobUnknown',
    kind: 'permanent',
    message: 'There is no restore with this id.',
    hint: 'Take the id from the list of restores.',
    context: { job },
  })
}

function notPlanned(job: Job): AppError {
  return new AppError({
    code: 'JobNotPlanned',
    kind: 'permanent',
    message: `This restore cannot be started: it is ${job.state}.`,
    hint:
      job.state === 'planning'
        ? 'Wait until its plan is complete, and look at it first.'
        : 'A restore is started once. Plan a new one for more.',
    context: { job: job.id, state: job.state },
  })
}
