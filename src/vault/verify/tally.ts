/** What was counted and found so far. */
import { type Finding, severityOf } from './findings.ts'
import {
  FINDINGS_NAMED_MAX,
  type Position,
  type VerifyCounts,
  type VerifyProgress,
} from './progress.ts'

export class Tally {
  readonly #progress: VerifyProgress

  constructor(from: VerifyProgress) {
    this.#progress = structuredClone(from)
  }

  add(counts: Partial<VerifyCounts>): void {
    const all = this.#progress.counts
    for (const [name, more] of Object.entries(counts) as [keyof VerifyCounts, number][]) {
      all[name] += more
    }
  }

  find(finding: Finding): void {
    const { found, severities, findings } = this.#progress
    const times = finding.code === 'ForeignBlobs' ? 1 : (finding.count ?? 1)
    found[finding.code] = (found[finding.code] ?? 0) + times
    severities[severityOf(finding)] += times
    if (findings.length < FINDINGS_NAMED_MAX) findings.push(withoutAbsent(finding))
  }

  /** A copy that later work does not change. */
  at(position: Position): VerifyProgress {
    return structuredClone({ ...this.#progress, at: position })
  }
}

function withoutAbsent(finding: Finding): VerifyProgress['findings'][number] {
  const given = Object.entries(finding).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as VerifyProgress['findings'][number]
}
