/**
 * Cursors that speak of many containers: a drive's changes tell of its folders and of everything in
 * them (docs/decisions/013-cursors-of-many-containers.md).
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CONTAINERS } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { FEW_MAX } from './settle.ts'
import { type DriveWorld, heldTree, listedOf, treeOf } from './testing/drive-truth.ts'
import { ScriptedDrive } from './testing/scripted-drive.ts'
import type { Refusal } from './testing/scripted-links.ts'
import { TROUBLES } from './testing/scripted-mailbox.ts'
import { addUp } from './testing/truth.ts'
import { captureWorld } from './testing/world.ts'

const LAG_MS = 1_800_000
/** Longer than the longest wait of the ledger. */
const LAST_TRY_MS = 8 * 86_400_000
const MANY = FEW_MAX + 5
const id = (text: string) => text as GraphId
const DRIVE = id('d')
const OTHER = id('e')
const [A, B, C] = [id('d/A'), id('d/B'), id('d/C')]
const ALL: Refusal = { kinds: ['position', 'start'], of: 'all', form: 410 }

/** A drive with folder A, B in A, C in B, and a file in each and at the top. */
function drive(): ScriptedDrive {
  const box = new ScriptedDrive()
  box.createDrive(DRIVE)
  box.put(A, { name: 'A' })
  box.put(B, { parent: A, name: 'B' })
  box.put(C, { parent: B, name: 'C' })
  for (const parent of [DRIVE, A, B, C]) {
    const name = `file of ${parent.at(-1)}`
    box.put(id(`d/${name}`), { parent, name, content: `content of ${name}` })
  }
  return box
}

async function worldWith(box = drive()): Promise<DriveWorld> {
  const world = await captureWorld(box)
  await round(world)
  return world
}

async function round(world: DriveWorld) {
  const { counts } = await world.untilDone()
  addUp(counts)
  return counts
}

/** What has left is deleted by a whole later round. */
async function later(world: DriveWorld) {
  world.clock.advance(LAG_MS)
  return await round(world)
}

/** What the metadata of the newest version, which a reader with the key opens, says of its content. */
async function noteOf({ tables, reader, signal }: DriveWorld, item: GraphId) {
  const head = await tables.head(signal)
  const held = (await tables.current([item], head?.seq ?? 0, signal)).get(item)
  const [json] = held?.representations ?? []
  assert.ok(json)
  const { contents } = await reader.metadata(json, signal)
  return contents.find(({ name }) => name === 'content')?.note?.['isOdd']
}

async function isAsTheDrive(world: DriveWorld): Promise<void> {
  assert.deepEqual(await heldTree(world), treeOf(world.box))
}

describe('P2: a drive is held as it is', () => {
  test('with files in folders in folders', async () => {
    const world = await worldWith()
    await isAsTheDrive(world)
    assert.equal(world.box.contentRequests, 4)
  })

  test('also where the service shows what is in a folder before the folder', async () => {
    const box = drive()
    box.childrenFirst = true
    const world = await worldWith(box)
    await isAsTheDrive(world)
    assert.equal(box.asked.length, 0, 'nobody is asked for the folder')
  })

  test('what is created and deleted between two rounds is seen as removed, which says nothing', async () => {
    const world = await worldWith()
    world.box.put(id('d/short'), { parent: A, content: 'lived' })
    world.box.remove(id('d/short'))
    const counts = await round(world)
    assert.deepEqual([counts.seen, counts.unchanged, counts.left], [1, 1, 0])
    await isAsTheDrive(world)
  })

  test('a file that is deleted has left, and is deleted by a whole later round', async () => {
    const world = await worldWith()
    world.box.remove(id('d/file of B'))
    const counts = await round(world)
    assert.deepEqual([counts.left, counts.deleted], [1, 0])
    assert.deepEqual(await listedOf(world, [B]), [id('d/file of B')], 'it still shows')
    assert.equal((await later(world)).deleted, 1)
    assert.deepEqual(await listedOf(world, [B]), [])
    await isAsTheDrive(world)
  })

  test('a file that is moved twice within a round stands where it came to in the end', async () => {
    const world = await worldWith()
    world.box.put(id('d/file of B'), { parent: A })
    world.box.put(id('d/file of B'), { parent: C })
    const counts = await round(world)
    assert.deepEqual([counts.restated, counts.stored], [1, 0])
    assert.equal(world.box.contentRequests, 4, 'a move costs no content')
    assert.equal(world.box.asked.length, 0, 'one cursor does not contradict itself')
    await isAsTheDrive(world)
  })

  test('a file that is renamed costs no content', async () => {
    const world = await worldWith()
    world.box.put(id('d/file of B'), { name: 'new name' })
    const counts = await round(world)
    assert.deepEqual([counts.restated, counts.stored, world.box.contentRequests], [1, 0, 4])
    await isAsTheDrive(world)
  })

  test('what the fetching found out of its content is known of it under its new name', async () => {
    const world = await worldWith()
    const odd = id('d/odd')
    world.box.put(odd, { content: 'odd one' })
    await round(world)
    world.box.put(odd, { name: 'renamed' })
    await round(world)
    assert.equal(await noteOf(world, odd), true)
    assert.equal(await noteOf(world, id('d/file of B')), undefined)
  })

  test('one that is deleted and made again under its name, with another id, is another', async () => {
    const world = await worldWith()
    world.box.remove(id('d/file of B'))
    world.box.put(id('d/again'), { parent: B, name: 'file of B', content: 'other content' })
    const counts = await round(world)
    assert.deepEqual([counts.left, counts.stored], [1, 1])
    await isAsTheDrive(world)
  })

  test('replays change nothing', async () => {
    const world = await worldWith()
    world.box.remove(C)
    await round(world)
    world.box.expire({ ...ALL, of: 'containers' })
    const counts = await round(world)
    assert.deepEqual([counts.stored, counts.left, counts.restated], [0, 0, 0])
    await isAsTheDrive(world)
  })
})

describe('a folder that is renamed or moved', () => {
  test('with many files below it is one event, and no content request', async () => {
    const box = drive()
    for (let n = 0; n < 200; n += 1) box.put(id(`d/n${n}`), { parent: B, content: `${n}` })
    const world = await worldWith(box)
    const before = box.contentRequests
    box.put(A, { name: 'another name' })
    const counts = await round(world)
    assert.deepEqual([counts.seen, counts.stored, counts.restated], [1, 1, 0])
    assert.equal(box.contentRequests, before)
    box.put(B, { parent: DRIVE })
    assert.equal((await round(world)).seen, 1)
    assert.equal(box.contentRequests, before)
    await isAsTheDrive(world)
  })
})

for (const namesChildren of [false, true]) {
  const how = namesChildren ? 'are named' : 'are not named'
  describe(`P2: a folder is deleted, and its children ${how}`, () => {
    async function world(): Promise<DriveWorld> {
      const box = drive()
      box.namesChildren = namesChildren
      return await worldWith(box)
    }

    test('everything below it has left with it, and is deleted by a later round', async () => {
      const one = await world()
      one.box.remove(A)
      const counts = await round(one)
      assert.equal(counts.left, 6, 'three folders and three files')
      assert.ok(one.box.asked.length <= 1, 'at most the folder itself is asked for')
      await isAsTheDrive(one)
      assert.equal((await later(one)).deleted, 6)
      assert.deepEqual(await listedOf(one, [CONTAINERS, A, B, C]), [DRIVE])
    })

    test('what was moved out before stays', async () => {
      const one = await world()
      one.box.put(C, { parent: DRIVE })
      one.box.put(id('d/file of B'), { parent: DRIVE })
      one.box.remove(A)
      await round(one)
      await isAsTheDrive(one)
      await later(one)
      await isAsTheDrive(one)
    })

    test('what was moved out stays also where its move is told after the end of the folder', async () => {
      const one = await world()
      one.box.put(id('d/file of B'), { parent: DRIVE })
      one.box.put(C, { parent: DRIVE })
      one.box.remove(A)
      one.box.put(C, { name: 'told again' })
      one.box.put(id('d/file of B'), { name: 'told again' })
      await round(one)
      await isAsTheDrive(one)
      await later(one)
      await isAsTheDrive(one)
    })

    test('wherever slices end, nothing is left behind', async () => {
      for (const ms of [1, 2, 3]) {
        const one = await world()
        one.box.pageSize = 1
        one.box.remove(A)
        for (let n = 0; n < 12; n += 1) await one.slice(ms)
        await round(one)
        await isAsTheDrive(one)
        await later(one)
        assert.deepEqual(await listedOf(one, [CONTAINERS, A, B, C]), [DRIVE])
      }
    })

    test('one that comes back from the recycle bin has everything again', async () => {
      const one = await world()
      one.box.remove(A)
      await round(one)
      one.box.bringBack(A)
      await round(one)
      await isAsTheDrive(one)
      assert.equal(one.box.contentRequests, 4, 'what is held is not fetched again')
      one.box.remove(A)
      await round(one)
      await later(one)
      one.box.bringBack(A)
      await round(one)
      await later(one)
      await isAsTheDrive(one)
    })

    test('the ledger entry of a file in it ends', async () => {
      const one = await world()
      one.box.corrupt.add(id('d/bad'))
      one.box.put(id('d/bad'), { parent: C, content: 'unreadable' })
      await round(one)
      assert.equal(await one.openLedger(), 1)
      one.box.remove(A)
      await round(one)
      assert.equal(await one.openLedger(), 0)
    })
  })
}

test('a folder that is back when it is asked for has again what was told to be gone', async () => {
  const box = drive()
  box.put(id('d/empty'), { parent: A, name: 'empty' })
  const world = await worldWith(box)
  box.pageSize = 50
  box.namesChildren = 'folders'
  box.remove(A)
  // After the list and the page that tells its end, those with files in them are asked for.
  box.meanwhile.push(
    () => undefined,
    () => undefined,
    () => box.bringBack(A),
  )
  await round(world)
  await later(world)
  await later(world)
  await isAsTheDrive(world)
})

test('no folder is called deleted while it is not known what was moved out of it', async () => {
  const world = await worldWith()
  const { box } = world
  box.pageSize = 1
  box.remove(A)
  box.put(id('d/next'), { content: 'on the next page' })
  const breaks = () => {
    box.unreadable = TROUBLES.corrupt
  }
  // The list, the page that tells the end of the folder, and no page after it.
  box.meanwhile.push(...Array(2).fill(() => undefined), breaks)
  assert.equal((await round(world)).left, 1)
  assert.equal((await later(world)).deleted, 0)
  box.unreadable = undefined
  world.clock.advance(LAST_TRY_MS)
  assert.equal((await round(world)).left, 5, 'what stood in it goes before it does')
  await later(world)
  assert.deepEqual(await listedOf(world, [CONTAINERS, A, B, C]), [DRIVE])
  await isAsTheDrive(world)
})

test('a folder that is called gone, has members still, and says that it is there, stays', async () => {
  const world = await worldWith()
  world.box.falselyGone.add(B)
  world.box.put(B, { name: 'B' })
  await round(world)
  assert.deepEqual(world.box.asked, [B])
  await isAsTheDrive(world)
  await later(world)
  await isAsTheDrive(world)
})

test('a file that could not be stored where it was moved to, and is removed, has left', async () => {
  const world = await worldWith()
  world.box.corrupt.add(id('d/file of B'))
  world.box.put(id('d/file of B'), { parent: C, content: 'new' })
  await round(world)
  assert.equal(await world.openLedger(), 1)
  world.box.remove(id('d/file of B'))
  assert.equal((await round(world)).left, 1)
  assert.equal(await world.openLedger(), 0)
  await isAsTheDrive(world)
})

test('P2: a folder that is known only by what stands in it, and goes unread, leaves nothing behind', async () => {
  const box = drive()
  box.childrenFirst = true
  box.pageSize = 1
  const world = await captureWorld(box)
  // Long enough for the first files, and not for their folders.
  while (!(await listedOf(world, [C])).includes(id('d/file of C'))) await world.slice(3)
  box.remove(A)
  await round(world)
  await isAsTheDrive(world)
  await later(world)
  assert.deepEqual(await listedOf(world, [CONTAINERS, A, B, C]), [DRIVE])
})

describe('P2: after its links were lost, a drive is compared as a whole', () => {
  test('what was deleted meanwhile, of files and folders, has left', async () => {
    const world = await worldWith()
    world.box.remove(B)
    world.box.remove(id('d/file of d'))
    world.box.expire(ALL)
    const counts = await round(world)
    assert.equal(counts.left, 5)
    assert.deepEqual(new Set(world.box.asked), new Set([B]), 'of a tree only its top is asked for')
    await isAsTheDrive(world)
    assert.equal((await later(world)).deleted, 5)
    await isAsTheDrive(world)
  })

  test('what is there is neither fetched nor asked for', async () => {
    const world = await worldWith()
    world.box.put(C, { parent: DRIVE })
    world.box.expire(ALL)
    const counts = await round(world)
    assert.deepEqual([counts.left, counts.stored], [0, 1])
    assert.deepEqual([world.box.contentRequests, world.box.asked.length], [4, 0])
    await isAsTheDrive(world)
    assert.equal(world.rowsOf('scans'), 0)
  })

  test('a folder that a short listing lacks is asked for, and stays with all that is in it', async () => {
    const world = await worldWith()
    for (const one of world.box.nodes.keys()) {
      if (world.box.isBelow(one, B)) world.box.hidden.add(one)
    }
    world.box.expire(ALL)
    const counts = await round(world)
    assert.equal(counts.left, 2, 'a few files leave unasked')
    world.box.hidden.clear()
    world.box.expire(ALL)
    await round(world)
    await isAsTheDrive(world)
  })

  test('many files that a short listing lacks are asked for one by one', async () => {
    const box = drive()
    for (let n = 0; n < MANY; n += 1) box.put(id(`d/n${n}`), { parent: C, content: `${n}` })
    const world = await worldWith(box)
    for (let n = 0; n < MANY; n += 1) box.hidden.add(id(`d/n${n}`))
    box.remove(id('d/n1'))
    box.expire(ALL)
    assert.equal((await round(world)).left, 1)
    assert.equal(box.asked.length, MANY)
    await isAsTheDrive(world)
  })

  test('a large tree that went costs one question, and the list of drives is not mistaken', async () => {
    const box = drive()
    for (let n = 0; n < MANY; n += 1) {
      box.put(id(`d/f${n}`), { parent: n === 0 ? A : id(`d/f${n - 1}`), name: `f${n}` })
      box.put(id(`d/n${n}`), { parent: id(`d/f${n}`), content: `${n}` })
    }
    const world = await worldWith(box)
    box.remove(id('d/f0'))
    box.expire(ALL)
    assert.equal((await round(world)).left, 2 * MANY)
    assert.deepEqual(new Set(box.asked), new Set([id('d/f0')]))
    await isAsTheDrive(world)
  })

  test('wherever slices end, the comparison goes on', async () => {
    for (const ms of [2, 4, 7]) {
      const box = drive()
      for (let n = 0; n < MANY; n += 1) box.put(id(`d/n${n}`), { parent: C, content: `${n}` })
      const world = await worldWith(box)
      box.remove(B)
      box.expire(ALL)
      for (let n = 0; n < 40; n += 1) await world.slice(ms)
      await round(world)
      await isAsTheDrive(world)
      await later(world)
      await isAsTheDrive(world)
    }
  })
})

describe('a drive that goes', () => {
  test('takes everything in it with it, and nothing is asked for', async () => {
    const box = drive()
    box.createDrive(OTHER)
    for (let n = 0; n < MANY; n += 1) box.put(id(`e/n${n}`), { content: `${n}` })
    box.put(id('e/F'), { name: 'F' })
    box.put(id('e/in F'), { parent: id('e/F'), content: 'in F' })
    const world = await worldWith(box)
    box.deleteDrive(OTHER)
    const left = (await round(world)).left
    await isAsTheDrive(world)
    assert.equal(left, MANY + 3)
    assert.equal(box.asked.length, 0)
    await isAsTheDrive(world)
    await later(world)
    assert.deepEqual(await listedOf(world, [OTHER, id('e/F')]), [])
    await isAsTheDrive(world)
  })

  test('and comes back has everything again, and no content is fetched twice', async () => {
    const world = await worldWith()
    const { nodes, contentRequests } = world.box
    const all = new Map(nodes)
    world.box.deleteDrive(DRIVE)
    await round(world)
    world.box.createDrive(DRIVE)
    for (const [one, node] of all) nodes.set(one, node)
    await round(world)
    assert.equal(world.box.contentRequests, contentRequests)
    await isAsTheDrive(world)
  })
})

test('a hint asks with the link of every drive: what changes in one is seen', async () => {
  const box = drive()
  box.createDrive(OTHER)
  const world = await worldWith(box)
  assert.equal((await world.hint()).says, 'unchanged')
  box.put(id('e/new'), { content: 'new' })
  assert.equal((await world.hint()).says, 'changed')
  await round(world)
  assert.equal((await world.hint()).says, 'unchanged')
})
