/** The explorations by name, so that they can be told to a thread. */
import type { TraceLine } from '../../../sandbox/storage/index.ts'
import { cleanRun, type Exploration, type Spoil, spoiledRun, Violation } from './explore.ts'
import { nothingProven } from './invariants.ts'
import { PLANTS, type PlantName, WRITER_PLANTS, type WriterPlantName } from './plants.ts'
import { everySleep, everySleepAfter, everySpoil, type Sample, someOf } from './points.ts'
import { randomRun } from './random.ts'
import { REBUILD_PLANTS, type RebuildPlantName } from './rebuild-plants.ts'
import { cleanRebuild, sleepingSlice, spoiledRebuild } from './rebuild-runs.ts'
import { cleanRestore, type RestoreExploration, spoiledRestore } from './restore-runs.ts'
import { askedForRestore, askedForUndo, CAPTURE_SCENARIOS, REBUILD_SCENARIOS } from './scenarios.ts'

export type Job =
  /** `sample`: only some of the points. */
  | { job: 'capture'; scenario: string; how: Spoil['how']; sample: Sample | undefined }
  | { job: 'restore' | 'undo'; how: Spoil['how']; sample: Sample | undefined }
  | { job: 'rebuild'; scenario: string; how: Spoil['how']; sample: Sample | undefined }
  /** A slice that sleeps while its owner is rebuilt. */
  | { job: 'rebuild-beside'; scenario: string; loss: boolean; sample: Sample | undefined }
  | { job: 'planted'; plant: PlantName }
  | { job: 'planted-writer'; plant: WriterPlantName }
  | { job: 'planted-rebuild'; plant: RebuildPlantName }
  | { job: 'random'; from: number; count: number }

export interface JobResult {
  /** Port calls of a clean run. */
  calls: number
  /** Runs that were spoiled and checked. */
  runs: number
  /** Different states that deaths left behind. */
  states: number
  /** Where a planted bug was caught, and what it broke; absent: it was not. */
  caught?: { at: string; broken: string }
}

export async function runJob(job: Job): Promise<JobResult> {
  switch (job.job) {
    case 'capture':
      return await explore(
        captureSubject(await explorationOf(job.scenario)),
        atMost(job, spoilsOf(job.how)),
      )
    case 'restore':
    case 'undo':
      return await explore(
        restoreSubject(await restoreExploration(job.job)),
        atMost(job, spoilsOf(job.how)),
      )
    case 'rebuild':
      return await explore(
        rebuildSubject(await explorationOf(job.scenario)),
        atMost(job, job.how === 'stall' ? everySleep : spoilsOf(job.how)),
      )
    case 'rebuild-beside':
      return await explore(
        besideSubject(await explorationOf(job.scenario), job.loss),
        atMost(job, sleepsBeside(job.loss)),
      )
    case 'planted': {
      const { scenario, how, plants } = PLANTS[job.plant]
      return await hunt(
        captureSubject({ ...(await explorationOf(scenario)), plants }),
        spoilsOf(how),
      )
    }
    case 'planted-writer': {
      const { how, plant, of } = WRITER_PLANTS[job.plant]
      return await hunt(restoreSubject({ ...(await restoreExploration(of)), plant }), spoilsOf(how))
    }
    case 'planted-rebuild': {
      const { scenario, where, plants } = REBUILD_PLANTS[job.plant]
      const exploration = { ...(await explorationOf(scenario)), plants }
      if (where === 'rebuild') return await hunt(rebuildSubject(exploration), everySleep)
      return await hunt(besideSubject(exploration, true), sleepsBeside(true))
    }
    case 'random':
      return await randomRuns(job)
  }
}

/** Every seed runs also where one fails, so that a report names all of them. */
async function randomRuns({ from, count }: { from: number; count: number }): Promise<JobResult> {
  const violations: Violation[] = []
  let calls = 0
  for (let seed = from; seed < from + count; seed += 1) {
    try {
      calls += await randomRun(seed)
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      violations.push(error)
    }
    if (violations.length === VIOLATIONS_MAX) break
  }
  stopAt(violations)
  return { calls, runs: count, states: 0 }
}

function stopAt(violations: readonly Violation[]): void {
  const [first] = violations
  if (!first) return
  const places = violations.map(({ at }) => at).join('\n')
  throw new Error(`${violations.length} violations:\n${places}\n\n${first.message}`)
}

/** Enough to see a pattern. */
const VIOLATIONS_MAX = 20

/** What can be run cleanly and spoiled. */
interface Subject {
  clean(): Promise<TraceLine[]>
  spoiled(spoil: Spoil): Promise<void>
  /** Different states that deaths left behind. */
  states(): number
}

const captureSubject = (exploration: Exploration): Subject => ({
  clean: () => cleanRun(exploration),
  spoiled: (spoil) => spoiledRun(exploration, spoil),
  states: () => exploration.rested.size,
})

const rebuildSubject = (exploration: Exploration): Subject => ({
  clean: () => cleanRebuild(exploration),
  spoiled: (spoil) => spoiledRebuild(exploration, spoil),
  states: () => exploration.rested.size,
})

const besideSubject = (exploration: Exploration, loss: boolean): Subject => ({
  clean: () => cleanRun(exploration),
  spoiled: ({ k, ...spoil }) =>
    spoil.how === 'stall'
      ? sleepingSlice(exploration, { k, moment: spoil.moment, loss })
      : Promise.reject(new RangeError('A slice beside a rebuild only sleeps.')),
  states: () => 0,
})

type Points = (calls: readonly TraceLine[]) => Iterable<Spoil>

const spoilsOf =
  (how: Spoil['how']): Points =>
  (calls) =>
    everySpoil(how, calls)

const atMost =
  ({ sample }: { sample: Sample | undefined }, points: Points): Points =>
  (calls) =>
    sample === undefined ? points(calls) : someOf(points(calls), sample)

/**
 * A request that is sent an hour late would still bring back a row of a commit that was lost: no
 * check of ours comes after the decision to send it (decision 012).
 */
const sleepsBeside = (loss: boolean): Points => (loss ? everySleepAfter : everySleep)

const restoreSubject = (exploration: RestoreExploration): Subject => ({
  clean: () => cleanRestore(exploration),
  spoiled: (spoil) => spoiledRestore(exploration, spoil),
  states: () => exploration.rested.size,
})

async function explorationOf(name: string): Promise<Exploration> {
  const all = [...CAPTURE_SCENARIOS, ...REBUILD_SCENARIOS]
  const scenario = all.find((s) => s.name === name)
  if (!scenario) throw new RangeError(`There is no scenario "${name}".`)
  const stage = await scenario.stage()
  return { stage, plants: {}, proven: nothingProven(), rested: new Set() }
}

async function restoreExploration(of: 'restore' | 'undo'): Promise<RestoreExploration> {
  const stage = await (of === 'undo' ? askedForUndo() : askedForRestore())
  return { stage, rested: new Set() }
}

/** Runs every point also where one fails, so that a report names all places. */
async function explore(subject: Subject, points: Points): Promise<JobResult> {
  const calls = await subject.clean()
  const violations: Violation[] = []
  let runs = 0
  for (const spoil of points(calls)) {
    try {
      await subject.spoiled(spoil)
    } catch (error) {
      if (!(error instanceof Violation)) throw error
      violations.push(error)
      if (violations.length === VIOLATIONS_MAX) break
    }
    runs += 1
  }
  stopAt(violations)
  return { calls: calls.length, runs, states: subject.states() }
}

/** Explores until the first violation. */
async function hunt(subject: Subject, points: Points): Promise<JobResult> {
  let calls: TraceLine[] = []
  let runs = 0
  try {
    calls = await subject.clean()
    for (const spoil of points(calls)) {
      runs += 1
      await subject.spoiled(spoil)
    }
  } catch (error) {
    if (!(error instanceof Violation)) throw error
    const { cause, at } = error
    const text = cause instanceof Error ? cause.message : String(cause)
    return {
      calls: calls.length,
      runs,
      states: 0,
      caught: { at, broken: text.split('\n')[0] ?? '' },
    }
  }
  return { calls: calls.length, runs, states: 0 }
}
