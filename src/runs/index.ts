/** Runs: discovery, plan, the activities of a run, and the reconciler's decisions. */
export {
  captureNext,
  endWave,
  planRun,
  type RunDeps,
  type RunLog,
  type RunSettings,
} from './activities.ts'
export { discover } from './discover.ts'
export { isRunDue } from './due.ts'
export { askedOf, askHints } from './hints.ts'
export { decideRepair, type InstanceState } from './reconcile.ts'
export { createSetup, type SetupDone } from './setup.ts'
export { siteSource } from './site-source.ts'
export type { ContentAnswer, Found, ResourceSource, SourcePage } from './sources.ts'
export { userSource } from './user-source.ts'
