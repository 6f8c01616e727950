import assert from 'node:assert/strict'
import { test } from 'node:test'
import { discover } from './discover.ts'
import { isRunDue } from './due.ts'
import { runRow, runsWorld } from './testing/world.ts'

const MINUTE_MS = 60_000

async function worldWithAnn() {
  const world = await runsWorld()
  world.joins('ann')
  await discover(world, world.clock.now() + MINUTE_MS, world.signal)
  const isDue = () => isRunDue(world.catalogue, world.clock.now(), world.signal)
  const addRun = (id: string, changes: Parameters<typeof runRow>[2]) =>
    world.catalogue.runs.insert(runRow(id, world.clock.now(), changes), world.signal)
  return { ...world, isDue, addRun }
}

test('an owner that is due makes a run due, unless a scheduled run is open', async () => {
  const world = await worldWithAnn()
  await world.addRun('t-1', {})
  assert.equal(await world.isDue(), true)
  world.clock.advance(MINUTE_MS)
  await world.addRun('t-2', { state: 'running' })
  assert.equal(await world.isDue(), false)
})

test('a run that a person asked for does not hold up the schedule', async () => {
  const world = await worldWithAnn()
  await world.addRun('a-1', { kind: 'asked', state: 'running' })
  assert.equal(await world.isDue(), true)
})

test('a hint that is due makes a run due, and nobody being due for anything makes none', async () => {
  const world = await worldWithAnn()
  await world.addRun('t-1', {})
  const later = (ms: number) => new Date(world.clock.now() + ms).toISOString()
  const times = { dueAt: later(60 * MINUTE_MS), hintAt: later(15 * MINUTE_MS) }
  for await (const { owner } of world.catalogue.owners.all(world.signal)) {
    await world.catalogue.owners.update(owner, (now) => ({ ...now, ...times }), world.signal)
  }
  assert.equal(await world.isDue(), false)
  world.clock.advance(15 * MINUTE_MS)
  assert.equal(await world.isDue(), true)
})

test('the owner of somebody who is gone makes no run due, whatever its row says', async () => {
  const world = await worldWithAnn()
  world.leaves('ann')
  await discover(world, world.clock.now() + MINUTE_MS, world.signal)
  await world.addRun('t-1', {})
  assert.equal(await world.isDue(), false)
  world.clock.advance(61 * MINUTE_MS)
  assert.equal(await world.isDue(), true, 'the directory is looked at every hour')
})
