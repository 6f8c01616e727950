/**
 * The product against a plain model of a mailbox: days of mail that comes, changes, moves and
 * goes; of lagging, silent and failing service; of slices that end anywhere, die, sleep or race.
 * At every recovery point of the past what must be restorable is, from blobs and from tables.
 *
 * Stories come from seeds, one each: HOLDFAST_MODEL_SEED (default: the seed of all property
 * tests) is the first one's, HOLDFAST_MODEL_STEPS how many steps are played at least, and
 * HOLDFAST_MODEL_STORIES at most how many stories (docs/crash-tests.md).
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { TAKES_MORE } from '../level.ts'
import { FOUND } from './mail-model/found.ts'
import { PLANTS, type Plant } from './mail-model/plants.ts'
import { runStory } from './mail-model/run.ts'
import type { Result } from './mail-model/stories.ts'
import { inThread } from './mail-model/thread.ts'

const THREADS = 2
const STEPS_DEFAULT = TAKES_MORE ? 5000 : 2000
/** Stories within which a planted bug must be met. */
const PLANTED_STORIES_MAX = 12

const { env } = process
const seed = Number(env['HOLDFAST_MODEL_SEED'] ?? fc.readConfigureGlobal().seed ?? 1)
const stepsMin = Number(env['HOLDFAST_MODEL_STEPS'] ?? STEPS_DEFAULT)
const storiesMax = Number(env['HOLDFAST_MODEL_STORIES'] ?? Number.MAX_SAFE_INTEGER)

/** What must have happened, or the stories prove little. */
const MET = [
  'a slice ends: died',
  'a slice ends: more',
  'a slice ends: wait',
  'a slice ends: busy',
  'a base',
  'a commit of cursors alone',
  'asleep',
  'corrupt',
  'delete-folder',
  'fault',
  'gone while links were lost',
  'lag',
  'look',
  'undelete',
] as const

describe('P1, P2, P3, P6: a plain model of the mailbox', { concurrency: THREADS }, () => {
  const results: Promise<Result>[] = []
  for (let thread = 0; thread < Math.min(THREADS, storiesMax); thread += 1) {
    test(`every past point is as it must be: seeds from ${seed + thread}`, async (t) => {
      const share = { stepsMin: stepsMin / THREADS, storiesMax: storiesMax / THREADS }
      const result = inThread({ ...share, seed: seed + thread, every: THREADS })
      results.push(result)
      const { stories, steps, points, complete, opened } = await result
      t.diagnostic(
        `${stories} stories, ${steps} steps, ${points} points (${complete} complete), ${opened} versions opened`,
      )
    })
  }

  test('and the stories had all that makes a bad day', async (t) => {
    const played = await Promise.all(results)
    if (storiesMax < Number.MAX_SAFE_INTEGER) return
    const count = (what: string) => played.reduce((sum, { counts }) => sum + (counts[what] ?? 0), 0)
    const unmet = MET.filter((what) => count(what) === 0)
    assert.deepEqual(unmet, [])
    const steps = played.reduce((sum, one) => sum + one.steps, 0)
    assert.ok(steps >= stepsMin, `${steps} steps`)
    t.diagnostic(`${steps} steps; ${MET.map((what) => `${what}: ${count(what)}`).join(', ')}`)
  })
})

describe('stories that once failed', () => {
  for (const { wrong, story } of FOUND) test(wrong, () => runStory(story).then(() => undefined))
})

describe('the model catches', { concurrency: THREADS }, () => {
  const all = Object.keys(PLANTS) as Plant[]
  // Others with each seed.
  const some = all.filter((_, n) => n % 2 === seed % 2)
  for (const plant of TAKES_MORE ? all : some) {
    test(`a planted bug: ${plant}`, async (t) => {
      const job = { seed, every: 1, stepsMin: Number.MAX_SAFE_INTEGER, plant }
      const planted = inThread({ ...job, storiesMax: PLANTED_STORIES_MAX, shrinkMs: 0 })
      await assert.rejects(planted, (error: Error) => {
        const [, where, why] = /^seed (\d+), .*\n(.*)/.exec(error.message) ?? []
        t.diagnostic(`caught by the story of seed ${where}: ${why}`)
        return where !== undefined
      })
    })
  }
})
