/**
 * P4 and P6: a rebuild may die, sleep or fail at every single port call, also beside slices that
 * sleep (docs/crash-tests.md, decision 012).
 */
import { describe, test } from 'node:test'
import { SAMPLE, taken } from './every-call/sample.ts'
import { REBUILD_SCENARIOS } from './every-call/scenarios.ts'
import { inThread } from './every-call/thread.ts'

const concurrency = 2
/** Its rebuild removes rows and makes others. */
const AHEAD = 'rows ahead of the vault'
const BUSY = 'a round with moves, deletions, an edit and the ledger'
const sample = SAMPLE

describe('P4, P6: every port call of a rebuild', { concurrency }, () => {
  for (const { name } of REBUILD_SCENARIOS) {
    test(`may be the last of its process: ${name}`, async (t) => {
      const job = { job: 'rebuild', scenario: name, how: 'crash', sample } as const
      const { calls, runs, states } = await inThread(job)
      t.assert.equal(runs, taken(2 * calls))
      t.diagnostic(`${calls} port calls, ${runs} crash points, ${states} different states`)
    })
  }

  test('may be where it sleeps while another does the rebuild and slices go on', async (t) => {
    const { runs } = await inThread({ job: 'rebuild', scenario: AHEAD, how: 'stall', sample })
    t.diagnostic(`${runs} stalls`)
  })

  test('may be lost, done without an answer, done twice, or throttled', async (t) => {
    const { runs } = await inThread({ job: 'rebuild', scenario: AHEAD, how: 'fault', sample })
    t.diagnostic(`${runs} faults`)
  })
})

describe('P4, P6: a slice that sleeps while its owner is rebuilt', { concurrency }, () => {
  test('changes nothing when it wakes, at any of its calls', async (t) => {
    const job = { job: 'rebuild-beside', scenario: BUSY, loss: false, sample } as const
    const { runs } = await inThread(job)
    t.diagnostic(`${runs} stalls`)
  })

  test('brings back no row of a commit that the vault has lost', async (t) => {
    const job = { job: 'rebuild-beside', scenario: BUSY, loss: true, sample } as const
    const { runs } = await inThread(job)
    t.diagnostic(`${runs} stalls`)
  })
})
