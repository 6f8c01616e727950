/** P8: an owner that was erased comes back in no row, whatever of it is still there. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AppError } from '../../model/errors.ts'
import { type GraphId, type OwnerId, parseOwnerId } from '../../model/ids.ts'
import { TABLES } from '../../ports.ts'
import { HOUR_MS, INBOX, type RebuildWorld, rebuildWorld } from './testing/world.ts'

/** Rows whose keys or texts name the owner, but for those of rebuilds themselves. */
function rowsOf({ tables }: RebuildWorld, owner: OwnerId): string[] {
  return TABLES.filter((table) => table !== 'runs').flatMap((table) =>
    tables
      .dump(table)
      .filter((row) => JSON.stringify(row).includes(owner))
      .map(([key]) => `${table} ${key}`),
  )
}

describe('an erased owner', () => {
  test('P8: is in no row after a rebuild, though its blobs and keys are there', async () => {
    const world = await rebuildWorld('ann', 'bob')
    const [erased, bob] = [await world.ownerOf('ann'), await world.ownerOf('bob')]
    assert.ok(rowsOf(world, erased).length > 0)
    world.loseTables()
    world.erased.add(erased)
    const rebuild = await world.drive(await world.ask())
    assert.deepEqual([rebuild.counts.erased, rebuild.counts.rebuilt], [1, 1])
    assert.deepEqual(rebuild.troubles, {}, 'that is no trouble')
    assert.deepEqual(rowsOf(world, erased), [])
    assert.ok(rowsOf(world, bob).length > 0)
    assert.deepEqual(await world.states(), { bob: 'gone' })
  })

  test('P8: is not rebuilt by its name either, and its rows are not touched', async () => {
    const world = await rebuildWorld('ann')
    const owner = await world.ownerOf('ann')
    world.erased.add(owner)
    const before = world.tables.dump('items')
    const rebuild = await world.drive(await world.ask({ scope: 'named', owners: [owner] }))
    assert.deepEqual([rebuild.counts.erased, rebuild.counts.rebuilt], [1, 0])
    assert.deepEqual(world.tables.dump('items'), before, 'whoever erased it takes them away')
  })

  test('P8: whose erasure is recorded while it is rebuilt gets no further row', async () => {
    for (let asked = 1; asked <= 3; asked += 1) {
      const world = await rebuildWorld('ann')
      const owner = await world.ownerOf('ann')
      world.loseTables()
      let times = 0
      world.erasures.isErased = async () => {
        times += 1
        return times >= asked
      }
      const rebuild = await world.drive(await world.ask({}, true))
      assert.equal(rebuild.counts.erased, 1, `recorded before it was asked for time ${asked}`)
      for (const table of ['heads', 'items', 'listing', 'commits', 'ledger', 'cursors'] as const) {
        assert.deepEqual(world.tables.dump(table), [])
      }
      assert.equal((await world.catalogue.owners.get(owner, world.signal))?.isFenced ?? true, true)
    }
  })

  test('P8: does not stand in the way of the owner that its resource has now', async () => {
    const world = await rebuildWorld('ann')
    const older = await world.ownerOf('ann')
    world.clock.advance(HOUR_MS)
    const erased = parseOwnerId('9'.repeat(32))
    const ann = { graphId: 'ann' as GraphId, kind: 'user', name: 'ann' }
    await world.vault.registerOwner({ owner: erased, ...ann }, world.signal)
    world.loseTables()
    world.erased.add(erased)
    await world.drive(await world.ask())
    assert.equal(await world.ownerOf('ann'), older)
  })

  test('records that cannot be read for a while stop nothing for good', async () => {
    const world = await rebuildWorld('ann')
    world.loseTables()
    let away = 4
    world.erasures.isErased = async () => {
      if (away === 0) return false
      away -= 1
      throw new AppError({ code: 'BlobUnavailable', kind: 'transient', message: '503' })
    }
    const rebuild = await world.drive(await world.ask({}, true))
    assert.deepEqual([away, rebuild.counts.rebuilt, rebuild.troubles], [0, 1, {}])
    world.boxOf('ann').put('ann-3' as GraphId, { container: INBOX, content: 'three' })
    assert.equal((await world.slice('ann')).state, 'done')
  })
})
