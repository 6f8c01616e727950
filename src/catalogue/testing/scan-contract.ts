/** What scans promise on every TableStore. Every test has an owner of its own. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { parseOwnerId } from '../../model/ids.ts'
import type { TableStore } from '../../ports.ts'
import type { StreamTables } from '../types.ts'
import { folderId, LATER, messageId, NEVER, testCatalogue } from './fixtures.ts'

const inbox = folderId(1)
const ids = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => messageId(from + n))

function scene(store: TableStore): StreamTables {
  const owner = parseOwnerId(randomBytes(16).toString('hex'))
  return testCatalogue(store).stream(owner, 'mail')
}

export function scanContract(name: string, open: () => TableStore): void {
  describe(`scans: ${name}`, () => {
    test('know what was put in, in any number and again', () => knows(scene(open())))
    test('have one holder, and are gone on with only when given back', () => held(scene(open())))
    test('are apart from each other, also of one container', () => apart(scene(open())))
    test('remember how far a comparison came', () => remembers(scene(open())))
    test('are not believed once anything of them was removed', () => removed(scene(open())))
    test('go with the rows of their stream', () => cleared(scene(open())))
  })
}

async function knows({ scans }: StreamTables): Promise<void> {
  const scan = { container: inbox, id: await scans.open(inbox, 'held', NEVER) }
  await scans.add(scan, ids(0, 250), NEVER)
  await scans.add(scan, ids(200, 260), NEVER)
  await scans.add(scan, [], NEVER)
  assert.equal(await scans.lacks(scan, ids(0, 3), NEVER), undefined, 'not while it is held')
  await scans.giveBack(scan, NEVER)
  assert.deepEqual(await scans.lacks(scan, ids(255, 263), NEVER), ids(260, 263))
  assert.deepEqual(await scans.lacks(scan, ids(0, 300), NEVER), ids(260, 300))
}

async function held({ scans }: StreamTables): Promise<void> {
  const scan = { container: inbox, id: await scans.open(inbox, 'held', NEVER) }
  assert.equal(await scans.take(scan, NEVER), false)
  await scans.giveBack(scan, NEVER)
  await scans.giveBack(scan, NEVER)
  assert.equal(await scans.take(scan, NEVER), true)
  assert.equal(await scans.take(scan, NEVER), false)
  assert.equal(await scans.take({ container: inbox, id: 'unknown' }, NEVER), false)
}

async function apart({ scans }: StreamTables): Promise<void> {
  const other = { container: inbox, id: await scans.open(inbox, 'held', NEVER) }
  await scans.add(other, ids(0, 2), NEVER)
  const scan = { container: inbox, id: await scans.open(inbox, 'free', NEVER) }
  assert.deepEqual(await scans.lacks(scan, ids(0, 2), NEVER), ids(0, 2))
}

async function remembers({ scans }: StreamTables): Promise<void> {
  const scan = { container: inbox, id: await scans.open(inbox, 'free', NEVER) }
  assert.equal(await scans.progress(scan, NEVER), undefined)
  const first = { seq: 3, asking: false, unseen: ids(0, 20) }
  await scans.note(scan, first, NEVER)
  assert.deepEqual(await scans.progress(scan, NEVER), first)
  const next = { seq: 3, continuation: 'c', asking: true, unseen: [] }
  await scans.note(scan, next, NEVER)
  assert.deepEqual(await scans.progress(scan, NEVER), next)
  await scans.note(scan, first, NEVER)
  assert.deepEqual(await scans.progress(scan, NEVER), next, 'a sleeper notes what is old')
}

async function removed({ scans }: StreamTables): Promise<void> {
  const scan = { container: inbox, id: await scans.open(inbox, 'free', NEVER) }
  await scans.add(scan, ids(0, 250), NEVER)
  // One row goes, and it is the marker: whoever reads what is left learns nothing from it.
  await scans.sweep(1, NEVER)
  assert.equal(await scans.lacks(scan, ids(0, 250), NEVER), undefined)
  await scans.sweep(1000, NEVER)
  await scans.sweep(1000, NEVER)
  assert.equal(await scans.take(scan, NEVER), false)
}

async function cleared(stream: StreamTables): Promise<void> {
  const { scans } = stream
  const scan = { container: inbox, id: await scans.open(inbox, 'free', NEVER) }
  await scans.add(scan, ids(0, 3), NEVER)
  await stream.clear({ notAfter: LATER }, NEVER)
  assert.equal(await scans.lacks(scan, ids(0, 3), NEVER), undefined)
}
