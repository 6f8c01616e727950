/**
 * Many stories, one seed each, until so many steps were played. The first one that fails is made
 * as short as it can be and reported with its seed, by which it is played again.
 */
import fc from 'fast-check'
import { type Played, runStory } from './run.ts'
import type { Doing, Kind } from './source.ts'
import { isRun, type Step, type Story, storyOf } from './story.ts'

/** Long enough for a past that is worth looking at, short enough to be read when it fails. */
const STEPS_MAX = 160
/** Time for making a failing story shorter. */
const SHRINK_MS = 90_000

export interface Job {
  /** The first story's seed; each further one has the next but `every`. */
  seed: number
  every: number
  /** Ends after the story with which there were so many steps, or so many stories. */
  stepsMin: number
  storiesMax: number
  /** By its name. */
  plant?: string
  /** Milliseconds for making a failing story shorter; default: SHRINK_MS. */
  shrinkMs?: number
}

export interface Result extends Omit<Played, 'counts' | 'calls'> {
  stories: number
  counts: Record<string, number>
}

/** What tests ask of a kind of source. */
export interface Stories {
  readonly plants: readonly string[]
  readonly met: readonly string[]
  /** Stories that once failed. */
  readonly found: readonly { readonly wrong: string; run(): Promise<unknown> }[]
  /** Throws with seed, shortest story and cause where a story fails. */
  play(job: Job): Promise<Result>
}

export function storiesOf<D extends Doing>(kind: Kind<D>): Stories {
  return {
    plants: Object.keys(kind.plants),
    met: kind.met,
    found: kind.found.map(({ wrong, story }) => ({ wrong, run: () => runStory(kind, story) })),
    play: (job) => playStories(kind, job),
  }
}

async function playStories<D extends Doing>(kind: Kind<D>, job: Job): Promise<Result> {
  const sum = { stories: 0, steps: 0, points: 0, complete: 0, opened: 0 }
  const counts: Record<string, number> = {}
  for (let seed = job.seed; sum.steps < job.stepsMin; seed += job.every) {
    if (sum.stories >= job.storiesMax) break
    const played = await playOne(kind, seed, job)
    sum.stories += 1
    sum.steps += played.steps
    sum.points += played.points
    sum.complete += played.complete
    sum.opened += played.opened
    for (const [what, n] of played.counts) counts[what] = (counts[what] ?? 0) + n
  }
  return { ...sum, counts }
}

async function playOne<D extends Doing>(
  kind: Kind<D>,
  seed: number,
  { plant: name, shrinkMs = SHRINK_MS }: Job,
): Promise<Played> {
  const [story] = fc.sample(storyOf(kind, STEPS_MAX), { seed, numRuns: 1 })
  if (!story) throw new Error('there is no story')
  const plant = name === undefined ? undefined : kind.plants[name]
  const play = (one: Story<D>) => runStory(kind, one, plant)
  try {
    return await play(story)
  } catch (error) {
    const short = await shortest({ story, error }, play, Date.now() + shrinkMs)
    const text = short.error instanceof Error ? short.error.stack : String(short.error)
    const of = `${short.story.steps.length} of ${story.steps.length} steps`
    throw new Error(`seed ${seed}, ${of}: ${JSON.stringify(short.story)}\n${text}`)
  }
}

interface Failing<D> {
  story: Story<D>
  error: unknown
}

/** Leaves out ever smaller pieces, as long as the rest still fails, in whatever way. */
async function shortest<D extends Doing>(
  from: Failing<D>,
  play: (story: Story<D>) => Promise<unknown>,
  until: number,
): Promise<Failing<D>> {
  let best = from
  const attempt = async (steps: readonly Step<D>[]): Promise<boolean> => {
    const story = { ...best.story, steps }
    try {
      await play(story)
      return false
    } catch (error) {
      best = { story, error }
      return true
    }
  }
  for (let size = best.story.steps.length >> 1; size >= 1; size >>= 1) {
    for (let at = 0; at < best.story.steps.length && Date.now() < until; ) {
      if (!(await attempt(best.story.steps.toSpliced(at, size)))) at += size
    }
  }
  for (const at of best.story.steps.keys()) {
    const step = best.story.steps[at]
    if (step === undefined || !isRun(step) || step.step !== 'slice' || Date.now() >= until) continue
    await attempt(best.story.steps.with(at, { ...step, meanwhile: [], fate: { fate: 'ordinary' } }))
  }
  return best
}
