/** What a verification says in the end. Pure. */
import { FINDINGS, type Finding, type Severity, severityOf } from './findings.ts'
import type { VerifyCounts, VerifyPlan, VerifyProgress } from './progress.ts'

/**
 * `verified` is said only where every segment was opened (promise P10). `sampled`: those of the
 * sample were. `hashes`: nothing was opened, and every hash is right. `unopened`: it was to be
 * opened, and could not. `nothing`: there was nothing to look at.
 */
export type VerifyOutcome = 'verified' | 'sampled' | 'hashes' | 'unopened' | 'findings' | 'nothing'

export interface ReportedFinding extends Finding {
  severity: Severity
  what: string
  todo: string
}

export interface VerifyReport {
  outcome: VerifyOutcome
  plan: VerifyPlan
  counts: VerifyCounts
  severities: VerifyProgress['severities']
  /** All findings by code, also those that are not listed. */
  found: VerifyProgress['found']
  findings: ReportedFinding[]
}

const ORDER: readonly Severity[] = ['error', 'warning', 'notice']

export function reportOf(progress: VerifyProgress): VerifyReport {
  const { plan, counts, severities, found } = progress
  const findings = progress.findings.map((finding) => {
    const { what, todo } = FINDINGS[finding.code]
    return { ...(finding as Finding), severity: severityOf(finding as Finding), what, todo }
  })
  findings.sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity))
  return { outcome: outcomeOf(progress), plan, counts, severities, found, findings }
}

function outcomeOf({ plan, counts, severities }: VerifyProgress): VerifyOutcome {
  if (severities.error + severities.warning > 0) return 'findings'
  if (counts.owners === 0 || counts.commits + counts.packs === 0) return 'nothing'
  if (plan.openPercent === 0 || counts.segments === 0) return 'hashes'
  if (plan.openPercent < 100) return counts.opened > 0 ? 'sampled' : 'unopened'
  return counts.opened === counts.segments ? 'verified' : 'unopened'
}
