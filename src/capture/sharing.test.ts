/** Who may see a thing is held with it, apart from its content. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RepresentationName } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { ScriptedDrive } from './testing/scripted-drive.ts'
import { addUp } from './testing/truth.ts'
import { captureWorld } from './testing/world.ts'

const id = (text: string) => text as GraphId
const [DRIVE, FILE, FOLDER] = [id('d'), id('d/file'), id('d/folder')]

async function worldOf(sharing: string | undefined) {
  const box = new ScriptedDrive()
  box.createDrive(DRIVE)
  box.put(FILE, { parent: DRIVE, name: 'file', content: 'bytes', sharing })
  const world = await captureWorld(box)
  const { tables, reader, signal } = world

  async function round() {
    const { counts } = await world.untilDone()
    addUp(counts)
    return counts
  }

  /** The plaintext of a representation as of a commit, or of the newest one. */
  async function held(item: GraphId, name: RepresentationName, at?: number) {
    const seq = at ?? (await tables.head(signal))?.seq ?? 0
    const version = (await tables.current([item], seq, signal)).get(item)
    const representation = version?.representations.find((r) => r.name === name)
    if (!representation) return undefined
    return Buffer.from(await reader.readAll(representation, 1000, signal)).toString()
  }

  const seq = async () => (await tables.head(signal))?.seq ?? 0
  const display = async (item: GraphId) =>
    (await tables.current([item], await seq(), signal)).get(item)?.display
  await round()
  return { box, round, held, seq, display }
}

test('what inherits its permissions costs no request for them', async () => {
  const { box, held } = await worldOf(undefined)
  assert.equal(box.permissionRequests, 0)
  assert.equal(await held(FILE, 'permissions'), undefined)
})

test('P1: new permissions are a version of their own, and need no content', async () => {
  const { box, round, held, seq } = await worldOf('ann')
  const before = await seq()
  assert.deepEqual([box.contentRequests, box.permissionRequests], [1, 1])
  box.put(FILE, { sharing: 'ann and bob' })
  const { stored, restated } = await round()
  assert.deepEqual([stored, restated], [0, 1])
  assert.deepEqual([box.contentRequests, box.permissionRequests], [1, 2])
  assert.equal(await held(FILE, 'permissions'), 'ann and bob')
  assert.equal(await held(FILE, 'content'), 'bytes')
  assert.equal(await held(FILE, 'permissions', before), 'ann', 'and the earlier ones are held')
})

test('a new content or a new name takes the permissions along without a request', async () => {
  const { box, round, held } = await worldOf('ann')
  box.put(FILE, { content: 'other bytes' })
  await round()
  box.put(FILE, { name: 'renamed' })
  await round()
  assert.deepEqual([box.contentRequests, box.permissionRequests], [2, 1])
  assert.equal(await held(FILE, 'permissions'), 'ann')
  assert.equal(await held(FILE, 'content'), 'other bytes')
})

test('what inherits again has no permissions of its own any more', async () => {
  const { box, round, held } = await worldOf('ann')
  box.put(FILE, { sharing: undefined })
  await round()
  assert.equal(await held(FILE, 'permissions'), undefined)
  assert.equal(await held(FILE, 'content'), 'bytes')
  assert.equal(box.permissionRequests, 1)
})

test('P3: permissions that cannot be read keep no content back, and are said to be missing', async () => {
  const { box, round, held, display } = await worldOf(undefined)
  box.veiled.add(FILE)
  box.put(FILE, { content: 'new bytes', sharing: 'ann' })
  await round()
  assert.equal(await held(FILE, 'content'), 'new bytes')
  assert.deepEqual((await display(FILE))?.unread, ['permissions'])
  box.veiled.clear()
  box.put(FILE, { name: 'renamed' })
  await round()
  assert.equal(await held(FILE, 'permissions'), 'ann')
  assert.equal((await display(FILE))?.unread, undefined)
})

test('a folder has permissions as a file has', async () => {
  const { box, round, held } = await worldOf(undefined)
  box.put(FOLDER, { parent: DRIVE, name: 'folder', sharing: 'the team' })
  await round()
  assert.equal(await held(FOLDER, 'permissions'), 'the team')
  box.put(FOLDER, { name: 'renamed' })
  await round()
  assert.equal(await held(FOLDER, 'permissions'), 'the team')
  assert.equal(box.permissionRequests, 1)
})
