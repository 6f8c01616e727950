/** Run rows and the plan of each run. */
import { createDocuments } from './documents.ts'
import { createPlanTable } from './plan.ts'
import type { Room } from './room.ts'
import { runSchema } from './schemas.ts'
import type { RunTable } from './types.ts'

export function createRunTable(room: Room): RunTable {
  return { ...createDocuments(room, 'runs', runSchema), ...createPlanTable(room) }
}
