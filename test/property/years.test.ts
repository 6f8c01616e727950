/**
 * Years of a vault under locks against a plain model: commits, bases, long content, a keeper and an
 * expirer that die anywhere, shorter policies, holds, open restores, erasures, thieves with the
 * writer's rights. After each step that something could be lost by, what must be restorable is.
 *
 * HOLDFAST_YEARS_SEED (default: the seed of all property tests) is the first story's seed,
 * HOLDFAST_YEARS_STEPS how many steps are played at least (docs/crash-tests.md).
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { TAKES_MORE } from '../level.ts'
import { PLANTS, type PlantName } from './years/plants.ts'
import type { Result } from './years/stories.ts'
import { inThread } from './years/thread.ts'

const THREADS = 2
const STEPS_DEFAULT = TAKES_MORE ? 1600 : 400
/** Fewer may pass without the rarest of what must have happened. */
const STEPS_FOR_ALL = 1600
/** Stories within which a planted bug must be met. */
const PLANTED_STORIES_MAX = 30

const { env } = process
const seed = Number(env['HOLDFAST_YEARS_SEED'] ?? fc.readConfigureGlobal().seed ?? 1)
const stepsMin = Number(env['HOLDFAST_YEARS_STEPS'] ?? STEPS_DEFAULT)
const storiesMax = Number(env['HOLDFAST_YEARS_STORIES'] ?? Number.MAX_SAFE_INTEGER)

/** What must have happened, or the stories prove little. */
const MET = [
  'execute: executed',
  'commits removed',
  'packs removed',
  'keeper died',
  'expirer died',
  'rebuilds compared',
]

describe('P1, P5, P6, P8: years under locks', { concurrency: THREADS }, () => {
  const results: Promise<Result>[] = []
  for (let thread = 0; thread < Math.min(THREADS, storiesMax); thread += 1) {
    test(`what is retained can be restored: seeds from ${seed + thread}`, async () => {
      const share = { stepsMin: stepsMin / THREADS, storiesMax: storiesMax / THREADS }
      const result = inThread({ ...share, seed: seed + thread, every: THREADS })
      results.push(result)
      await result
    })
  }

  test('and the years had something to lose', async (t) => {
    const played = await Promise.all(results)
    const counts: Record<string, number> = {}
    for (const one of played) {
      for (const [what, n] of Object.entries(one.counts)) counts[what] = (counts[what] ?? 0) + n
    }
    t.diagnostic(JSON.stringify(counts))
    const steps = played.reduce((sum, one) => sum + one.steps, 0)
    t.diagnostic(`${steps} steps`)
    if (storiesMax < Number.MAX_SAFE_INTEGER) return
    assert.ok(steps >= stepsMin)
    if (stepsMin < STEPS_FOR_ALL) return
    assert.deepEqual(
      MET.filter((what) => !counts[what]),
      [],
    )
  })
})

describe('the years catch', { concurrency: THREADS }, () => {
  // The others are met in stories; this one needs a restore of the very points that are about to go.
  const met = (name: string) => name !== 'the expirer ignores an open plan'
  const all = (Object.keys(PLANTS) as PlantName[]).filter(met)
  // Others with each seed.
  const some = all.filter((_, n) => n % 2 === seed % 2)
  for (const plant of TAKES_MORE ? all : some) {
    test(`a planted bug: ${plant}`, async (t) => {
      const job = { seed, every: 1, stepsMin: Number.MAX_SAFE_INTEGER, plant }
      await assert.rejects(
        inThread({ ...job, storiesMax: PLANTED_STORIES_MAX }),
        (error: Error) => {
          t.diagnostic(`caught: ${error.message.slice(0, 300)}`)
          return /^seed \d+, step/.test(error.message)
        },
      )
    })
  }
})
