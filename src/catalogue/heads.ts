/**
 * The head row of a stream: its newest committed seq. It moves only to a greater seq, by etag,
 * and only after every row of that commit is written: what is above it is visible to nobody.
 */
import { AppError, invariant } from '../model/errors.ts'
import type { CommitRef } from '../model/events.ts'
import { SEQ_MAX } from '../model/ids.ts'
import { HEAD_ROW } from './keys.ts'
import type { Room } from './room.ts'
import { seqColumn, seqText, textColumn } from './rows.ts'
import { type Edit, editRows, type WriteOptions } from './write.ts'

export interface Head {
  read(signal: AbortSignal): Promise<CommitRef | undefined>
  move(to: CommitRef, options: WriteOptions): Promise<void>
  /**
   * Throws `SeqNotCommitted` where the head does not reach this seq, `StreamNotReady` where there is
   * no head: a stream that was committed to has none only while it is rebuilt.
   */
  check(seq: number, signal: AbortSignal): Promise<void>
  /** The row was removed: what was seen of it counts no more. */
  forget(): void
}

export function createHead(room: Room, stream: string): Head {
  /** A head only grows (but for a rebuild), so what was once seen below it needs no second look. */
  let seen = 0

  async function read(signal: AbortSignal): Promise<CommitRef | undefined> {
    const row = await room.tables.get('heads', stream, HEAD_ROW, signal)
    if (!row) return undefined
    const seq = seqColumn(row, 'seq')
    seen = Math.max(seen, seq)
    return { seq, hash: textColumn(row, 'hash'), time: textColumn(row, 'time') }
  }

  return {
    read,
    forget: () => {
      seen = 0
    },
    async move(to, options) {
      const values = { seq: seqText(to.seq), hash: to.hash, time: to.time }
      const place = { table: 'heads', partition: stream } as const
      const edit: Edit = (now) => (now && seqColumn(now, 'seq') >= to.seq ? undefined : values)
      await editRows(room, place, new Map([[HEAD_ROW, edit]]), options)
      seen = Math.max(seen, to.seq)
    },
    async check(seq, signal) {
      invariant(Number.isInteger(seq) && seq >= 0 && seq <= SEQ_MAX, 'a seq is a whole number')
      if (seq <= seen) return
      const head = await read(signal)
      if (!head) throw streamNotReady(seq)
      if (seq <= head.seq) return
      throw new AppError({
        code: 'SeqNotCommitted',
        kind: 'permanent',
        message: 'The catalogue was asked for a state that is not committed.',
        hint: 'Ask for a recovery point that the catalogue lists.',
        context: { seq, head: head.seq },
      })
    },
  }
}

function streamNotReady(seq: number): AppError {
  return new AppError({
    code: 'StreamNotReady',
    kind: 'transient',
    message: 'The rows of a stream are being made anew from the vault.',
    hint: 'Try again when the rebuild is done; GET /api/v1/rebuilds says how it goes.',
    context: { seq },
  })
}
