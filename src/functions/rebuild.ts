/**
 * Rebuilds of rows: the timer that finds lost tables, the orchestration and its activity. They run
 * with the rights of the backup role, which reads blobs and index secrets and opens no content.
 */
import { app, type InvocationContext } from '@azure/functions'
import * as df from 'durable-functions'
import {
  REBUILD_RUN,
  REBUILD_STEP,
  type RebuildRunInput,
  rebuildInstanceId,
} from '../orchestrations/names.ts'
import { rebuildRun } from '../orchestrations/rebuild-run.ts'
import {
  type BeginDeps,
  type RebuildDeps,
  rebuildIfLost,
  rebuildStep,
} from '../runs/rebuild/index.ts'
import { startOnce } from './durable-client.ts'

export type RebuildRoleDeps = RebuildDeps & Pick<BeginDeps, 'tables'>

const ACTIVITY_SLACK_MS = 60_000
const TRIGGER_MS = 60_000

export function registerRebuild(deps: RebuildRoleDeps): void {
  const activityMs = deps.sliceMs + deps.leaseSlackMs + ACTIVITY_SLACK_MS
  df.app.orchestration(REBUILD_RUN, rebuildRun)
  df.app.activity(REBUILD_STEP, {
    handler: (input: RebuildRunInput) => rebuildStep(input, deps, AbortSignal.timeout(activityMs)),
  })
  app.timer('lookForLostTables', {
    schedule: '45 */5 * * * *',
    extraInputs: [df.input.durableClient()],
    handler: (_timer, context) => lookForLostTables(deps, context),
  })
}

async function lookForLostTables(deps: RebuildRoleDeps, context: InvocationContext): Promise<void> {
  const rebuild = await rebuildIfLost(deps, AbortSignal.timeout(TRIGGER_MS))
  if (!rebuild) return
  deps.log.error('tables lost: the catalogue is rebuilt', { rebuild: rebuild.id })
  const input: RebuildRunInput = { rebuild: rebuild.id, attempt: rebuild.attempt }
  const instance = rebuildInstanceId(rebuild.id, rebuild.attempt)
  await startOnce(df.getClient(context), REBUILD_RUN, instance, input)
}

/** Starts what a person asked for. Delivered at least once; the row decides. */
export async function startRebuild(
  id: string,
  { catalogue }: Pick<RebuildDeps, 'catalogue'>,
  context: InvocationContext,
): Promise<void> {
  const rebuild = await catalogue.rebuilds.get(id, AbortSignal.timeout(TRIGGER_MS))
  if (rebuild?.state !== 'queued') return
  const input: RebuildRunInput = { rebuild: id, attempt: rebuild.attempt }
  const instance = rebuildInstanceId(id, rebuild.attempt)
  await startOnce(df.getClient(context), REBUILD_RUN, instance, input)
}
