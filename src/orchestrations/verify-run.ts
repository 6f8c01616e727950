/**
 * Drives one verification of all owners, step by step until it is done. What it must wait for
 * (storage that does not answer, another step that may still work) is a timer here.
 */
import type { OrchestrationContext } from 'durable-functions'
import { VERIFY_STEP, type VerifyAnswer, type VerifyRunInput } from './names.ts'

/** At most seven history events for each step: an execution stays near 1,000 (DESIGN 4). */
const STEPS_MAX = 150

/** A step that vanished with its worker fails here; more in a row than this is no accident. */
const FAILURES_MAX = 5

export function* verifyRun(context: OrchestrationContext) {
  const input = context.df.getInput() as VerifyRunInput
  let failures = 0
  for (let step = 0; step < STEPS_MAX; step += 1) {
    let answer: VerifyAnswer
    try {
      answer = yield context.df.callActivity(VERIFY_STEP, input)
      failures = 0
    } catch (error) {
      failures += 1
      if (failures >= FAILURES_MAX) throw error
      continue
    }
    if (answer.state === 'done') return { verification: input.verification }
    if (answer.state === 'wait') yield context.df.createTimer(new Date(answer.nextAt))
  }
  context.df.continueAsNew(input)
  return undefined
}
