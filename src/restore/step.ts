/**
 * One step: takes the job's lease, works one slice, gives the lease back with what it learnt.
 *
 * Trouble becomes an answer, never an exception, because a throw in an activity means a bug
 * (DESIGN 4). After a bug the lease is left to run out: that is the pause before it strikes
 * again, and until then nobody else sends for this job.
 */
import { AppError } from '../model/errors.ts'
import { abandon, endOf } from './ending.ts'
import { decodeRequest, type JobPlan } from './job-document.ts'
import { type JobChange, JobLease } from './job-lease.ts'
import { pin, unpin } from './pinning.ts'
import { planStep } from './planner.ts'
import { planRollBackStep } from './roll-back-planner.ts'
import { runStep } from './runner.ts'
import { JobSlots } from './slots.ts'
import { hasEnded, type RestoreDeps, type StepContext, type StepOutcome } from './step-context.ts'
import { type Trouble, troubleOf, waitMs } from './trouble.ts'
import { planUndoStep } from './undo-planner.ts'
import { undoStep } from './undo-runner.ts'

/** Throws only bugs and the reason of `signal`. */
export async function restoreStep(
  deps: RestoreDeps,
  jobId: string,
  options: { deadline: number },
  signal: AbortSignal,
): Promise<StepOutcome> {
  const deadline = Math.min(options.deadline, deps.clock.now() + deps.settings.sliceMs)
  try {
    const holder = Buffer.from(deps.random.bytes(16)).toString('hex')
    const lease = {
      job: jobId,
      holder,
      until: deadline + deps.settings.leaseMarginMs,
      clock: deps.clock,
    }
    const claim = await JobLease.claim(deps.catalogue.jobs, lease, signal)
    if (claim.outcome === 'unknown') return { state: 'failed', code: 'JobUnknown' }
    if (claim.outcome === 'busy') {
      return { state: 'wait', waitMs: waitMs(claim.waitMs), code: 'JobBusy' }
    }
    if (claim.outcome === 'idle') {
      const { state, trouble } = claim.job
      return state === 'failed' ? { state: 'failed', code: trouble } : { state: 'done' }
    }
    return await workSlice(deps, claim.lease, deadline, signal)
  } catch (error) {
    signal.throwIfAborted()
    // Our own storage is in trouble, or the lease was lost: rows say where the next step goes on.
    const trouble = troubleOf(error)
    const wait = trouble.kind === 'wait' ? trouble.waitMs : undefined
    return { state: 'wait', waitMs: waitMs(wait), code: trouble.code }
  }
}

async function workSlice(
  deps: RestoreDeps,
  lease: JobLease,
  deadline: number,
  signal: AbortSignal,
): Promise<StepOutcome> {
  const sending = new AbortController()
  const timer = new AbortController()
  const stopped = AbortSignal.any([signal, timer.signal])
  const alarm = deps.clock.sleep(Math.max(0, deadline - deps.clock.now()), stopped).then(
    () => sending.abort(new DOMException('The slice has ended.', 'TimeoutError')),
    (reason: unknown) => sending.abort(reason),
  )
  try {
    const context = contextOf(deps, lease, { deadline, signal, sendSignal: sending.signal })
    const outcome = await work(context)
    if (hasEnded(lease.job)) await unpin(context)
    await lease.release(waitShown(outcome, deps.clock.now()), signal)
    return outcome
  } finally {
    timer.abort()
    await alarm
  }
}

/** What a job says while it waits, so that whoever looks at it sees more than a standstill. */
function waitShown(outcome: StepOutcome, now: number): JobChange {
  if (outcome.state === 'failed') return {}
  if (outcome.state !== 'wait') return { trouble: '' }
  return { trouble: outcome.code ?? '', plan: { waitsUntil: now + outcome.waitMs } }
}

function contextOf(
  deps: RestoreDeps,
  lease: JobLease,
  slice: Pick<StepContext, 'deadline' | 'signal' | 'sendSignal'>,
): StepContext {
  const request = decodeRequest(lease.job)
  const stream = deps.catalogue.stream(request.owner, request.workload)
  const reader = deps.vault.reader(request.owner)
  const { streamed = [] } = deps.workloads(request.workload)
  const source = { stream, reader, seq: request.seq, streamed }
  return {
    deps,
    lease,
    request,
    stream,
    source,
    slots: new JobSlots(deps.catalogue, lease.job.id),
    ...slice,
  }
}

/** Trouble of a slice as its outcome: planning fails for good, a replay waits and goes on. */
async function work(context: StepContext): Promise<StepOutcome> {
  const { lease, sendSignal, signal } = context
  const planning = lease.job.state === 'planning'
  const end = endOf(context)
  if (end !== undefined) return abandon(context, end)
  try {
    return await (planning ? plan(context) : run(context))
  } catch (error) {
    signal.throwIfAborted()
    if (sendSignal.aborted) return { state: 'more' }
    const trouble = planning ? planningTrouble(error) : troubleOf(error)
    if (trouble.kind === 'wait') {
      return { state: 'wait', waitMs: trouble.waitMs, code: trouble.code }
    }
    const { code, message } = trouble
    // Once sent, items must be accounted for: a replay waits for what a person may put right.
    if (!planning && code !== 'PlanChanged') {
      return { state: 'wait', waitMs: waitMs(undefined), code }
    }
    const problem: JobPlan['problem'] = { message, hint: hintOf(error) }
    await lease.save({ state: 'failed', trouble: code, plan: { problem } }, signal)
    return { state: 'failed', code }
  }
}

async function plan(context: StepContext): Promise<StepOutcome> {
  if (!context.lease.plan.cursor) await pin(context)
  if (context.lease.job.kind === 'undo') return planUndoStep(context)
  return context.request.rollBack ? planRollBackStep(context) : planStep(context)
}

function run(context: StepContext): Promise<StepOutcome> {
  return context.lease.job.kind === 'undo' ? undoStep(context) : runStep(context)
}

/** While nothing is sent, a mailbox that is not there is an answer, and no reason to wait. */
function planningTrouble(error: unknown): Trouble {
  const trouble = troubleOf(error)
  if (trouble.kind === 'item' || !(error instanceof AppError)) return trouble
  const { code, message } = error
  return error.kind === 'permanent' ? { kind: 'item', code, message } : trouble
}

function hintOf(error: unknown): string {
  const hint = error instanceof AppError ? error.hint : undefined
  return hint ?? 'Look at the code, put right what it names, and plan the restore again.'
}
