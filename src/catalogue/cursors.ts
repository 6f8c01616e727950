/**
 * Cursor rows: where reading goes on, sealed with the owner's index secret (links are secrets).
 *
 * A seal is bound to owner, workload and container, so a row cannot stand for another one. Rows
 * move only forward: first by the seq of the commit they follow, then by the round. A commit's
 * own cursors never replace those of its seq, which may have been read further since.
 */

import { cursorSchema } from '../model/event-schema.ts'
import type { Cursor } from '../model/events.ts'
import { type GraphId, keyHash } from '../model/ids.ts'
import type { Row } from '../ports.ts'
import { seal, unseal } from '../sealing/seal.ts'
import { walkRows } from './read.ts'
import type { Room } from './room.ts'
import { column, rowUnreadable, seqColumn, seqText } from './rows.ts'
import type { HeldCursor } from './types.ts'
import { type Edit, editRows, type WriteOptions } from './write.ts'

const SALT_BYTES = 32

export interface CursorWrite {
  cursors: readonly Cursor[]
  seq: number
  secret: Uint8Array
  /** `commit`: part of that commit. `quiet`: read after it, in a round that brought nothing. */
  origin: { is: 'commit'; time: string } | { is: 'quiet' }
}

export async function readCursors(
  room: Room,
  stream: string,
  secret: Uint8Array,
  signal: AbortSignal,
): Promise<HeldCursor[]> {
  const cursors: HeldCursor[] = []
  for await (const row of walkRows(room.tables, 'cursors', { partition: stream }, signal)) {
    cursors.push({ cursor: opened(stream, row, secret), ...ageOf(row) })
  }
  return cursors
}

/** Rows of before these columns say nothing: then no commit is known. */
function ageOf(row: Row): Pick<HeldCursor, 'committedAt' | 'isAhead'> {
  const committedAt = column(row, 'committedAt')
  const isAhead = column(row, 'ahead') !== false
  return typeof committedAt === 'string' && committedAt !== ''
    ? { committedAt, isAhead }
    : { isAhead }
}

export async function readCursor(
  room: Room,
  stream: string,
  { container, secret }: { container: GraphId; secret: Uint8Array },
  signal: AbortSignal,
): Promise<Cursor | undefined> {
  const row = await room.tables.get('cursors', stream, keyHash(container), signal)
  return row && opened(stream, row, secret)
}

function opened(stream: string, row: Row, secret: Uint8Array): Cursor {
  const parsed = cursorSchema.safeParse(JSON.parse(cursorText(stream, row, secret)))
  if (!parsed.success) throw rowUnreadable('sealed')
  return parsed.data
}

/** What the row seals. Throws `RowUnreadable`, `SealBroken`. */
export function cursorText(stream: string, row: Row, secret: Uint8Array): string {
  const sealed = column(row, 'sealed')
  if (!(sealed instanceof Uint8Array)) throw rowUnreadable('sealed')
  return Buffer.from(unseal(secret, 'cursor', sealed, bound(stream, row.row))).toString('utf8')
}

export async function writeCursors(
  room: Room,
  stream: string,
  write: CursorWrite,
  options: WriteOptions,
): Promise<void> {
  const edits = new Map<string, Edit>()
  for (const cursor of write.cursors) {
    const row = keyHash(cursor.container)
    edits.set(row, (now) => {
      if (now && !isForward(now, cursor, write)) return undefined
      const plain = Buffer.from(JSON.stringify(cursor))
      const salt = room.random.bytes(SALT_BYTES)
      const sealed = seal(write.secret, 'cursor', plain, salt, bound(stream, row))
      const age = agesAfter(now, write)
      return { seq: seqText(write.seq), round: cursor.round, sealed, ...age }
    })
  }
  await editRows(room, { table: 'cursors', partition: stream }, edits, options)
}

function agesAfter(now: Row | undefined, { origin }: CursorWrite) {
  if (origin.is === 'commit') return { committedAt: origin.time, ahead: false }
  return { committedAt: (now && ageOf(now).committedAt) ?? '', ahead: true }
}

function isForward(now: Parameters<Edit>[0] & {}, cursor: Cursor, write: CursorWrite): boolean {
  const seq = seqColumn(now, 'seq')
  if (seq !== write.seq) return seq < write.seq
  const round = column(now, 'round')
  if (typeof round !== 'number') throw rowUnreadable('round')
  return write.origin.is === 'quiet' && round <= cursor.round
}

function bound(stream: string, row: string): Uint8Array {
  return Buffer.from(`${stream}~${row}`, 'utf8')
}
