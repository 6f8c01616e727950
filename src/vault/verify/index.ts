/** Verification from blobs alone: what is there is whole, and opens. */
export {
  FINDINGS,
  type Finding,
  type FindingCode,
  type Severity,
  severityOf,
} from './findings.ts'
export { ownersHeld } from './owners-held.ts'
export {
  plannedLocks,
  type VerifyCounts,
  type VerifyPlan,
  type VerifyProgress,
  verifyOwnerStart,
  verifyProgressSchema,
  verifyStart,
} from './progress.ts'
export { type ReportedFinding, reportOf, type VerifyOutcome, type VerifyReport } from './report.ts'
export { measure, type VerifyDeps, type VerifyOptions, verifyVault } from './verify.ts'
