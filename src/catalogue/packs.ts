/**
 * Pack rows: how long the content that older versions share stays locked.
 *
 * The row is inserted with the lock that every new blob gets (protection + generation days); the
 * keeper moves it on when it extends the lock. A pack without a row counts as not locked, so its
 * segments are stored anew: losing rows costs space, never content.
 */
import { AppError } from '../model/errors.ts'
import type { Commit, PackUse } from '../model/events.ts'
import type { PackId } from '../model/ids.ts'
import { rowsByKey } from './read.ts'
import type { Room } from './room.ts'
import { textColumn } from './rows.ts'
import type { PackTable } from './types.ts'
import { type Edit, editRows, type NewRow } from './write.ts'

const DAY_MS = 24 * 3600 * 1000

/** Pure: a function of the pack's use, the time of the commit, and the lock of new blobs. */
export function packRowOf(
  { owner, time: committedAt }: Pick<Commit, 'owner' | 'time'>,
  pack: PackUse,
  lockDays: number,
): NewRow {
  const said = Date.parse(pack.createdAt)
  if (!Number.isFinite(said)) {
    throw new AppError({
      code: 'MalformedTime',
      kind: 'corrupt',
      message: 'A commit does not say when one of its packs was created.',
      hint: 'Verify this owner.',
      context: { owner, pack: pack.id },
    })
  }
  // What a writer says may be wrong; when its commit was made is storage's word.
  const createdAt = Math.min(said, Date.parse(committedAt))
  const lockedUntil = new Date(createdAt + lockDays * DAY_MS).toISOString()
  const values = { bytes: pack.bytes, createdAt: pack.createdAt, lockedUntil }
  return { table: 'packs', partition: owner, row: pack.id, values }
}

export function createPackTable(room: Room): PackTable {
  return {
    async lockedUntil(owner, packs, signal) {
      const rows = await rowsByKey(room.tables, 'packs', owner, packs, signal)
      const locks = new Map<PackId, string>()
      for (const pack of packs) {
        const row = rows.get(pack)
        if (row) locks.set(pack, textColumn(row, 'lockedUntil'))
      }
      return locks
    },
    async noteLocks(owner, locks, signal) {
      const edits = new Map<string, Edit>(
        locks.map(({ id, bytes, createdAt, lockedUntil }) => [
          id,
          (now) => {
            const isKnown = now !== undefined && textColumn(now, 'lockedUntil') >= lockedUntil
            return isKnown ? undefined : { bytes, createdAt, lockedUntil }
          },
        ]),
      )
      const place = { table: 'packs', partition: owner } as const
      await editRows(room, place, edits, { guard: () => undefined, signal })
    },
    async forget(owner, packs, signal) {
      for (const pack of packs) {
        await room.tables.batch('packs', owner, [{ op: 'remove', row: pack }], signal)
      }
    },
  }
}
