/**
 * Rows that many may change: read, change, write by etag, again on a conflict.
 *
 * Every write carries a fresh random `stamp`. A conflict whose row carries our stamp was our own
 * write (the adapter's retry met its first try), so no change is ever done twice, and a row that
 * is read back under our stamp is exactly what we wrote.
 */
import type { Row, TableName, Values } from '../ports.ts'
import type { Room } from './room.ts'
import { column } from './rows.ts'
import { contended } from './write.ts'

const STAMP_BYTES = 12
const TRIES_MAX = 32

export interface RowPlace {
  table: TableName
  partition: string
  row: string
}

export function freshStamp({ random }: Room): string {
  return Buffer.from(random.bytes(STAMP_BYTES)).toString('hex')
}

/** Inserts (no etag) or replaces; true where the row was written by this call. */
export async function writeStamped(
  room: Room,
  place: RowPlace,
  change: { values: Values; etag: string | undefined; stamp: string },
  signal: AbortSignal,
): Promise<boolean> {
  const { table, partition, row } = place
  const values = { ...change.values, stamp: change.stamp }
  const op =
    change.etag === undefined
      ? ({ op: 'insert', row, values } as const)
      : ({ op: 'replace', row, values, etag: change.etag } as const)
  const { outcome } = await room.tables.batch(table, partition, [op], signal)
  if (outcome === 'applied') return true
  return (await readStamped(room, place, change.stamp, signal)) !== undefined
}

/** The row, if nobody has changed it since it got this stamp. */
export async function readStamped(
  { tables }: Room,
  { table, partition, row }: RowPlace,
  stamp: string,
  signal: AbortSignal,
): Promise<Row | undefined> {
  const now = await tables.get(table, partition, row, signal)
  return now && column(now, 'stamp') === stamp ? now : undefined
}

export interface Change<T> {
  values: Values
  result: T
}

/**
 * Changes one row. `change` sees what is there, may run several times, and answers undefined to
 * leave it. Gives the result of the change that was written, or undefined.
 */
export async function changeRow<T>(
  room: Room,
  place: RowPlace,
  change: (now: Row | undefined) => Change<T> | undefined,
  signal: AbortSignal,
): Promise<T | undefined> {
  for (let n = 0; n < TRIES_MAX; n += 1) {
    const now = await room.tables.get(place.table, place.partition, place.row, signal)
    const next = change(now)
    if (!next) return undefined
    const stamp = freshStamp(room)
    const write = { values: next.values, etag: now?.etag, stamp }
    if (await writeStamped(room, place, write, signal)) return next.result
  }
  throw contended(place.table)
}
