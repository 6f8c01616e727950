/**
 * Drives one job of the restore role, plan or replay, step by step until it says that it is over.
 */
import type { OrchestrationContext } from 'durable-functions'
import { RESTORE_STEP, type RestoreAnswer, type RestoreRunInput } from './names.ts'

/** At most seven history events for each step: an execution stays near 1,000 (DESIGN 4). */
const STEPS_MAX = 150

/** A step that vanished with its worker fails here; more in a row than this is no accident. */
const FAILURES_MAX = 5

export function* restoreRun(context: OrchestrationContext) {
  const input = context.df.getInput() as RestoreRunInput
  let failures = 0
  for (let step = 0; step < STEPS_MAX; step += 1) {
    let answer: RestoreAnswer
    try {
      answer = yield context.df.callActivity(RESTORE_STEP, input)
      failures = 0
    } catch (error) {
      failures += 1
      if (failures >= FAILURES_MAX) throw error
      continue
    }
    if (answer.state === 'done' || answer.state === 'failed') return { state: answer.state }
    if (answer.state === 'wait') yield context.df.createTimer(new Date(answer.nextAt))
  }
  context.df.continueAsNew(input)
  return undefined
}
