/** What a slice does with mail that comes, changes, moves, goes or cannot be read. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AppError } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import { ScriptedMailbox } from './testing/scripted-mailbox.ts'
import { contents, listed } from './testing/truth.ts'
import { captureWorld } from './testing/world.ts'

const SECOND_MS = 1000
const LAG_MS = 1_800_000
const id = (text: string) => text as GraphId
const INBOX = id('inbox')
const OTHER = id('other')

function mailbox(): ScriptedMailbox {
  const made = new ScriptedMailbox()
  made.createContainer(INBOX, 'Inbox')
  made.createContainer(OTHER, 'Other')
  return made
}

describe('a slice', () => {
  test('stores new mail with its content, and a second round finds nothing to do', async () => {
    const world = await captureWorld(mailbox())
    world.box.put(id('a'), { container: INBOX, content: 'one' })
    const first = await world.slice()
    assert.equal(first.state, 'done')
    assert.deepEqual(await contents(world), { 'inbox/a': 'one|' })
    const blobs = world.blobs.blobs.size
    const second = await world.slice()
    assert.equal(second.counts.stored, 0)
    assert.equal(world.blobs.blobs.size, blobs, 'a quiet round writes no blob')
  })

  test('a move, a flag and a read mark cost no content request', async () => {
    const world = await captureWorld(mailbox())
    world.box.put(id('a'), { container: INBOX, content: 'one' })
    await world.untilDone()
    const before = world.box.contentRequests
    world.box.put(id('a'), { container: INBOX, flags: 'read' })
    await world.untilDone()
    world.box.put(id('a'), { container: OTHER })
    const moved = await world.untilDone()
    assert.equal(world.box.contentRequests, before)
    assert.equal(moved.counts.restated, 1)
    assert.deepEqual(await contents(world), { 'other/a': 'one|read' })
  })

  test('a change key that no field explains is a content change', async () => {
    const world = await captureWorld(mailbox())
    world.box.put(id('a'), { container: INBOX, content: 'one' })
    await world.untilDone()
    const before = world.box.contentRequests
    world.box.put(id('a'), { container: INBOX })
    await world.untilDone()
    assert.equal(world.box.contentRequests, before + 1)
  })

  test('an item that vanished is deleted only by a whole round that began after the lag', async () => {
    const world = await captureWorld(mailbox())
    world.box.put(id('a'), { container: INBOX, content: 'one' })
    await world.untilDone()
    world.box.remove(id('a'))
    await world.untilDone()
    assert.equal((await listed(world)).get(INBOX)?.length, 1, 'it still shows where it was')
    await world.untilDone()
    assert.equal((await listed(world)).get(INBOX)?.length, 1, 'the lag has not passed')
    world.clock.advance(LAG_MS)
    const last = await world.untilDone()
    assert.equal(last.counts.deleted, 1)
    assert.equal((await listed(world)).get(INBOX)?.length, 0)
  })

  test('a folder that is gone takes its members along, and its past stays', async () => {
    const world = await captureWorld(mailbox())
    world.box.put(id('a'), { container: OTHER, content: 'one' })
    await world.untilDone()
    const head = await world.tables.head(world.signal)
    world.box.deleteContainer(OTHER)
    await world.untilDone()
    world.clock.advance(LAG_MS)
    await world.untilDone()
    assert.equal((await listed(world)).has(OTHER), false)
    assert.ok(head)
    const then = await world.tables.list(OTHER, head.seq, { max: 10 }, world.signal)
    assert.equal(then.items.length, 1)
  })

  test('an item whose content cannot be read is in the ledger and is tried again', async () => {
    const world = await captureWorld(mailbox())
    world.box.put(id('a'), { container: INBOX, content: 'one' })
    world.box.corrupt.add(id('a'))
    const first = await world.untilDone()
    assert.equal(first.counts.ledger, 1)
    assert.deepEqual(await contents(world), {})
    world.box.corrupt.clear()
    world.clock.advance(3_600_000)
    await world.untilDone()
    assert.deepEqual(await contents(world), { 'inbox/a': 'one|' })
    assert.equal(await world.openLedger(), 0)
  })

  test('an item that is stored and gone within one slice is kept as a version, and has left', async () => {
    const world = await captureWorld(mailbox())
    for (const name of ['a', 'b', 'c', 'd']) {
      world.box.put(id(name), { container: INBOX, content: name })
    }
    // Calls: the folder list, the first page of the inbox, three times content, the second page.
    const nothing = () => undefined
    world.box.meanwhile.push(nothing, nothing, nothing, nothing, () => world.box.remove(id('a')))
    await world.untilDone()
    const head = await world.tables.head(world.signal)
    assert.ok(head)
    const held = await world.tables.current([id('a')], head.seq, world.signal)
    assert.equal(held.get(id('a'))?.representations.length, 2)
    assert.deepEqual(await contents(world), { 'inbox/b': 'b|', 'inbox/c': 'c|', 'inbox/d': 'd|' })
  })

  test('an item that could not be stored in a folder that is gone has left its earlier place', async () => {
    const world = await captureWorld(mailbox())
    world.box.put(id('a'), { container: INBOX, content: 'one' })
    await world.untilDone()
    world.box.corrupt.add(id('a'))
    world.box.put(id('a'), { container: OTHER, content: 'two' })
    assert.equal((await world.untilDone()).counts.ledger, 1)
    world.box.deleteContainer(OTHER)
    await world.untilDone()
    assert.equal(await world.openLedger(), 0)
    world.clock.advance(LAG_MS)
    await world.untilDone()
    assert.equal((await listed(world)).get(INBOX)?.length, 0)
  })

  test('a throttled owner keeps what was read and says when it goes on', async () => {
    const world = await captureWorld(mailbox(), { commitEvents: 1 })
    world.box.put(id('a'), { container: INBOX, content: 'one' })
    world.box.nextError = new AppError({
      code: 'Throttled',
      kind: 'throttled',
      message: 'slow down',
      retryAfterMs: 90_000,
    })
    const result = await world.slice()
    assert.equal(result.state, 'wait')
    const owner = await world.ownerRow()
    assert.equal(Date.parse(owner.dueAt) - world.clock.now(), 90_000)
    await world.untilDone()
    assert.deepEqual(await contents(world), { 'inbox/a': 'one|' })
  })

  test('only what was read counts as read, whatever a mailbox that is away says', async () => {
    const world = await captureWorld(mailbox())
    await world.untilDone()
    const { readAt } = await world.ownerRow()
    assert.ok(readAt)
    const troubles = [
      ['MailboxMoving', 'throttled'],
      ['MailboxNotAvailable', 'permanent'],
      ['AccessDenied', 'denied'],
    ] as const
    for (const [code, kind] of troubles) {
      world.clock.advance(LAG_MS)
      world.box.nextError = new AppError({ code, kind, message: 'not now' })
      await world.slice()
      const row = await world.ownerRow()
      assert.deepEqual([row.trouble, row.readAt], [code, readAt])
    }
    await world.untilDone()
    assert.equal(Date.parse((await world.ownerRow()).readAt ?? ''), world.clock.now())
  })

  test('slices that vanish are counted, and the owner is left alone in the end', async () => {
    const world = await captureWorld(mailbox())
    const { owners } = world.catalogue
    for (let attempt = 0; attempt < 4; attempt += 1) {
      await owners.claim(world.owner, { holder: 'lost', leaseMs: SECOND_MS }, world.signal)
      world.clock.advance(2 * SECOND_MS)
    }
    assert.equal((await world.slice()).state, 'poison')
    assert.equal((await world.ownerRow()).coverage, 'poison')
  })
})
