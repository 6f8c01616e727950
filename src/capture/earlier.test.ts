/** Versions that the service kept before we came, or made between two rounds. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GraphId } from '../model/ids.ts'
import { ScriptedDrive } from './testing/scripted-drive.ts'
import { addUp } from './testing/truth.ts'
import { captureWorld } from './testing/world.ts'

const id = (text: string) => text as GraphId
const [DRIVE, FILE] = [id('d'), id('d/file')]

async function worldOf(versions: number, contents: readonly string[]) {
  const box = new ScriptedDrive()
  box.earlierVersions = versions
  box.createDrive(DRIVE)
  for (const content of contents) box.put(FILE, { parent: DRIVE, name: 'file', content })
  const world = await captureWorld(box)
  const { tables, reader, signal } = world

  async function round() {
    const { counts } = await world.untilDone()
    addUp(counts)
    return counts
  }

  async function contentsIn(container: GraphId): Promise<string[]> {
    const seq = (await tables.head(signal))?.seq ?? 0
    const { items } = await tables.list(container, seq, { max: 100 }, signal)
    const found: string[] = []
    for (const { item } of items) {
      const version = (await tables.current([item], seq, signal)).get(item)
      const content = version?.representations.find((r) => r.name === 'content')
      assert.ok(content)
      found.push(Buffer.from(await reader.readAll(content, 1000, signal)).toString())
    }
    return found.sort()
  }

  return {
    ...world,
    box,
    round,
    earlier: () => contentsIn(id(`${FILE}@`)),
    now: () => contentsIn(DRIVE),
  }
}

test('without the policy nobody asks for earlier versions', async () => {
  const { box, round, earlier } = await worldOf(0, ['one', 'two'])
  await round()
  assert.equal(box.versionRequests, 0)
  assert.deepEqual(await earlier(), [])
})

test('P1: the last earlier versions are held beside the present one', async () => {
  const { round, earlier, now } = await worldOf(2, ['one', 'two', 'three', 'four'])
  await round()
  assert.deepEqual(await earlier(), ['three', 'two'])
  assert.deepEqual(await now(), ['four'])
})

test('each version is fetched once, and none for what was only renamed', async () => {
  const { box, round, earlier } = await worldOf(9, ['one', 'two'])
  await round()
  assert.equal(box.contentRequests, 2)
  box.put(FILE, { content: 'three' })
  box.put(FILE, { content: 'four' })
  await round()
  assert.equal(box.contentRequests, 4, 'four is new, three came and went unseen; two is held')
  assert.deepEqual(await earlier(), ['one', 'three'])
  box.put(FILE, { name: 'renamed' })
  await round()
  assert.deepEqual([box.contentRequests, box.versionRequests], [4, 2])
})

test('P4: a slice that ends between two versions stores the present one only after all of them', async () => {
  const { box, clock, slice, round, earlier, now } = await worldOf(9, ['one', 'two', 'three'])
  // The time is over once the first of them has been asked for.
  box.meanwhile.push(...Array.from({ length: 4 }, () => () => undefined), () =>
    clock.advance(10 ** 9),
  )
  await slice()
  const [stored, before] = [await now(), await earlier()]
  assert.ok(stored.length === 0 || before.length === 2)
  await round()
  assert.deepEqual([await now(), await earlier()], [['three'], ['one', 'two']])
  assert.equal(box.contentRequests, 3)
})

test('P3: where nobody tells which versions there are, the present one is stored and says so', async () => {
  const { box, tables, signal, round, now } = await worldOf(9, ['one', 'two'])
  box.veiled.add(FILE)
  await round()
  assert.deepEqual(await now(), ['two'])
  const seq = (await tables.head(signal))?.seq ?? 0
  const held = (await tables.current([FILE], seq, signal)).get(FILE)
  assert.deepEqual(held?.display.unread, ['earlier-versions'])
})
