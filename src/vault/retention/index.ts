/**
 * Retention: what is kept locked, what may go, and what has to (DESIGN 5).
 *
 * Invariants: what a retained point needs is locked; nothing goes that is not proven from the blobs
 * to be past, in two steps a day apart; doubt keeps. Timers, roles and approvals are not here.
 */

export { ERASE, type EraserDeps, type Erasure, eraseOwner, SPARE } from './erase.ts'
export { isErased } from './erased.ts'
export {
  type ExpirerDeps,
  type ExpiryDone,
  executePlans,
  PLAN_HOURS_MIN,
  type Planned,
  planExpiry,
} from './expirer.ts'
export {
  type KeeperDeps,
  type KeeperProgress,
  keeperProgressSchema,
  keeperStep,
} from './keeper.ts'
export { createRecord, datedName, fixedName } from './ops-records.ts'
export { ownerErased } from './owner-erased.ts'
export { HOLD, PIN, PIN_DAYS_MAX, RELEASE, UNPIN } from './rules.ts'
