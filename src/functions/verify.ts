/**
 * Verification of all owners on schedule: the timer that begins one, the orchestration and its
 * activity. They run with the rights of the restore role, which alone opens content.
 */
import { app, type InvocationContext } from '@azure/functions'
import * as df from 'durable-functions'
import {
  VERIFY_RUN,
  VERIFY_STEP,
  type VerifyRunInput,
  verifyInstanceId,
} from '../orchestrations/names.ts'
import { verifyRun } from '../orchestrations/verify-run.ts'
import {
  type BeginVerifyDeps,
  type VerifyRunDeps,
  verifyIfDue,
  verifyStep,
} from '../runs/verify/index.ts'
import { startOnce } from './durable-client.ts'

export type VerifyRoleDeps = VerifyRunDeps & BeginVerifyDeps

const TRIGGER_MS = 60_000

export function registerVerify(deps: VerifyRoleDeps): void {
  const activityMs = deps.sliceMs + deps.slackMs
  df.app.orchestration(VERIFY_RUN, verifyRun)
  df.app.activity(VERIFY_STEP, {
    handler: (input: VerifyRunInput) => verifyStep(input, deps, AbortSignal.timeout(activityMs)),
  })
  app.timer('beginVerification', {
    schedule: '15 20 * * * *',
    extraInputs: [df.input.durableClient()],
    handler: (_timer, context) => begin(deps, context),
  })
}

async function begin(deps: VerifyRoleDeps, context: InvocationContext): Promise<void> {
  const verification = await verifyIfDue(deps, AbortSignal.timeout(TRIGGER_MS))
  if (!verification) return
  const { id, attempt } = verification
  deps.log.info('verification begins', { verification: id })
  const input: VerifyRunInput = { verification: id, attempt }
  await startOnce(df.getClient(context), VERIFY_RUN, verifyInstanceId(id, attempt), input)
}
