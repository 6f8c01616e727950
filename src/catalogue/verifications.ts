/** Verification rows: beside the runs, in a partition of their own. */
import { createDocuments } from './documents.ts'
import { verificationPartition } from './keys.ts'
import type { Room } from './room.ts'
import { verificationSchema } from './schemas.ts'
import type { VerificationTable } from './types.ts'

export function createVerificationTable(room: Room): VerificationTable {
  return createDocuments(room, 'runs', verificationSchema, verificationPartition(room.tenantId))
}
