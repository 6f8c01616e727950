/** Rows made again from the vault: one owner's, or the whole catalogue's (decision 012). */
export { type AskDeps, askForRebuild, type RebuildRequest } from './ask.ts'
export { type BeginDeps, openRebuild, rebuildIfLost } from './begin.ts'
export { type CompareDeps, type CompareHooks, compareCatalogue } from './compare.ts'
export {
  type ComparePlan,
  type CompareProgress,
  type CompareReport,
  compareProgressSchema,
  compareReport,
  compareStart,
  type ReportedDifference,
} from './compare-report.ts'
export type { Erasures } from './identify.ts'
export { type RebuildDeps, rebuildStep } from './step.ts'
export { newRebuild, OPEN_MAX } from './work-list.ts'
