/**
 * P4: a crash anywhere is harmless, at every single port call of a slice (docs/crash-tests.md).
 */
import { describe, test } from 'node:test'
import { SAMPLE, taken } from './every-call/sample.ts'
import { CAPTURE_SCENARIOS } from './every-call/scenarios.ts'
import { inThread } from './every-call/thread.ts'

/** The machine has two cores or more. */
const concurrency = 2
const sample = SAMPLE
/** Every call of these is also stalled and made to fail: all kinds of events, a base, progress. */
const RICHEST = [
  'a round with moves, deletions, an edit and the ledger',
  'a base of several shards, over several slices',
  'content that takes several slices',
]

describe('P4: every port call of a slice', { concurrency }, () => {
  for (const { name } of CAPTURE_SCENARIOS) {
    test(`may be the last of its process: ${name}`, async (t) => {
      const { calls, runs, states } = await inThread({
        job: 'capture',
        scenario: name,
        how: 'crash',
        sample,
      })
      t.assert.equal(runs, taken(2 * calls))
      t.diagnostic(`${calls} port calls, ${runs} crash points, ${states} different states`)
    })
  }

  for (const scenario of RICHEST) {
    test(`may be where a worker sleeps while another works the owner: ${scenario}`, async (t) => {
      const { runs } = await inThread({ job: 'capture', scenario, how: 'stall', sample })
      t.diagnostic(`${runs} stalls`)
    })

    test(`may be lost, done without an answer, done twice, or throttled: ${scenario}`, async (t) => {
      const { runs } = await inThread({ job: 'capture', scenario, how: 'fault', sample })
      t.diagnostic(`${runs} faults`)
    })
  }
})

describe('P4: every port call of a restore', { concurrency }, () => {
  test('may be the last of its process: nothing is made twice, nothing is forgotten', async (t) => {
    const { calls, runs, states } = await inThread({ job: 'restore', how: 'crash', sample })
    t.diagnostic(`${calls} port calls, ${runs} crash points, ${states} different states`)
  })

  test('may be where a worker sleeps while another takes its job over', async (t) => {
    const { runs } = await inThread({ job: 'restore', how: 'stall', sample })
    t.diagnostic(`${runs} stalls`)
  })

  test('may be lost, done without an answer, done twice, or throttled', async (t) => {
    const { runs } = await inThread({ job: 'restore', how: 'fault', sample })
    t.diagnostic(`${runs} faults`)
  })
})

describe('P4: every port call of an undo', { concurrency }, () => {
  test('may be the last of its process: what somebody touched stays, the rest goes', async (t) => {
    const { calls, runs, states } = await inThread({ job: 'undo', how: 'crash', sample })
    t.diagnostic(`${calls} port calls, ${runs} crash points, ${states} different states`)
  })

  test('may be where a worker sleeps while another takes its job over', async (t) => {
    const { runs } = await inThread({ job: 'undo', how: 'stall', sample })
    t.diagnostic(`${runs} stalls`)
  })

  test('may be lost, done without an answer, done twice, or throttled', async (t) => {
    const { runs } = await inThread({ job: 'undo', how: 'fault', sample })
    t.diagnostic(`${runs} faults`)
  })
})
