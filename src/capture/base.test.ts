/**
 * Bases in capture: when one is built, over how many slices, and that the state read from it is
 * the state that the commits say, for every point in time.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type GraphId, seqName } from '../model/ids.ts'
import { REBUILD_START, rebuildStream } from '../vault/index.ts'
import { collect } from '../vault/testing/fixture.ts'
import { stateByCommits, wholeState } from '../vault/testing/states.ts'
import { commitsOf, streamOf } from './testing/commits.ts'
import { ScriptedMailbox } from './testing/scripted-mailbox.ts'
import { contents, modelOf } from './testing/truth.ts'
import { captureWorld, type World } from './testing/world.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** A shard of two items: small mailboxes have several. */
const MANY_SHARDS = { shardItems: 2 }
const id = (text: string) => text as GraphId
const INBOX = id('inbox')

async function worldOf(names: readonly string[], options = {}): Promise<World> {
  const box = new ScriptedMailbox()
  box.createContainer(INBOX, 'Inbox')
  for (const name of names) box.put(id(name), { container: INBOX, content: name })
  return await captureWorld(box, options)
}

const LETTERS = [...'abcdefghijkl']

/** What the bases restate, in the order of their commits. */
const bases = async (world: World) =>
  (await commitsOf(world)).flatMap((c) => (c.base ? [c.base.asOf] : []))

/** Every read and write of a blob takes so long. */
function slowBlobs({ blobs, clock }: World, ms: number): void {
  const { read, create } = blobs
  blobs.read = async (...call) => {
    clock.advance(ms)
    return await read(...call)
  }
  blobs.create = async (...call) => {
    clock.advance(ms)
    return await create(...call)
  }
}

/** A round every day in which one message arrives. */
async function days(world: World, count: number): Promise<void> {
  for (let day = 0; day < count; day += 1) {
    world.clock.advance(DAY_MS)
    const name = `day ${world.clock.now()}`
    world.box.put(id(name), { container: INBOX, content: name })
    await world.untilDone()
  }
}

describe('a base is due', () => {
  test('after the first complete round, and not after a quiet one', async () => {
    const world = await worldOf(['a'], { commitEvents: 1 })
    await world.untilDone()
    const commits = await commitsOf(world)
    const last = commits.at(-1)
    assert.equal(last?.base?.asOf, commits.length - 1, 'it restates the end of the round')
    assert.deepEqual([last?.events, last?.complete], [[], true])
    world.clock.advance(DAY_MS)
    await world.untilDone()
    assert.equal((await commitsOf(world)).length, commits.length)
  })

  test('not before the first copy is complete', async () => {
    const world = await worldOf(LETTERS, { commitEvents: 1 })
    assert.equal((await world.slice(8)).state, 'more')
    assert.ok((await commitsOf(world)).length > 0)
    assert.deepEqual(await bases(world), [])
  })

  test('when the newest one is thirty days old and something was committed since', async () => {
    const world = await worldOf(['a'])
    await world.untilDone()
    const [first] = await bases(world)
    await days(world, 29)
    assert.deepEqual(await bases(world), [first])
    await days(world, 1)
    assert.equal((await bases(world)).length, 2)
  })

  test('not for commits of cursors and bases alone: an idle mailbox is not restated', async () => {
    const world = await worldOf(['a'])
    await world.untilDone()
    for (let day = 0; day < 70; day += 1) {
      world.clock.advance(DAY_MS)
      await world.untilDone()
    }
    assert.ok((await commitsOf(world)).length > 20, 'cursors were committed')
    assert.equal((await bases(world)).length, 1)
    assert.ok(Date.parse((await world.ownerRow()).dueAt) > world.clock.now(), 'it does not spin')
  })

  test('when the newest one is so many commits behind', async () => {
    const world = await worldOf(['a'], { baseCommits: 10 })
    await world.untilDone()
    const [first = 0] = await bases(world)
    await days(world, 8)
    assert.equal((await bases(world)).length, 1)
    await days(world, 1)
    assert.deepEqual(await bases(world), [first, first + 10])
  })

  test('at a known time, at which the owner is due although nothing else happens', async () => {
    const seldom = { intervalMs: 1000 * DAY_MS, fullReadMs: 1000 * DAY_MS }
    const world = await worldOf(['a'], { ...seldom, cursorCommitMs: 900 * DAY_MS })
    await world.untilDone()
    const [asOf = 0] = await bases(world)
    const point = (await commitsOf(world)).find(({ seq }) => seq === asOf)
    const oldAt = Date.parse(point?.time ?? '') + 30 * DAY_MS
    assert.equal(Date.parse((await world.ownerRow()).dueAt), oldAt)
  })
})

describe('a base over several slices', () => {
  /** All of the first copy, and a base of which no shard was begun. */
  async function slowWorld(names = LETTERS): Promise<World> {
    const world = await worldOf(names, { ...MANY_SHARDS, commitEvents: 4 })
    // The round ends with its slice: reading the first commit of the chain is too late already.
    const apply = world.blobs.create
    world.blobs.create = async (name, bytes, signal) => {
      if (name.endsWith('commit.json')) world.clock.advance(40)
      return await apply(name, bytes, signal)
    }
    while ((await commitsOf(world)).at(-1)?.complete !== true) await world.slice(130)
    world.blobs.create = apply
    return world
  }

  test('goes on shard by shard; the owner answers more, is no poison, and reads no round', async () => {
    const world = await slowWorld()
    const requests = world.box.changeRequests
    slowBlobs(world, 1)
    let slices = 0
    while ((await bases(world)).length === 0) {
      const { read, create } = world.blobs
      assert.equal((await world.slice(14)).state, 'more')
      assert.equal((await world.ownerRow()).attempts, 0)
      Object.assign(world.blobs, { read, create })
      slices += 1
      assert.ok(slices < 50, 'it comes to its end')
    }
    assert.ok(slices >= 4, `it took several slices: ${slices}`)
    assert.equal(world.box.changeRequests, requests, 'no round was read meanwhile')
    assert.equal((await world.untilDone()).trouble, '')
    assert.ok(world.box.changeRequests > requests, 'done says that a whole round was read')
    await statesAgree(world)
    assert.deepEqual([...(await world.tables.work.all(world.signal))], [], 'nothing is left over')
  })

  test('gives way to a round after half an hour, and goes on after it', async () => {
    const world = await slowWorld()
    slowBlobs(world, 1)
    await world.slice(14)
    const kept = await world.tables.work.all(world.signal)
    assert.ok(kept.size > 1, 'a shard is kept')
    world.clock.advance(HOUR_MS)
    world.box.put(id('news'), { container: INBOX, content: 'news' })
    await world.untilDone()
    assert.deepEqual(await contents(world), modelOf(world.box))
    const [asOf = 0] = await bases(world)
    const news = (await commitsOf(world)).find((c) => c.events.some((e) => e.item === id('news')))
    assert.ok(news && asOf < news.seq, 'the base restates the state that it was begun for')
    await statesAgree(world)
  })

  test('begins again where what was kept is lost', async () => {
    const world = await slowWorld()
    slowBlobs(world, 1)
    await world.slice(14)
    await world.tables.work.clear({ notAfter: Number.POSITIVE_INFINITY }, world.signal)
    await world.untilDone()
    assert.equal((await bases(world)).length, 1)
    await statesAgree(world)
  })

  test('is not committed where a part of an earlier slice is gone, and is begun anew in a day', async () => {
    const world = await slowWorld()
    slowBlobs(world, 1)
    await world.slice(14)
    const part = [...world.blobs.blobs.keys()].find((name) => name.endsWith('.bs'))
    assert.ok(part)
    world.blobs.blobs.delete(part)
    const { state, trouble } = await world.untilDone()
    assert.deepEqual([state, trouble], ['done', 'BaseDamaged'])
    assert.deepEqual(await bases(world), [])
    world.clock.advance(DAY_MS)
    assert.equal((await world.untilDone()).trouble, '')
    await statesAgree(world)
  })

  test('is left alone for a day where a whole slice is not enough for one shard', async () => {
    const world = await slowWorld()
    slowBlobs(world, 200)
    const { state, trouble } = await world.slice(130)
    assert.deepEqual([state, trouble], ['more', ''], 'the round had no time beside it')
    assert.equal((await world.untilDone()).trouble, 'BaseOutOfTime')
    assert.equal((await world.ownerRow()).coverage, 'covered')
    assert.deepEqual(await bases(world), [])
  })
})

describe('damage in the chain', () => {
  /** A base, a deletion (whose commit has its events beside it), and a month. */
  async function damagedWorld() {
    const world = await worldOf(LETTERS.slice(0, 3))
    await world.untilDone()
    world.box.remove(id('a'))
    await world.untilDone()
    world.clock.advance(HOUR_MS)
    await world.untilDone()
    const deletion = (await commitsOf(world)).find((c) => c.events.some((e) => e.op === 'deleted'))
    assert.ok(deletion)
    const folder = `/${seqName(deletion.seq)}/`
    const name = [...world.blobs.blobs.keys()].find((n) => n.includes(folder) && n.endsWith('.mf'))
    const blob = name && world.blobs.blobs.get(name)
    assert.ok(blob)
    await days(world, 29)
    world.blobs.blobs.delete(name)
    return { world, repair: () => world.blobs.blobs.set(name, blob) }
  }

  test('stops no capture; the owner says so, and no base is tried for a day', async () => {
    const { world, repair } = await damagedWorld()
    await days(world, 2)
    assert.deepEqual(await contents(world), modelOf(world.box))
    const said = await world.ownerRow()
    assert.deepEqual([said.trouble, said.coverage], ['CommitDamaged', 'covered'])
    const { read } = world.blobs
    let reads = 0
    world.blobs.read = async (...call) => {
      reads += 1
      return await read(...call)
    }
    world.clock.advance(HOUR_MS)
    assert.equal(
      (await world.untilDone()).trouble,
      'CommitDamaged',
      'it is said as long as it is so',
    )
    assert.ok(reads < 6, 'the chain is not walked')
    repair()
    await days(world, 2)
    assert.equal((await world.ownerRow()).trouble, '')
    assert.equal((await bases(world)).length, 2)
    await statesAgree(world)
  })
})

/** For every commit: read from the newest base that serves it, and from the first commit on. */
async function statesAgree(world: World): Promise<void> {
  const stream = await streamOf(world)
  const commits = await commitsOf(world)
  const asOfs = await bases(world)
  for (const ref of commits) {
    const { base, ...state } = await wholeState(stream, ref, { shardItems: 8 })
    assert.deepEqual(state, await stateByCommits(stream, ref))
    assert.equal(base, asOfs.filter((asOf) => asOf <= ref.seq).at(-1), 'the newest not after it')
  }
}

/** Bases, commits of cursors, a ledger entry that stays open and an item that left. */
async function worldWithPast(): Promise<World> {
  const world = await worldOf(LETTERS, { ...MANY_SHARDS, commitEvents: 3, baseCommits: 10 })
  world.box.corrupt.add(id('d'))
  await world.untilDone()
  for (let month = 0; month < 3; month += 1) {
    await days(world, 4)
    world.clock.advance(4 * DAY_MS)
    await world.untilDone()
    world.box.remove(id(LETTERS[month] ?? ''))
    await world.untilDone()
  }
  return world
}

test('the state at every point is the same from a base as from the first commit, open ledger included', async () => {
  const world = await worldWithPast()
  assert.ok((await bases(world)).length > 1)
  await statesAgree(world)
  const stream = await streamOf(world)
  const head = await world.tables.head(world.signal)
  assert.ok(head)
  const { lines } = await wholeState(stream, head)
  const entries = lines.flatMap((l) => (l.is === 'entry' ? [l.event] : []))
  const open = (await collect(world.tables.open(world.signal))).map(({ event }) => event)
  assert.deepEqual(new Set(open.map((e) => e.op)), new Set(['ledger', 'left']))
  const byItem = (a: { item: string }, b: { item: string }) => (a.item < b.item ? -1 : 1)
  assert.deepEqual(entries.sort(byItem), open.sort(byItem))
})

test('a rebuild and a roll-forward go over bases and commits of cursors, and know the newest base', async () => {
  const world = await worldWithPast()
  const { tables, signal } = world
  const seen = async () => ({
    points: await tables.points({ max: 1000 }, signal),
    open: await collect(tables.open(signal)),
    base: await tables.newestBase(signal),
    contents: await contents(world),
  })
  const before = await seen()
  assert.equal(before.base?.asOf, (await bases(world)).at(-1))
  const options = { notAfter: Number.MAX_SAFE_INTEGER }
  await rebuildStream(await streamOf(world), tables, REBUILD_START, options, signal)
  assert.deepEqual(await seen(), before)
  await tables.clear({ notAfter: Number.MAX_SAFE_INTEGER }, signal)
  const requests = world.box.contentRequests
  assert.equal((await world.slice()).state, 'done')
  assert.deepEqual((await seen()).base, before.base)
  assert.deepEqual((await seen()).contents, before.contents)
  assert.equal(world.box.contentRequests, requests, 'no content was asked for again')
})
