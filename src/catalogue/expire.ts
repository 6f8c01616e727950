/**
 * Removes the rows of a past that is given up (DESIGN 5): recovery points, versions that a later one
 * replaced, list rows that were closed. What is left is what a rebuild from a base of that state
 * would write.
 *
 * A run that dies is begun again. Each row goes by the etag under which it was seen.
 */
import type { CommitRef } from '../model/events.ts'
import { type KeyHash, parseKeyHash } from '../model/ids.ts'
import type { PartitionQuery, Row, RowQuery, TableName } from '../ports.ts'
import { isDeletion } from './items.ts'
import {
  itemPartitions,
  listingRange,
  POINT_FAMILIES,
  pointRow,
  pointsEnd,
  TIMES_END,
  timeRow,
} from './keys.ts'
import { PAGE_ROWS_MAX } from './limits.ts'
import { eachAtOnce } from './parallel.ts'
import { walkRows } from './read.ts'
import type { Room } from './room.ts'
import { column, seqColumn } from './rows.ts'
import { type Edit, editRows, type WriteOptions } from './write.ts'

/** Answers how many rows were removed. Idempotent; cut off, it is begun again. */
export async function expireRows(
  room: Room,
  stream: string,
  before: CommitRef,
  options: WriteOptions,
): Promise<number> {
  const remove = (table: TableName, query: RowQuery, isPast: (row: Row) => boolean) =>
    removeWhere(room, { table, query, isPast }, options)
  let removed = 0
  for (const query of pointsUpTo(stream, before)) removed += await remove('commits', query, always)
  const isClosed = (row: Row) =>
    column(row, 'to') !== undefined && seqColumn(row, 'to') <= before.seq
  removed += await remove('listing', listingRange(stream), isClosed)
  await eachAtOnce(itemPartitions(stream), async (partition) => {
    removed += await remove('items', { partition }, replacedBy(before.seq))
  })
  await forgetTimes(room, stream, before.seq, options)
  return removed
}

/**
 * Nobody can say any more when the commits were made that hold these cursors: their links are the
 * oldest there are, as after a rebuild.
 */
async function forgetTimes(
  room: Room,
  stream: string,
  upTo: number,
  options: WriteOptions,
): Promise<void> {
  const edits = new Map<string, Edit>()
  for await (const row of walkRows(room.tables, 'cursors', { partition: stream }, options.signal)) {
    edits.set(row.row, (now) => {
      const isPast = now && seqColumn(now, 'seq') <= upTo && column(now, 'committedAt') !== ''
      return isPast ? { ...now.values, committedAt: '' } : undefined
    })
  }
  await editRows(room, { table: 'cursors', partition: stream }, edits, options)
}

const always = () => true

function pointsUpTo(partition: string, { seq, time }: CommitRef): PartitionQuery[] {
  const { all, complete, base } = POINT_FAMILIES
  const bySeq = ([all, complete, base] as const).map((family) => {
    return { partition, from: pointRow(family, seq), below: pointsEnd(family) }
  })
  return [...bySeq, { partition, from: timeRow(Date.parse(time)), below: TIMES_END }]
}

/** Told of the versions of each item in turn, the newest first, as their rows lie. */
function replacedBy(seq: number): (row: Row) => boolean {
  let current: KeyHash | undefined
  return (row) => {
    if (seqColumn(row, 'seq') > seq) return false
    const key = parseKeyHash(row.row.split('~')[0] ?? '')
    const isNewest = key !== current
    current = key
    return !isNewest || isDeletion(row)
  }
}

async function removeWhere(
  { tables }: Room,
  { table, query, isPast }: { table: TableName; query: RowQuery; isPast(row: Row): boolean },
  { guard, signal }: WriteOptions,
): Promise<number> {
  let removed = 0
  const send = (rows: readonly Row[]) =>
    eachAtOnce(rows, async ({ partition, row, etag }) => {
      guard()
      const op = { op: 'remove', row, etag } as const
      const { outcome } = await tables.batch(table, partition, [op], signal)
      if (outcome === 'applied') removed += 1
    })
  let past: Row[] = []
  for await (const row of walkRows(tables, table, query, signal)) {
    if (isPast(row)) past.push(row)
    if (past.length < PAGE_ROWS_MAX) continue
    await send(past)
    past = []
  }
  await send(past)
  return removed
}
