/**
 * Items and containers that cannot be read while the rest of the mailbox can: each is in the
 * ledger with its reason and next try, and keeps nothing else from being captured (P2, P3).
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { LedgerEvent } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { ScriptedMailbox, TROUBLES } from './testing/scripted-mailbox.ts'
import { addUp, contents, listed, listedIn, modelOf } from './testing/truth.ts'
import { captureWorld, type World } from './testing/world.ts'

const HOUR_MS = 3_600_000
const LAG_MS = 1_800_000
const id = (text: string) => text as GraphId
const INBOX = id('inbox')
const BAD = id('bad')

async function worldWithBad(more: readonly string[] = []): Promise<World> {
  const box = new ScriptedMailbox()
  box.createContainer(BAD, 'Bad')
  for (const name of more) box.createContainer(id(name), name)
  box.createContainer(INBOX, 'Inbox')
  box.put(id('a'), { container: INBOX, content: 'one' })
  box.put(id('b'), { container: BAD, content: 'two' })
  return await captureWorld(box)
}

async function ledger(world: World): Promise<LedgerEvent[]> {
  const entries: LedgerEvent[] = []
  for await (const { event } of world.tables.open(world.signal)) {
    if (event.op === 'ledger') entries.push(event)
  }
  return entries
}

for (const [name, trouble] of Object.entries(TROUBLES)) {
  test(`P3: a folder that answers ${name} is in the ledger, the others are captured`, async () => {
    const world = await worldWithBad()
    world.box.unreadable.set(BAD, trouble)
    const done = await world.untilDone()
    addUp(done.counts)
    assert.equal(done.counts.ledger, 1)
    assert.deepEqual(await contents(world), { 'inbox/a': 'one|' })
    const [entry] = await ledger(world)
    assert.deepEqual([entry?.kind, entry?.item, entry?.code], ['container', BAD, trouble.code])
    assert.equal(entry?.display.name, 'Bad')
    assert.ok(Date.parse(entry?.nextTry ?? '') > world.clock.now())
    assert.equal((await world.ownerRow()).coverage, 'partial')
    assert.ok((await listed(world)).has(BAD), 'the folder itself is held')
  })
}

test('P2: a folder in the ledger is left alone until its next try, and then goes on', async () => {
  const world = await worldWithBad()
  world.box.unreadable.set(BAD, TROUBLES.unavailable)
  await world.untilDone()
  world.box.unreadable.clear()
  await world.untilDone()
  assert.equal(await world.openLedger(), 1, 'its time has not come')
  const owner = await world.ownerRow()
  assert.ok(Date.parse(owner.dueAt) <= world.clock.now() + HOUR_MS, 'the owner is due by then')
  world.clock.advance(HOUR_MS)
  await world.untilDone()
  assert.deepEqual(await contents(world), modelOf(world.box))
  assert.equal(await world.openLedger(), 0)
  assert.equal((await world.ownerRow()).coverage, 'covered')
})

test('each failed try of a folder waits longer, and a replay of its list changes nothing', async () => {
  const world = await worldWithBad()
  world.box.unreadable.set(BAD, TROUBLES.unavailable)
  await world.untilDone()
  const waits: number[] = []
  for (let turn = 0; turn < 4; turn += 1) {
    world.box.createContainer(BAD, 'Bad')
    await world.untilDone()
    const [entry] = await ledger(world)
    waits.push(Math.round((Date.parse(entry?.nextTry ?? '') - world.clock.now()) / HOUR_MS))
    world.clock.advance(Date.parse(entry?.nextTry ?? '') - world.clock.now())
  }
  assert.deepEqual(waits, [1, 4, 24, 72])
})

test('P2: what moved into a folder that cannot be read is not called deleted', async () => {
  const world = await worldWithBad()
  await world.untilDone()
  world.box.unreadable.set(BAD, TROUBLES.denied)
  world.box.put(id('a'), { container: BAD })
  world.box.put(id('c'), { container: INBOX, content: 'three' })
  await world.untilDone()
  world.box.remove(id('c'))
  for (let turn = 0; turn < 3; turn += 1) {
    await world.untilDone()
    world.clock.advance(LAG_MS)
  }
  assert.deepEqual(await contents(world), { 'bad/a': 'one|', 'bad/b': 'two|' })
  assert.deepEqual((await listed(world)).get(INBOX), [], 'what is really gone is')
})

test('what moved to where nothing is read is gone, also while a folder cannot be read', async () => {
  const world = await worldWithBad()
  world.box.excluded.add(id('sync'))
  world.box.createContainer(id('sync'), 'Sync Issues')
  world.box.put(id('c'), { container: INBOX, content: 'three' })
  world.box.corrupt.add(id('c'))
  await world.untilDone()
  assert.equal(await world.openLedger(), 1)
  world.box.unreadable.set(BAD, TROUBLES.denied)
  world.box.put(id('d'), { container: BAD, content: 'four' })
  for (const item of [id('a'), id('c')]) world.box.put(item, { container: id('sync') })
  world.box.fallBehind(INBOX)
  world.clock.advance(HOUR_MS)
  await world.untilDone()
  world.box.catchUp()
  for (let turn = 0; turn < 3; turn += 1) {
    await world.untilDone()
    world.clock.advance(LAG_MS)
  }
  assert.deepEqual(await listedIn(world, id('sync')), [])
  assert.deepEqual(await contents(world), { 'bad/b': 'two|' })
  assert.equal(await world.openLedger(), 1, 'of the folder alone')
})

test('what left and cannot even be asked for is in the ledger until it can', async () => {
  const world = await worldWithBad()
  await world.untilDone()
  world.box.unreadable.set(BAD, TROUBLES.denied).set(id('a'), TROUBLES.corrupt)
  world.box.put(id('a'), { container: BAD })
  for (let turn = 0; turn < 3; turn += 1) {
    addUp((await world.untilDone()).counts)
    world.clock.advance(LAG_MS)
  }
  assert.deepEqual((await ledger(world)).map((e) => e.item).sort(), ['a', BAD])
  world.box.unreadable.clear()
  world.clock.advance(8 * 24 * HOUR_MS)
  await world.untilDone()
  assert.deepEqual(await contents(world), modelOf(world.box))
  assert.equal(await world.openLedger(), 0)
})

test('a folder that cannot be read and is deleted ends its entry', async () => {
  const world = await worldWithBad()
  world.box.unreadable.set(BAD, TROUBLES.corrupt)
  await world.untilDone()
  world.box.deleteContainer(BAD)
  await world.untilDone()
  assert.equal(await world.openLedger(), 0)
  world.clock.advance(LAG_MS)
  await world.untilDone()
  assert.equal((await listed(world)).has(BAD), false)
})

describe('many that cannot be read', () => {
  test('several folders in a row are the trouble of the mailbox, and still do not block it', async () => {
    const names = ['c', 'd', 'e', 'f', 'g']
    const world = await worldWithBad(names)
    for (const name of names) world.box.unreadable.set(id(name), TROUBLES.unavailable)
    assert.equal((await world.slice()).state, 'wait')
    await world.untilDone()
    assert.deepEqual(await contents(world), modelOf(world.box))
    assert.equal(await world.openLedger(), names.length)
  })

  test('items whose content breaks off each time do not block the owner', async () => {
    const world = await worldWithBad()
    const names = ['v', 'w', 'x', 'y', 'z']
    for (const name of names) {
      world.box.put(id(name), { container: BAD, content: name })
      world.box.broken.add(id(name))
    }
    for (let turn = 0; turn < 5 && (await world.slice()).state !== 'done'; turn += 1) {
      world.clock.advance(60_000)
    }
    assert.deepEqual(await contents(world), { 'inbox/a': 'one|', 'bad/b': 'two|' })
    assert.equal(await world.openLedger(), names.length)
    assert.equal((await world.ownerRow()).coverage, 'covered')
  })

  test('an item of the ledger that cannot even be asked for waits for its next try', async () => {
    const world = await worldWithBad()
    world.box.corrupt.add(id('a'))
    await world.untilDone()
    world.box.unreadable.set(id('a'), TROUBLES.corrupt)
    world.clock.advance(HOUR_MS)
    addUp((await world.untilDone()).counts)
    const [entry] = await ledger(world)
    assert.deepEqual([entry?.attempts, entry?.code], [2, 'ItemCorrupt'])
    assert.ok(Date.parse(entry?.nextTry ?? '') > world.clock.now())
  })
})
