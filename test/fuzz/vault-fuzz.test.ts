/**
 * Whatever somebody does to the bytes of a vault: right plaintext or a typed error, never another
 * answer (docs/fuzzing.md).
 *
 * `HOLDFAST_FUZZ_INPUTS` says how many inputs, `HOLDFAST_FUZZ_SEED` which; `HOLDFAST_FUZZ_ONLY=n`
 * repeats one of them, and `HOLDFAST_FUZZ_FROM=n` begins there. `npm run test:fuzz` takes 100,000.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { TAKES_MORE } from '../level.ts'
import { type Counts, merged, reportOf } from './counts.ts'
import { inThread } from './thread.ts'

const INPUTS_DEFAULT = TAKES_MORE ? 2000 : 400
const SEED_DEFAULT = 1
const THREADS = 2
/** What a process may hold at its peak: two vaults, two threads, and the largest bombs. */
const RESIDENT_BYTES_MAX = 1536 * 1024 * 1024

const inputs = Number(process.env['HOLDFAST_FUZZ_INPUTS'] ?? INPUTS_DEFAULT)
const begin = Number(process.env['HOLDFAST_FUZZ_FROM'] ?? 0)
const seed = Number(process.env['HOLDFAST_FUZZ_SEED'] ?? SEED_DEFAULT)
const only = process.env['HOLDFAST_FUZZ_ONLY']
const jobs =
  only === undefined ? stripes() : [{ seed, from: Number(only), every: 1, below: Number(only) + 1 }]

function stripes() {
  return Array.from({ length: THREADS }, (_, n) => ({
    seed,
    from: begin + n,
    every: THREADS,
    below: begin + inputs,
  }))
}

describe('a vault whose bytes are not what was written', { concurrency: THREADS }, () => {
  const results: Promise<Counts>[] = []
  for (const job of jobs) {
    test(`gives the truth or a typed error: every ${job.every}. input from ${job.from} on`, async () => {
      const result = inThread(job)
      results.push(result)
      await result
    })
  }

  test('and memory stays within its bounds', async (t) => {
    const counts = merged(await Promise.all(results))
    for (const line of reportOf(counts)) t.diagnostic(line)
    const peak = process.resourceUsage().maxRSS * 1024
    t.diagnostic(`seed ${seed}; at most ${Math.round(peak / 2 ** 20)} MiB resident`)
    assert.ok(peak < RESIDENT_BYTES_MAX, `${peak} bytes were resident`)
    assert.equal(counts.inputs, only === undefined ? inputs : 1)
  })
})
