/**
 * Late and interleaved replays of commits change nothing (DESIGN 6), and what the catalogue says
 * of every seq is what a plain model says. Not here: Azure's own answers (testing/).
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Commit, LedgerEvent } from '../model/events.ts'
import { keyHash } from '../model/ids.ts'
import type { TableStore } from '../ports.ts'
import { CLOSED_KEPT_MS } from './ledger.ts'
import {
  FOLDER_IDS,
  type ModelState,
  type RandomStream,
  randomStreams,
} from './testing/commit-streams.ts'
import {
  aCommit,
  aPut,
  folderId,
  graphId,
  iso,
  LATER,
  messageId,
  NEVER,
  OWNER,
  placeOf,
  SECRET,
  stillClock,
  testCatalogue,
} from './testing/fixtures.ts'
import { type MemoryTableStore, memoryTableStore } from './testing/memory-table-store.ts'

const APPLY = { secret: SECRET, notAfter: LATER }
const streamOn = (store: TableStore) => testCatalogue(store).stream(OWNER, 'mail')

/** A writer that stops before its nth write and goes on when it is told to. */
function stalledWriter(store: TableStore, commit: Commit, stopBefore: number) {
  let writes = 0
  const { promise: resumed, resolve: resume } = Promise.withResolvers<void>()
  const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
  const slow: TableStore = {
    ...store,
    async batch(...call) {
      writes += 1
      if (writes === stopBefore) {
        reach()
        await resumed
      }
      return await store.batch(...call)
    },
  }
  const done = streamOn(slow).apply(commit, APPLY, NEVER).finally(reach)
  return { reached, resume, done }
}

/** Everything that must be equal after a rebuild: P6. */
async function truth(store: MemoryTableStore) {
  const stream = streamOn(store)
  const cursors = await stream.cursors(SECRET, NEVER)
  const open = []
  for await (const entry of stream.open(NEVER)) open.push(entry)
  const rows = (['items', 'listing', 'commits', 'heads', 'packs'] as const).map((table) =>
    store.dump(table),
  )
  return { rows, cursors, open }
}

async function cleanRun(commits: readonly Commit[]): Promise<MemoryTableStore> {
  const store = memoryTableStore()
  for (const commit of commits) await streamOn(store).apply(commit, APPLY, NEVER)
  return store
}

interface Chaos {
  /** For each commit: before which write a second writer of it stalls, and when it wakes. */
  stalls: { stopBefore: number; wakeAfter: number }[]
  /** Commits that are replayed after each commit, by their place in the stream. */
  replays: number[]
  seed: number
}

const chaos: fc.Arbitrary<Chaos> = fc.record({
  stalls: fc.array(
    fc.record({ stopBefore: fc.integer({ min: 1, max: 8 }), wakeAfter: fc.nat(8) }),
    { minLength: 8, maxLength: 8 },
  ),
  replays: fc.array(fc.nat(7), { minLength: 8, maxLength: 8 }),
  seed: fc.nat(),
})

async function chaoticRun({ commits }: RandomStream, plan: Chaos): Promise<MemoryTableStore> {
  const store = memoryTableStore({ seed: plan.seed, emptyPages: 0.1, lostAnswers: 0.2 })
  const asleep: { wakeAt: number; resume: () => void; done: Promise<void> }[] = []
  for (const [n, commit] of commits.entries()) {
    const stall = plan.stalls[n] ?? { stopBefore: 1, wakeAfter: 0 }
    const writer = stalledWriter(store, commit, stall.stopBefore)
    asleep.push({ wakeAt: n + stall.wakeAfter, ...writer })
    await writer.reached
    // Those that wake now run beside this apply and beside a replay of an earlier commit.
    for (const sleeper of asleep) if (sleeper.wakeAt <= n) sleeper.resume()
    const replayed = commits[Math.min(plan.replays[n] ?? 0, n)] ?? commit
    const first = streamOn(store).apply(commit, APPLY, NEVER)
    if (replayed === commit) await first
    else await Promise.all([first, streamOn(store).apply(replayed, APPLY, NEVER)])
  }
  for (const sleeper of asleep) sleeper.resume()
  await Promise.all(asleep.map((sleeper) => sleeper.done))
  return store
}

test('stalled writers and late replays, at any time, leave the tables of a clean run', async () => {
  await fc.assert(
    fc.asyncProperty(randomStreams, chaos, async (stream, plan) => {
      const clean = await truth(await cleanRun(stream.commits))
      assert.deepEqual(await truth(await chaoticRun(stream, plan)), clean)
    }),
    { numRuns: 150 },
  )
})

test('every seq shows what a plain model holds', async () => {
  await fc.assert(
    fc.asyncProperty(randomStreams, async ({ commits, states }) => {
      const stream = streamOn(await cleanRun(commits))
      for (const [seq, state] of states.entries()) await comparesWithModel(stream, seq, state)
      const open = new Map()
      for await (const entry of stream.open(NEVER)) open.set(entry.event.item, entry.seq)
      assert.deepEqual(open, new Map([...(states.at(-1)?.open ?? [])].sort(byKey)))
    }),
    { numRuns: 60 },
  )
})

const byKey = ([a]: [string, number], [b]: [string, number]) => (keyHash(a) < keyHash(b) ? -1 : 1)

async function comparesWithModel(
  stream: ReturnType<typeof streamOn>,
  seq: number,
  state: ModelState,
): Promise<void> {
  const items = Array.from({ length: 8 }, (_, n) => messageId(n))
  const held = await stream.current(items, seq, NEVER)
  const alive = [...held.values()].filter((item) => !item.deleted)
  assert.deepEqual(new Map(alive.map((h) => [h.item, h.place])), new Map(inOrder(state, items)))
  for (const container of FOLDER_IDS) {
    const { items: listed } = await stream.list(container, seq, { max: 100 }, NEVER)
    const expected = inOrder(state, items).filter(([, place]) => place.container === container)
    assert.deepEqual(
      listed.map((row) => `${row.item} ${row.from}`).sort(),
      expected.map(([item, place]) => `${item} ${place.from}`).sort(),
    )
  }
}

function inOrder({ places }: ModelState, items: readonly (typeof FOLDER_IDS)[number][]) {
  return items.flatMap((item) => {
    const place = places.get(item)
    return place ? [[item, place] as const] : []
  })
}

test('a writer that dies before any of its writes shows readers nothing of the commit', async () => {
  const first = aPut(messageId(1), folderId(1))
  const second = aCommit(2, [
    aPut(messageId(1), folderId(2), { leaves: placeOf(first, 1) }),
    aPut(messageId(2), folderId(2)),
    refused(3),
  ])
  for (let stopBefore = 1; stopBefore < 20; stopBefore += 1) {
    const store = await cleanRun([aCommit(1, [first])])
    const before = await shown(store)
    const dead = stalledWriter(store, second, stopBefore)
    await dead.reached
    const head = await streamOn(store).head(NEVER)
    if (head?.seq === 2) {
      assert.ok(stopBefore > 5, 'several writes come before the head')
      await dead.done
      return
    }
    assert.deepEqual(await shown(store), before)
    await streamOn(store).apply(second, APPLY, NEVER)
    dead.resume()
    await dead.done
    assert.deepEqual(await truth(store), await truth(await cleanRun([aCommit(1, [first]), second])))
  }
  assert.fail('the head never moved')
})

async function shown(store: MemoryTableStore) {
  const stream = streamOn(store)
  const open = []
  for await (const entry of stream.open(NEVER)) open.push(entry)
  return {
    head: await stream.head(NEVER),
    points: await stream.points({ max: 10 }, NEVER),
    at: await stream.pointAt(iso(1e9), NEVER),
    items: [...(await stream.current([messageId(1), messageId(2)], 1, NEVER))],
    lists: await Promise.all(
      FOLDER_IDS.map((container) => stream.list(container, 1, { max: 10 }, NEVER)),
    ),
    open,
  }
}

function refused(n: number): LedgerEvent {
  const { kind, item, place, display } = aPut(messageId(n), folderId(1))
  return { op: 'ledger', kind, item, place, display, reason: 'refused', code: 'X', attempts: 1 }
}

test('a ledger entry that opens again while its closed row is tidied away is not lost', async () => {
  const clock = stillClock()
  const store = memoryTableStore()
  const other = testCatalogue(store, clock).stream(OWNER, 'mail')
  const racing: TableStore = {
    ...store,
    async batch(table, partition, ops, signal) {
      const removes = ops.some((op) => op.op === 'remove')
      if (removes) await other.apply(aCommit(4, [refused(1)]), APPLY, NEVER)
      return await store.batch(table, partition, ops, signal)
    },
  }
  const stream = testCatalogue(racing, clock).stream(OWNER, 'mail')
  await stream.apply(aCommit(1, [refused(1)]), APPLY, NEVER)
  await stream.apply(aCommit(2, [aPut(messageId(1), folderId(1))]), APPLY, NEVER)
  clock.advance(CLOSED_KEPT_MS + 1)
  const time = new Date(clock.now()).toISOString()
  await stream.apply(aCommit(3, [], { complete: true, time }), APPLY, NEVER)
  const open = []
  for await (const { seq } of stream.open(NEVER)) open.push(seq)
  assert.deepEqual(open, [4])
})

test('closed ledger rows go 48 h later, at the end of a round; open ones stay', async () => {
  const clock = stillClock()
  const store = memoryTableStore()
  const stream = testCatalogue(store, clock).stream(OWNER, 'mail')
  await stream.apply(aCommit(1, [refused(1), refused(2)]), APPLY, NEVER)
  await stream.apply(aCommit(2, [aPut(messageId(1), folderId(1))]), APPLY, NEVER)
  const endRound = async (seq: number) => {
    const time = new Date(clock.now()).toISOString()
    await stream.apply(aCommit(seq, [], { complete: true, time }), APPLY, NEVER)
  }
  clock.advance(CLOSED_KEPT_MS - 1)
  await endRound(3)
  assert.equal(store.dump('ledger').length, 2)
  clock.advance(2)
  await endRound(4)
  assert.deepEqual(
    store.dump('ledger').map(([key]) => key.split('|')[1]),
    [keyHash(messageId(2))],
  )
})

test('no key holds a Graph id, a name or an address (P9)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.string({ minLength: 4, unit: 'grapheme' }), async (text) => {
      const store = memoryTableStore()
      const catalogue = testCatalogue(store)
      const [item, folder] = [graphId(`item-${text}`), graphId(`folder-${text}`)]
      const put = aPut(item, folder, { display: { name: `subject ${text}`, by: text } })
      await catalogue.stream(OWNER, 'mail').apply(aCommit(1, [put]), APPLY, NEVER)
      const moved = { ...put, place: { ...put.place, container: graphId(text) } }
      const events = [{ ...moved, leaves: placeOf(put, 1) }]
      await catalogue.stream(OWNER, 'mail').apply(aCommit(2, events), APPLY, NEVER)
      for (const key of store.keysSeen()) {
        assert.match(key, /^[0-9A-Za-z~._-]+$/)
        for (const secret of [item, folder, 'subject', 'AAMk']) assert.ok(!key.includes(secret))
        for (const word of text.length > 6 ? [text] : []) assert.ok(!key.includes(word))
      }
    }),
    { numRuns: 40 },
  )
})

test('two events for one item, or another stream, are refused before any write', async () => {
  const store = memoryTableStore()
  const stream = streamOn(store)
  const twice = [aPut(messageId(1), folderId(1)), aPut(messageId(1), folderId(2))]
  await assert.rejects(stream.apply(aCommit(1, twice), APPLY, NEVER), { code: 'InvariantBroken' })
  const other = { ...aCommit(1, []), owner: graphId('x') as unknown as typeof OWNER }
  await assert.rejects(stream.apply(other, APPLY, NEVER), { code: 'InvariantBroken' })
  assert.equal(store.keysSeen().size, 0)
})

test('a thousand items that are not held cost one request for a thousand rows, not one each', async () => {
  const store = memoryTableStore()
  const stream = streamOn(store)
  const held = Array.from({ length: 3000 }, (_, n) => aPut(messageId(n), folderId(1)))
  await stream.apply(aCommit(1, held), APPLY, NEVER)
  const before = store.calls.page + store.calls.get
  const unknown = Array.from({ length: 1000 }, (_, n) => messageId(9000 + n))
  assert.equal((await stream.current(unknown, 1, NEVER)).size, 0)
  assert.ok(store.calls.page + store.calls.get - before <= 20)
  const items = held.slice(0, 300).map((event) => event.item)
  const found = await stream.current(items, 1, NEVER)
  assert.deepEqual([...found.keys()], items)
})

test('many items at once are what each is alone, also where pages come out empty', async () => {
  const store = memoryTableStore({ seed: 5, emptyPages: 0.3 })
  const stream = streamOn(store)
  // One bucket, so that keys are walked; several versions of each, some deleted in the end.
  const inBucket = (n: number) => /^[ab]/.test(keyHash(messageId(n)))
  const ids = Array.from({ length: 900 }, (_, n) => n)
    .filter(inBucket)
    .map(messageId)
  const held = ids.slice(0, 40)
  for (let seq = 1; seq <= 40; seq += 1) {
    const events = held.flatMap((item, n) => {
      const before = aPut(item, folderId(1))
      const leaves = placeOf(before, seq - 1)
      if (seq > 1 + n) return []
      return [aPut(item, folderId(1), seq === 1 ? {} : { leaves })]
    })
    await stream.apply(aCommit(seq, events), APPLY, NEVER)
  }
  for (const seq of [1, 7, 40]) {
    const found = await stream.current(ids, seq, NEVER)
    assert.equal(found.size, 40)
    for (const item of ids) {
      assert.deepEqual(found.get(item), await stream.item(keyHash(item), seq, NEVER))
    }
  }
})
