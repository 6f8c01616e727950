/** Runs a job as the orchestration would: step after step, waiting by the hand clock. */
import assert from 'node:assert/strict'
import { NEVER } from '../../catalogue/testing/fixtures.ts'
import type { WorkloadName } from '../../model/ids.ts'
import type { ReportLine, Restore, RestoreReport, StepOutcome } from '../index.ts'
import { SLICE_MS, type World } from './world.ts'

/** What any world of a test has. */
export type AnyWorld = Pick<World, 'clock' | 'key'> & {
  restore(): Restore
  /** Missing: mail. */
  workload?: WorkloadName
}

/** A job of a test that is not through by then never will be. */
export const STEPS_MAX = 200
const REPORT_PAGES_MAX = 1000

/** Until `done` or `failed`; the outcomes of all steps. Fails after STEPS_MAX. */
export async function drive(
  world: AnyWorld,
  restore: Restore,
  job: string,
): Promise<StepOutcome[]> {
  const outcomes: StepOutcome[] = []
  while (outcomes.length < STEPS_MAX) {
    const deadline = world.clock.now() + SLICE_MS
    const outcome = await restore.step(job, { deadline }, NEVER)
    outcomes.push(outcome)
    if (outcome.state === 'done' || outcome.state === 'failed') return outcomes
    world.clock.advance(outcome.state === 'wait' ? outcome.waitMs : 1)
  }
  assert.fail(`the job never came to its end; at last: ${JSON.stringify(outcomes.at(-1))}`)
}

export const ALL = { all: true } as const
export const ORIGINAL = { kind: 'original' } as const

/** Creates and plans a restore of the newest state, with parts of the request replaced. */
export async function planned(
  world: AnyWorld,
  request: Readonly<Record<string, unknown>> = {},
): Promise<{ job: string; restore: Restore; report: RestoreReport }> {
  const restore = world.restore()
  const at = new Date(world.clock.now()).toISOString()
  const { workload = 'mail', key } = world
  const body = { resource: key, workload, at, selection: ALL, destination: ORIGINAL, ...request }
  const { id } = await restore.create(body, 'operator', NEVER)
  await drive(world, restore, id)
  return { job: id, restore, report: await wholeReport(restore, id) }
}

/** Starts a planned job and runs it to its end. */
export async function replayed(
  world: AnyWorld,
  plan: { job: string; restore: Restore },
): Promise<RestoreReport> {
  await plan.restore.start(plan.job, undefined, 'operator', NEVER)
  await drive(world, plan.restore, plan.job)
  return wholeReport(plan.restore, plan.job)
}

/** The report with the lines of all its pages. */
export async function wholeReport(restore: Restore, job: string): Promise<RestoreReport> {
  const first = await restore.report(job, { max: 2 }, NEVER)
  const lines: ReportLine[] = [...first.lines]
  let { continuation } = first
  for (let pages = 1; continuation !== undefined; pages += 1) {
    assert.ok(pages < REPORT_PAGES_MAX, 'the pages of the report never came to their end')
    const page = await restore.report(job, { max: 2, continuation }, NEVER)
    lines.push(...page.lines)
    continuation = page.continuation
  }
  const { continuation: _, ...report } = first
  return { ...report, lines }
}

/** Asks for the undo of a restore, and plans it. */
export async function undoPlanned(
  world: AnyWorld,
  of: string,
): Promise<{ job: string; restore: Restore; report: RestoreReport }> {
  const restore = world.restore()
  const { id } = await restore.undo(of, 'operator', NEVER)
  await drive(world, restore, id)
  const report = await wholeReport(restore, id)
  assert.equal(report.state, 'planned')
  return { job: id, restore, report }
}

/** Starts a planned undo and runs it to its end. */
export const undone = replayed
