/**
 * What the backup role does: the tick, runs that were asked for, their activities.
 */
import { app, type InvocationContext } from '@azure/functions'
import * as df from 'durable-functions'
import { z } from 'zod'
import type { Run } from '../catalogue/types.ts'
import { backupLane } from '../orchestrations/backup-lane.ts'
import { backupRun } from '../orchestrations/backup-run.ts'
import {
  ASK_HINTS,
  BACKUP_LANE,
  BACKUP_RUN,
  type BackupLaneInput,
  type BackupRunInput,
  CAPTURE_NEXT,
  END_WAVE,
  PLAN_RUN,
  runInstanceId,
} from '../orchestrations/names.ts'
import { askHints, captureNext, endWave, isRunDue, planRun, type RunDeps } from '../runs/index.ts'
import { startOnce } from './durable-client.ts'
import { startRebuild } from './rebuild.ts'

/** Inside an activity's deadline, well within functionTimeout. */
const ACTIVITY_SLACK_MS = 60_000
const TRIGGER_MS = 60_000

const id = z.string().regex(/^[A-Za-z0-9._-]{1,60}$/)
const jobMessage = z.union([z.object({ run: id }), z.object({ rebuild: id })])

export function registerBackup(deps: RunDeps): void {
  df.app.orchestration(BACKUP_RUN, backupRun)
  df.app.orchestration(BACKUP_LANE, backupLane)
  const activityMs = deps.runSettings.sliceMs + deps.runSettings.leaseSlackMs + ACTIVITY_SLACK_MS
  const limit = () => AbortSignal.timeout(activityMs)
  df.app.activity(ASK_HINTS, {
    handler: (input: BackupRunInput) => askHints(input, deps, limit()),
  })
  df.app.activity(PLAN_RUN, {
    handler: (input: BackupRunInput) => planRun(input, deps, limit()),
  })
  df.app.activity(CAPTURE_NEXT, {
    handler: (input: BackupLaneInput) => captureNext(input, deps, limit()),
  })
  df.app.activity(END_WAVE, {
    handler: (input: BackupRunInput) => endWave(input, deps, limit()),
  })
  app.timer('tick', {
    schedule: '0 */5 * * * *',
    extraInputs: [df.input.durableClient()],
    handler: (_timer, context) => tick(deps, context),
  })
  app.storageQueue('startBackup', {
    queueName: 'backup-jobs',
    connection: 'HOLDFAST_QUEUES',
    extraInputs: [df.input.durableClient()],
    handler: (message, context) => startBackup(message, deps, context),
  })
}

/** Starts what a person asked for. Delivered at least once; the run row decides. */
async function startBackup(
  message: unknown,
  deps: RunDeps,
  context: InvocationContext,
): Promise<void> {
  const job = jobMessage.parse(message)
  if ('rebuild' in job) return await startRebuild(job.rebuild, deps, context)
  const { run: id } = job
  const run = await deps.catalogue.runs.get(id, AbortSignal.timeout(TRIGGER_MS))
  if (run?.state !== 'queued') return
  const input: BackupRunInput = { run: id, attempt: run.attempt, wave: run.wave }
  await startOnce(df.getClient(context), BACKUP_RUN, runInstanceId(id, run.attempt), input)
}

/** Every five minutes: a run, if an owner is due or to be asked, or the directory has not been looked at lately. */
async function tick(deps: RunDeps, context: InvocationContext): Promise<void> {
  const signal = AbortSignal.timeout(TRIGGER_MS)
  if (!(await deps.catalogue.ready(signal))) {
    deps.log.info('tick: not set up', {})
    return
  }
  const now = deps.clock.now()
  if (!(await isRunDue(deps.catalogue, now, signal))) return
  const minute = new Date(now).toISOString()
  const id = `t-${minute.slice(0, 16).replaceAll(/[-:]/g, '')}`
  // Insert-only: the row, not the instance id, makes a second start in this minute a no-op.
  const run = scheduledRun(id, now)
  if (!(await deps.catalogue.runs.insert(run, signal))) return
  const input: BackupRunInput = { run: id, attempt: 1, wave: 0 }
  await startOnce(df.getClient(context), BACKUP_RUN, runInstanceId(id, 1), input)
}

function scheduledRun(id: string, now: number): Run {
  const at = new Date(now).toISOString()
  return {
    id,
    kind: 'scheduled',
    state: 'queued',
    createdAt: at,
    heartbeatAt: at,
    attempt: 1,
    wave: 0,
    resources: [],
    by: 'timer',
    flags: { cancel: false, pause: false },
    trouble: '',
  }
}
