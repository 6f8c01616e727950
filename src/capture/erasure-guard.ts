/**
 * No rows for an owner that was erased (promise P8). A slice that slept through the erasure holds
 * its secret and what it read still; what it commits nobody can open, but rows are in the clear.
 *
 * Asked before each commit becomes rows, and before cursors and unfinished work are saved. Who asked
 * just before the erasure began may write for an hour; the erasure sweeps once more after it.
 */
import type { StreamTables } from '../catalogue/types.ts'
import type { OwnerId } from '../model/ids.ts'
import { ownerErased } from '../vault/retention/index.ts'

/** The same tables; what writes throws `OwnerErased`. */
export function unlessErased(
  tables: StreamTables,
  owner: OwnerId,
  isErased: () => Promise<boolean>,
): StreamTables {
  const check = async () => {
    if (await isErased()) throw ownerErased(owner)
  }
  return {
    ...tables,
    async apply(...args) {
      await check()
      await tables.apply(...args)
    },
    async saveCursors(...args) {
      await check()
      await tables.saveCursors(...args)
    },
    work: {
      ...tables.work,
      async save(...args) {
        await check()
        await tables.work.save(...args)
      },
    },
  }
}
