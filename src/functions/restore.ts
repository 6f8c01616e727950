/**
 * What the restore role does: it plans and replays the jobs that the access role has queued.
 */
import { app, type InvocationContext } from '@azure/functions'
import * as df from 'durable-functions'
import { z } from 'zod'
import type { Catalogue, Job } from '../catalogue/types.ts'
import {
  jobInstanceId,
  RESTORE_RUN,
  RESTORE_STEP,
  type RestoreAnswer,
  type RestoreRunInput,
} from '../orchestrations/names.ts'
import { restoreRun } from '../orchestrations/restore-run.ts'
import type { Clock } from '../ports.ts'
import type { Restore, StepOutcome } from '../restore/index.ts'
import { startOnce } from './durable-client.ts'

export interface RestoreRoleDeps {
  catalogue: Catalogue
  restore: Restore
  clock: Clock
  /** Length of one step. */
  sliceMs: number
}

const ACTIVITY_SLACK_MS = 60_000
const TRIGGER_MS = 60_000
/** A Durable timer may come a second early; a step then would only find that it has to wait. */
const TIMER_EARLY_MS = 1_000

const jobMessage = z.object({ job: z.string().regex(/^[A-Za-z0-9._-]{1,60}$/) })

export function registerRestore(deps: RestoreRoleDeps): void {
  df.app.orchestration(RESTORE_RUN, restoreRun)
  df.app.activity(RESTORE_STEP, {
    handler: (input: RestoreRunInput) => restoreStep(input, deps),
  })
  app.storageQueue('startRestore', {
    queueName: 'restore-jobs',
    connection: 'HOLDFAST_QUEUES',
    extraInputs: [df.input.durableClient()],
    handler: (message, context) => startJob(message, deps, context),
  })
}

async function restoreStep(input: RestoreRunInput, deps: RestoreRoleDeps): Promise<RestoreAnswer> {
  const deadline = deps.clock.now() + deps.sliceMs
  const signal = AbortSignal.timeout(deps.sliceMs + ACTIVITY_SLACK_MS)
  const outcome = await deps.restore.step(input.job, { deadline }, signal)
  return restoreAnswer(outcome, deps.clock.now())
}

/** What the orchestrator goes by; `now` in ms since 1970. */
export function restoreAnswer(outcome: StepOutcome, now: number): RestoreAnswer {
  const waitMs = outcome.state === 'wait' ? outcome.waitMs + TIMER_EARLY_MS : 0
  return { state: outcome.state, nextAt: new Date(now + waitMs).toISOString() }
}

/** A job that is to be planned, or to be carried out; anything else is a late message. */
export function phaseOf(job: Job): 'plan' | 'run' | undefined {
  if (job.state === 'planning') return 'plan'
  return job.state === 'queued' || job.state === 'running' ? 'run' : undefined
}

async function startJob(
  message: unknown,
  deps: RestoreRoleDeps,
  context: InvocationContext,
): Promise<void> {
  const { job: id } = jobMessage.parse(message)
  const job = await deps.catalogue.jobs.get(id, AbortSignal.timeout(TRIGGER_MS))
  const phase = job && phaseOf(job)
  if (!job || !phase) return
  const input: RestoreRunInput = { job: id, attempt: job.attempt }
  const instance = jobInstanceId(id, phase, job.attempt)
  await startOnce(df.getClient(context), RESTORE_RUN, instance, input)
}
