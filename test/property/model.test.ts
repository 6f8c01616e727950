/**
 * The product against a plain model of what it backs up: days in which mail, files and folders
 * come, change, move and go; of lagging, silent and failing service; of slices that end anywhere,
 * die, sleep or race. At every recovery point of the past what must be restorable is, from blobs
 * and from tables.
 *
 * Stories come from seeds, one each: HOLDFAST_MODEL_SEED (default: the seed of all property
 * tests) is the first one's, HOLDFAST_MODEL_KIND leaves one kind of them, HOLDFAST_MODEL_STEPS is
 * how many steps are played at least in all, and HOLDFAST_MODEL_STORIES at most how many stories
 * of a kind (docs/crash-tests.md).
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { TAKES_MORE } from '../level.ts'
import { KINDS, type KindName } from './model/kinds.ts'
import type { Result } from './model/stories.ts'
import { inThread } from './model/thread.ts'

const THREADS = 2
const STEPS_DEFAULT = TAKES_MORE ? 4000 : 600
/** Fewer may pass without the rarest of what makes a bad day. */
const STEPS_FOR_ALL = 2000
/** Stories within which a planted bug must be met. */
const PLANTED_STORIES_MAX = 30
/** A short run plants one bug in so many, others with each seed. */
const PLANTED_IN_SHORT = 6

const { env } = process
const seed = Number(env['HOLDFAST_MODEL_SEED'] ?? fc.readConfigureGlobal().seed ?? 1)
const stepsMin = Number(env['HOLDFAST_MODEL_STEPS'] ?? STEPS_DEFAULT)
const storiesMax = Number(env['HOLDFAST_MODEL_STORIES'] ?? Number.MAX_SAFE_INTEGER)
const kinds = (Object.keys(KINDS) as KindName[]).filter(
  (kind) => kind === (env['HOLDFAST_MODEL_KIND'] ?? kind),
)

const results: Promise<Result>[] = []
const share = stepsMin / kinds.length

for (const kind of kinds) {
  const { met, plants, found } = KINDS[kind]

  describe(`P1, P2, P3, P6: a plain model of ${kind}`, { concurrency: THREADS }, () => {
    const mine: Promise<Result>[] = []
    for (let thread = 0; thread < Math.min(THREADS, storiesMax); thread += 1) {
      test(`every past point is as it must be: seeds from ${seed + thread}`, async (t) => {
        const limits = { stepsMin: share / THREADS, storiesMax: storiesMax / THREADS }
        const result = inThread({ kind, ...limits, seed: seed + thread, every: THREADS })
        mine.push(result)
        results.push(result)
        const { stories, steps, points, complete, opened } = await result
        t.diagnostic(
          `${stories} stories, ${steps} steps, ${points} points (${complete} complete), ${opened} versions opened`,
        )
      })
    }

    test('and the stories had all that makes a bad day', async (t) => {
      const played = await Promise.all(mine)
      if (storiesMax < Number.MAX_SAFE_INTEGER) return
      const count = (what: string) =>
        played.reduce((sum, { counts }) => sum + (counts[what] ?? 0), 0)
      t.diagnostic(met.map((what) => `${what}: ${count(what)}`).join(', '))
      if (stepsMin < STEPS_FOR_ALL) return
      const unmet = met.filter((what) => count(what) === 0)
      assert.deepEqual(unmet, [])
    })
  })

  describe(`stories of ${kind} that once failed`, () => {
    for (const { wrong, run } of found) test(wrong, () => run().then(() => undefined))
  })

  describe(`the model of ${kind} catches`, { concurrency: THREADS }, () => {
    const some = plants.filter((_, n) => n % PLANTED_IN_SHORT === seed % PLANTED_IN_SHORT)
    for (const plant of TAKES_MORE ? plants : some) {
      test(`a planted bug: ${plant}`, async (t) => {
        const job = { kind, seed, every: 1, stepsMin: Number.MAX_SAFE_INTEGER, plant }
        const planted = inThread({ ...job, storiesMax: PLANTED_STORIES_MAX, shrinkMs: 0 })
        await assert.rejects(planted, (error: Error) => {
          const [, where, why] = /^seed (\d+), .*\n(.*)/.exec(error.message) ?? []
          t.diagnostic(`caught by the story of seed ${where}: ${why}`)
          return where !== undefined
        })
      })
    }
  })
}

test('as many steps were played as were asked for', async (t) => {
  if (storiesMax < Number.MAX_SAFE_INTEGER) return
  const played = await Promise.all(results)
  const sum = (of: (one: Result) => number) => played.reduce((n, one) => n + of(one), 0)
  const steps = sum((one) => one.steps)
  const points = sum((one) => one.points)
  const opened = sum((one) => one.opened)
  t.diagnostic(`${steps} steps, ${points} points, ${opened} versions opened`)
  assert.ok(steps >= stepsMin, `${steps} of ${stepsMin} steps`)
})
