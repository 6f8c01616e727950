/** A forger leaves hash and size as they were; a sample of what is said to be unchanged catches them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GraphId } from '../model/ids.ts'
import { ScriptedDrive } from './testing/scripted-drive.ts'
import { addUp } from './testing/truth.ts'
import { captureWorld } from './testing/world.ts'

const DAY_MS = 24 * 3_600_000
const CYCLE_MS = 7 * DAY_MS
const FILES = 150
const id = (text: string) => text as GraphId
const DRIVE = id('d')
const file = (n: number) => id(`d/${n}`)
const ALL = Array.from({ length: FILES }, (_, n) => file(n))

async function world(samplePercent: number) {
  const box = new ScriptedDrive()
  box.createDrive(DRIVE)
  for (const item of ALL) box.put(item, { parent: DRIVE, name: item, content: `old ${item}` })
  const made = await captureWorld(box, { samplePercent })
  const { tables, reader, signal, clock } = made

  async function round() {
    const { counts } = await made.untilDone()
    addUp(counts)
    return counts
  }

  /** Those of the files whose newest held content is the forged one. */
  async function caught() {
    const head = await tables.head(signal)
    const versions = await tables.current(ALL, head?.seq ?? 0, signal)
    const found: GraphId[] = []
    for (const item of ALL) {
      const content = versions.get(item)?.representations.find(({ name }) => name === 'content')
      assert.ok(content, `${item} is held`)
      const text = Buffer.from(await reader.readAll(content, 1000, signal)).toString()
      if (text === `new ${item}`) found.push(item)
      else assert.equal(text, `old ${item}`)
    }
    return found
  }

  /** Renamed, and other bytes under the same hash. */
  function forge(items: readonly GraphId[]) {
    for (const item of items) box.put(item, { name: `${item} too`, forged: `new ${item}` })
  }
  const downloads = () => box.contentRequests
  await round()
  return { ...made, box, round, caught, forge, downloads, clock }
}

test('a forged file is caught by the next cycle, is stored, and the owner is in trouble', async () => {
  const { round, caught, forge, downloads, clock, ownerRow } = await world(100)
  forge([file(7)])
  const before = downloads()
  const { restated } = await round()
  assert.deepEqual([restated, downloads()], [1, before], 'the hash said that nothing changed')
  clock.advance(CYCLE_MS - DAY_MS)
  await round()
  assert.deepEqual(await caught(), [])
  assert.equal((await ownerRow()).trouble, '')
  clock.advance(DAY_MS)
  const { stored } = await round()
  assert.deepEqual(await caught(), [file(7)])
  assert.equal(stored, 1)
  assert.equal((await ownerRow()).trouble, 'HashForged')
  clock.advance(DAY_MS)
  await round()
  assert.equal((await ownerRow()).trouble, 'HashForged', 'until a cycle finds nothing')
  clock.advance(CYCLE_MS)
  await round()
  assert.equal((await ownerRow()).trouble, '')
  assert.deepEqual(await caught(), [file(7)])
})

test('whoever forged one file forged more: all that share earlier content are fetched', async () => {
  const { round, caught, forge, clock, downloads } = await world(5)
  const forged = ALL.slice(20, 120)
  forge(forged)
  await round()
  const before = downloads()
  clock.advance(CYCLE_MS)
  await round()
  assert.deepEqual(await caught(), forged)
  // Each twice, once to compare and once to store; the one that was caught first may be seen again.
  assert.ok(downloads() - before <= 2 * forged.length + 10, `${downloads() - before}`)
})

test('only what shares earlier content is asked; nothing is written where it is right', async () => {
  const { round, box, tables, clock, downloads, signal, caught } = await world(100)
  const moved = ALL.slice(0, 30)
  for (const item of moved) box.put(item, { name: `${item} too` })
  await round()
  clock.advance(DAY_MS)
  await round()
  const seq = async () => (await tables.head(signal))?.seq ?? 0
  const [before, head] = [downloads(), await seq()]
  clock.advance(CYCLE_MS)
  const { stored, restated } = await round()
  assert.deepEqual([downloads() - before, stored, restated], [moved.length, 0, 0])
  assert.ok((await seq()) - head <= 1, 'at most the commit of the cursors')
  assert.deepEqual(await caught(), [])
})

test('a sample is some of them, and another one each time', async () => {
  const { round, box, clock, downloads } = await world(20)
  for (const item of ALL) box.put(item, { name: `${item} too` })
  await round()
  const asked = new Set<string>()
  const sizes: number[] = []
  for (let n = 0; n < 3; n += 1) {
    const before = [downloads(), box.asked.length] as const
    clock.advance(CYCLE_MS)
    await round()
    const now = box.asked.slice(before[1])
    assert.equal(downloads() - before[0], now.length)
    sizes.push(now.length)
    for (const item of now) asked.add(item)
  }
  for (const size of sizes) assert.ok(size > FILES / 10 && size < FILES / 3, `${sizes}`)
  assert.ok(asked.size > 1.5 * Math.max(...sizes), `${asked.size} of ${sizes}`)
})

test('a cycle goes over many slices', async () => {
  const { round, caught, forge, clock, slice } = await world(100)
  forge(ALL)
  await round()
  clock.advance(CYCLE_MS)
  let slices = 0
  for (let state = ''; state !== 'done'; slices += 1) {
    state = (await slice(90)).state
    assert.ok(slices < FILES, 'it ends')
  }
  assert.ok(slices > 3, `${slices}`)
  assert.deepEqual(await caught(), ALL)
})

test('no sample is taken where the setting says none', async () => {
  const { round, caught, forge, clock } = await world(0)
  forge([file(1)])
  await round()
  clock.advance(CYCLE_MS)
  await round()
  assert.deepEqual(await caught(), [])
})
