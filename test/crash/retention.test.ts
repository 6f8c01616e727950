/**
 * P1, P4: the keeper and the expirer die before and after each of their calls, and storage is faulty
 * at each. Whoever comes next ends the work; nothing that is retained is missed, at any moment.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Fault } from '../../sandbox/storage/index.ts'
import { packsOf } from '../../src/model/representation.ts'
import { reportOf, verifyStart, verifyVault } from '../../src/vault/verify/index.ts'
import { PLANTS } from '../property/years/plants.ts'
import { Play } from '../property/years/play.ts'
import { required } from '../property/years/verdict.ts'
import { NEVER, type Plant, type YearsWorld } from '../property/years/world.ts'
import { expireAll, months, SEED, stream } from './retention/months.ts'
import { inThread } from './retention/thread.ts'

/** More than there are: the oldest. */
const POINTS = 1000
const FAULTS: Readonly<Record<Fault, string>> = {
  lost: 'lost',
  applied: 'done without an answer',
  twice: 'done twice',
  throttled: 'throttled',
}
/** The machine has two cores or more. */
const concurrency = 2

async function verified(world: YearsWorld, store = world.view(() => false).store) {
  const { keys } = world.view(() => false).ports
  const plan = { openPercent: 100, seed: 'all' }
  return reportOf(await verifyVault({ store, keys }, verifyStart(plan), {}, NEVER))
}

describe('P1, P4: keeper and expirer at every call', { concurrency }, () => {
  for (const role of ['plan', 'execute'] as const) {
    test(`the expirer dies at any call of its ${role}; the next one ends it`, async (t) => {
      const points = await inThread({ role })
      t.diagnostic(`${points} deaths`)
      assert.ok(points > 0)
    })
  }

  test('the keeper dies at any call; after the next one what is needed is locked', async (t) => {
    const points = await inThread({ role: 'keeper' })
    t.diagnostic(`${points} deaths`)
    assert.ok(points > 0)
  })

  for (const [fault, says] of Object.entries(FAULTS) as [Fault, string][]) {
    test(`a call is ${says}; the next ones end it`, async (t) => {
      const points = await inThread({ fault })
      t.diagnostic(`${points} faults`)
      assert.ok(points > 0)
    })
  }

  test('a point that an open restore reads stays, past retention or not', async (t) => {
    const start = await months()
    const pinned = async (plant: Plant) => {
      const world = start.fork(plant)
      const play = new Play(world, SEED)
      await play.step({ step: 'pin', stream, back: POINTS, days: 20 })
      await play.step({ step: 'plan', stream })
      return play.counts
    }
    assert.equal((await pinned({}))['plan: nothing'], 1, 'nothing may go')
    const bug = PLANTS['the expirer ignores an open plan']
    await assert.rejects(pinned(bug), (error: Error) => {
      t.diagnostic(
        `planted, the expirer ignores an open plan: caught at seed ${SEED}: ${error.message}`,
      )
      return true
    })
  })

  test('after it a verification opens all that is left, and misses what is gone', async () => {
    const world = await months()
    await expireAll(world)
    const report = await verified(world)
    assert.equal(report.severities.error, 0, JSON.stringify(report.found))
    assert.deepEqual([report.found.ChainBeginsAtBase, report.found.PackUnnamed], [1, undefined])
    const [model] = world.streams
    const oldest = model && required(world, model)[0]
    const [held] = model?.states[oldest ?? 0]?.values() ?? []
    const [pack] = packsOf(held?.put.representations ?? [])
    assert.ok(pack, 'the oldest point holds something')
    const { store } = world.view((name) => name.includes(pack))
    assert.equal((await verified(world, store)).found.PackMissing, 1)
  })
})
