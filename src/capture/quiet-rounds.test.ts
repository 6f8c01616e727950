/**
 * Quiet rounds: no blob is written, and yet the links that the commits hold never grow so old that
 * the service forgets them. What the tables say is lost here to see what the commits are worth.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CONTAINERS, type Cursor, ROUND } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { REBUILD_START, rebuildStream, type VaultCommit } from '../vault/index.ts'
import { commitsOf, streamOf } from './testing/commits.ts'
import { ScriptedMailbox, TROUBLES } from './testing/scripted-mailbox.ts'
import { captureWorld, type World } from './testing/world.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const KEEP_MS = 3 * DAY_MS
const LATER = { notAfter: Number.MAX_SAFE_INTEGER }
const id = (text: string) => text as GraphId
const INBOX = id('inbox')
const OTHER = id('other')

async function worldOf(options = {}): Promise<World> {
  const box = new ScriptedMailbox()
  box.createContainer(INBOX, 'Inbox')
  box.createContainer(OTHER, 'Other')
  box.put(id('a'), { container: INBOX, content: 'a' })
  const world = await captureWorld(box, options)
  await world.untilDone()
  return world
}

const cursorsOf = async (world: World): Promise<Map<GraphId, Cursor>> => {
  const { secret } = await streamOf(world)
  const cursors = await world.tables.cursors(secret, world.signal)
  return new Map(cursors.map((cursor) => [cursor.container, cursor]))
}

/** The cursors of fresh tables. */
async function committedCursors(world: World): Promise<Map<GraphId, Cursor>> {
  await rebuildStream(await streamOf(world), world.tables, REBUILD_START, LATER, world.signal)
  return await cursorsOf(world)
}

/** Two calls in a slice: the quiet folder is read in a slice that commits nothing. */
async function inTinySlices(world: World): Promise<void> {
  for (let n = 0; n < 50; n += 1) {
    if ((await world.slice(2)).state === 'done') return
    world.clock.advance(1000)
  }
  assert.fail('the round does not end')
}

/** Says when the newest commit with a link of this container was written. */
const lastHeld = (commits: readonly VaultCommit[], container: GraphId) =>
  commits.findLast((c) => c.cursors.some((cursor) => cursor.container === container))?.time ?? ''

describe('a quiet round', () => {
  test('writes no blob before the committed links are three days old, then one commit', async () => {
    const world = await worldOf()
    const before = await commitsOf(world)
    for (let waited = 0; waited < KEEP_MS - 7 * HOUR_MS; waited += 6 * HOUR_MS) {
      world.clock.advance(6 * HOUR_MS)
      await world.untilDone()
    }
    assert.equal((await commitsOf(world)).length, before.length)
    world.clock.advance(12 * HOUR_MS)
    await world.untilDone()
    const commits = await commitsOf(world)
    assert.equal(commits.length, before.length + 1)
    const last = commits.at(-1)
    assert.deepEqual([last?.events, last?.packs, last?.complete], [[], [], true])
    const held = new Set(last?.cursors.map(({ container }) => container))
    assert.deepEqual(held, new Set([CONTAINERS, INBOX, OTHER, ROUND]), 'all of them are newer')
    const live = await cursorsOf(world)
    assert.deepEqual(await committedCursors(world), live, 'the tables hold nothing more')
  })

  test('is enough after the tables are lost: nothing is read from its beginning', async () => {
    const world = await worldOf()
    world.clock.advance(KEEP_MS)
    await world.untilDone()
    await committedCursors(world)
    const requests = world.box.contentRequests
    const { counts } = await world.untilDone()
    assert.equal(counts.seen, 0)
    assert.equal(world.box.contentRequests, requests)
  })

  test('of a folder is not hidden by commits of a busy one', async () => {
    const world = await worldOf({ commitEvents: 1 })
    for (let day = 0; day < 8; day += 1) {
      world.clock.advance(DAY_MS)
      world.box.put(id(`day ${day}`), { container: INBOX, content: 'news' })
      await inTinySlices(world)
      const age = world.clock.now() - Date.parse(lastHeld(await commitsOf(world), OTHER))
      assert.ok(age < KEEP_MS, `its committed link is ${age} ms old`)
    }
    assert.deepEqual(await committedCursors(world), await cursorsOf(world))
  })

  test('makes the owner due when its links grow old, although nothing else happens', async () => {
    const world = await worldOf({ intervalMs: 900 * DAY_MS, fullReadMs: 900 * DAY_MS })
    const commits = await commitsOf(world)
    const times = [CONTAINERS, INBOX, OTHER].map((c) => Date.parse(lastHeld(commits, c)))
    assert.equal(Date.parse((await world.ownerRow()).dueAt), Math.min(...times) + KEEP_MS)
    world.clock.advance(KEEP_MS)
    await world.untilDone()
    const due = Date.parse((await world.ownerRow()).dueAt)
    assert.ok(due > world.clock.now() + KEEP_MS - HOUR_MS, 'and not again before its time')
  })

  test('without a folder that cannot be read does not make the owner due again and again', async () => {
    const world = await worldOf()
    const [trouble] = Object.values(TROUBLES)
    assert.ok(trouble)
    world.box.unreadable.set(OTHER, trouble)
    world.clock.advance(DAY_MS)
    await world.untilDone()
    for (let day = 0; day < 20; day += 1) {
      world.clock.advance(DAY_MS)
      await world.untilDone()
      const { dueAt, coverage } = await world.ownerRow()
      assert.equal(coverage, 'partial')
      assert.ok(Date.parse(dueAt) > world.clock.now(), `day ${day}`)
    }
  })

  test('is committed at half the lifetime of a link where the service says it', async () => {
    const world = await worldOf()
    world.workload.linkLifetimeMs = 14 * DAY_MS
    const before = (await commitsOf(world)).length
    world.clock.advance(6 * DAY_MS)
    await world.untilDone()
    assert.equal((await commitsOf(world)).length, before)
    world.clock.advance(DAY_MS)
    await world.untilDone()
    assert.equal((await commitsOf(world)).length, before + 1)
  })

  test('whose closed folder was told by a row alone is in the next commit', async () => {
    const world = await worldOf()
    world.box.deleteContainer(OTHER)
    await world.untilDone()
    world.clock.advance(KEEP_MS)
    await world.untilDone()
    assert.equal((await committedCursors(world)).get(OTHER)?.closed, true)
  })
})
