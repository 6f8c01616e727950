/**
 * Random runs by seed, a few in every test run; many with HOLDFAST_CRASH_RUNS=500, from the seed
 * HOLDFAST_CRASH_SEED on (default: 1). A failure names its seed (docs/crash-tests.md).
 */
import { describe, test } from 'node:test'
import { TAKES_MORE } from '../level.ts'
import { inThread } from './every-call/thread.ts'

const RUNS_DEFAULT = TAKES_MORE ? 12 : 2
const THREADS = 2

const runs = Number(process.env['HOLDFAST_CRASH_RUNS'] ?? RUNS_DEFAULT)
const firstSeed = Number(process.env['HOLDFAST_CRASH_SEED'] ?? 1)

describe('P4: days of faults, deaths and sleeps at random', { concurrency: THREADS }, () => {
  const share = Math.ceil(runs / THREADS)
  for (let from = firstSeed; from < firstSeed + runs; from += share) {
    const count = Math.min(share, firstSeed + runs - from)
    test(`lose nothing: seeds ${from} to ${from + count - 1}`, async (t) => {
      const { calls } = await inThread({ job: 'random', from, count })
      t.diagnostic(`${count} runs, ${calls} port calls`)
    })
  }
})
