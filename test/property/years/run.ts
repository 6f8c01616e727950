/** One story from its seed, or a list of steps; a failure says how to play it again. */
import { Play, type YearsCounts } from './play.ts'
import { type Step, storyOf } from './story.ts'
import { type Plant, YearsWorld } from './world.ts'

export const STORY_STEPS = 200

export async function playStory(seed: number, plant: Plant = {}): Promise<YearsCounts> {
  return await playSteps(seed, storyOf(seed, STORY_STEPS), plant)
}

async function playSteps(seed: number, steps: readonly Step[], plant: Plant): Promise<YearsCounts> {
  const world = await YearsWorld.make(seed, plant)
  const play = new Play(world, seed)
  let n = 0
  try {
    for (const step of steps) {
      await play.step(step)
      n += 1
    }
    await play.end()
    return play.counts
  } catch (cause) {
    const at = steps[n]?.step ?? 'the end'
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`seed ${seed}, step ${n} (${at}): ${why}`, { cause })
  }
}
