/**
 * The tables, strict where Azure is: its limits, etags that change with each write, transactions
 * that are done as a whole or not at all, rows in ordinal order.
 *
 * A page may be short or empty although rows follow, by the chance of the process that asks; its
 * continuation is opaque. Reads see every write that was answered (Azure promises that inside one
 * region).
 */
import type {
  BatchOutcome,
  PartitionQuery,
  PartitionsQuery,
  Row,
  RowPage,
  RowQuery,
  TableName,
  TableOp,
  TableStore,
  Values,
} from '../../src/ports.ts'
import { TABLES } from '../../src/ports.ts'
import type { Identity, TableRight } from './identities.ts'
import type { SimulatedProcess } from './process.ts'
import { brokenBatch, brokenKey, PAGE_ROWS_MAX } from './table-limits.ts'
import { tablesDenied, tablesMissing, tablesRefused, tableTrouble } from './troubles.ts'

interface Held {
  readonly values: Values
  readonly etag: string
}
interface Found {
  partition: string
  row: string
  held: Held
}
type Partition = ReadonlyMap<string, Held>
type Partitions = Map<string, Partition>

export interface PageHabits {
  /** Chance that a page with rows comes out empty, with a continuation. */
  emptyPages: number
  /** Chance that a page holds fewer rows than were asked for. */
  shortPages: number
}

export class Tables {
  readonly #tables: Map<TableName, Partitions>
  #writes: number

  /** `writes`: how many there were at least, so that no etag of another copy comes again. */
  constructor(like?: Tables, writes = 0) {
    const copies = [...(like ? like.#tables : [])].map(
      ([name, partitions]): [TableName, Partitions] => [name, new Map(partitions)],
    )
    this.#tables = new Map(copies)
    this.#writes = Math.max(writes, like ? like.#writes : 0)
  }

  /** Rows written or removed so far. */
  get changes(): number {
    return this.#writes
  }

  /** What `prepare` does, without a call. */
  make(): void {
    for (const name of TABLES) if (!this.#tables.has(name)) this.#tables.set(name, new Map())
  }

  /** Every row of a table, in order of the keys. */
  rows(table: TableName): Row[] {
    const partitions = [...(this.#tables.get(table) ?? [])].sort(byKey)
    return partitions.flatMap(([partition, rows]) =>
      [...rows].sort(byKey).map(([row, held]) => ({ partition, row, ...copyOf(held) })),
    )
  }

  /**
   * Loses every row of the partitions that are named so, and else all of them, as an account that
   * came back empty; the tables themselves stay.
   */
  clear(isLost: (partition: string) => boolean = () => true): void {
    for (const partitions of this.#tables.values()) {
      for (const partition of partitions.keys()) if (isLost(partition)) partitions.delete(partition)
    }
  }

  /** The port, as this identity sees it from this process. */
  open(identity: Identity, process: SimulatedProcess, habits: PageHabits): TableStore {
    const pass = async <T>(
      call: { op: string; table: TableName; key: string; right: TableRight; signal: AbortSignal },
      effect: () => T,
    ): Promise<T> => {
      const { op, table, key, right, signal } = call
      signal.throwIfAborted()
      const target = `${table} ${key}`
      const allowed = () => {
        if (!identity.tables.includes(right)) throw tablesDenied()
        return effect()
      }
      return await process.call({ port: 'table', op, target }, allowed, tableTrouble)
    }
    return {
      prepare: async (signal) => {
        const call = { op: 'prepare', key: '*', right: 'write', signal } as const
        await pass({ ...call, table: 'resources' }, () => this.make())
      },
      get: (table, partition, row, signal) => {
        const call = { op: 'get', key: `${partition} ${row}`, right: 'read', signal } as const
        return pass({ ...call, table }, () => this.#get(table, partition, row))
      },
      page: (table, query, options, signal) => {
        const key =
          'partitions' in query
            ? `${query.partitions.from} to ${query.partitions.below}`
            : `${query.partition} ${query.from ?? ''}`
        return pass({ op: 'page', table, key, right: 'read', signal }, () =>
          this.#page(table, query, options, { process, habits }),
        )
      },
      batch: (table, partition, ops, signal) => {
        const key = `${partition} ${ops.map((op) => `${op.op} ${op.row}`).join(', ')}`
        return pass({ op: 'batch', table, key, right: 'write', signal }, () =>
          this.#batch(table, partition, ops),
        )
      },
    }
  }

  #partition(table: TableName, partition: string): Partition {
    const partitions = this.#tables.get(table)
    if (!partitions) throw tablesMissing(table)
    return partitions.get(partition) ?? new Map()
  }

  #get(table: TableName, partition: string, row: string): Row | undefined {
    refuse(brokenKey(partition) ?? brokenKey(row))
    const held = this.#partition(table, partition).get(row)
    return held && { partition, row, ...copyOf(held) }
  }

  #page(
    table: TableName,
    query: RowQuery,
    options: { max: number; continuation?: string },
    { process, habits }: { process: SimulatedProcess; habits: PageHabits },
  ): RowPage {
    const keys = 'partitions' in query ? Object.values(query.partitions) : [query.partition]
    for (const key of keys) refuse(brokenKey(key))
    if (options.max < 1 || options.max > PAGE_ROWS_MAX) refuse('a page has 1 to 1,000 rows')
    const rows =
      'partitions' in query
        ? this.#inPartitions(table, query, options.continuation)
        : inRange(this.#partition(table, query.partition), query, options.continuation)
    const { random } = process
    const first = rows[0]
    if (first && random.chance(habits.emptyPages)) {
      return { rows: [], continuation: tokenOf(first) }
    }
    const short = random.chance(habits.shortPages)
    const max = short ? 1 + random.below(options.max) : options.max
    const next = rows[max]
    const page = rows.slice(0, max).map(({ partition, row, held }) => {
      return { partition, row, ...selected(copyOf(held), query.select) }
    })
    return next ? { rows: page, continuation: tokenOf(next) } : { rows: page }
  }

  #inPartitions(
    table: TableName,
    { partitions: { from, below } }: PartitionsQuery,
    continuation: string | undefined,
  ): Found[] {
    const start = continuation === undefined ? undefined : placeOf(continuation)
    const names = [...(this.#tables.get(table)?.keys() ?? [])]
      .filter((name) => name >= from && name < below && name >= (start?.partition ?? ''))
      .sort()
    return names.flatMap((partition) => {
      const goesOn = partition === start?.partition ? continuation : undefined
      return inRange(this.#partition(table, partition), { partition }, goesOn)
    })
  }

  #batch(table: TableName, partition: string, ops: readonly TableOp[]): BatchOutcome {
    refuse(brokenBatch(partition, ops))
    const rows = new Map(this.#partition(table, partition))
    const index = ops.findIndex((op) => !fits(rows.get(op.row), op))
    if (index >= 0) return { outcome: 'conflict', index }
    for (const op of ops) {
      this.#writes += 1
      if (op.op === 'remove') rows.delete(op.row)
      else rows.set(op.row, { values: structuredClone(op.values), etag: `W/"${this.#writes}"` })
    }
    this.#tables.get(table)?.set(partition, rows)
    return { outcome: 'applied' }
  }
}

const byKey = ([a]: [string, unknown], [b]: [string, unknown]) => (a < b ? -1 : 1)

function refuse(rule: string | undefined): void {
  if (rule !== undefined) throw tablesRefused(rule)
}

const copyOf = ({ values, etag }: Held) => ({ values: structuredClone(values), etag })

function selected(
  row: { values: Values; etag: string },
  select: readonly string[] | undefined,
): { values: Values; etag: string } {
  if (!select) return row
  const kept = Object.entries(row.values).filter(([name]) => select.includes(name))
  return { ...row, values: Object.fromEntries(kept) }
}

/** Whether the operation may be done on what is there. */
function fits(held: Held | undefined, op: TableOp): boolean {
  switch (op.op) {
    case 'insert':
      return held === undefined
    case 'put':
      return true
    case 'replace':
      return held?.etag === op.etag
    case 'remove':
      return held !== undefined && (op.etag === undefined || op.etag === held.etag)
  }
}

function inRange(
  rows: Partition,
  { partition, from = '', below }: PartitionQuery,
  continuation: string | undefined,
): Found[] {
  const start = continuation === undefined ? from : placeOf(continuation).row
  return [...rows]
    .filter(([row]) => row >= from && row >= start && (below === undefined || row < below))
    .sort(byKey)
    .map(([row, held]) => ({ partition, row, held }))
}

/** No key holds a line feed. */
const tokenOf = ({ partition, row }: Found): string =>
  Buffer.from(`next\n${partition}\n${row}`).toString('base64url')

function placeOf(token: string): { partition: string; row: string } {
  const [next, partition, row] = Buffer.from(token, 'base64url').toString().split('\n')
  if (next === 'next' && partition !== undefined && row !== undefined) return { partition, row }
  throw tablesRefused('a continuation is one of the service')
}
