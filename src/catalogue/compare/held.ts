/**
 * The rows that the tables have of a stream, as they are compared: with their prints, and without
 * what is of commits above the head that the comparison began with.
 */
import { AppError } from '../../model/errors.ts'
import { SEQ_MAX } from '../../model/ids.ts'
import type { Row, RowQuery } from '../../ports.ts'
import { cursorText } from '../cursors.ts'
import { itemPartitions, listingRange, POINT_FAMILIES } from '../keys.ts'
import { eachAtOnce } from '../parallel.ts'
import { walkRows } from '../read.ts'
import type { Room } from '../room.ts'
import { column } from '../rows.ts'
import type { ComparedTable } from './prints.ts'
import { printOf } from './prints.ts'

/** How a row counts. */
export type HeldAs =
  /** Compared as a whole. */
  | 'whole'
  /** A cursor that a quiet round has read on: when it was last committed is compared. */
  | 'ahead'
  /** The same, of which the row knows no commit. */
  | 'uncommitted'
  /** A row of the ledger that is closed: as if it were not there. */
  | 'closed'
  /** A later commit has written it: what it was cannot be told. */
  | 'beyond'

export interface HeldRow {
  table: Exclude<ComparedTable, 'heads'>
  partition: string
  row: string
  as: HeldAs
  print: string
}

export interface HeldRowsOf {
  stream: string
  secret: Uint8Array
  /** Seq of the head that the comparison began with. */
  upTo: number
}

/** Every row once, in any order; list rows also of containers that nothing else names. */
export async function eachHeldRow(
  room: Room,
  of: HeldRowsOf,
  take: (row: HeldRow) => void,
  signal: AbortSignal,
): Promise<void> {
  const { stream } = of
  const walk = async (table: HeldRow['table'], query: RowQuery) => {
    for await (const row of walkRows(room.tables, table, query, signal)) {
      take(heldRow(of, table, row))
    }
  }
  await eachAtOnce(itemPartitions(stream), (partition) => walk('items', { partition }))
  await walk('listing', listingRange(stream))
  await eachAtOnce(['commits', 'cursors', 'ledger'] as const, (table) =>
    walk(table, { partition: stream }),
  )
}

function heldRow(of: HeldRowsOf, table: HeldRow['table'], row: Row): HeldRow {
  const place = { table, partition: row.partition, row: row.row }
  const values = valuesOf(of, table, row)
  return { ...place, as: countsAs(of, table, row), print: printOf(table, values) }
}

/** With what is sealed opened, and without what a later commit has added. */
function valuesOf({ stream, secret, upTo }: HeldRowsOf, table: ComparedTable, row: Row) {
  if (table === 'cursors') {
    const text = openedText(stream, row, secret)
    return text === undefined ? row.values : { ...row.values, e0: text }
  }
  if (table !== 'listing' || seqIn(row, 'to') <= upTo) return row.values
  const { to: _, ...values } = row.values
  return values
}

function openedText(stream: string, row: Row, secret: Uint8Array): string | undefined {
  try {
    return cursorText(stream, row, secret)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    return undefined
  }
}

function countsAs({ upTo }: HeldRowsOf, table: ComparedTable, row: Row): HeldAs {
  if (seqOf(table, row) > upTo) return 'beyond'
  if (table === 'ledger' && column(row, 'closedAt') !== '') return 'closed'
  if (table !== 'cursors' || column(row, 'ahead') === false) return 'whole'
  return (column(row, 'committedAt') ?? '') === '' ? 'uncommitted' : 'ahead'
}

/** Seq of the commit that wrote the row last; 0 where the row does not say one. */
function seqOf(table: ComparedTable, row: Row): number {
  if (table === 'listing') return seqIn(row, 'from')
  const isBase = table === 'commits' && row.row.startsWith(`${POINT_FAMILIES.base}~`)
  return isBase ? SEQ_MAX - Number(row.row.slice(2)) || 0 : seqIn(row, 'seq')
}

function seqIn(row: Row, name: string): number {
  return Number(column(row, name) ?? 0) || 0
}
