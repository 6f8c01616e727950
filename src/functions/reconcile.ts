/**
 * The reconciler's trigger: looks at every row that is not over and does what decideRepair says.
 */
import { app, type InvocationContext } from '@azure/functions'
import * as df from 'durable-functions'
import type { Catalogue, Job, Rebuild, Run, Verification } from '../catalogue/types.ts'
import {
  BACKUP_RUN,
  jobInstanceId,
  REBUILD_RUN,
  RESTORE_RUN,
  rebuildInstanceId,
  runInstanceId,
  VERIFY_RUN,
  verifyInstanceId,
} from '../orchestrations/names.ts'
import type { Clock } from '../ports.ts'
import type { RunLog } from '../runs/index.ts'
import { decideRepair } from '../runs/reconcile.ts'
import { instanceState, startOnce, terminate } from './durable-client.ts'
import { phaseOf } from './restore.ts'

export interface ReconcileDeps {
  catalogue: Catalogue
  clock: Clock
  log: RunLog
  /** A slice or step tells that it lives at least so often. */
  heartbeatMs: number
  /** What was asked for and is not begun after so long is started without its queue message. */
  queuedMs: number
  /** Each role sees to its own rows: its orchestrations are in its own task hub. */
  runs: boolean
  jobs: boolean
}

const CALL_MS = 240_000
/** Rows looked at: older ones are over, or were seen to at earlier ticks. */
const ROWS_MAX = 200

/** Starts for one row; more than this is no accident, and a person must look. */
export const ATTEMPTS_MAX = 20

export function registerReconciler(deps: ReconcileDeps): void {
  app.timer('reconcile', {
    schedule: '30 * * * * *',
    extraInputs: [df.input.durableClient()],
    handler: (_timer, context) => reconcile(deps, context),
  })
}

async function reconcile(deps: ReconcileDeps, context: InvocationContext): Promise<void> {
  const signal = AbortSignal.timeout(CALL_MS)
  const client = df.getClient(context)
  // The one thing that runs where the catalogue is not ready.
  if (deps.runs) await reconcileRebuilds(deps, client, signal)
  if (!(await deps.catalogue.ready(signal))) return
  if (deps.runs) await reconcileRuns(deps, client, signal)
  if (deps.jobs) await reconcileJobs(deps, client, signal)
  if (deps.jobs) await reconcileVerifications(deps, client, signal)
}

async function reconcileRebuilds(
  deps: ReconcileDeps,
  client: df.DurableClient,
  signal: AbortSignal,
): Promise<void> {
  const rebuilds = await deps.catalogue.rebuilds.list({ max: ROWS_MAX }, signal)
  for (const rebuild of rebuilds.items) {
    if (rebuild.state !== 'done') await repairRebuild(rebuild, deps, client, signal)
  }
}

/** Without a limit: nothing else makes the rows of its owners, and it keeps slices off them. */
async function repairRebuild(
  rebuild: Rebuild,
  deps: ReconcileDeps,
  client: df.DurableClient,
  signal: AbortSignal,
): Promise<void> {
  const attempt = await repair(rebuild, deps, client, {
    instance: rebuildInstanceId(rebuild.id, rebuild.attempt),
    queued: rebuild.state === 'queued',
  })
  if (attempt === undefined) return
  await deps.catalogue.rebuilds.update(rebuild.id, (now) => ({ ...now, attempt }), signal)
  const instance = rebuildInstanceId(rebuild.id, attempt)
  await startOnce(client, REBUILD_RUN, instance, { rebuild: rebuild.id, attempt })
}

async function reconcileRuns(
  deps: ReconcileDeps,
  client: df.DurableClient,
  signal: AbortSignal,
): Promise<void> {
  const runs = await deps.catalogue.runs.list({ max: ROWS_MAX }, signal)
  for (const run of runs.items) {
    if (['done', 'failed', 'cancelled', 'paused'].includes(run.state)) continue
    await repairRun(run, deps, client, signal)
  }
}

async function reconcileJobs(
  deps: ReconcileDeps,
  client: df.DurableClient,
  signal: AbortSignal,
): Promise<void> {
  const jobs = await deps.catalogue.jobs.list({ max: ROWS_MAX }, signal)
  for (const job of jobs.items) await repairJob(job, deps, client, signal)
}

/** The newest one: none begins before the one before it is over. */
async function reconcileVerifications(
  deps: ReconcileDeps,
  client: df.DurableClient,
  signal: AbortSignal,
): Promise<void> {
  const { items } = await deps.catalogue.verifications.list({ max: 1 }, signal)
  for (const row of items) {
    if (row.state !== 'done') await repairVerification(row, deps, client, signal)
  }
}

/** Without a limit: it keeps nobody waiting, and nothing else says what is held and whole. */
async function repairVerification(
  row: Verification,
  deps: ReconcileDeps,
  client: df.DurableClient,
  signal: AbortSignal,
): Promise<void> {
  const attempt = await repair(row, deps, client, {
    instance: verifyInstanceId(row.id, row.attempt),
    queued: row.state === 'queued',
  })
  if (attempt === undefined) return
  await deps.catalogue.verifications.update(row.id, (now) => ({ ...now, attempt }), signal)
  const input = { verification: row.id, attempt }
  await startOnce(client, VERIFY_RUN, verifyInstanceId(row.id, attempt), input)
}

async function repairRun(
  run: Run,
  deps: ReconcileDeps,
  client: df.DurableClient,
  signal: AbortSignal,
): Promise<void> {
  const attempt = await repair(run, deps, client, {
    instance: runInstanceId(run.id, run.attempt),
    queued: run.state === 'queued',
  })
  if (attempt === undefined) return
  if (attempt > ATTEMPTS_MAX) {
    const endedAt = new Date(deps.clock.now()).toISOString()
    await deps.catalogue.runs.update(
      run.id,
      (now) => ({ ...now, state: 'failed', trouble: 'TooManyAttempts', endedAt }),
      signal,
    )
    return
  }
  await deps.catalogue.runs.update(run.id, (now) => ({ ...now, attempt }), signal)
  const input = { run: run.id, attempt, wave: run.wave }
  await startOnce(client, BACKUP_RUN, runInstanceId(run.id, attempt), input)
}

async function repairJob(
  job: Job,
  deps: ReconcileDeps,
  client: df.DurableClient,
  signal: AbortSignal,
): Promise<void> {
  const phase = phaseOf(job)
  if (!phase) return
  const attempt = await repair(job, deps, client, {
    instance: jobInstanceId(job.id, phase, job.attempt),
    queued: job.state !== 'running',
  })
  if (attempt === undefined) return
  if (attempt > ATTEMPTS_MAX) {
    await deps.catalogue.jobs.update(
      job.id,
      (now) => ({ ...now, state: 'failed', trouble: 'TooManyAttempts' }),
      signal,
    )
    return
  }
  await deps.catalogue.jobs.update(job.id, (now) => ({ ...now, attempt }), signal)
  const instance = jobInstanceId(job.id, phase, attempt)
  await startOnce(client, RESTORE_RUN, instance, { job: job.id, attempt })
}

/** The attempt to start, or undefined where all is well. */
async function repair(
  row: Run | Job | Rebuild | Verification,
  deps: ReconcileDeps,
  client: df.DurableClient,
  state: { instance: string; queued: boolean },
): Promise<number | undefined> {
  const instance = await instanceState(client, state.instance)
  const decision = decideRepair({
    row,
    queued: state.queued,
    instance,
    heartbeatMs: deps.heartbeatMs,
    queuedMs: deps.queuedMs,
    now: deps.clock.now(),
  })
  if (decision.repair === 'none') return undefined
  deps.log.error('reconciler starts again', {
    row: row.id,
    was: instance,
    attempt: row.attempt + 1,
  })
  if (decision.repair === 'restart') await terminate(client, state.instance, 'reconciler')
  return row.attempt + 1
}
