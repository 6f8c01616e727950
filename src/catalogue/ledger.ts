/**
 * Ledger rows: items that were seen and could not be stored, and items that left (promise P3).
 *
 * One row for each item, moved only forward by the seq of the event. An entry that ends leaves a
 * closed row behind, so that a late replay of the event that opened it finds a newer seq and
 * changes nothing; closed rows go after CLOSED_KEPT_MS, long after the last moment at which a
 * slice may still write.
 */
import type { LedgerEvent, LeftEvent, StreamEvent } from '../model/events.ts'
import { type KeyHash, keyHash, parseKeyHash } from '../model/ids.ts'
import type { Row } from '../ports.ts'
import { eachAtOnce } from './parallel.ts'
import { walkRows } from './read.ts'
import type { Room } from './room.ts'
import { column, decodeBody, encodeBody, seqColumn, seqText } from './rows.ts'
import { openEventSchema } from './schemas.ts'
import type { OpenEntry } from './types.ts'
import { type Edit, editRows, type WriteOptions } from './write.ts'

/** No slice writes later than an hour after its start (DESIGN 6); the rest is caution. */
export const CLOSED_KEPT_MS = 48 * 3600 * 1000
/** Rows that one tidying looks at, and that it removes. */
const TIDY_ROWS_MAX = 20_000
const TIDY_REMOVALS_MAX = 500

/** Brings the ledger to what these events say. */
export async function applyToLedger(
  room: Room,
  stream: string,
  events: readonly StreamEvent[],
  seq: number,
  options: WriteOptions,
): Promise<void> {
  const edits = new Map<string, Edit>()
  for (const event of events) {
    const opens = event.op === 'ledger' || event.op === 'left'
    const edit: Edit = opens
      ? (now) => opened(now, event, seq)
      : (now) => closed(now, seq, room.clock.now())
    edits.set(keyHash(event.item), edit)
  }
  await editRows(room, { table: 'ledger', partition: stream }, edits, options)
}

/** Open entries as a base says them, each of the commit that opened it. */
export async function restateLedger(
  room: Room,
  stream: string,
  entries: readonly { seq: number; event: LedgerEvent | LeftEvent }[],
  options: WriteOptions,
): Promise<void> {
  const edits = new Map<string, Edit>(
    entries.map(({ seq, event }) => [keyHash(event.item), (now) => opened(now, event, seq)]),
  )
  await editRows(room, { table: 'ledger', partition: stream }, edits, options)
}

function opened(
  now: Row | undefined,
  event: LedgerEvent | LeftEvent,
  seq: number,
): Row['values'] | undefined {
  if (now && seqColumn(now, 'seq') >= seq) return undefined
  return { seq: seqText(seq), closedAt: '', ...encodeBody(event) }
}

function closed(now: Row | undefined, seq: number, nowMs: number): Row['values'] | undefined {
  if (!now || isClosed(now) || seqColumn(now, 'seq') >= seq) return undefined
  return { seq: seqText(seq), closedAt: new Date(nowMs).toISOString() }
}

const isClosed = (row: Row): boolean => column(row, 'closedAt') !== ''

/** Entries above the head are left out: they are not committed for readers yet. */
export async function* openEntries(
  room: Room,
  stream: string,
  headSeq: number,
  signal: AbortSignal,
): AsyncGenerator<OpenEntry> {
  for await (const row of walkRows(room.tables, 'ledger', { partition: stream }, signal)) {
    const seq = seqColumn(row, 'seq')
    if (isClosed(row) || seq > headSeq) continue
    yield { key: parseKeyHash(row.row), event: decodeBody(row, openEventSchema), seq }
  }
}

/** The seq since which an open entry says that the item has left. */
export async function leftSince(
  room: Room,
  stream: string,
  key: KeyHash,
  signal: AbortSignal,
): Promise<number | undefined> {
  const row = await room.tables.get('ledger', stream, key, signal)
  if (!row || isClosed(row)) return undefined
  return decodeBody(row, openEventSchema).op === 'left' ? seqColumn(row, 'seq') : undefined
}

/** Removes closed rows that no late replay can need any more. Each by its etag: none is lost. */
export async function tidyLedger(
  room: Room,
  stream: string,
  { guard, signal }: WriteOptions,
): Promise<void> {
  const before = new Date(room.clock.now() - CLOSED_KEPT_MS).toISOString()
  const old: Row[] = []
  let looked = 0
  for await (const row of walkRows(room.tables, 'ledger', { partition: stream }, signal)) {
    looked += 1
    const closedAt = column(row, 'closedAt')
    if (typeof closedAt === 'string' && closedAt !== '' && closedAt < before) old.push(row)
    if (looked >= TIDY_ROWS_MAX || old.length >= TIDY_REMOVALS_MAX) break
  }
  await eachAtOnce(old, async ({ row, etag }) => {
    guard()
    // A conflict means that the row is in use again or gone already: both are fine.
    await room.tables.batch('ledger', stream, [{ op: 'remove', row, etag }], signal)
  })
}
