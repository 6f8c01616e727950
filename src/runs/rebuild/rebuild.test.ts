import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AppError } from '../../model/errors.ts'
import { type GraphId, keyHash, seqName } from '../../model/ids.ts'
import { isRunDue } from '../due.ts'
import { runRow } from '../testing/world.ts'
import { rebuildIfLost } from './begin.ts'
import { rebuildStep } from './step.ts'
import { HOUR_MS, INBOX, type RebuildWorld, rebuildWorld } from './testing/world.ts'

const id = (text: string) => text as GraphId

function loseCommit({ blobs }: RebuildWorld, owner: string, seq: number): void {
  for (const name of [...blobs.blobs.keys()]) {
    if (name.startsWith(`c/${owner}/mail/${seqName(seq)}/`)) blobs.blobs.delete(name)
  }
}

/** Everything that comes from commits, as P6 says; `packs` are measured. */
function truth({ tables }: RebuildWorld) {
  const from = ['heads', 'commits', 'items', 'listing'] as const
  return from.map((table) => tables.dump(table))
}

describe('P6: a catalogue that was lost', () => {
  test('is made again: the same owners, the same rows, and ready', async () => {
    const world = await rebuildWorld('ann', 'bob')
    const before = truth(world)
    const owners = [await world.ownerOf('ann'), await world.ownerOf('bob')]
    world.loseTables()
    const rebuild = await world.drive(await world.ask())
    assert.equal(rebuild.state, 'done')
    assert.deepEqual([rebuild.counts.owners, rebuild.counts.rebuilt], [2, 2])
    assert.deepEqual(truth(world), before)
    assert.deepEqual([await world.ownerOf('ann'), await world.ownerOf('bob')], owners)
    assert.equal(await world.catalogue.ready(world.signal), true)
    const row = await world.catalogue.owners.get(await world.ownerOf('ann'), world.signal)
    assert.deepEqual([row?.coverage, row?.trouble, row?.attempts], ['covered', '', 0])
  })

  test('keeps whom the directory names, with the owner that they had; the others are gone', async () => {
    const world = await rebuildWorld('ann', 'bob')
    const owner = await world.ownerOf('ann')
    world.loseTables()
    await world.drive(await world.ask())
    assert.deepEqual(await world.states(), { ann: 'gone', bob: 'gone' })
    world.joins('ann', 'cleo')
    await world.look()
    assert.deepEqual(await world.states(), { ann: 'protected', bob: 'gone', cleo: 'protected' })
    assert.equal(await world.ownerOf('ann'), owner)
    world.boxOf('ann').put(id('ann-3'), { container: INBOX, content: 'three' })
    const requests = world.boxOf('ann').contentRequests
    assert.equal((await world.slice('ann')).state, 'done')
    assert.deepEqual(await world.listed('ann'), ['ann-1', 'ann-2', 'ann-3'])
    assert.equal(world.boxOf('ann').contentRequests, requests + 1, 'nothing is read again')
  })

  test('hands out no owner id and works no owner before it is rebuilt', async () => {
    const world = await rebuildWorld('ann')
    const blobs = [...world.blobs.blobs.keys()]
    world.loseTables()
    world.joins('ann')
    await assert.rejects(world.look(), { code: 'CatalogueNotReady' })
    assert.deepEqual([...world.blobs.blobs.keys()], blobs)
    await world.ask()
    await rebuildStep({ rebuild: 'asked', attempt: 1 }, world.deps(), world.signal)
    assert.equal((await world.slice('ann')).state, 'busy', 'fenced while its rows are made')
    assert.deepEqual([...world.blobs.blobs.keys()], blobs)
  })

  test('waits an hour for slices that may still write, unless their workers are stopped', async () => {
    for (const isStopped of [false, true]) {
      const world = await rebuildWorld('ann')
      world.loseTables()
      const before = world.clock.now()
      await world.drive(await world.ask({}, isStopped))
      const waitedMs = world.clock.now() - before
      assert.ok(isStopped ? waitedMs < 60_000 : waitedMs >= HOUR_MS, `${waitedMs}`)
    }
  })

  test('is found by the timer, once; a vault without owners is a new installation', async () => {
    const fresh = await rebuildWorld()
    fresh.loseTables()
    assert.equal(await rebuildIfLost(fresh, fresh.signal), undefined)
    const world = await rebuildWorld('ann')
    assert.equal(await rebuildIfLost(world, world.signal), undefined, 'it is ready')
    world.loseTables()
    const rebuild = await rebuildIfLost(world, world.signal)
    assert.ok(rebuild)
    world.clock.advance(HOUR_MS)
    assert.equal(await rebuildIfLost(world, world.signal), undefined, 'one is under way')
    await world.drive(rebuild.id)
    assert.deepEqual(await world.listed('ann'), ['ann-1', 'ann-2'])
  })

  test('goes over more owners than are under work at once, many of them over many steps', async () => {
    const names = Array.from({ length: 70 }, (_, n) => `p${n}`)
    const world = await rebuildWorld()
    world.joins(...names)
    await world.look()
    for (const name of names) await world.slice(name)
    const owners = world.tables.dump('owners').map(([key]) => key)
    world.loseTables()
    const rebuild = await world.drive(await world.ask())
    assert.deepEqual([rebuild.counts.owners, rebuild.counts.rebuilt], [70, 70])
    assert.deepEqual(
      world.tables.dump('owners').map(([key]) => key),
      owners,
    )
  })
})

describe('one owner in trouble keeps nobody else waiting', () => {
  test('erased keys: nobody can say whom it stands for, and the rest is rebuilt', async () => {
    const world = await rebuildWorld('ann', 'bob')
    const erased = await world.ownerOf('ann')
    world.loseTables()
    world.keys.erase(erased)
    const rebuild = await world.drive(await world.ask())
    assert.deepEqual([rebuild.counts.unreadable, rebuild.counts.rebuilt], [1, 1])
    assert.deepEqual(rebuild.troubles, { KeyMissing: 1 })
    assert.deepEqual(await world.states(), { bob: 'gone' })
    assert.equal(await world.catalogue.ready(world.signal), true)
  })

  test('keys that are away for a while are asked for again, and ready waits for them', async () => {
    const world = await rebuildWorld('ann', 'bob')
    const owner = await world.ownerOf('ann')
    world.loseTables()
    const { ownerRecord } = world.vault
    let away = 5
    world.vault.ownerRecord = async (asked, signal) => {
      if (asked !== owner || away === 0) return await ownerRecord(asked, signal)
      away -= 1
      throw new AppError({ code: 'KeyStoreUnavailable', kind: 'transient', message: '503' })
    }
    const rebuild = await world.drive(await world.ask({}, true))
    assert.equal(away, 0)
    assert.deepEqual([rebuild.counts.rebuilt, rebuild.troubles], [2, {}])
  })

  test('a commit that is missing: its owner stays fenced and says so, the others go on', async () => {
    const world = await rebuildWorld('ann', 'bob')
    const owner = await world.ownerOf('ann')
    loseCommit(world, owner, 1)
    world.loseTables()
    const rebuild = await world.drive(await world.ask())
    assert.deepEqual([rebuild.counts.failed, rebuild.counts.rebuilt], [1, 1])
    assert.deepEqual(rebuild.troubles, { ChainGap: 1 })
    const row = await world.catalogue.owners.get(owner, world.signal)
    assert.deepEqual([row?.coverage, row?.trouble], ['failing', 'ChainGap'])
    assert.ok(row && row.dueAt > new Date(world.clock.now() + HOUR_MS).toISOString())
    assert.equal(row.hintAt, row.dueAt, 'nor is it asked for a hint')
    assert.equal((await world.slice('ann')).state, 'busy', 'nothing may fork its chain')
    assert.deepEqual(await world.listed('bob'), ['bob-1', 'bob-2'])
  })

  test('an owner that stays fenced makes no run due, however long; one that lapsed does', async () => {
    const world = await rebuildWorld('ann')
    const { clock, signal } = world
    const owner = await world.ownerOf('ann')
    const isDue = async (hours: number) => {
      clock.advance(hours * HOUR_MS)
      await world.catalogue.runs.insert(runRow(`t-${clock.now()}`, clock.now()), signal)
      return await isRunDue(world.catalogue, clock.now(), signal)
    }
    await world.catalogue.owners.claim(owner, { holder: 'vanishes', leaseMs: 1000 }, signal)
    clock.advance(2000)
    const options = { holder: 'sleeps', leaseMs: 1000 }
    await world.catalogue.owners.claimFenced(owner, options, signal)
    assert.equal(await isDue(0.5), false, 'a rebuild waits for the owner')
    assert.equal(await isDue(1), true, 'nobody has gone on with it')
    world.loseTables()
    loseCommit(world, owner, 1)
    await world.drive(await world.ask())
    await world.look()
    assert.equal(await isDue(0), false)
    assert.equal(await isDue(25), false, 'its rows could not be made')
  })

  test('a damaged commit: rebuilt as far as it goes, said, and read anew by the next round', async () => {
    const world = await rebuildWorld('ann')
    const owner = await world.ownerOf('ann')
    world.boxOf('ann').put(id('ann-3'), { container: INBOX, content: 'three' })
    await world.slice('ann')
    damageCommit(world, owner, 1)
    const rebuild = await world.drive(await world.ask({ scope: 'named', owners: [owner] }))
    assert.deepEqual([rebuild.counts.rebuilt, rebuild.counts.damaged], [1, 1])
    const row = await world.catalogue.owners.get(owner, world.signal)
    assert.deepEqual([row?.coverage, row?.trouble], ['failing', 'RebuiltOverDamage'])
    const held = await world.listed('ann')
    assert.ok(held.includes(id('ann-3')) && !held.includes(id('ann-1')))
    for (let n = 0; n < 5 && (await world.slice('ann')).state !== 'done'; n += 1);
    assert.deepEqual(await world.listed('ann'), ['ann-1', 'ann-2', 'ann-3'])
  })
})

/** Its commit stays valid, and what it says cannot be read: the vault answers as for a lost part. */
function damageCommit(world: RebuildWorld, owner: string, seq: number): void {
  const { stream } = world.vault
  world.vault.stream = async (asked, workload, signal) => {
    const opened = await stream(asked, workload, signal)
    if (asked !== owner) return opened
    return {
      ...opened,
      async next(end, abort) {
        const step = await opened.next(end, abort)
        if (step?.is !== 'commit' || step.commit.seq !== seq) return step
        const { hash, time } = step.commit
        const cause = new AppError({ code: 'CommitDamaged', kind: 'corrupt', message: 'a part' })
        return { is: 'damaged', ref: { seq, hash, time }, cause }
      },
    }
  }
}

describe('one owner', () => {
  test('whose head is ahead of the vault is rebuilt, and what was lost is read again', async () => {
    const world = await rebuildWorld('ann')
    const owner = await world.ownerOf('ann')
    const stream = world.catalogue.stream(owner, 'mail')
    const head = await stream.head(world.signal)
    assert.ok(head)
    for (const name of [...world.blobs.blobs.keys()]) {
      if (name.startsWith(`c/${owner}/mail/${seqName(head.seq)}/`)) world.blobs.blobs.delete(name)
    }
    assert.equal((await world.slice('ann')).trouble, 'HeadAheadOfVault')
    await world.drive(await world.ask({ scope: 'named', owners: [owner] }))
    assert.equal((await stream.head(world.signal))?.seq, head.seq - 1)
    assert.equal((await world.slice('ann')).state, 'done')
    assert.deepEqual(await world.listed('ann'), ['ann-1', 'ann-2'])
  })

  test('is worked by nobody else while a rebuild has it, and by slices afterwards', async () => {
    const world = await rebuildWorld('ann')
    const owner = await world.ownerOf('ann')
    const { owners } = world.catalogue
    const claim = { holder: 'rebuild', leaseMs: 1000 }
    const held = await owners.claimFenced(owner, claim, world.signal)
    assert.equal(held?.state, 'held')
    assert.equal((await world.slice('ann')).state, 'busy')
    const other = await owners.claimFenced(owner, { ...claim, holder: 'other' }, world.signal)
    assert.equal(other?.state, 'wait')
    assert.ok(held?.state === 'held')
    await owners.unfence(held.lease, {}, world.signal)
    assert.equal((await world.slice('ann')).state, 'done')
  })

  test('whose slice vanished is left alone until the hour of that slice is past', async () => {
    const world = await rebuildWorld('ann')
    const owner = await world.ownerOf('ann')
    const vanished = { holder: 'vanished', leaseMs: 300_000 }
    await world.catalogue.owners.claim(owner, vanished, world.signal)
    const claimedAt = world.clock.now()
    world.clock.advance(400_000)
    const rebuild = await world.drive(await world.ask({ scope: 'named', owners: [owner] }))
    assert.equal(rebuild.counts.rebuilt, 1)
    assert.ok(world.clock.now() >= claimedAt + HOUR_MS)
  })

  test('that has no row is said to be unknown', async () => {
    const world = await rebuildWorld('ann')
    const owners = [keyHash('x') as unknown as Awaited<ReturnType<typeof world.ownerOf>>]
    const rebuild = await world.drive(await world.ask({ scope: 'named', owners }))
    assert.deepEqual(rebuild.troubles, { OwnerUnknown: 1 })
  })
})
