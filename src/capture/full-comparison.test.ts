/**
 * Full comparisons: what happened while links were lost, folders that vanish, lists that are short.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AppError } from '../model/errors.ts'
import { CONTAINERS, type Cursor } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { EMPTY_PAGES_MAX, PAGES_MAX } from './read-container.ts'
import { FEW_MAX } from './settle.ts'
import { POISON_ATTEMPTS } from './suspects.ts'
import type { Refusal } from './testing/scripted-links.ts'
import { ScriptedMailbox } from './testing/scripted-mailbox.ts'
import { addUp, contents, listed, listedIn, modelOf } from './testing/truth.ts'
import { captureWorld, type World } from './testing/world.ts'

const LAG_MS = 1_800_000
const HOUR_MS = 3_600_000
/** Enough for a few pages. */
const SLOW_SLICE_MS = 10
const id = (text: string) => text as GraphId
const INBOX = id('inbox')
const OTHER = id('other')
const ALL: Refusal = { kinds: ['position', 'start'], of: 'all', form: 410 }
const MANY = FEW_MAX + 5

async function worldWith(inbox: number, other = 0, commitEvents = 1000): Promise<World> {
  const box = new ScriptedMailbox()
  box.createContainer(INBOX, 'Inbox')
  box.createContainer(OTHER, 'Other')
  for (let n = 1; n <= inbox; n += 1) box.put(id(`i${n}`), { container: INBOX, content: `${n}` })
  for (let n = 1; n <= other; n += 1) box.put(id(`o${n}`), { container: OTHER, content: `${n}` })
  const world = await captureWorld(box, { commitEvents })
  await world.untilDone()
  return world
}

function removeFrom(world: World, letter: string, from: number, to: number): void {
  for (let n = from; n <= to; n += 1) world.box.remove(id(`${letter}${n}`))
}

/** Rounds until what left has been deleted. */
async function settle(world: World): Promise<void> {
  addUp((await world.untilDone()).counts)
  world.clock.advance(LAG_MS)
  addUp((await world.untilDone()).counts)
}

async function cursorOf(world: World, container: GraphId): Promise<Cursor> {
  const cursors = await world.tables.cursors(world.secret, world.signal)
  const found = cursors.find((cursor) => cursor.container === container)
  assert.ok(found)
  return found
}

/** Short slices until one ended amid the pages of the folder. */
async function untilAmid(world: World, container: GraphId): Promise<void> {
  for (let n = 0; n < 20; n += 1) {
    await world.slice(6)
    if ((await cursorOf(world, container)).position !== null) return
  }
  throw new Error('no slice ended amid the pages')
}

/** Codes of the folders and items in the ledger. */
async function inLedger(world: World): Promise<Record<string, string>> {
  const codes: Record<string, string> = {}
  for await (const { event } of world.tables.open(world.signal)) {
    if (event.op === 'ledger') codes[event.item] = event.code
  }
  return codes
}

async function isAsTheMailbox(world: World): Promise<void> {
  assert.deepEqual(await contents(world), modelOf(world.box))
  const all = [...(await listed(world)).values()].flat()
  assert.equal(all.length, world.box.items.size, 'nothing is listed that is gone')
}

const refused = () =>
  new AppError({ code: 'ResyncNeeded', kind: 'transient', message: 'the link is too old' })

describe('P2: after its links were lost, a folder is compared as a whole', () => {
  test('mail that was deleted meanwhile has left, and is deleted by a later round', async () => {
    const world = await worldWith(6)
    removeFrom(world, 'i', 2, 3)
    world.box.expire(ALL)
    const round = await world.untilDone()
    assert.equal(round.counts.left, 2)
    assert.equal((await listed(world)).get(INBOX)?.length, 6, 'it still shows where it was')
    assert.equal(world.box.asked.length, 0, 'a few leave without being asked for')
    world.clock.advance(LAG_MS)
    assert.equal((await world.untilDone()).counts.deleted, 2)
    await isAsTheMailbox(world)
  })

  test('what is unchanged is not stored again, and nothing of the comparison is left', async () => {
    const world = await worldWith(6)
    const before = world.box.contentRequests
    world.box.expire(ALL)
    const round = await world.untilDone()
    assert.equal(world.box.contentRequests, before)
    assert.deepEqual([round.counts.stored, round.counts.left], [0, 0])
    assert.equal((await cursorOf(world, INBOX)).scan, undefined)
    assert.equal(world.rowsOf('scans'), 0)
  })

  test('mail that was moved meanwhile is found in its new folder and not asked for', async () => {
    const world = await worldWith(MANY)
    for (let n = 1; n <= MANY; n += 1) world.box.put(id(`i${n}`), { container: OTHER })
    world.box.expire(ALL)
    const round = await world.untilDone()
    assert.deepEqual([round.counts.left, round.counts.restated], [0, MANY])
    assert.equal(world.box.asked.length, 0)
    await isAsTheMailbox(world)
  })

  test('a first read whose position expires after a part was stored misses no deletion', async () => {
    const world = await worldWith(0)
    for (let n = 1; n <= 9; n += 1) world.box.put(id(`n${n}`), { container: OTHER })
    world.box.expire({ ...ALL, of: 'containers' })
    // Long enough for the first pages of the folder only.
    await untilAmid(world, OTHER)
    world.box.remove(id('n1'))
    world.box.expire({ ...ALL, kinds: ['position'] })
    await settle(world)
    await isAsTheMailbox(world)
  })

  test('a ledger entry ends when its item is not there any more', async () => {
    const world = await worldWith(2)
    world.box.corrupt.add(id('bad'))
    world.box.put(id('bad'), { container: INBOX })
    await world.untilDone()
    assert.equal(await world.openLedger(), 1)
    world.box.remove(id('bad'))
    world.box.expire(ALL)
    await world.untilDone()
    assert.equal(await world.openLedger(), 0)
  })

  test('404 in the place of 410 is taken for a lost link, not for a folder that is gone', async () => {
    const world = await worldWith(4, MANY)
    world.box.expire({ ...ALL, form: 404 })
    world.box.remove(id('i1'))
    const round = await world.untilDone()
    assert.deepEqual([round.counts.left, round.counts.stored], [1, 0])
    assert.equal((await cursorOf(world, OTHER)).closed, undefined)
  })
})

describe('more than a few that are missing are asked for one by one', () => {
  test('gone ones have left, others are a change or stay', async () => {
    const world = await worldWith(MANY + 3)
    // The list of the folder is short: it lacks all of them, and only some are gone.
    removeFrom(world, 'i', 4, MANY + 3)
    world.box.hidden.add(id('i1')).add(id('i2'))
    world.box.put(id('i2'), { container: INBOX, flags: 'read' })
    world.box.expire(ALL)
    const round = await world.untilDone()
    assert.equal(round.counts.left, MANY)
    assert.deepEqual([...world.box.asked].sort().slice(0, 2), ['i1', 'i10'])
    world.box.hidden.clear()
    await settle(world)
    await isAsTheMailbox(world)
  })

  test('what was answered is not asked again, however short the slices are', async () => {
    const world = await worldWith(MANY, 2 * MANY, 4)
    removeFrom(world, 'o', 6, 2 * MANY)
    world.box.hidden.add(id('o1')).add(id('o2'))
    world.box.expire(ALL)
    let slices = 0
    for (let state = ''; state !== 'done' && slices < 200; slices += 1) {
      state = (await world.slice(7)).state
      world.clock.advance(1000)
    }
    assert.ok(slices > 10 && slices < 200, `${slices} slices`)
    const asked = world.box.asked
    assert.equal(new Set(asked).size, asked.length, 'each once')
    assert.equal(asked.length, 2 * MANY - 3)
    world.box.hidden.clear()
    await settle(world)
    await isAsTheMailbox(world)
  })

  test('members of a folder that vanished are asked for, over many slices', async () => {
    const world = await worldWith(2, MANY, 4)
    for (let n = 1; n <= 3; n += 1) world.box.put(id(`o${n}`), { container: INBOX })
    world.box.deleteContainer(OTHER)
    for (let n = 0; n < 200; n += 1) {
      if ((await world.slice(7)).state === 'done') break
      world.clock.advance(1000)
    }
    assert.equal(new Set(world.box.asked).size, world.box.asked.length)
    assert.ok(world.box.asked.length >= MANY - 3)
    await settle(world)
    await isAsTheMailbox(world)
    assert.deepEqual(await listedIn(world, OTHER), [])
  })
})

describe('the rows of a comparison', () => {
  test('are not believed once they are lost: the folder is read again', async () => {
    const world = await worldWith(12)
    world.box.expire(ALL)
    removeFrom(world, 'i', 1, 2)
    await untilAmid(world, INBOX)
    await world.tables.scans.sweep(1000, world.signal)
    await settle(world)
    await isAsTheMailbox(world)
  })

  test('are not gone on with where their slice did not end well', async () => {
    const world = await worldWith(12)
    world.box.expire(ALL)
    await untilAmid(world, INBOX)
    const first = (await cursorOf(world, INBOX)).scan
    // It puts the ids of one more page in, and dies before a cursor has passed that page.
    let pages = 0
    world.box.onCall = ({ container }) => {
      if (container !== INBOX) return
      pages += 1
      if (pages > 1) throw new Error('the worker is killed')
    }
    await assert.rejects(world.slice(), /killed/)
    world.box.onCall = () => undefined
    world.clock.advance(LAG_MS)
    await world.slice(3)
    const second = (await cursorOf(world, INBOX)).scan
    assert.ok(second !== undefined && second !== first, 'another one is begun')
    await settle(world)
    await isAsTheMailbox(world)
  })
})

describe('the list of folders', () => {
  test('that lost its link is compared too: a folder that went meanwhile is gone', async () => {
    const world = await worldWith(2, 3)
    world.box.deleteContainer(OTHER)
    world.box.expire({ ...ALL, of: 'list' })
    await settle(world)
    assert.equal((await listed(world)).has(OTHER), false)
    assert.deepEqual(await listedIn(world, OTHER), [])
  })

  test('that is short ends no folder which answers', async () => {
    const world = await worldWith(2, 3)
    world.box.hidden.add(OTHER)
    world.box.expire({ ...ALL, of: 'list' })
    world.box.put(id('o4'), { container: OTHER, content: 'new' })
    await settle(world)
    assert.equal((await cursorOf(world, OTHER)).closed, undefined)
    assert.ok((await listedIn(world, OTHER)).includes(id('o4')))
  })

  test('decides about a folder that answers 404: it is gone where the list says so', async () => {
    const world = await worldWith(2, 3)
    world.box.denied.add(OTHER)
    await world.untilDone()
    assert.deepEqual(await inLedger(world), { [OTHER]: 'ContainerUnreadable' })
    assert.equal((await cursorOf(world, OTHER)).closed, undefined)
    assert.equal((await listedIn(world, OTHER)).length, 3)
    world.box.put(id('o4'), { container: OTHER, content: 'new' })
    world.box.denied.clear()
    world.clock.advance(HOUR_MS)
    await settle(world)
    await isAsTheMailbox(world)
  })
})

describe('links that lead nowhere end in a trouble that is said', () => {
  test('positions that are refused again and again', async () => {
    const world = await worldWith(0, 2)
    for (let n = 1; n <= 9; n += 1) world.box.put(id(`i${n}`), { container: INBOX, content: 'x' })
    world.box.put(id('o3'), { container: OTHER, content: 'new' })
    world.box.onCall = ({ container, link }) => {
      if (container === INBOX && link?.startsWith('position')) throw refused()
    }
    const result = await world.slice()
    assert.equal(result.state, 'done', 'other folders end their round')
    assert.deepEqual(await inLedger(world), { [INBOX]: 'LinksRefused' })
    assert.ok(result.requests < 60, `${result.requests} requests`)
    assert.equal((await contents(world))['other/o3'], 'new|', 'other folders are read')
    world.box.onCall = () => undefined
    world.clock.advance(HOUR_MS)
    await settle(world)
    await isAsTheMailbox(world)
  })

  test('pages without end, over any number of slices', async () => {
    const world = await worldWith(1, 1)
    world.box.endless.add(INBOX)
    world.box.put(id('o2'), { container: OTHER, content: 'new' })
    // A slice that ends amid the pages; then as many more as no folder has.
    assert.equal((await world.slice(10)).state, 'more')
    const cursor = await cursorOf(world, INBOX)
    assert.ok((cursor.pages ?? 0) > 1)
    const head = await world.tables.head(world.signal)
    const long = { ...cursor, pages: PAGES_MAX - 3 }
    const save = { seq: head?.seq ?? 0, secret: world.secret, notAfter: Number.MAX_SAFE_INTEGER }
    await world.tables.saveCursors([long], save, world.signal)
    await world.untilDone()
    assert.deepEqual(await inLedger(world), { [INBOX]: 'EndlessPages' })
    assert.equal((await cursorOf(world, INBOX)).position, null, 'it is begun again')
    assert.equal((await contents(world))['other/o2'], 'new|')
    world.box.endless.clear()
    world.clock.advance(HOUR_MS)
    await settle(world)
    await isAsTheMailbox(world)
  })

  test('pages that bring nothing, over as many slices as a slow service makes of them', async () => {
    const world = await worldWith(1, 1)
    world.box.endless.add(INBOX)
    world.box.put(id('o2'), { container: OTHER, content: 'new' })
    let pages = 0
    world.box.onCall = ({ container }) => {
      if (container === INBOX) pages += 1
    }
    for (let n = 0; (await inLedger(world))[INBOX] === undefined; n += 1) {
      assert.ok(n < EMPTY_PAGES_MAX, 'it is given up')
      const { state } = await world.slice(SLOW_SLICE_MS)
      assert.ok(['more', 'done'].includes(state), state)
    }
    assert.deepEqual(await inLedger(world), { [INBOX]: 'EndlessPages' })
    assert.equal(pages, EMPTY_PAGES_MAX)
    assert.equal((await cursorOf(world, INBOX)).position, null, 'it is begun again')
    world.box.endless.clear()
    world.clock.advance(HOUR_MS)
    await settle(world)
    await isAsTheMailbox(world)
  })

  test('a list of folders that brings nothing, slice after slice, shows in its owner', async () => {
    const world = await worldWith(1)
    world.box.createContainer(id('new'), 'New')
    world.box.endless.add(CONTAINERS)
    const states: string[] = []
    while (states.length <= POISON_ATTEMPTS) states.push((await world.slice(SLOW_SLICE_MS)).state)
    assert.deepEqual(states, [...Array<string>(POISON_ATTEMPTS).fill('more'), 'poison'])
    world.box.endless.clear()
    await settle(world)
    await isAsTheMailbox(world)
  })

  test('a list of folders that does not end is begun again', async () => {
    const world = await worldWith(1)
    for (let n = 1; n <= 5; n += 1) world.box.createContainer(id(`f${n}`), `Folder ${n}`)
    let times = 0
    world.box.onCall = ({ container, link }) => {
      if (container !== CONTAINERS || !link?.startsWith('position') || times > 0) return
      times += 1
      throw new AppError({ code: 'EndlessPages', kind: 'transient', message: 'it repeats a link' })
    }
    assert.equal((await world.slice()).state, 'done')
    assert.deepEqual([times, (await listed(world)).size], [1, 7])
  })

  test('a start that is refused without any link is not asked for again in the slice', async () => {
    const world = await worldWith(1)
    world.box.expire(ALL)
    let calls = 0
    world.box.onCall = ({ link }) => {
      calls += 1
      if (link === null) throw refused()
    }
    const result = await world.slice()
    assert.deepEqual([result.state, result.trouble], ['wait', 'ResyncNeeded'])
    assert.equal(calls, 2)
    world.box.onCall = () => undefined
    await settle(world)
    await isAsTheMailbox(world)
  })
})

test('throttling in the middle of a comparison does not begin it again', async () => {
  const world = await worldWith(30)
  world.box.expire({ ...ALL, of: 'containers' })
  const scans = new Set<string>()
  for (let n = 0; n < 100; n += 1) {
    let calls = 0
    world.box.onCall = () => {
      calls += 1
      if (calls > 4) throw new AppError({ code: 'Throttled', kind: 'throttled', message: 'slow' })
    }
    const { state } = await world.slice()
    const { scan } = await cursorOf(world, INBOX)
    if (scan !== undefined) scans.add(scan)
    if (state === 'done') break
    assert.equal(state, 'wait')
    world.clock.advance(60_000)
  }
  assert.equal(scans.size, 1)
  assert.equal((await cursorOf(world, CONTAINERS)).scan, undefined)
  await isAsTheMailbox(world)
})
