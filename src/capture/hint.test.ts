/**
 * Hints: what they may say, and that no change waits for the long read because of one.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError, type ErrorKind } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import { ScriptedMailbox } from './testing/scripted-mailbox.ts'
import { captureWorld } from './testing/world.ts'

const MINUTE_MS = 60_000
const INTERVAL_MS = 15 * MINUTE_MS
const LAG_MS = 30 * MINUTE_MS
const FULL_READ_MS = 60 * MINUTE_MS
const id = (text: string) => text as GraphId
const INBOX = id('inbox')

/** A mailbox with one message, read to the end of a round in which nothing was told. */
async function settledWorld() {
  const box = new ScriptedMailbox()
  box.tellsCounts = true
  box.createContainer(INBOX, 'Inbox')
  box.put(id('a'), { container: INBOX, content: 'one' })
  const world = await captureWorld(box, { intervalMs: INTERVAL_MS })
  await world.untilDone()
  world.clock.advance(LAG_MS)
  await world.untilDone()
  /** Milliseconds from now, by the owner row. */
  const times = async () => {
    const { dueAt, hintAt = '' } = await world.ownerRow()
    const now = world.clock.now()
    return { due: Date.parse(dueAt) - now, hint: Date.parse(hintAt) - now }
  }
  return { ...world, times }
}

test('a mailbox that has not changed costs one request, and one that has says so', async () => {
  const world = await settledWorld()
  const before = (await world.hint()).requests
  const again = await world.hint()
  assert.deepEqual([again.says, again.requests - before], ['unchanged', 1])
  world.box.put(id('b'), { container: INBOX, content: 'two' })
  assert.equal((await world.hint()).says, 'changed')
  assert.equal((await world.hint()).says, 'changed', 'a hint moves no link')
  const { counts } = await world.untilDone()
  assert.equal(counts.stored, 1)
  assert.equal((await world.hint()).says, 'unchanged')
})

test('after a settled round the hint is due before the read; after trouble it is not', async () => {
  const world = await settledWorld()
  assert.deepEqual(await world.times(), { due: FULL_READ_MS, hint: INTERVAL_MS })
  world.box.nextError = problem('throttled', 7 * MINUTE_MS)
  await world.slice()
  assert.deepEqual(await world.times(), { due: 7 * MINUTE_MS, hint: 7 * MINUTE_MS })
  world.box.nextError = problem('denied')
  await world.slice()
  const { due, hint } = await world.times()
  assert.equal(hint, due)
})

test('P2: mail that comes behind the reader is read after the lag, though no hint shows it', async () => {
  const world = await settledWorld()
  const late = () => world.box.put(id('late'), { container: INBOX, content: 'two' })
  // After the list and the inbox, before the list is confirmed.
  world.box.meanwhile.push(
    () => undefined,
    () => undefined,
    late,
  )
  await world.untilDone()
  assert.equal((await world.hint()).says, 'unchanged', 'the link is behind the mail')
  const { due } = await world.times()
  assert.ok(due <= LAG_MS, `${due} ms`)
  world.clock.advance(due)
  assert.equal((await world.untilDone()).counts.stored, 1)
  assert.equal((await world.times()).due, FULL_READ_MS)
})

test('P2: a quiet round that comes before the lag is over leaves the next read where it was', async () => {
  const world = await settledWorld()
  // The list tells the mail, and the inbox does not have it yet.
  world.box.fallBehind(INBOX)
  world.box.put(id('late'), { container: INBOX, content: 'two' })
  await world.untilDone()
  world.clock.advance(MINUTE_MS)
  // Because a person asks for it, say.
  assert.equal((await world.untilDone()).isSettled, true)
  assert.equal((await world.hint()).says, 'unchanged', 'the link is behind the mail')
  const { due } = await world.times()
  assert.ok(due < LAG_MS, `${due} ms`)
  world.clock.advance(due)
  world.box.catchUp()
  assert.equal((await world.untilDone()).counts.stored, 1)
  assert.equal((await world.times()).due, FULL_READ_MS)
})

test('P2: what a round was told is not forgotten where its slice goes on with a base', async () => {
  const box = new ScriptedMailbox()
  box.createContainer(INBOX, 'Inbox')
  for (const name of ['a', 'b', 'c']) box.put(id(name), { container: INBOX, content: name })
  const world = await captureWorld(box, { intervalMs: INTERVAL_MS, shardItems: 1 })
  const { create } = world.blobs
  world.blobs.create = async (...call) => {
    if (call[0].endsWith('.bs')) world.clock.advance(MINUTE_MS)
    return await create(...call)
  }
  // The first round was read to its end; then the time was over.
  assert.equal((await world.slice(MINUTE_MS)).state, 'more')
  const [point] = (await world.tables.points({ max: 1 }, world.signal)).items
  assert.equal(point?.complete, true)
  assert.equal((await world.untilDone()).isSettled, true)
  const { dueAt } = await world.ownerRow()
  assert.ok(Date.parse(dueAt) - world.clock.now() <= LAG_MS, dueAt)
})

test('P4: after a slice that vanished a quiet round is followed by another one', async () => {
  const world = await settledWorld()
  const { catalogue, owner, signal } = world
  await catalogue.owners.claim(owner, { holder: 'vanishes', leaseMs: 1 }, signal)
  world.clock.advance(MINUTE_MS)
  assert.equal((await world.untilDone()).isSettled, true)
  assert.equal((await world.times()).due, LAG_MS)
})

test('a round that took several slices is followed by another one after the lag', async () => {
  const world = await settledWorld()
  assert.equal((await world.slice(1)).state, 'more')
  await world.untilDone()
  assert.equal((await world.times()).due, LAG_MS)
})

test('P4: an owner whose slice vanished is due, also where a person had asked for it early', async () => {
  const { catalogue, owner, signal, times } = await settledWorld()
  assert.ok((await times()).due > 0)
  await catalogue.owners.claim(owner, { holder: 'vanishes', leaseMs: 1 }, signal)
  assert.equal((await times()).due, 0)
})

test('a service that does not answer is asked again later; any other trouble means a change', async () => {
  const world = await settledWorld()
  const said = async (error: AppError) => {
    world.box.nextError = error
    const { says, retryAfterMs, isOutage } = await world.hint()
    return [says, retryAfterMs, isOutage]
  }
  assert.deepEqual(await said(problem('throttled', 5000)), ['unanswered', 5000, false])
  assert.deepEqual(await said(problem('transient')), ['unanswered', MINUTE_MS, true])
  assert.deepEqual(await said(problem('transient', 0, 'ResyncNeeded')), ['changed', 0, false])
  assert.deepEqual(await said(problem('denied')), ['changed', 0, false])
  await assert.rejects(said(problem('bug')))
})

test('an owner without a link to ask from, or in the middle of its list, has changed', async () => {
  const box = new ScriptedMailbox()
  for (const n of [1, 2, 3, 4]) box.createContainer(id(`f${n}`), `F${n}`)
  const world = await captureWorld(box)
  assert.equal((await world.hint()).says, 'changed')
  await world.slice(1)
  assert.equal((await world.hint()).says, 'changed')
})

function problem(kind: ErrorKind, retryAfterMs?: number, code = 'Planned'): AppError {
  const wait = retryAfterMs ? { retryAfterMs } : {}
  return new AppError({ code, kind, message: 'planned', ...wait })
}
