/**
 * Drives one rebuild of rows from the vault, step by step until it is done. What it must wait for
 * (others that may still write) is a timer here and never a sleeping activity.
 */
import type { OrchestrationContext } from 'durable-functions'
import { REBUILD_STEP, type RebuildAnswer, type RebuildRunInput } from './names.ts'

/** At most seven history events for each step: an execution stays near 1,000 (DESIGN 4). */
const STEPS_MAX = 150

/** A step that vanished with its worker fails here; more in a row than this is no accident. */
const FAILURES_MAX = 5

export function* rebuildRun(context: OrchestrationContext) {
  const input = context.df.getInput() as RebuildRunInput
  let failures = 0
  for (let step = 0; step < STEPS_MAX; step += 1) {
    let answer: RebuildAnswer
    try {
      answer = yield context.df.callActivity(REBUILD_STEP, input)
      failures = 0
    } catch (error) {
      failures += 1
      if (failures >= FAILURES_MAX) throw error
      continue
    }
    if (answer.state === 'done') return { rebuild: input.rebuild }
    if (answer.state === 'wait') yield context.df.createTimer(new Date(answer.nextAt))
  }
  context.df.continueAsNew(input)
  return undefined
}
