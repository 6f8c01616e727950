/**
 * A TableStore in memory, for tests: strict where Azure is strict.
 *
 * Etags change with every write; a batch is all or nothing; rows come in ordinal key order, at
 * most 1,000 a page. On request, and driven by one seed, it misbehaves as Azure may: empty pages
 * that go on, and transactions whose retry inside the adapter meets its own first try.
 */
import { AppError } from '../../model/errors.ts'
import type {
  PartitionQuery,
  Row,
  RowPage,
  RowQuery,
  TableName,
  TableOp,
  TableStore,
  Values,
} from '../../ports.ts'
import { withAzureLimits } from '../limits.ts'

const PAGE_ROWS_MAX = 1000

export interface MemoryTableOptions {
  /** Pages come out empty now and then, and short. */
  emptyPages?: number
  /** Transactions are done and then answer `conflict`, now and then. */
  lostAnswers?: number
  seed?: number
  /** Runs before every call; may wait or throw. */
  before?: (call: 'get' | 'page' | 'batch', table: TableName) => Promise<void>
}

export interface MemoryTableStore extends TableStore {
  /** Every row of a table as `partition|row` -> values, in order. */
  dump(table: TableName): [string, Values][]
  /** Keys that were ever written, also of rows that are gone. */
  keysSeen(): ReadonlySet<string>
  /** Calls so far. */
  readonly calls: { get: number; page: number; batch: number }
}

type Partition = Map<string, { values: Values; etag: string }>

export function memoryTableStore(options: MemoryTableOptions = {}): MemoryTableStore {
  const partitions = new Map<string, Partition>()
  const seen = new Set<string>()
  const calls = { get: 0, page: 0, batch: 0 }
  const chance = dice(options.seed ?? 1)
  let writes = 0

  async function enter(call: 'get' | 'page' | 'batch', table: TableName, signal: AbortSignal) {
    calls[call] += 1
    await options.before?.(call, table)
    await Promise.resolve()
    signal.throwIfAborted()
  }

  function partitionOf(table: TableName, partition: string): Partition {
    const name = `${table}|${partition}`
    const rows = partitions.get(name) ?? new Map()
    partitions.set(name, rows)
    return rows
  }

  function rowsOf(table: TableName, query: RowQuery, start: Place | undefined): Row[] {
    const of = (partition: string, rest: Partial<PartitionQuery>) =>
      inRange(partitionOf(table, partition), { partition, ...rest }, start)
    if ('partition' in query) return of(query.partition, query)
    const { from, below } = query.partitions
    return [...partitions.keys()]
      .filter((name) => name.startsWith(`${table}|`))
      .map((name) => name.slice(table.length + 1))
      .filter((name) => name >= from && name < below)
      .sort()
      .flatMap((name) => of(name, query.select ? { select: query.select } : {}))
  }

  function write(rows: Partition, op: TableOp): void {
    writes += 1
    if (op.op === 'remove') rows.delete(op.row)
    else rows.set(op.row, { values: structuredClone(op.values), etag: `W/"${writes}"` })
  }

  const store: TableStore = {
    async prepare(signal) {
      signal.throwIfAborted()
    },
    async get(table, partition, row, signal) {
      await enter('get', table, signal)
      const found = partitionOf(table, partition).get(row)
      return found && { partition, row, etag: found.etag, values: structuredClone(found.values) }
    },
    async page(table, query, page, signal) {
      await enter('page', table, signal)
      const from = page.continuation === undefined ? undefined : readToken(page.continuation)
      const rows = rowsOf(table, query, from)
      const [first] = rows
      if (first && chance() < (options.emptyPages ?? 0)) {
        return { rows: [], continuation: token(first) }
      }
      return cut(rows, Math.min(page.max, PAGE_ROWS_MAX))
    },
    async batch(table, partition, ops, signal) {
      await enter('batch', table, signal)
      const rows = partitionOf(table, partition)
      const index = ops.findIndex((op) => !fits(rows.get(op.row)?.etag, op))
      if (index >= 0) return { outcome: 'conflict', index }
      for (const op of ops) {
        seen.add(partition).add(op.row)
        write(rows, op)
      }
      const lost = chance() < (options.lostAnswers ?? 0)
      return lost && !ops.every((op) => fits(rows.get(op.row)?.etag, op))
        ? { outcome: 'conflict', index: 0 }
        : { outcome: 'applied' }
    },
  }
  return {
    ...withAzureLimits(store),
    calls,
    keysSeen: () => seen,
    dump: (table) =>
      [...partitions]
        .filter(([name]) => name.startsWith(`${table}|`))
        .flatMap(([name, rows]) =>
          [...rows].map(([row, { values }]): [string, Values] => [
            `${name.slice(table.length + 1)}|${row}`,
            values,
          ]),
        )
        .sort(([a], [b]) => (a < b ? -1 : 1)),
  }
}

/** Whether the operation may be done on a row that has this etag (undefined: no such row). */
function fits(etag: string | undefined, op: TableOp): boolean {
  switch (op.op) {
    case 'insert':
      return etag === undefined
    case 'put':
      return true
    case 'replace':
      return etag === op.etag
    case 'remove':
      return etag !== undefined && (op.etag === undefined || op.etag === etag)
  }
}

interface Place {
  partition: string
  row: string
}

const isFrom = (start: Place, { partition, row }: Place): boolean =>
  partition > start.partition || (partition === start.partition && row >= start.row)

function inRange(rows: Partition, query: PartitionQuery, start: Place | undefined): Row[] {
  const { partition } = query
  return [...rows]
    .filter(([row]) => row >= (query.from ?? ''))
    .filter(([row]) => start === undefined || isFrom(start, { partition, row }))
    .filter(([row]) => query.below === undefined || row < query.below)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([row, { values, etag }]) => {
      const kept = Object.entries(values).filter(([name]) => query.select?.includes(name) ?? true)
      return {
        partition,
        row,
        etag,
        values: structuredClone(Object.fromEntries(kept)),
      }
    })
}

function cut(rows: Row[], max: number): RowPage {
  const next = rows[max]
  return next ? { rows: rows.slice(0, max), continuation: token(next) } : { rows }
}

const token = ({ partition, row }: Place): string =>
  Buffer.from(JSON.stringify([partition, row])).toString('base64')

function readToken(text: string): Place {
  const value: unknown = JSON.parse(Buffer.from(text, 'base64').toString('utf8'))
  if (Array.isArray(value)) {
    const [partition, row]: unknown[] = value
    if (typeof partition === 'string' && typeof row === 'string') return { partition, row }
  }
  throw new AppError({ code: 'BadToken', kind: 'bug', message: 'Not a token of this store.' })
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function dice(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}
