/**
 * A stream that is rebuilt in the middle of its round: what it was comparing is compared again, and
 * nothing that is there is told deleted, nothing that went stays (decision 012).
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AppError } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import { REBUILD_START, rebuildStream, type StreamVault } from '../vault/index.ts'
import { FEW_MAX } from './settle.ts'
import { commitsOf } from './testing/commits.ts'
import { ScriptedMailbox } from './testing/scripted-mailbox.ts'
import { addUp, contents, listed, listedIn, modelOf } from './testing/truth.ts'
import { captureWorld, type World } from './testing/world.ts'

const LAG_MS = 1_800_000
const HOUR_MS = 3_600_000
/** A few calls of the reader, so that a round has many slices. */
const SHORT_MS = 4
/** More than any of these rounds has. */
const SLICES_MAX = 200
const STEPS_MAX = 3
const MANY = FEW_MAX + 5
const ALL = { kinds: ['position', 'start'], of: 'all', form: 410 } as const
const id = (text: string) => text as GraphId
const INBOX = id('inbox')
const OTHER = id('other')
const OLD = id('old')

/** Three folders, one of them with more than leave without being asked for. */
async function threeFolders(): Promise<World> {
  const box = new ScriptedMailbox()
  for (const container of [INBOX, OTHER, OLD]) box.createContainer(container, container)
  for (let n = 1; n <= 8; n += 1) box.put(id(`i${n}`), { container: INBOX, content: `${n}` })
  for (let n = 1; n <= MANY; n += 1) box.put(id(`o${n}`), { container: OTHER, content: `${n}` })
  for (let n = 1; n <= 4; n += 1) box.put(id(`a${n}`), { container: OLD, content: `${n}` })
  const world = await captureWorld(box, { commitEvents: 6, shardItems: 10, baseCommits: 3 })
  await world.untilDone()
  world.clock.advance(HOUR_MS)
  return world
}

/** While all links were lost: a few went here, most there, a folder vanished, something moved. */
function linksAreLost({ box }: World): void {
  box.expire(ALL)
  for (const item of ['i1', 'i2']) box.remove(id(item))
  for (let n = 4; n <= MANY; n += 1) box.remove(id(`o${n}`))
  box.put(id('o1'), { container: INBOX })
  box.put(id('a1'), { container: INBOX })
  box.deleteContainer(OLD)
  box.put(id('n1'), { container: INBOX, content: 'new' })
}

async function rebuild(world: World, stream?: StreamVault): Promise<void> {
  const { tables, vault, owner, signal } = world
  const options = { notAfter: Number.MAX_SAFE_INTEGER, overDamage: true }
  const of = stream ?? (await vault.stream(owner, 'mail', signal))
  let kept = REBUILD_START
  for (let n = 0; n < STEPS_MAX && kept.phase !== 'done'; n += 1) {
    kept = await rebuildStream(of, tables, kept, options, signal)
  }
  assert.equal(kept.phase, 'done')
}

/** Items that any commit tells deleted, and their number of times. */
async function toldDeleted(world: World): Promise<GraphId[]> {
  const events = (await commitsOf(world)).flatMap((commit) => commit.events)
  return events.filter(({ op }) => op === 'deleted').map(({ item }) => item)
}

/** Rounds until what left has been deleted; then the mailbox is held as it is. */
async function comesToRest(world: World): Promise<void> {
  for (let n = 0; n < 3; n += 1) {
    addUp((await world.untilDone()).counts)
    world.clock.advance(LAG_MS + HOUR_MS)
  }
  assert.deepEqual(await contents(world), modelOf(world.box))
  const all = [...(await listed(world)).values()].flat()
  assert.equal(all.length, world.box.items.size, 'nothing is listed that is gone')
  if (!world.box.containers.has(OLD)) {
    assert.deepEqual(await listedIn(world, OLD), [], 'also of a folder that is gone')
  }
  const told = await toldDeleted(world)
  const there = told.filter((item) => world.box.items.has(item) || world.box.containers.has(item))
  assert.deepEqual(there, [], 'no deletion is invented')
  assert.equal(new Set(told).size, told.length, 'each is told once')
}

/** Slices of the round; false where it ended before. */
async function slices(world: World, count: number): Promise<boolean> {
  for (let n = 0; n < count; n += 1) {
    if ((await world.slice(SHORT_MS)).state === 'done') return false
    world.clock.advance(1000)
  }
  return true
}

describe('P2, P6: a stream that is rebuilt in the middle of a full comparison', () => {
  test('compares again, wherever it stood: no deletion is lost, none invented', async () => {
    let amid = 0
    for (let after = 0; after < SLICES_MAX; after += 1) {
      const world = await threeFolders()
      linksAreLost(world)
      if (!(await slices(world, after))) break
      const hadScans = world.rowsOf('scans') > 0
      await rebuild(world)
      assert.equal(world.rowsOf('scans'), 0)
      if (hadScans) amid += 1
      // What the lost scans have seen goes, and what they have not comes back.
      world.box.remove(id('i8'))
      world.box.remove(id('o2'))
      world.box.put(id('i3'), { container: OTHER })
      world.box.put(id('i4'), { container: INBOX, content: 'edited' })
      await comesToRest(world)
    }
    assert.ok(amid > 10, `${amid} of these rebuilds fell into a comparison`)
  })

  test('stores nothing again that the commits hold', async () => {
    const world = await threeFolders()
    linksAreLost(world)
    await slices(world, 6)
    assert.ok(world.rowsOf('scans') > 0)
    await world.untilDone()
    const requests = world.box.contentRequests
    await rebuild(world)
    await comesToRest(world)
    assert.equal(world.box.contentRequests, requests)
  })
})

/** The vault answers for this commit as where a part of it is lost. */
async function damaged({ vault, owner, signal }: World, seq: number): Promise<StreamVault> {
  const stream = await vault.stream(owner, 'mail', signal)
  const cause = new AppError({ code: 'CommitDamaged', kind: 'corrupt', message: 'a part' })
  return {
    ...stream,
    async next(end, abort) {
      const step = await stream.next(end, abort)
      if (step?.is !== 'commit' || step.commit.seq !== seq) return step
      const { hash, time } = step.commit
      return { is: 'damaged', ref: { seq, hash, time }, cause }
    },
  }
}

describe('P2: a stream that is rebuilt over a damaged commit', () => {
  test('knows the number of its round: what left before is deleted by the next whole one', async () => {
    const world = await threeFolders()
    for (let n = 0; n < 5; n += 1) {
      world.clock.advance(HOUR_MS)
      await world.untilDone()
    }
    // What is said of the first of them is lost with the commit that held it.
    for (const item of ['i1', 'a4']) world.box.remove(id(item))
    await world.untilDone()
    await rebuild(world, await damaged(world, 1))
    await comesToRest(world)
    assert.ok((await toldDeleted(world)).includes(id('a4')))
  })

  test('lets the members of a folder go that was closed and not compared yet', async () => {
    const world = await threeFolders()
    linksAreLost(world)
    const isClosed = async () => {
      const cursors = await world.tables.cursors(world.secret, world.signal)
      return cursors.some(({ container, closed, scan }) => container === OLD && closed && scan)
    }
    while (!(await isClosed())) assert.ok(await slices(world, 1), 'the folder is closed in time')
    await rebuild(world, await damaged(world, 1))
    await comesToRest(world)
  })
})
