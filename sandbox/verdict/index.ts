/** The verdict over a restore, from the tenant's own state. Others import only this file. */
export { identityOf, type RestoreAsked } from './expect.ts'
export { type Fidelity, type FidelityRule, parseFidelity } from './fidelity.ts'
export type { FileRestoreAsked } from './files/expect.ts'
export { protectedLibraries } from './files/expect.ts'
export { filesOf, foldersOf, type SiteFile, type SiteFolder } from './files/places.ts'
export { judgeSites, type SiteCase } from './files/verdict.ts'
export {
  countDifferences,
  type Difference,
  type Problem,
  type ProblemKind,
  type Refusal,
  type Verdict,
} from './findings.ts'
export { protectedFolders } from './places.ts'
export { judge, type MailboxCase } from './verdict.ts'
