/** What was counted and found so far. */
import { type Finding, type FindingCode, severityOf } from './findings.ts'
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
    const same = isOfMany(finding) ? findings.find((f) => isSameKind(f, finding)) : undefined
    if (same) same.count = (same.count ?? 1) + times
    else if (findings.length < FINDINGS_NAMED_MAX) findings.push(withoutAbsent(finding))
  }

  /** A copy that later work does not change. */
  at(position: Position): VerifyProgress {
    return structuredClone({ ...this.#progress, at: position })
  }
}

const OF_MANY: ReadonlySet<FindingCode> = new Set([
  ...(['LockMissing', 'LockOpen', 'LockShort', 'LockLong'] as const),
])

/** Found of one blob, it is soon found of all: one place for each owner leaves room for others. */
const isOfMany = ({ code }: Finding): boolean => OF_MANY.has(code)

const isSameKind = (a: Pick<Finding, 'code' | 'owner'>, b: Finding): boolean =>
  a.code === b.code && a.owner === b.owner

function withoutAbsent(finding: Finding): VerifyProgress['findings'][number] {
  const given = Object.entries(finding).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as VerifyProgress['findings'][number]
}
