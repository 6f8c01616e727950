/** A rebuild that a person asks for: when it is refused, what it goes on with, whom it waits for. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { askForRebuild, type RebuildRequest } from './ask.ts'
import { rebuildIfLost } from './begin.ts'
import { rebuildStep } from './step.ts'
import { HOUR_MS, type RebuildWorld, rebuildWorld } from './testing/world.ts'

async function ask(world: RebuildWorld, changes: Partial<RebuildRequest> = {}) {
  const request = { by: 'person', inUse: false, allStopped: false, ...changes }
  return await askForRebuild(request, world, world.signal)
}

describe('a rebuild that a person asks for', () => {
  test('is refused where the tables are in use, unless that is said', async () => {
    const world = await rebuildWorld('ann')
    const owner = await world.ownerOf('ann')
    await assert.rejects(ask(world), { code: 'TablesInUse' })
    await assert.rejects(ask(world, { owner }), { code: 'TablesInUse' })
    const { rebuild } = await ask(world, { inUse: true, owner })
    assert.equal((await world.drive(rebuild.id)).counts.rebuilt, 1)
    const all = await ask(world, { inUse: true })
    assert.equal((await world.drive(all.rebuild.id)).counts.rebuilt, 1)
    assert.deepEqual(await world.listed('ann'), ['ann-1', 'ann-2'])
  })

  test('goes on with one that is open, whoever began it', async () => {
    const world = await rebuildWorld('ann')
    world.loseTables()
    const lost = await rebuildIfLost(world, world.signal)
    const { rebuild, isGoneOn } = await ask(world)
    assert.deepEqual([rebuild.id, isGoneOn], [lost?.id, true])
    assert.equal((await world.drive(rebuild.id)).counts.rebuilt, 1)
    await assert.rejects(ask(world), { code: 'TablesInUse' })
  })

  test('waits for nobody once all workers are said to be stopped, also amid its waits', async () => {
    const world = await rebuildWorld('ann')
    world.loseTables()
    const before = world.clock.now()
    const first = await ask(world)
    const step = { rebuild: first.rebuild.id, attempt: 1 }
    assert.equal((await rebuildStep(step, world.deps(), world.signal)).state, 'wait')
    const second = await ask(world, { allStopped: true })
    assert.equal(second.isGoneOn, true)
    assert.equal((await world.drive(second.rebuild.id)).counts.rebuilt, 1)
    assert.ok(world.clock.now() - before < HOUR_MS / 60)
  })

  test('of one owner of lost tables makes that one alone, and nobody is ready', async () => {
    const world = await rebuildWorld('ann', 'bob')
    const [ann, bob] = [await world.ownerOf('ann'), await world.ownerOf('bob')]
    world.loseTables()
    const { rebuild } = await ask(world, { owner: ann, allStopped: true })
    assert.equal((await world.drive(rebuild.id)).counts.rebuilt, 1)
    assert.deepEqual(await world.listed('ann'), ['ann-1', 'ann-2'])
    assert.equal(await world.catalogue.owners.get(bob, world.signal), undefined)
    assert.equal(await world.catalogue.ready(world.signal), false)
    const rest = await ask(world, { allStopped: true })
    assert.equal((await world.drive(rest.rebuild.id)).counts.rebuilt, 2)
    assert.equal(await world.catalogue.ready(world.signal), true)
  })

  test('ends in good order between two commits when it is stopped, and goes on from there', async () => {
    const world = await rebuildWorld('ann', 'bob')
    world.loseTables()
    const { rebuild } = await ask(world, { allStopped: true })
    const step = { rebuild: rebuild.id, attempt: 1 }
    let isStopping = false
    const stopping = { ...world.deps(), isStopping: () => isStopping }
    const { stream } = world.vault
    let walked = 0
    world.vault.stream = async (...of) => {
      const opened = await stream(...of)
      const next: typeof opened.next = async (...at) => {
        walked += 1
        isStopping = true
        return await opened.next(...at)
      }
      return { ...opened, next }
    }
    assert.equal((await rebuildStep(step, stopping, world.signal)).state, 'more')
    assert.ok(walked >= 1 && walked <= 2, 'a commit of each owner at work')
    const before = world.clock.now()
    assert.equal((await world.drive(rebuild.id)).counts.rebuilt, 2)
    assert.ok(world.clock.now() - before < 60_000, 'leases were given back')
    assert.deepEqual(await world.listed('ann'), ['ann-1', 'ann-2'])
  })
})
