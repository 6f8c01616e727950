/** P6: a catalogue compared with its vault, owner by owner and row by row, and nothing written. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Owner } from '../../catalogue/types.ts'
import { AppError } from '../../model/errors.ts'
import { type GraphId, keyHash, type OwnerId, parseOwnerId, seqName } from '../../model/ids.ts'
import { TABLES } from '../../ports.ts'
import { TENANT_ID } from '../../vault/testing/memory-backend.ts'
import { compareCatalogue } from './compare.ts'
import {
  type CompareProgress,
  type CompareReport,
  compareProgressSchema,
  compareReport,
  compareStart,
} from './compare-report.ts'
import { INBOX, type RebuildWorld, rebuildWorld } from './testing/world.ts'

const id = (text: string) => text as GraphId

async function compared(
  world: RebuildWorld,
  from: CompareProgress = compareStart({}),
): Promise<{ report: CompareReport; steps: CompareProgress[] }> {
  const before = TABLES.map((table) => world.tables.dump(table))
  const steps: CompareProgress[] = []
  const deps = { ...world.deps(), tenantId: TENANT_ID, rowsAtOnce: 20 }
  const onProgress = (progress: CompareProgress) => {
    steps.push(progress)
  }
  const end = await compareCatalogue(deps, from, { onProgress }, world.signal)
  const after = TABLES.map((table) => world.tables.dump(table))
  assert.deepEqual(after, before, 'nothing is written')
  return { report: compareReport(end), steps }
}

function told({ differences, troubles }: CompareReport): string[] {
  const rows = differences.map(({ table, row, is, columns = [] }) =>
    [table, row, is, ...columns].join(' '),
  )
  return [...rows, ...troubles.map(({ owner, code }) => `${owner} ${code}`)].sort()
}

async function remove(world: RebuildWorld, table: 'owners' | 'resources', row: string) {
  const key = world.tables.dump(table).find(([name]) => name.endsWith(`|${row}`))?.[0] ?? ''
  const [partition = ''] = key.split('|')
  await world.tables.batch(table, partition, [{ op: 'remove', row }], world.signal)
}

describe('P6: a catalogue is compared with its vault', () => {
  test('and is equal in use, and again after it was lost and rebuilt', async () => {
    const world = await rebuildWorld('ann', 'bob')
    const inUse = await compared(world)
    assert.deepEqual([inUse.report.outcome, told(inUse.report)], ['equal', []])
    assert.deepEqual([inUse.report.counts.owners, inUse.report.counts.streams], [2, 2])
    world.loseTables()
    await world.drive(await world.ask())
    const { report } = await compared(world)
    assert.equal(report.outcome, 'equal')
    for (const table of ['commits', 'items', 'listing', 'heads', 'cursors'] as const) {
      assert.equal(report.tables[table].equal, inUse.report.tables[table].equal)
      assert.ok(report.tables[table].equal > 0, `${table} was compared`)
    }
  })

  test('lost tables: all of it is missing, and each is counted', async () => {
    const world = await rebuildWorld('ann')
    const { tables } = (await compared(world)).report
    world.loseTables()
    const { report } = await compared(world)
    assert.equal(report.outcome, 'different')
    for (const table of ['items', 'listing', 'commits', 'heads', 'owners', 'resources'] as const) {
      assert.equal(report.tables[table].missing, tables[table].equal, table)
    }
  })

  test('an owner row and a resource that are gone, or that name another, are told', async () => {
    const world = await rebuildWorld('ann', 'bob', 'cleo')
    const [ann, bob, cleo] = [
      await world.ownerOf('ann'),
      await world.ownerOf('bob'),
      await world.ownerOf('cleo'),
    ]
    await remove(world, 'owners', ann)
    await remove(world, 'resources', keyHash('bob'))
    const { resources, owners } = world.catalogue
    await resources.update(
      keyHash('cleo'),
      (now) => now && { ...now, owner: parseOwnerId('f'.repeat(32)) },
      world.signal,
    )
    const stray: Owner = {
      ...(await owners.get(bob, world.signal).then((row) => row ?? assert.fail())),
      owner: parseOwnerId('e'.repeat(32)),
    }
    await owners.insert(stray, world.signal)
    const { report } = await compared(world)
    assert.deepEqual(
      told(report),
      [
        `owners ${ann} missing`,
        `owners ${'e'.repeat(32)} extra`,
        `resources ${keyHash('bob')} missing`,
        `resources ${keyHash('cleo')} different owner`,
      ].sort(),
    )
    assert.ok(cleo)
  })

  test('what cannot be compared is told with its code, and the rest is compared', async () => {
    const world = await rebuildWorld('ann', 'bob', 'cleo')
    const [ann, bob] = [await world.ownerOf('ann'), await world.ownerOf('bob')]
    world.keys.erase(ann)
    // With it goes a part of the base by which the stream could have begun later.
    for (const blob of [...world.blobs.blobs.keys()]) {
      if (blob.startsWith(`c/${bob}/mail/${seqName(1)}/`)) world.blobs.blobs.delete(blob)
    }
    const { report } = await compared(world)
    assert.deepEqual(
      [report.outcome, told(report)],
      ['uncompared', [`${ann} KeyMissing`, `${bob} ChainGap`].sort()],
    )
    assert.equal(report.counts.streams, 1)
  })

  test('an owner that is being rebuilt is left out, and told', async () => {
    const world = await rebuildWorld('ann')
    const owner = await world.ownerOf('ann')
    const claim = { holder: 'rebuild', leaseMs: 1000 }
    const held = await world.catalogue.owners.claimFenced(owner, claim, world.signal)
    assert.ok(held?.state === 'held')
    await world.catalogue.owners.beginFenced(held.lease, world.signal)
    assert.deepEqual(told((await compared(world)).report), [`${owner} OwnerFenced`])
  })

  test('of an erased owner no row may be there', async () => {
    const world = await rebuildWorld('ann', 'bob')
    const owner = await world.ownerOf('ann')
    world.erased.add(owner)
    const { report } = await compared(world)
    assert.equal(report.outcome, 'different')
    assert.deepEqual(
      [report.tables.owners.extra, report.tables.heads.extra, report.counts.erased],
      [1, 1, 1],
    )
    assert.ok(report.tables.items.extra > 0)
    world.loseTables()
    await world.drive(await world.ask())
    assert.equal((await compared(world)).report.outcome, 'equal')
  })

  test('goes on from any owner to the same report; its progress is small and parses', async () => {
    const world = await rebuildWorld('ann', 'bob', 'cleo')
    await remove(world, 'owners', await world.ownerOf('bob'))
    const { report, steps } = await compared(world)
    for (const step of steps) {
      const kept = compareProgressSchema.parse(JSON.parse(JSON.stringify(step)))
      assert.deepEqual((await compared(world, kept)).report, report)
    }
    assert.equal(steps.length, 3)
  })

  test('one owner alone is compared alone', async () => {
    const world = await rebuildWorld('ann', 'bob')
    const owner = await world.ownerOf('ann')
    await remove(world, 'owners', await world.ownerOf('bob'))
    const { report } = await compared(world, compareStart({ owner }))
    assert.deepEqual([report.outcome, report.counts.owners], ['equal', 1])
  })

  test('names keys and nothing else', async () => {
    const world = await rebuildWorld('ann')
    world.boxOf('ann').put(id('ann-3'), { container: INBOX, content: 'three' })
    await world.slice('ann')
    world.loseTables()
    const { report } = await compared(world)
    const text = JSON.stringify(report)
    for (const word of ['ann', 'subject', 'inbox', 'Inbox']) {
      assert.ok(!text.includes(`"${word}`) && !text.includes(`${word} `), word)
    }
  })

  test('trouble that may pass is thrown, and not told as a difference', async () => {
    const world = await rebuildWorld('ann')
    world.vault.stream = async () => {
      throw new AppError({ code: 'KeyStoreUnavailable', kind: 'transient', message: '503' })
    }
    await assert.rejects(compared(world), { code: 'KeyStoreUnavailable' })
  })
})

test('a superseded owner needs no rows', async () => {
  const world = await rebuildWorld('ann')
  const older = await world.ownerOf('ann')
  world.clock.advance(1000)
  const younger = parseOwnerId('9'.repeat(32)) as OwnerId
  await world.vault.registerOwner(
    { owner: younger, graphId: id('ann'), kind: 'user', name: 'ann' },
    world.signal,
  )
  world.loseTables()
  const rebuild = await world.drive(await world.ask())
  assert.deepEqual([rebuild.counts.rebuilt, rebuild.counts.superseded], [1, 1])
  const { report } = await compared(world)
  assert.deepEqual([report.outcome, told(report)], ['equal', []])
  assert.notEqual(await world.ownerOf('ann'), older)
})
