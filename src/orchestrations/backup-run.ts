/**
 * One run: ask who has changed, plan the owners, work them in K lanes, and, where a person asked, again until each is
 * done. Deterministic: no clock, no environment, no I/O (facts/durable.md 5.9).
 */
import type { OrchestrationContext } from 'durable-functions'
import {
  ASK_HINTS,
  BACKUP_LANE,
  type BackupLaneInput,
  type BackupRunInput,
  END_WAVE,
  type HintAnswer,
  laneInstanceId,
  PLAN_RUN,
  type PlanAnswer,
  type WaveAnswer,
} from './names.ts'

/** Of two minutes each; who was not asked by then is asked at the next tick. */
const HINT_CALLS_MAX = 5
/** Planning calls in one execution; each is bounded itself, so this is about 100,000 owners. */
const PLAN_CALLS_MAX = 100

export function* backupRun(context: OrchestrationContext) {
  const input = context.df.getInput() as BackupRunInput
  let hints: HintAnswer = { state: input.wave === 0 ? 'more' : 'done', asked: 0, unchanged: 0 }
  for (let call = 0; call < HINT_CALLS_MAX && hints.state === 'more'; call += 1) {
    hints = yield context.df.callActivity(ASK_HINTS, input)
  }
  let plan: PlanAnswer = { state: 'more', lanes: 0, until: '' }
  for (let call = 0; call < PLAN_CALLS_MAX && plan.state === 'more'; call += 1) {
    plan = yield context.df.callActivity(PLAN_RUN, input)
  }
  if (plan.state !== 'stop') {
    const lane: BackupLaneInput = { run: input.run, until: plan.until }
    const lanes = []
    for (let n = 0; n < plan.lanes; n += 1) {
      lanes.push(context.df.callSubOrchestrator(BACKUP_LANE, lane, laneInstanceId(input, n)))
    }
    if (lanes.length > 0) yield context.df.Task.all(lanes)
  }
  const wave: WaveAnswer = yield context.df.callActivity(END_WAVE, input)
  if (wave.state === 'over') return { run: input.run, waves: input.wave + 1 }
  yield context.df.createTimer(new Date(wave.nextAt))
  context.df.continueAsNew({ ...input, wave: input.wave + 1 })
  return undefined
}
