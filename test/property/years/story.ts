/** What happens over the years: lists of steps, from one seed each. */
import { SeededRandom } from '../../../sandbox/storage/index.ts'
import type { Retention } from '../../../src/model/retention.ts'
import type { Death } from './play.ts'
import { type Change, STREAMS } from './world.ts'

export type Step =
  | { step: 'commit'; stream: number; changes: Change[]; complete: boolean }
  | { step: 'base'; stream: number }
  /** Whoever has stolen the writer restates a stream without some of its items. */
  | { step: 'forged base'; stream: number }
  /** And puts a first commit where the real one has expired. */
  | { step: 'squat'; stream: number }
  | { step: 'abandon'; stream: number }
  | { step: 'new writer' }
  | { step: 'days'; days: number }
  | { step: 'keeper'; stream?: number; dies?: Death }
  | { step: 'plan'; stream: number; dies?: Death }
  | { step: 'execute'; stream?: number; dies?: Death }
  | { step: 'policy'; retention: Retention }
  | { step: 'hold'; stream: number | 'all' }
  | { step: 'release' }
  | { step: 'pin'; stream: number; back: number; days: number }
  | { step: 'ask to erase'; stream: number }
  | { step: 'rebuild'; stream: number }

export type StepKind = Step['step']

const ITEMS = 12
const CHANGES_MAX = 5
/** Calls after which a process may die. */
const CALLS = 60

/** The same for the same seed. */
export function storyOf(seed: number, steps: number): Step[] {
  const random = new SeededRandom(seed)
  const story: Step[] = [{ step: 'policy', retention: { days: 7 + random.below(40) } }]
  // Stories of a thief, of an erasure and of holds are told apart from those of good days.
  const isCalm = random.chance(0.5)
  while (story.length < steps) story.push(anyStep(random, isCalm))
  return story
}

function anyStep(random: SeededRandom, isCalm: boolean): Step {
  const stream = random.below(STREAMS.length)
  const dies = random.chance(0.25) ? { dies: deathOf(random) } : {}
  const draw = random.below(100)
  if (draw < 28) return commitOf(random, stream)
  if (draw < 46) return { step: 'days', days: daysOf(random) }
  if (draw < 56) return { step: 'base', stream }
  if (draw < 62) return { step: 'keeper', ...dies }
  if (draw < 74) return { step: 'plan', stream, ...dies }
  if (draw < 86) return { step: 'execute', ...dies }
  if (draw < 88) return { step: 'abandon', stream }
  if (draw < 90) return { step: 'new writer' }
  if (draw < 93) return { step: 'rebuild', stream }
  if (draw < 96) return { step: 'pin', stream, back: random.below(60), days: 1 + random.below(40) }
  if (isCalm) return commitOf(random, stream)
  return rareStep(random, stream)
}

const deathOf = (random: SeededRandom): Death => ({
  k: 1 + random.below(CALLS),
  moment: random.chance(0.5) ? 'before' : 'after',
})

/** A plan is carried out after a day and before a week. */
const daysOf = (random: SeededRandom) =>
  random.chance(0.6) ? 1 + random.below(3) : 5 + random.below(25)

function rareStep(random: SeededRandom, stream: number): Step {
  switch (random.below(9)) {
    case 0:
      return { step: 'hold', stream: random.chance(0.3) ? 'all' : stream }
    case 1:
    case 2:
      return { step: 'release' }
    case 3:
      return {
        step: 'policy',
        retention: random.chance(0.2) ? 'forever' : { days: 10 + random.below(60) },
      }
    case 4:
      return { step: 'forged base', stream }
    case 5:
      return { step: 'ask to erase', stream }
    default:
      return { step: 'squat', stream }
  }
}

function commitOf(random: SeededRandom, stream: number): Step {
  const changes: Change[] = []
  const count = 1 + random.below(CHANGES_MAX)
  for (let n = 0; n < count; n += 1) changes.push(changeOf(random))
  return { step: 'commit', stream, changes, complete: random.chance(0.7) }
}

function changeOf(random: SeededRandom): Change {
  const item = random.below(ITEMS)
  const text = `text ${random.below(1_000_000)} `.repeat(1 + random.below(200))
  const draw = random.below(20)
  if (draw < 9) return { do: 'put', item, text, ...(random.chance(0.04) && { bulky: true }) }
  if (draw < 13) return { do: 'move', item }
  if (draw < 16) return { do: 'remove', item }
  return { do: 'piece', item: ITEMS + random.below(3), text, ends: random.chance(0.4) }
}
