/**
 * What happens to a mailbox while a slice reads it, case by case: each of these once lost an item,
 * kept one that was gone, or ended a slice with a defect.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { GraphId } from '../model/ids.ts'
import { ScriptedMailbox, TROUBLES } from './testing/scripted-mailbox.ts'
import { addUp, contents, listed, modelOf } from './testing/truth.ts'
import { captureWorld, type World } from './testing/world.ts'

const LAG_MS = 1_800_000
const WEEK_MS = 7 * 24 * 3_600_000
const id = (text: string) => text as GraphId
const INBOX = id('inbox')
const OTHER = id('other')

async function worldWith(inbox: readonly string[]): Promise<World> {
  const box = new ScriptedMailbox()
  box.createContainer(INBOX, 'Inbox')
  box.createContainer(OTHER, 'Other')
  for (const item of inbox) box.put(id(item), { container: INBOX, content: item })
  return await captureWorld(box)
}

/** Before the n-th call of the reader from now on. */
function beforeCall(world: World, n: number, what: () => void): void {
  for (let call = 1; call < n; call += 1) world.box.meanwhile.push(() => undefined)
  world.box.meanwhile.push(what)
}

/** Rounds until what left has been deleted. */
async function settle(world: World): Promise<void> {
  addUp((await world.untilDone()).counts)
  world.clock.advance(LAG_MS)
  addUp((await world.untilDone()).counts)
}

async function namesIn(world: World, container: GraphId): Promise<GraphId[]> {
  return ((await listed(world)).get(container) ?? []).map((held) => held.item)
}

describe('P2: no change is skipped', () => {
  test('an item that was moved and cannot be read stays in the ledger when its old place ends', async () => {
    const world = await worldWith(['a'])
    world.box.put(id('b'), { container: OTHER, content: 'one' })
    await world.untilDone()
    world.box.corrupt.add(id('a')).add(id('b'))
    // Of one of them the new place is read before the old one says that it is gone.
    world.box.put(id('a'), { container: OTHER, content: 'edited' })
    world.box.put(id('b'), { container: INBOX, content: 'edited' })
    await settle(world)
    assert.equal(await world.openLedger(), 2)
    world.box.corrupt.clear()
    world.clock.advance(4 * 3_600_000)
    await settle(world)
    assert.deepEqual(await contents(world), modelOf(world.box))
    assert.equal(await world.openLedger(), 0)
  })

  test('items that two folders claim and that cannot be asked for keep no page from being passed', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']
    const world = await worldWith([])
    world.box.pageSize = names.length
    for (const name of names) world.box.put(id(name), { container: OTHER, content: name })
    await world.untilDone()
    // The inbox, which is read last, is behind: it shows mail that has been moved back since.
    for (const name of names) world.box.put(id(name), { container: INBOX })
    world.box.fallBehind(INBOX)
    for (const name of names) {
      world.box.put(id(name), { container: OTHER })
      world.box.unreadable.set(id(name), TROUBLES.denied)
    }
    let state = ''
    for (let n = 0; n < names.length && state !== 'done'; n += 1) {
      state = (await world.slice()).state
      world.clock.advance(1000)
    }
    assert.equal(state, 'done')
    assert.equal(await world.openLedger(), names.length)
    world.box.unreadable.clear()
    world.box.catchUp()
    world.clock.advance(WEEK_MS)
    await settle(world)
    assert.deepEqual(await contents(world), modelOf(world.box))
    assert.equal(await world.openLedger(), 0)
  })

  test('the loser of a race for a commit answers `more` and reads again what it had read', async () => {
    const world = await worldWith(['a', 'b'])
    // The other slice begins and ends while this one fetches its first message.
    let hasBegun = false
    world.box.beforeContent = async () => {
      if (hasBegun) return
      hasBegun = true
      await world.slice()
    }
    const lost = await world.slice()
    assert.equal(lost.state, 'more')
    assert.equal(lost.counts.seen, 0, 'what is not committed is not counted')
    await world.untilDone()
    assert.deepEqual(await contents(world), modelOf(world.box))
  })
})

describe('P3: nothing is silently left out, and nothing is shown that is gone', () => {
  test('an item that changes where another leaves in the same page stands in one place', async () => {
    const world = await worldWith(['a', 'b', 'c', 'd'])
    // Calls: the folder list, the first page, content of a, b and c, the second page.
    beforeCall(world, 5, () => {
      world.box.remove(id('a'))
      world.box.put(id('b'), { container: INBOX, flags: 'read' })
    })
    await settle(world)
    assert.deepEqual(await contents(world), modelOf(world.box))
    assert.deepEqual((await namesIn(world, INBOX)).sort(), ['b', 'c', 'd'])
  })

  test('mail that is stored and whose folder is deleted within one slice has left with it', async () => {
    const world = await worldWith([])
    world.box.put(id('old'), { container: OTHER, content: 'old' })
    await world.untilDone()
    for (const name of ['a', 'b', 'c', 'd']) {
      world.box.put(id(name), { container: OTHER, content: name })
    }
    // Calls: folder list, the inbox, a page of three, their content, and then 404.
    beforeCall(world, 7, () => world.box.deleteContainer(OTHER))
    await settle(world)
    assert.deepEqual(await namesIn(world, OTHER), [])
    const head = await world.tables.head(world.signal)
    assert.ok(head)
    const page = await world.tables.list(OTHER, head.seq, { max: 10 }, world.signal)
    assert.deepEqual(page.items, [], 'the list of the folder is empty')
  })

  test('a ledger item that is gone takes its earlier version out of the list', async () => {
    const world = await worldWith([])
    world.box.put(id('a'), { container: OTHER, content: 'one' })
    await world.untilDone()
    world.box.corrupt.add(id('a'))
    world.box.put(id('a'), { container: OTHER, content: 'two' })
    await world.untilDone()
    world.box.deleteContainer(OTHER)
    await settle(world)
    await settle(world)
    const head = await world.tables.head(world.signal)
    assert.ok(head)
    const held = (await world.tables.current([id('a')], head.seq, world.signal)).get(id('a'))
    assert.equal(held?.deleted, true)
    assert.equal(await world.openLedger(), 0)
  })

  test('the mail of a folder that is not read any more is shown there no more', async () => {
    const world = await worldWith([])
    world.box.put(id('a'), { container: OTHER, content: 'one' })
    await world.untilDone()
    world.box.excluded.add(OTHER)
    world.box.renameContainer(OTHER, 'Sync Issues')
    await settle(world)
    assert.deepEqual(await namesIn(world, OTHER), [])
    world.box.excluded.clear()
    world.box.renameContainer(OTHER, 'Other')
    await settle(world)
    assert.deepEqual(await contents(world), modelOf(world.box), 'and again when it is read again')
  })

  test('a refusal that the service calls final has a next try', async () => {
    const world = await worldWith(['a'])
    world.box.corrupt.add(id('a'))
    world.box.isFinal = true
    await world.untilDone()
    for await (const { event } of world.tables.open(world.signal)) {
      assert.ok(event.op === 'ledger' && event.nextTry)
    }
    assert.equal(await world.openLedger(), 1)
  })
})
