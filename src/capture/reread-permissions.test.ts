/** Who may see a thing is asked again once in a while, because the service does not always tell. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RepresentationName } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { ScriptedDrive } from './testing/scripted-drive.ts'
import { addUp } from './testing/truth.ts'
import { captureWorld } from './testing/world.ts'

const DAY_MS = 24 * 3_600_000
const CYCLE_MS = 7 * DAY_MS
const FILES = 250
const id = (text: string) => text as GraphId
const [DRIVE, FILE, FOLDER, PLAIN] = [id('d'), id('d/file'), id('d/folder'), id('d/plain')]

async function sharedWorld() {
  const box = new ScriptedDrive()
  box.createDrive(DRIVE)
  box.put(FOLDER, { parent: DRIVE, name: 'folder', sharing: 'the team' })
  box.put(FILE, { parent: FOLDER, name: 'file', content: 'bytes', sharing: 'ann' })
  box.put(PLAIN, { parent: FOLDER, name: 'plain', content: 'other bytes' })
  const world = await captureWorld(box)
  const { tables, reader, signal, clock } = world

  async function held(item: GraphId, name: RepresentationName) {
    const head = await tables.head(signal)
    const version = (await tables.current([item], head?.seq ?? 0, signal)).get(item)
    const representation = version?.representations.find((r) => r.name === name)
    return (
      representation && Buffer.from(await reader.readAll(representation, 1000, signal)).toString()
    )
  }

  async function round() {
    const { counts } = await world.untilDone()
    addUp(counts)
    return counts
  }
  await round()
  return { ...world, box, held, round, seq: async () => (await tables.head(signal))?.seq, clock }
}

test('what the service never told is found after a week, and only then', async () => {
  const { box, held, round, clock } = await sharedWorld()
  box.shareSilently(FILE, 'ann and bob')
  box.shareSilently(FOLDER, 'everybody')
  clock.advance(CYCLE_MS - DAY_MS)
  await round()
  assert.equal(await held(FILE, 'permissions'), 'ann')
  assert.equal(box.permissionRequests, 2)
  clock.advance(DAY_MS)
  const { stored, restated } = await round()
  assert.equal(await held(FILE, 'permissions'), 'ann and bob')
  assert.equal(await held(FOLDER, 'permissions'), 'everybody')
  assert.equal(await held(FILE, 'content'), 'bytes')
  assert.deepEqual([stored, restated], [0, 2])
  assert.deepEqual(
    [box.permissionRequests, box.contentRequests],
    [4, 2],
    'and nothing else is asked',
  )
})

test('where nobody was let in or kept out, nothing is written', async () => {
  const { box, round, clock, seq } = await sharedWorld()
  // Once, so that what falls due by itself is done.
  clock.advance(CYCLE_MS)
  await round()
  const before = await seq()
  clock.advance(DAY_MS)
  await round()
  assert.equal(await seq(), before)
  const asked = box.permissionRequests
  clock.advance(CYCLE_MS)
  const { restated } = await round()
  assert.deepEqual([box.permissionRequests - asked, restated], [2, 0])
})

test('permissions that could not be read are read in the next cycle', async () => {
  const { box, held, round, clock } = await sharedWorld()
  box.veiled.add(PLAIN)
  box.put(PLAIN, { sharing: 'carl' })
  await round()
  assert.equal(await held(PLAIN, 'permissions'), undefined)
  box.veiled.clear()
  clock.advance(CYCLE_MS)
  await round()
  assert.equal(await held(PLAIN, 'permissions'), 'carl')
})

test('trouble with one keeps nothing else back', async () => {
  const { box, held, round, clock } = await sharedWorld()
  box.shareSilently(FILE, 'ann and bob')
  box.veiled.add(FOLDER)
  clock.advance(CYCLE_MS)
  await round()
  assert.equal(await held(FILE, 'permissions'), 'ann and bob')
  assert.equal(await held(FOLDER, 'permissions'), 'the team')
})

test('a cycle goes over many slices, and asks each once', async () => {
  const { box, round, clock, slice, held } = await sharedWorld()
  for (let n = 0; n < FILES; n += 1) {
    box.put(id(`d/${n}`), { parent: DRIVE, name: `${n}`, content: 'x', sharing: 'ann' })
  }
  await round()
  for (let n = 0; n < FILES; n += 1) box.shareSilently(id(`d/${n}`), 'bob')
  clock.advance(CYCLE_MS)
  const asked = box.permissionRequests
  let slices = 0
  for (let state = ''; state !== 'done'; slices += 1) {
    state = (await slice(120)).state
    assert.ok(slices < FILES)
  }
  assert.ok(slices > 2, `${slices}`)
  for (let n = 0; n < FILES; n += 1) assert.equal(await held(id(`d/${n}`), 'permissions'), 'bob')
  assert.equal(box.permissionRequests - asked, FILES + 2)
})
