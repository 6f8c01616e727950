/**
 * Writing rows so that it may be done again, late, and beside another writer.
 *
 * A transaction that answers `conflict` may still be our own, done by a retry inside the adapter
 * whose first answer was lost. So nothing here believes a conflict: the rows are read again and
 * tell what is left to do.
 */
import { AppError } from '../model/errors.ts'
import { BATCH_OPS_MAX, type Row, type TableName, type TableOp, type Values } from '../ports.ts'
import { BATCH_BYTES_MAX, opBytes } from './limits.ts'
import { eachAtOnce } from './parallel.ts'
import { rowsByKey } from './read.ts'
import type { Room } from './room.ts'

/** Leaves room for what opBytes cannot know of the wire. */
const BATCH_BYTES_TARGET = BATCH_BYTES_MAX * 0.75
/** Each try after a conflict sees fewer rows to write; only other writers can cost more tries. */
const TRIES_MAX = 16

/** Runs before every write; throws where nothing may be written any more. */
export type WriteGuard = () => void

export interface WriteOptions {
  guard: WriteGuard
  signal: AbortSignal
}

export interface NewRow {
  table: TableName
  partition: string
  row: string
  values: Values
}

/** Inserts what is missing. A row that exists stays as it is: for opening rows, that means done. */
export async function insertMissing(
  room: Room,
  rows: readonly NewRow[],
  options: WriteOptions,
): Promise<void> {
  const groups = Map.groupBy(rows, ({ table, partition }) => `${table} ${partition}`)
  const batches = [...groups.values()].flatMap((group) => {
    const [first] = group
    if (!first) return []
    const ops = group.map(({ row, values }) => ({ op: 'insert', row, values }) as const)
    return batchesOf(ops).map((batch) => ({ ...first, ops: batch }))
  })
  const again: Batch['again'] = (open, there) => open.filter((op) => !there.has(op.row))
  await eachAtOnce(batches, ({ table, partition, ops }) =>
    sendBatch(room, { table, partition }, { ops, again }, options),
  )
}

interface Batch {
  ops: readonly TableOp[]
  /** What is still to be done of these, given the rows as they are. */
  again(open: readonly TableOp[], there: ReadonlyMap<string, Row>): readonly TableOp[]
}

/**
 * Sends a batch until it is done. After a conflict the rows are read, and `again` says what is
 * still to be done: a conflict may be the answer to our own first try, so it is never believed.
 */
async function sendBatch(
  { tables }: Room,
  { table, partition }: { table: TableName; partition: string },
  batch: Batch,
  { guard, signal }: WriteOptions,
): Promise<void> {
  let open = batch.ops
  for (let n = 0; n < TRIES_MAX; n += 1) {
    guard()
    const { outcome } = await tables.batch(table, partition, open, signal)
    if (outcome === 'applied') return
    const keys = open.map((op) => op.row)
    open = batch.again(open, await rowsByKey(tables, table, partition, keys, signal))
    if (open.length === 0) return
  }
  throw contended(table)
}

/** What a row shall be, given what it is; undefined: leave it. Pure; may be asked several times. */
export type Edit = (now: Row | undefined) => Values | undefined

/** Reads rows of one partition, decides, writes by etag; reads again what another changed. */
export async function editRows(
  room: Room,
  place: { table: TableName; partition: string },
  edits: ReadonlyMap<string, Edit>,
  options: WriteOptions,
): Promise<void> {
  const { table, partition } = place
  const rows = await rowsByKey(room.tables, table, partition, edits.keys(), options.signal)
  const again: Batch['again'] = (open, there) => {
    const keys = open.map((op) => op.row)
    return opsOf(edits, keys, there)
  }
  await eachAtOnce(batchesOf(opsOf(edits, edits.keys(), rows)), (ops) =>
    sendBatch(room, place, { ops, again }, options),
  )
}

function opsOf(
  edits: ReadonlyMap<string, Edit>,
  keys: Iterable<string>,
  rows: ReadonlyMap<string, Row>,
): TableOp[] {
  return [...keys].flatMap((row): TableOp[] => {
    const now = rows.get(row)
    const values = edits.get(row)?.(now)
    if (!values) return []
    return [now ? { op: 'replace', row, values, etag: now.etag } : { op: 'insert', row, values }]
  })
}

/** Cut by number and by size. */
export function batchesOf<T extends TableOp>(ops: readonly T[]): T[][] {
  const batches: T[][] = []
  let batch: T[] = []
  let bytes = 0
  for (const op of ops) {
    const size = opBytes(op)
    if (batch.length === BATCH_OPS_MAX || bytes + size > BATCH_BYTES_TARGET) {
      if (batch.length > 0) batches.push(batch)
      batch = []
      bytes = 0
    }
    batch.push(op)
    bytes += size
  }
  if (batch.length > 0) batches.push(batch)
  return batches
}

export function contended(table: TableName): AppError {
  return new AppError({
    code: 'TableContended',
    kind: 'transient',
    message: 'Others changed the same rows again and again.',
    hint: 'It is tried again by itself.',
    context: { table, triesMax: TRIES_MAX },
  })
}
