/**
 * P4, P10: whoever verifies all owners dies before and after each of its writes, between its steps and
 * amid them. The next one ends in the same: nothing is counted twice, and there is one report.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IDENTITIES, ProcessDied, type SimulatedProcess } from '../../sandbox/storage/index.ts'
import type { Verification } from '../../src/catalogue/types.ts'
import { fork, type VerifyWorld, verifyWorld } from '../../src/runs/verify/testing/world.ts'
import { TAKES_MORE } from '../level.ts'

/** `npm run test:crash` takes every write. */
const EVERY = process.env['HOLDFAST_CRASH_RUNS'] ? 1 : TAKES_MORE ? 5 : 13
const WRITES: ReadonlySet<string> = new Set(['batch', 'create'])
/** Some twenty calls: an owner has several steps. */
const SLICE_MS = 60

/** Steps of one process, until the verification is done. */
async function runOut(world: VerifyWorld, id: string, process: SimulatedProcess): Promise<void> {
  for (;;) {
    const { state } = await world.step(id, { process, sliceMs: SLICE_MS })
    if (state === 'done') return
  }
}

async function dies(run: Promise<void>): Promise<boolean> {
  try {
    await run
    return false
  } catch (error) {
    assert.ok(error instanceof ProcessDied)
    return true
  }
}

/** Without times, and without what names the steps. */
function resultOf({ state, counts, sums, found, severities, findings, troubles }: Verification) {
  return { state, counts, sums, found, severities, findings, troubles }
}

test('a verification that dies at any of its calls is gone on with, and ends in the same', async (t) => {
  const start = await verifyWorld()
  const pack = start.storage.vault.names().find((name) => name.endsWith('.pk')) ?? ''
  start.clock.advance(5000)
  start.storage.vault.overwrite(IDENTITIES.account, pack, Buffer.from('spoilt'), { lock: 'none' })
  const id = await start.ask()
  const whole = fork(start)
  const counting = whole.storage.process('restorer')
  await runOut(whole, id, counting)
  const calls = whole.storage.trace.of(counting.name)
  assert.equal(calls.length, counting.calls)
  const expected = resultOf(await whole.row(id))
  assert.equal(expected.counts.damaged, 1)
  // What it reads changes nothing: a death at one of those calls leaves what the write before it left.
  const writes = calls.filter(({ op }) => WRITES.has(op)).map(({ k }) => k)
  let points = 0
  for (const k of writes.filter((_, n) => n % EVERY === 0)) {
    for (const moment of ['before', 'after'] as const) {
      const world = fork(start)
      const mortal = world.storage.process('restorer')
      if (moment === 'before') mortal.crashBefore(k)
      else mortal.crashAfter(k)
      // Keys answer from threads, so a run may have a few calls less than the one that was counted.
      if (!(await dies(runOut(world, id, mortal)))) continue
      const { row } = await world.drive(id)
      assert.deepEqual(resultOf(row), expected, `call ${k}, ${moment}`)
      assert.deepEqual(Object.keys(world.reports()), [row.report])
      for (const owner of world.owners) assert.ok(await world.verified(owner))
      points += 1
    }
  }
  assert.ok(points > (2 * writes.length) / EVERY - 4, `${points} points`)
  t.diagnostic(`${counting.calls} calls, ${writes.length} of them write, ${points} points`)
})
