/**
 * The audit table as an identity sees it that may insert and read, and nothing else. Can be told
 * to lose answers of inserts that were applied, to answer empty pages, and to be tampered with.
 */
import { setImmediate } from 'node:timers/promises'
import { AppError } from '../../model/errors.ts'
import type { BatchOutcome, Row, TableOp, TableStore, Values } from '../../ports.ts'

export interface InsertOnlyTable extends TableStore {
  /** Partition to rows, as an administrator of the account could change them. */
  readonly rows: Map<string, Map<string, Values>>
  /** The next so many inserts are applied and then tried again by the adapter. */
  loseAnswers: number
  /** The next so many calls fail. */
  failures: number
}

export function insertOnlyTable(): InsertOnlyTable {
  const rows = new Map<string, Map<string, Values>>()
  const rowOf = (partition: string, row: string, values: Values): Row => ({
    partition,
    row,
    etag: 'fixed',
    values,
  })

  async function arrive(table: TableStore & { failures: number }): Promise<void> {
    await setImmediate()
    if (table.failures === 0) return
    table.failures -= 1
    throw new AppError({ code: 'StorageBusy', kind: 'transient', message: 'Busy.' })
  }

  function insert(partition: string, op: TableOp): BatchOutcome {
    if (op.op !== 'insert') throw new Error(`no right to ${op.op}`)
    const of = rows.get(partition) ?? new Map<string, Values>()
    rows.set(partition, of)
    if (of.has(op.row)) return { outcome: 'conflict', index: 0 }
    of.set(op.row, op.values)
    return { outcome: 'applied' }
  }

  const table: InsertOnlyTable = {
    rows,
    loseAnswers: 0,
    failures: 0,
    async prepare() {
      await arrive(table)
    },
    async get(_table, partition, row) {
      await arrive(table)
      const values = rows.get(partition)?.get(row)
      return values === undefined ? undefined : rowOf(partition, row, values)
    },
    async page(_table, query, options) {
      await arrive(table)
      if ('partitions' in query) throw new Error('the trail is read by partition')
      if (options.continuation === undefined) return { rows: [], continuation: '' }
      const after = options.continuation
      const sorted = [...(rows.get(query.partition) ?? [])]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .filter(([row]) => row > after)
      const found = sorted.slice(0, options.max)
      const end = found.at(-1)
      return {
        rows: found.map(([row, values]) => rowOf(query.partition, row, values)),
        ...(end !== undefined && sorted.length > found.length ? { continuation: end[0] } : {}),
      }
    },
    async batch(_table, partition, ops) {
      await arrive(table)
      const [op, ...more] = ops
      if (op === undefined || more.length > 0) throw new Error('one insert at a time')
      const outcome = insert(partition, op)
      if (outcome.outcome === 'conflict' || table.loseAnswers === 0) return outcome
      table.loseAnswers -= 1
      return insert(partition, op)
    },
  }
  return table
}
