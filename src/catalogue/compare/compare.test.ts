/**
 * A comparison tells every row that is not as the commits say, and nothing of what is measured or
 * was written since it began.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Commit } from '../../model/events.ts'
import type { TableName, Values } from '../../ports.ts'
import { HEAD_ROW } from '../keys.ts'
import { type RandomStream, randomStreams } from '../testing/commit-streams.ts'
import {
  aCommit,
  aCursor,
  aPut,
  folderId,
  LATER,
  messageId,
  NEVER,
  OWNER,
  placeOf,
  SECRET,
  testCatalogue,
} from '../testing/fixtures.ts'
import { type MemoryTableStore, memoryTableStore } from '../testing/memory-table-store.ts'
import type { Restated } from '../types.ts'
import { COMPARED_TABLES, type ComparedTable, type StreamComparison } from './index.ts'

const STREAM = `${OWNER}~mail`
/** DESIGN 6: measured, and what only seals. */
const MEASURED: Readonly<Record<string, readonly string[]>> = {
  ledger: ['closedAt'],
  cursors: ['ahead'],
}

async function tablesOf(commits: readonly Commit[], store = memoryTableStore()) {
  const stream = testCatalogue(store).stream(OWNER, 'mail')
  const apply = { secret: SECRET, notAfter: LATER }
  for (const commit of commits) await stream.apply(commit, apply, NEVER)
  return store
}

async function compared(
  store: MemoryTableStore,
  commits: readonly Commit[],
  options: { rowsAtOnce?: number; namedMax?: number; from?: Restated } = {},
): Promise<StreamComparison> {
  const { from } = options
  const truth = {
    secret: SECRET,
    async *commits(upTo: number) {
      yield* commits.filter(({ seq }) => seq <= upTo)
    },
    ...(from && {
      async *state() {
        yield from
      },
    }),
  }
  const stream = testCatalogue(store).stream(OWNER, 'mail')
  return await stream.compare(truth, { namedMax: 1000, ...options }, NEVER)
}

/** Rows that are told, in the order of their tables and keys. */
function told({ differences }: StreamComparison) {
  return differences
    .map(({ table, partition, row, is, columns = [] }) =>
      [table, `${partition}|${row}`, is, ...columns].join(' '),
    )
    .sort()
}

function sums({ tables }: StreamComparison, of: 'equal' | 'beyond'): number {
  return COMPARED_TABLES.reduce((sum, table) => sum + tables[table][of], 0)
}

async function write(
  store: MemoryTableStore,
  table: TableName,
  key: string,
  values: Values | undefined,
): Promise<void> {
  const [partition = '', row = ''] = key.split('|')
  const op = values ? ({ op: 'put', row, values } as const) : ({ op: 'remove', row } as const)
  assert.equal((await store.batch(table, partition, [op], NEVER)).outcome, 'applied')
}

test('tables of a clean run are equal to their commits, in any number of shards', async () => {
  const cases = fc.record({ stream: randomStreams, rowsAtOnce: fc.integer({ min: 8, max: 60 }) })
  await fc.assert(
    fc.asyncProperty(cases, async ({ stream: { commits }, rowsAtOnce }) => {
      const store = await tablesOf(commits, memoryTableStore({ emptyPages: 0.1, seed: 5 }))
      const whole = await compared(store, commits)
      assert.deepEqual(told(whole), [])
      assert.equal(whole.commits, commits.length)
      assert.equal(whole.upTo?.hash, commits.at(-1)?.hash)
      const closed = store.dump('ledger').filter(([, { closedAt }]) => closedAt !== '').length
      const rows = COMPARED_TABLES.reduce((sum, table) => sum + store.dump(table).length, 0)
      assert.equal(sums(whole, 'equal'), rows - closed, 'every row was looked at')
      assert.deepEqual(await compared(store, commits, { rowsAtOnce }), whole)
    }),
    { numRuns: 100 },
  )
})

interface Spoilt {
  stream: RandomStream
  table: ComparedTable
  /** Which of the table's rows, and which of its columns. */
  row: number
  column: number
  how: 'lost' | 'added' | 'changed' | 'new column'
}

const spoilt: fc.Arbitrary<Spoilt> = fc.record({
  stream: randomStreams,
  table: fc.constantFrom(...COMPARED_TABLES),
  row: fc.nat(1000),
  column: fc.nat(1000),
  how: fc.constantFrom('lost', 'added', 'changed', 'new column'),
})

test('one row that is lost, added or changed is told, with its column, and no other', async () => {
  const met = new Set<string>()
  await fc.assert(
    fc.asyncProperty(spoilt, async ({ stream: { commits }, table, row, column, how }) => {
      const store = await tablesOf(commits)
      const rows = store.dump(table).filter(([, { closedAt = '' }]) => closedAt === '')
      const [key, values] = rows[row % Math.max(1, rows.length)] ?? []
      if (key === undefined || values === undefined) return
      const names = Object.keys(values).filter((name) => !MEASURED[table]?.includes(name))
      const name = names[column % names.length] ?? ''
      const shown = /^e\d+$|^sealed$/.test(name) ? 'document' : name
      const other = { ...values, [name]: typeof values[name] === 'boolean' ? 1 : 'another' }
      const added = `${key}0`
      const expected = {
        lost: () => write(store, table, key, undefined).then(() => `${table} ${key} missing`),
        added: () => write(store, table, added, values).then(() => `${table} ${added} extra`),
        changed: () =>
          write(store, table, key, other).then(() => `${table} ${key} different ${shown}`),
        'new column': () =>
          write(store, table, key, { ...values, extra: 1 }).then(
            () => `${table} ${key} different other`,
          ),
      }[how]
      // There is one head.
      if (how === 'added' && table === 'heads') return
      const line = await expected()
      const found = await compared(store, commits, { rowsAtOnce: 30 })
      if (table === 'heads' && name === 'seq' && how === 'changed') return
      assert.deepEqual(told(found), [line])
      met.add(`${table} ${how}`)
    }),
    { numRuns: 400 },
  )
  assert.equal(met.size, COMPARED_TABLES.length * 4 - 1, 'every table was spoilt in every way')
})

test('what is measured may be anything, and fields may come in any order', async () => {
  await fc.assert(
    fc.asyncProperty(randomStreams, async ({ commits }) => {
      const store = await tablesOf(commits)
      for (const [key] of store.dump('packs')) await write(store, 'packs', key, undefined)
      await write(store, 'packs', `${OWNER}|of-nobody`, { bytes: 1, createdAt: 'x' })
      for (const [key, values] of store.dump('items')) {
        const backwards = Object.entries(JSON.parse(String(values['e0']))).reverse()
        const e0 = JSON.stringify(Object.fromEntries(backwards))
        await write(store, 'items', key, { ...values, e0 })
      }
      for (const [key, { closedAt = '' }] of store.dump('ledger')) {
        if (closedAt !== '') await write(store, 'ledger', key, undefined)
      }
      assert.deepEqual(told(await compared(store, commits)), [])
    }),
    { numRuns: 50 },
  )
})

test('a quiet round that has read on is no difference, as long as the commit is known', async () => {
  const [known, read] = [aCursor(folderId(1)), aCursor(folderId(1), { round: 2, position: 'on' })]
  const commits = [aCommit(1, [aPut(messageId(1), folderId(1))], { cursors: [known] })]
  const store = await tablesOf(commits)
  const quiet = { seq: 1, secret: SECRET, notAfter: LATER }
  const cursors = [read, aCursor(folderId(2))]
  await testCatalogue(store).stream(OWNER, 'mail').saveCursors(cursors, quiet, NEVER)
  assert.deepEqual(told(await compared(store, commits)), [])
  const [[key = '', values = {}] = []] = store
    .dump('cursors')
    .filter(([, { committedAt }]) => committedAt !== '')
  await write(store, 'cursors', key, { ...values, committedAt: '2020-01-01T00:00:00.000Z' })
  assert.deepEqual(told(await compared(store, commits)), [`cursors ${key} different committedAt`])
})

test('commits above the head that it began with are left out, whatever they have written', async () => {
  await fc.assert(
    fc.asyncProperty(randomStreams, fc.nat(7), async ({ commits }, n) => {
      const head = commits[n % commits.length]
      assert.ok(head)
      const store = await tablesOf(commits)
      const [[key = '', values = {}] = []] = store.dump('heads')
      const at = { seq: String(head.seq).padStart(10, '0'), hash: head.hash, time: head.time }
      await write(store, 'heads', key, { ...values, ...at })
      const found = await compared(store, commits, { rowsAtOnce: 30 })
      assert.deepEqual([told(found), found.commits], [[], head.seq])
      assert.equal(sums(found, 'beyond') > 0, head !== commits.at(-1))
    }),
    { numRuns: 100 },
  )
})

/** The state after these commits, as a base says it. */
function stateAfter(commits: readonly Commit[]): Restated {
  const items = new Map<string, Restated['items'][0]>()
  const entries = new Map<string, Restated['entries'][0]>()
  const cursors = new Map<string, Restated['cursors'][0]>()
  for (const { seq, events, cursors: moved } of commits) {
    for (const cursor of moved) cursors.set(cursor.container, { seq, cursor })
    for (const event of events) {
      entries.delete(event.item)
      if (event.op === 'deleted') items.delete(event.item)
      if (event.op === 'left' || event.op === 'ledger') entries.set(event.item, { seq, event })
      if (event.op !== 'put') continue
      const { op: _, leaves: __, ...version } = event
      items.set(event.item, { ...version, seq, place: { ...event.place, from: seq } })
    }
  }
  return {
    items: [...items.values()],
    entries: [...entries.values()],
    cursors: [...cursors.values()],
  }
}

test('a stream that begins at a base is compared from there, expired or rebuilt', async () => {
  await fc.assert(
    fc.asyncProperty(randomStreams, fc.nat(7), async ({ commits }, n) => {
      const [kept, past] = [commits.slice((n % (commits.length - 1)) + 1), [...commits]]
      past.length -= kept.length
      const asOf = past.at(-1)
      assert.ok(asOf && kept.length > 0)
      const from = stateAfter(past)
      const late = { secret: SECRET, notAfter: LATER }
      const expired = await tablesOf(commits)
      await testCatalogue(expired).stream(OWNER, 'mail').expire(asOf, late, NEVER)
      const rebuilt = memoryTableStore()
      const stream = testCatalogue(rebuilt).stream(OWNER, 'mail')
      await stream.restate(from, { ...late, rebuilding: 'whole' }, NEVER)
      await tablesOf(kept, rebuilt)
      for (const store of [expired, rebuilt]) {
        const found = await compared(store, kept, { from, rowsAtOnce: 30 })
        assert.deepEqual([told(found), found.commits], [[], kept.length])
      }
      const key = expired.dump('items')[0]?.[0]
      if (key === undefined) return
      await write(expired, 'items', key, undefined)
      assert.deepEqual(told(await compared(expired, kept, { from })), [`items ${key} missing`])
    }),
    { numRuns: 100 },
  )
})

test('without a head everything is compared, and a head without commits is told', async () => {
  const commits = [aCommit(1, [aPut(messageId(1), folderId(1))]), aCommit(2, [])]
  const store = await tablesOf(commits)
  await write(store, 'heads', `${STREAM}|${HEAD_ROW}`, undefined)
  assert.deepEqual(told(await compared(store, commits)), [`heads ${STREAM}|head missing`])
  const empty = await compared(memoryTableStore(), commits)
  assert.deepEqual(
    COMPARED_TABLES.map((table) => empty.tables[table].missing),
    [1, 4, 1, 1, 0, 0],
  )
  const lost = await compared(await tablesOf(commits), [])
  assert.equal(lost.tables.heads.extra, 1)
  assert.equal(lost.tables.items.extra, 1)
})

test('names no more than it may, and counts all', async () => {
  const puts = Array.from({ length: 9 }, (_, n) => aPut(messageId(n), folderId(1)))
  const found = await compared(memoryTableStore(), [aCommit(1, puts)], { namedMax: 5 })
  assert.equal(found.differences.length, 5)
  assert.equal(found.tables.items.missing, 9)
})

test('commits that end what none of them opened are told as such', async () => {
  const place = { container: folderId(1), sortKey: '1', from: 1 }
  const put = aPut(messageId(1), folderId(2), { leaves: place })
  await assert.rejects(compared(memoryTableStore(), [aCommit(2, [put])]), { code: 'CatalogueGap' })
  const first = aPut(messageId(1), folderId(1))
  const fits = [aCommit(1, [first]), aCommit(2, [{ ...put, leaves: placeOf(first, 1) }])]
  assert.deepEqual(told(await compared(await tablesOf(fits), fits)), [])
})
