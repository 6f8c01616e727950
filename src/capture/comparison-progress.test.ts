/**
 * Comparisons that take long, or that meet trouble again and again: every slice gets further, and
 * none of them ends the owner as poison or keeps it from ever being whole.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import { FEW_MAX } from './settle.ts'
import { ScriptedMailbox, TROUBLES } from './testing/scripted-mailbox.ts'
import { contents, modelOf } from './testing/truth.ts'
import { captureWorld, type World } from './testing/world.ts'

const HOUR_MS = 3_600_000
const LAG_MS = 1_800_000
const SLICE_MS = 100_000
const id = (text: string) => text as GraphId
const ALL = { kinds: ['position', 'start'], of: 'all', form: 410 } as const

async function worldOf(folders: number, items: number): Promise<World> {
  const box = new ScriptedMailbox()
  for (let f = 1; f <= folders; f += 1) {
    box.createContainer(id(`f${f}`), `F${f}`)
    for (let n = 1; n <= items; n += 1) {
      box.put(id(`m${f}-${n}`), { container: id(`f${f}`), content: `${n}` })
    }
  }
  const world = await captureWorld(box)
  await world.untilDone()
  world.clock.advance(HOUR_MS)
  return world
}

/** To look one batch of members up takes so long. */
function slowScans({ catalogue, clock }: World, ms: number): void {
  const { stream } = catalogue
  catalogue.stream = (...of) => {
    const tables = stream(...of)
    const lacks: typeof tables.scans.lacks = async (...call) => {
      clock.advance(ms)
      return await tables.scans.lacks(...call)
    }
    return { ...tables, scans: { ...tables.scans, lacks } }
  }
}

test('slices that only compare what is held get further, and are not taken for poison', async () => {
  const world = await worldOf(12, 2)
  world.box.expire(ALL)
  slowScans(world, SLICE_MS)
  const states = new Set<string>()
  for (let n = 0; n < 40 && !states.has('done'); n += 1) {
    states.add((await world.slice(SLICE_MS)).state)
    assert.equal((await world.ownerRow()).attempts, 0)
    world.clock.advance(1000)
  }
  assert.deepEqual([...states], ['more', 'done'])
  assert.deepEqual(await contents(world), modelOf(world.box))
})

/** Every link is lost, and no list shows what is there. */
async function shortList(): Promise<World> {
  const world = await worldOf(1, FEW_MAX + 5)
  world.box.expire(ALL)
  for (const item of world.box.items.keys()) world.box.hidden.add(item)
  return world
}

async function nothingIsDeleted(world: World): Promise<void> {
  world.clock.advance(LAG_MS)
  await world.untilDone()
  assert.deepEqual(await contents(world), modelOf(world.box))
}

for (const left of [1, FEW_MAX]) {
  test(`P2: throttled with ${left} left to be asked for, it does not take them for a few that went`, async () => {
    const world = await shortList()
    world.box.onCall = ({ op }) => {
      if (op !== 'item' || world.box.asked.length < FEW_MAX + 5 - left) return
      throw new AppError({ code: 'Throttled', kind: 'throttled', message: 'slow' })
    }
    assert.equal((await world.slice()).state, 'wait')
    world.box.onCall = () => undefined
    await world.untilDone()
    await nothingIsDeleted(world)
  })
}

for (const [name, trouble] of [
  ['denied', TROUBLES.denied],
  ['unavailable', TROUBLES.unavailable],
] as const) {
  test(`P3: members that no list shows and that are ${name} when asked for keep no owner from being whole`, async () => {
    const world = await shortList()
    for (const item of world.box.items.keys()) world.box.unreadable.set(item, trouble)
    world.box.put(id('new'), { container: id('f1'), content: 'new' })
    let state = ''
    for (let n = 0; n < 12 && state !== 'done'; n += 1) {
      state = (await world.slice()).state
      world.clock.advance(HOUR_MS)
    }
    assert.equal(state, 'done')
    await nothingIsDeleted(world)
  })
}
