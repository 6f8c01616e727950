/** Many stories, one seed each, until so many steps were played. */
import { PLANTS, type PlantName } from './plants.ts'
import { playStory, STORY_STEPS } from './run.ts'

export interface Job {
  /** The first story's seed; each further one has the next but `every`. */
  seed: number
  every: number
  stepsMin: number
  storiesMax: number
  plant?: PlantName
}

export interface Result {
  stories: number
  steps: number
  counts: Record<string, number>
}

/** Throws with the seed of the first story that fails. */
export async function playStories(job: Job): Promise<Result> {
  const sum: Result = { stories: 0, steps: 0, counts: {} }
  const plant = job.plant && PLANTS[job.plant]
  for (let seed = job.seed; sum.steps < job.stepsMin; seed += job.every) {
    if (sum.stories >= job.storiesMax) break
    const counts = await playStory(seed, plant)
    sum.stories += 1
    sum.steps += STORY_STEPS
    for (const [what, n] of Object.entries(counts)) sum.counts[what] = (sum.counts[what] ?? 0) + n
  }
  return sum
}
