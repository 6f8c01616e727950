/** Rebuild rows: beside the runs, in a partition of their own. */
import { createDocuments } from './documents.ts'
import { rebuildPartition } from './keys.ts'
import type { Room } from './room.ts'
import { rebuildSchema } from './schemas.ts'
import type { RebuildTable } from './types.ts'

export function createRebuildTable(room: Room): RebuildTable {
  return createDocuments(room, 'runs', rebuildSchema, rebuildPartition(room.tenantId))
}
