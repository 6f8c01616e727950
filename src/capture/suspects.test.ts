/** An item that kills its worker ends in the ledger, and its owner is captured all the same. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { LedgerEvent } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { POISON_ATTEMPTS } from './suspects.ts'
import { ScriptedMailbox } from './testing/scripted-mailbox.ts'
import { addUp, contents, modelOf } from './testing/truth.ts'
import { captureWorld, type World } from './testing/world.ts'

const HOUR_MS = 3_600_000
const LARGE = 64 * 1024 * 1024
const id = (text: string) => text as GraphId
const INBOX = id('inbox')

async function worldWith(items: Readonly<Record<string, number>>): Promise<World> {
  const box = new ScriptedMailbox()
  box.createContainer(INBOX, 'Inbox')
  for (const [name, expectedBytes] of Object.entries(items)) {
    box.put(id(name), { container: INBOX, content: name, expectedBytes })
  }
  return await captureWorld(box)
}

/**
 * A slice whose worker vanishes once it fetches the killer, with everything else that is under
 * way; its lease runs out. Where the killer is not fetched any more, the slice just ends.
 */
async function vanish(world: World, killer: GraphId): Promise<void> {
  const { promise: died, resolve } = Promise.withResolvers<'died'>()
  let isDying = false
  world.box.beforeContentOf = async (item) => {
    isDying ||= item === killer
    if (!isDying) return
    // What runs beside it gets as far as it can, and no further.
    for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done))
    resolve('died')
    await new Promise(() => undefined)
  }
  const ended = await Promise.race([died, world.slice()])
  world.box.beforeContentOf = async () => undefined
  if (ended === 'died') world.clock.advance(24 * HOUR_MS)
}

async function ledger(world: World): Promise<LedgerEvent[]> {
  const entries: LedgerEvent[] = []
  for await (const { event } of world.tables.open(world.signal)) {
    if (event.op === 'ledger') entries.push(event)
  }
  return entries
}

test('P3: a large item that kills the worker is in the ledger after one death, with its reason', async () => {
  const world = await worldWith({ small: 10, huge: LARGE, other: 10 })
  await vanish(world, id('huge'))
  addUp((await world.untilDone()).counts)
  assert.deepEqual(await contents(world), { 'inbox/small': 'small|', 'inbox/other': 'other|' })
  const [entry, ...more] = await ledger(world)
  assert.deepEqual([entry?.item, entry?.reason, more.length], ['huge', 'killed-worker', 0])
  assert.equal((await world.ownerRow()).coverage, 'covered')
  world.clock.advance(HOUR_MS)
  await world.untilDone()
  assert.deepEqual(await contents(world), modelOf(world.box), 'it is tried again')
})

test('an item of which nobody knew that it is dangerous is found before the owner is poison', async () => {
  const world = await worldWith({ a: 10, killer: 10, b: 10 })
  let deaths = 0
  for (; (await ledger(world)).length === 0; deaths += 1) {
    assert.ok(deaths < POISON_ATTEMPTS, 'it would be poison')
    await vanish(world, id('killer'))
  }
  await world.untilDone()
  const [entry, ...more] = await ledger(world)
  assert.deepEqual([entry?.item, more.length], ['killer', 0], 'and no other item is blamed')
  assert.deepEqual(await contents(world), { 'inbox/a': 'a|', 'inbox/b': 'b|' })
})

test('an ordinary slice leaves nobody under suspicion', async () => {
  const world = await worldWith({ huge: LARGE })
  await world.untilDone()
  const { owners } = world.catalogue
  await owners.claim(world.owner, { holder: 'lost', leaseMs: 1 }, world.signal)
  world.clock.advance(HOUR_MS)
  world.box.put(id('huge'), { container: INBOX, content: 'huge again' })
  await world.untilDone()
  assert.equal(await world.openLedger(), 0)
  assert.deepEqual(await contents(world), modelOf(world.box))
})

test('an ordinary mailbox costs no note', async () => {
  const world = await worldWith({ a: 10, b: 10 })
  let notes = 0
  const { saveNote, note } = world.catalogue
  world.catalogue.saveNote = async (...args) => {
    notes += 1
    await saveNote(...args)
  }
  world.catalogue.note = async (...args) => {
    notes += 1
    return await note(...args)
  }
  await world.untilDone()
  assert.equal(notes, 0)
})
