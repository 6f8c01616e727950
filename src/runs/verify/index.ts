/** Verification of all owners on schedule: "verified until" is measured, not assumed (P10). */
export { type BeginVerifyDeps, type VerifySettings, verifyIfDue } from './begin.ts'
export { verifyStep } from './step.ts'
export { newVerification } from './verification.ts'
export type { VerifyRunDeps } from './work.ts'
