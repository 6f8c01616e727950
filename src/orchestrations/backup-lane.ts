/**
 * A lane: one slice after another, until nothing is left to claim. Lanes balance themselves,
 * because each takes the next owner of the run's plan when it is free.
 */
import type { OrchestrationContext } from 'durable-functions'
import { type BackupLaneInput, CAPTURE_NEXT, type CaptureAnswer } from './names.ts'

/** A slice that vanished with its worker fails here; more in a row than this is no accident. */
const FAILURES_MAX = 5

/** Four history events for each slice: an execution stays below 1,000 (DESIGN 4). */
const SLICES_MAX = 200

export function* backupLane(context: OrchestrationContext) {
  const input = context.df.getInput() as BackupLaneInput
  let failures = 0
  for (let slice = 0; slice < SLICES_MAX; slice += 1) {
    try {
      const answer: CaptureAnswer = yield context.df.callActivity(CAPTURE_NEXT, input)
      if (answer.state === 'idle') return { slices: slice }
      failures = 0
    } catch (error) {
      failures += 1
      if (failures >= FAILURES_MAX) throw error
    }
  }
  context.df.continueAsNew(input)
  return undefined
}
