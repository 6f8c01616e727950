/**
 * Pack rows: how long the content that older versions share stays locked.
 *
 * The row is inserted with the lock that every new blob gets (protection + generation days); the
 * keeper moves it on when it extends the lock. A pack without a row counts as not locked, so its
 * segments are stored anew: losing rows costs space, never content.
 */
import { AppError } from '../model/errors.ts'
import type { PackUse } from '../model/events.ts'
import type { OwnerId, PackId } from '../model/ids.ts'
import { rowsByKey } from './read.ts'
import type { Room } from './room.ts'
import { textColumn } from './rows.ts'
import type { PackTable } from './types.ts'
import type { NewRow } from './write.ts'

const DAY_MS = 24 * 3600 * 1000

/** Pure: a function of the pack's use and the lock of new blobs. */
export function packRowOf(owner: OwnerId, pack: PackUse, lockDays: number): NewRow {
  const createdAt = Date.parse(pack.createdAt)
  if (!Number.isFinite(createdAt)) {
    throw new AppError({
      code: 'MalformedTime',
      kind: 'corrupt',
      message: 'A commit does not say when one of its packs was created.',
      hint: 'Verify this owner.',
      context: { owner, pack: pack.id },
    })
  }
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
  }
}
