/**
 * The catalogue: Azure tables as an index over the commits (DESIGN 6).
 *
 * Whatever comes from commits can be rebuilt from the blobs; the rest is measured again (P6).
 * Callers never retry these calls: conflicts are settled inside, and the store retries transport
 * trouble.
 */
import type { Clock, Randomness, TableStore } from '../ports.ts'
import { createBudgetTable } from './budgets.ts'
import { forgetOwner } from './forget-owner.ts'
import { createJobTable } from './jobs.ts'
import { withAzureLimits } from './limits.ts'
import { createNotes } from './notes.ts'
import { createOwnerTable } from './owners.ts'
import { createPackTable } from './packs.ts'
import { createRebuildTable } from './rebuilds.ts'
import { createResourceTable } from './resources.ts'
import { createRunTable } from './runs.ts'
import { createSlotTable } from './slots.ts'
import { createStreamTables } from './stream.ts'
import type { Catalogue } from './types.ts'
import { createVerificationTable } from './verifications.ts'

export interface CatalogueOptions {
  tables: TableStore
  tenantId: string
  clock: Clock
  random: Randomness
  /** Protection window R. */
  protectionDays: number
  /** Generation G; a new blob is locked for R + G days. */
  generationDays: number
}

/** The tables must exist: TableStore.prepare makes them. */
export function createCatalogue(options: CatalogueOptions): Catalogue {
  const { tenantId, clock, random, protectionDays, generationDays } = options
  const room = { tables: withAzureLimits(options.tables), tenantId, clock, random }
  return {
    resources: createResourceTable(room),
    owners: createOwnerTable(room),
    packs: createPackTable(room),
    runs: createRunTable(room),
    rebuilds: createRebuildTable(room),
    verifications: createVerificationTable(room),
    jobs: createJobTable(room),
    slots: createSlotTable(room),
    budgets: createBudgetTable(room),
    stream: (owner, workload) =>
      createStreamTables(room, { owner, workload }, protectionDays + generationDays),
    forgetOwner: (owner, signal) => forgetOwner(room, owner, { guard: () => undefined, signal }),
    ...createNotes(room),
  }
}

export { SPENT_WITHIN_MS } from './budgets.ts'
export {
  COMPARED_TABLES,
  type ComparedTable,
  type RowDifference,
  type StreamComparison,
  type StreamTruth,
  type TableCounts,
} from './compare/index.ts'
export { ownerBucket, ownerPartition, resourcePartition } from './keys.ts'
export { withAzureLimits } from './limits.ts'
export type {
  Catalogue,
  FencedClaim,
  HeldCursor,
  HeldItem,
  Job,
  JobTable,
  KnownBase,
  Lease,
  Listed,
  OpenEntry,
  Owner,
  OwnerTable,
  PackTable,
  Page,
  PlanEntry,
  Point,
  Rebuild,
  RebuildCounts,
  RebuildOwner,
  RebuildTable,
  Resource,
  ResourceState,
  ResourceTable,
  Restated,
  Run,
  RunState,
  RunTable,
  ScanProgress,
  ScanRef,
  ScanTable,
  Slot,
  SlotTable,
  StreamTables,
  Verification,
  VerificationTable,
  Verified,
  WorkTable,
} from './types.ts'
export { RESOURCE_STATES, ROWS_WITHIN_MS } from './types.ts'
