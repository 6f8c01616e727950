/** Job rows. The request and the plan of a job are texts that only their owner can read. */
import { createDocuments } from './documents.ts'
import type { Room } from './room.ts'
import { jobSchema } from './schemas.ts'
import type { JobTable } from './types.ts'

export function createJobTable(room: Room): JobTable {
  return createDocuments(room, 'jobs', jobSchema)
}
