/**
 * What the catalogue does on every TableStore: the in-memory double, the double with Azure's
 * oddities switched on, and Azurite. Every test has an owner of its own.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { hasCode } from '../../model/errors.ts'
import { CONTAINERS, type LeftEvent, type PutEvent, type StreamEvent } from '../../model/events.ts'
import { keyHash, type OwnerId, parseOwnerId } from '../../model/ids.ts'
import type { TableStore } from '../../ports.ts'
import type { StreamTables } from '../types.ts'
import {
  aCommit,
  aCursor,
  aPut,
  digest,
  folderId,
  iso,
  LATER,
  messageId,
  NEVER,
  placeOf,
  SECRET,
  testCatalogue,
} from './fixtures.ts'

const APPLY = { secret: SECRET, notAfter: LATER }
const QUIET = { ...APPLY, seq: 1 }
const inbox = folderId(1)
const sent = folderId(2)
/** Of what the commit with the seq 2 says: its time is in whole seconds of another clock. */
const LEFT_AT = iso(120_900)

interface Scene {
  owner: OwnerId
  stream: StreamTables
  apply(seq: number, events: readonly StreamEvent[], changes?: object): Promise<void>
}

function scene(store: TableStore): Scene {
  const owner = parseOwnerId(randomBytes(16).toString('hex'))
  const stream = testCatalogue(store).stream(owner, 'mail')
  return {
    owner,
    stream,
    apply: (seq, events, changes = {}) =>
      stream.apply({ ...aCommit(seq, events, changes), owner }, APPLY, NEVER),
  }
}

export function streamContract(name: string, open: () => TableStore): void {
  describe(`the catalogue of a stream: ${name}`, () => {
    test('an item has the version of each seq, also after it moved and was deleted', () =>
      versions(scene(open())))
    test('a container shows what it held at each seq', () => lists(scene(open())))
    test('a page is filled although most rows are closed', () => filledPages(scene(open())))
    test('a state above the head is refused', () => aboveHead(scene(open())))
    test('recovery points come newest first, and a time finds its point', () =>
      points(scene(open())))
    test('cursors open only with the secret, and move only forward', () => cursors(scene(open())))
    test('the ledger opens, moves on, and ends with a put, a deletion or a resolution', () =>
      ledger(scene(open())))
    test('what had left by a seq is known, also after it was deleted; not what came back', () =>
      leaving(scene(open())))
    test('packs say until when they are locked', () => packs(open()))
    test('a commit that ends an unknown list row stops before the head', () => gap(scene(open())))
    test('nothing is written after the time that a slice has', () => tooLate(scene(open())))
    test('a large commit is applied, and once more, and is all there', () => large(scene(open())))
  })
}

async function versions({ stream, apply }: Scene): Promise<void> {
  const first = aPut(messageId(1), inbox)
  const other = aPut(messageId(2), inbox)
  await apply(1, [first, other])
  const moved = aPut(messageId(1), sent, { why: 'moved', leaves: placeOf(first, 1) })
  await apply(2, [moved])
  const deleted = { op: 'deleted', kind: 'item', item: messageId(1), leftAt: iso(0) } as const
  await apply(3, [{ ...deleted, leaves: placeOf(moved, 2) }])
  const ids = [messageId(1), messageId(2), messageId(3)]
  const at = async (seq: number) => await stream.current(ids, seq, NEVER)
  assert.equal((await at(1)).size, 2)
  assert.deepEqual((await at(1)).get(messageId(1)), {
    item: messageId(1),
    key: keyHash(messageId(1)),
    kind: 'item',
    seq: 1,
    deleted: false,
    why: 'new',
    place: { ...first.place, from: 1 },
    marker: first.marker,
    display: first.display,
    representations: first.representations,
  })
  assert.equal((await at(2)).get(messageId(1))?.place.container, sent)
  const gone = (await at(3)).get(messageId(1))
  assert.equal(gone?.deleted, true)
  assert.equal(gone?.seq, 3)
  assert.deepEqual(gone?.place, placeOf(moved, 2))
  assert.deepEqual(gone?.marker, moved.marker)
  assert.deepEqual(gone?.representations, moved.representations)
  assert.equal((await at(3)).get(messageId(2))?.seq, 1)
  assert.equal((await stream.item(keyHash(messageId(1)), 2, NEVER))?.seq, 2)
  assert.equal(await stream.item(keyHash(messageId(3)), 3, NEVER), undefined)
}

async function lists({ stream, apply }: Scene): Promise<void> {
  const place = (n: number) => ({ container: inbox, sortKey: `k${n}` })
  const [a, b] = [messageId(1), messageId(2)]
  const folder = aPut(inbox, CONTAINERS, { display: { name: 'Inbox' } })
  const one = aPut(a, inbox, { place: place(2) })
  await apply(1, [folder, one, aPut(b, inbox, { place: place(1) })])
  const read = aPut(a, inbox, { place: place(2), why: 'decoration', leaves: placeOf(one, 1) })
  await apply(2, [{ ...read, display: { ...read.display, isRead: true } }])
  await apply(3, [aPut(a, sent, { why: 'moved', leaves: placeOf(read, 2) })])
  const at = async (container: typeof inbox, seq: number) => {
    const { items } = await stream.list(container, seq, { max: 10 }, NEVER)
    return items.map((row) => [row.item, row.from])
  }
  assert.deepEqual(await at(inbox, 1), [[b, 1], [a, 1]]) // biome-ignore format: a table
  assert.deepEqual(await at(inbox, 2), [[b, 1], [a, 2]]) // biome-ignore format: a table
  assert.deepEqual(await at(inbox, 3), [[b, 1]])
  assert.deepEqual(await at(sent, 3), [[a, 3]])
  assert.deepEqual(await at(sent, 2), [])
  await apply(4, [aPut(a, sent, { leaves: placeOf(one, 1) })])
  assert.deepEqual(await at(inbox, 1), [[b, 1], [a, 1]], 'an end is written once') // biome-ignore format: a table
  assert.deepEqual(await at(inbox, 3), [[b, 1]], 'and never moved')
  const { items } = await stream.list(CONTAINERS, 3, { max: 10 }, NEVER)
  const key = keyHash(inbox)
  const display = { name: 'Inbox' }
  assert.deepEqual(items, [{ item: inbox, key, kind: 'container', from: 1, display }])
}

async function filledPages({ stream, apply }: Scene): Promise<void> {
  const sorted = (n: number) => ({ container: inbox, sortKey: `k${String(n).padStart(4, '0')}` })
  const puts = Array.from({ length: 60 }, (_, n) => aPut(messageId(n), inbox, { place: sorted(n) }))
  await apply(1, puts)
  // All but every tenth go elsewhere, so most rows of the folder are closed.
  const leave = puts.filter((_, n) => n % 10 !== 0)
  await apply(
    2,
    leave.map((put) => aPut(put.item, sent, { leaves: placeOf(put, 1) })),
  )
  const first = await stream.list(inbox, 2, { max: 4 }, NEVER)
  assert.deepEqual(
    first.items.map((row) => row.item),
    [0, 10, 20, 30].map(messageId),
  )
  const continuation = first.continuation ?? ''
  const second = await stream.list(inbox, 2, { max: 4, continuation }, NEVER)
  assert.deepEqual(
    second.items.map((row) => row.item),
    [40, 50].map(messageId),
  )
  assert.equal(second.continuation, undefined)
  const bad = (error: unknown) => hasCode(error, 'BadContinuation')
  const ask = (text: string, seq: number, container = inbox) =>
    stream.list(container, seq, { max: 4, continuation: text }, NEVER)
  await assert.rejects(ask(continuation, 1), bad, 'of another seq')
  await assert.rejects(ask(continuation, 2, sent), bad, 'of another container')
  await assert.rejects(ask('garbage', 2), bad)
  await assert.rejects(ask(Buffer.from('{"v":1}').toString('base64url'), 2), bad)
}

async function aboveHead({ stream, apply }: Scene): Promise<void> {
  const refused = (error: unknown) => hasCode(error, 'SeqNotCommitted')
  const notReady = { code: 'StreamNotReady', kind: 'transient' }
  await assert.rejects(stream.current([messageId(1)], 1, NEVER), notReady)
  assert.equal((await stream.current([messageId(1)], 0, NEVER)).size, 0)
  await apply(1, [aPut(messageId(1), inbox)])
  await assert.rejects(stream.list(inbox, 2, { max: 1 }, NEVER), refused)
  await assert.rejects(stream.item(keyHash(messageId(1)), 2, NEVER), refused)
}

async function points({ stream, apply }: Scene): Promise<void> {
  assert.equal(await stream.head(NEVER), undefined)
  assert.deepEqual(await stream.points({ max: 5 }, NEVER), { items: [] })
  assert.equal(await stream.pointAt(iso(0), NEVER), undefined)
  for (const seq of [1, 2, 3, 4, 5]) await apply(seq, [], { complete: seq % 2 === 0 })
  const seqs = (page: { items: { seq: number }[] }) => page.items.map((point) => point.seq)
  const first = await stream.points({ max: 3 }, NEVER)
  assert.deepEqual(seqs(first), [5, 4, 3])
  const continuation = first.continuation ?? ''
  assert.deepEqual(seqs(await stream.points({ max: 3, continuation }, NEVER)), [2, 1])
  assert.deepEqual(seqs(await stream.points({ max: 3, completeOnly: true }, NEVER)), [4, 2])
  const wrongFamily = { max: 3, continuation, completeOnly: true }
  const bad = (error: unknown) => hasCode(error, 'BadContinuation')
  await assert.rejects(stream.points(wrongFamily, NEVER), bad)
  const at = async (ms: number) => (await stream.pointAt(iso(ms), NEVER))?.seq
  assert.equal(await at(59_999), undefined)
  assert.equal(await at(60_000), 1)
  assert.equal(await at(239_999), 3)
  assert.equal(await at(1e9), 5)
  const head = { seq: 5, hash: digest('commit 5'), time: iso(300_000) }
  assert.deepEqual(await stream.head(NEVER), head)
  const counts = aCommit(5, []).counts
  assert.deepEqual(first.items[0], { ...head, complete: false, counts })
}

async function cursors({ stream, apply }: Scene): Promise<void> {
  const round = (n: number) => aCursor(inbox, { round: n, position: `round ${n}` })
  await apply(1, [], { cursors: [round(1), aCursor(sent)] })
  const positions = async () =>
    new Map((await stream.cursors(SECRET, NEVER)).map((c) => [c.container, c.position]))
  assert.equal((await positions()).get(inbox), 'round 1')
  await stream.saveCursors([round(3)], QUIET, NEVER)
  await stream.saveCursors([round(2)], QUIET, NEVER)
  assert.equal((await positions()).get(inbox), 'round 3', 'not back in its round')
  await apply(1, [], { cursors: [round(1), aCursor(sent)] })
  assert.equal((await positions()).get(inbox), 'round 3', 'a replay changes nothing')
  await stream.saveCursors([aCursor(sent, { position: 'read on' })], QUIET, NEVER)
  await apply(1, [], { cursors: [round(1), aCursor(sent)] })
  assert.equal((await positions()).get(sent), 'read on', 'nor within the same round')
  await apply(2, [], { cursors: [{ ...round(2), closed: true }] })
  assert.equal((await positions()).get(inbox), 'round 2', 'a newer commit counts')
  await stream.saveCursors([round(9)], QUIET, NEVER)
  assert.equal((await positions()).get(inbox), 'round 2', 'not behind its seq')
  assert.equal((await positions()).size, 2)
  const broken = (error: unknown) => hasCode(error, 'SealBroken')
  await assert.rejects(stream.cursors(new Uint8Array(32), NEVER), broken)
}

async function ledger({ stream, apply }: Scene): Promise<void> {
  const [a, b, c] = [messageId(1), messageId(2), messageId(3)]
  const entry = (item: typeof a, attempts: number) => {
    const { place, display, kind } = aPut(item, inbox)
    const why = { reason: 'corrupt', code: 'X', attempts } as const
    return { op: 'ledger', kind, item, place, display, ...why } as const
  }
  const put = aPut(c, inbox)
  const left = { op: 'left', kind: 'item', item: c, at: iso(5), round: 1 } as const
  const open = async () => {
    const found = []
    for await (const { event, seq } of stream.open(NEVER)) found.push(`${event.item} ${seq}`)
    return found.sort()
  }
  await apply(1, [entry(a, 1), entry(b, 1), put])
  assert.deepEqual(await open(), [`${a} 1`, `${b} 1`])
  await apply(2, [entry(a, 2), { ...left, place: placeOf(put, 1) }])
  assert.deepEqual(await open(), [`${a} 2`, `${b} 1`, `${c} 2`])
  for await (const { event, key } of stream.open(NEVER)) {
    if (event.item === a) assert.deepEqual([event, key], [entry(a, 2), keyHash(a)])
  }
  const deleted = { op: 'deleted', kind: 'item', item: c, leftAt: iso(5) } as const
  await apply(3, [
    aPut(a, inbox),
    { op: 'resolved', kind: 'item', item: b, how: 'gone' },
    { ...deleted, leaves: placeOf(put, 1) },
  ])
  assert.deepEqual(await open(), [])
  await apply(1, [entry(a, 1), entry(b, 1), put])
  await apply(2, [entry(a, 2), { ...left, place: placeOf(put, 1) }])
  assert.deepEqual(await open(), [], 'late replays bring nothing back')
  await apply(4, [entry(a, 3)])
  assert.deepEqual(await open(), [`${a} 4`], 'a newer trouble opens it again')
}

async function leaving({ stream, apply }: Scene): Promise<void> {
  const [gone, back] = [aPut(messageId(1), inbox), aPut(messageId(2), inbox)]
  const left = (put: PutEvent, seq: number): LeftEvent => {
    const { kind, item } = put
    return { op: 'left', kind, item, place: placeOf(put, seq), at: LEFT_AT, round: 1 }
  }
  const hadLeft = (put: PutEvent) =>
    Promise.all([1, 2, 3].map((seq) => stream.hadLeft(keyHash(put.item), seq, NEVER)))
  await apply(1, [gone, back])
  await apply(2, [left(gone, 1), left(back, 1)])
  await apply(3, [])
  assert.deepEqual(await hadLeft(gone), [false, true, true])
  const { kind, item } = gone
  await apply(4, [
    { op: 'deleted', kind, item, leaves: placeOf(gone, 1), leftAt: LEFT_AT },
    { ...back, leaves: placeOf(back, 1) },
  ])
  assert.deepEqual(await hadLeft(gone), [false, true, true], 'the deletion says it as well')
  assert.deepEqual(await hadLeft(back), [false, false, false], 'what was found again was there')
}

async function packs(store: TableStore): Promise<void> {
  const owner = parseOwnerId(randomBytes(16).toString('hex'))
  const catalogue = testCatalogue(store)
  const id = digest('pack one') as Parameters<typeof catalogue.packs.lockedUntil>[1][0]
  const pack = { id, bytes: 5, createdAt: iso(0) }
  const commit = { ...aCommit(1, [], { packs: [pack] }), owner }
  await catalogue.stream(owner, 'mail').apply(commit, APPLY, NEVER)
  const missing = digest('pack two') as typeof id
  const locks = await catalogue.packs.lockedUntil(owner, [id, missing], NEVER)
  assert.deepEqual([...locks], [[id, iso(60 * 24 * 3600 * 1000)]])
}

async function gap({ stream, apply }: Scene): Promise<void> {
  const orphan = aPut(messageId(1), inbox, { leaves: { container: inbox, sortKey: 'x', from: 1 } })
  await assert.rejects(apply(2, [orphan]), (error) => hasCode(error, 'CatalogueGap'))
  assert.equal(await stream.head(NEVER), undefined)
}

async function tooLate({ owner, stream }: Scene): Promise<void> {
  const commit = { ...aCommit(1, [aPut(messageId(1), inbox)]), owner }
  const late = stream.apply(commit, { secret: SECRET, notAfter: 0 }, NEVER)
  await assert.rejects(late, (error) => hasCode(error, 'TooLate'))
  assert.equal(await stream.head(NEVER), undefined)
}

async function large({ stream, apply }: Scene): Promise<void> {
  const puts = Array.from({ length: 700 }, (_, n) => aPut(messageId(n), folderId(n % 3)))
  await apply(1, puts)
  await apply(1, puts)
  const again = puts.map((put) => aPut(put.item, sent, { leaves: placeOf(put, 1) }))
  await apply(2, again)
  await apply(2, again)
  const found = await stream.current(
    puts.map((put) => put.item),
    2,
    NEVER,
  )
  assert.equal(found.size, puts.length)
  assert.ok([...found.values()].every((held) => held.seq === 2))
  assert.equal((await stream.list(folderId(0), 2, { max: 1000 }, NEVER)).items.length, 0)
  assert.equal((await stream.list(sent, 2, { max: 1000 }, NEVER)).items.length, 700)
}
