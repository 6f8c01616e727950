/** What every table of the catalogue works with. */
import type { Clock, Randomness, TableStore } from '../ports.ts'

export interface Room {
  /** Wrapped in withAzureLimits. */
  tables: TableStore
  tenantId: string
  clock: Clock
  random: Randomness
}
