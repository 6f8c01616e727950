/** What a restore into a folder did, item by item where something failed. */
import type { KeyHash, WorkloadName } from '../../src/model/ids.ts'
import { bytesText, countText, plural, tableText } from '../out/table.ts'

/** Failures that are named; all are counted. */
const FAILURES_NAMED_MAX = 1000
const FAILURES_SHOWN_MAX = 20

export interface Failure {
  item: KeyHash
  workload: WorkloadName
  /** Where it would have gone, with `/`. */
  path: string
  code: string
}

export interface WorkloadReport {
  workload: WorkloadName
  /** Time of the recovery point. */
  time: string
  seq: number
  written: number
  alreadyThere: number
  bytes: number
  failed: number
  /** Shortcuts and the like: held by name and place only. */
  withoutContent: number
  /** Not written: `cat` gives each of them. */
  earlierVersions: number
  /** Seen and never stored: in the ledger at this point. */
  notStored: number
  /** Seqs of commits that cannot be read: what they said is not restored. */
  damagedCommits: number[]
}

export interface FolderReport {
  workloads: WorkloadReport[]
  /** By code. */
  failures: Record<string, number>
  named: Failure[]
}

export function emptyReport(): FolderReport {
  return { workloads: [], failures: {}, named: [] }
}

export function addFailure(report: FolderReport, failure: Failure): void {
  report.failures[failure.code] = (report.failures[failure.code] ?? 0) + 1
  if (report.named.length < FAILURES_NAMED_MAX) report.named.push(failure)
}

export function isWhole({ workloads }: FolderReport): boolean {
  return workloads.every(({ failed, damagedCommits }) => failed + damagedCommits.length === 0)
}

export function folderReportText(report: FolderReport): string {
  const head = ['workload', 'as of', '>written', '>there already', '>size', '>failed']
  const rows = report.workloads.map((w) => [
    ...[w.workload, w.time, countText(w.written), countText(w.alreadyThere)],
    ...[bytesText(w.bytes), countText(w.failed)],
  ])
  const shown = report.named.slice(0, FAILURES_SHOWN_MAX)
  const hidden = sum(report, 'failed') - shown.length
  return [
    tableText(head, rows),
    ...remarks(report).map((remark) => `· ${remark}`),
    ...(shown.length === 0
      ? []
      : [
          '',
          tableText(
            ['not written', 'item', 'why'],
            shown.map((f) => [f.path, f.item, f.code]),
          ),
        ]),
    ...(hidden > 0 && shown.length > 0 ? [`and ${plural(hidden, 'more', 'more')}`] : []),
    '',
    isWhole(report)
      ? 'Everything that is held was written, and every byte was checked.'
      : 'Not everything could be read. What was written was checked; run "holdfast vault verify".',
  ].join('\n')
}

function sum({ workloads }: FolderReport, what: keyof WorkloadReport & NumberKeys): number {
  return workloads.reduce((all, workload) => all + workload[what], 0)
}
type NumberKeys = 'failed' | 'withoutContent' | 'earlierVersions' | 'notStored'

function remarks(report: FolderReport): string[] {
  const said: string[] = []
  const tell = (what: NumberKeys, text: string) => {
    const count = sum(report, what)
    if (count > 0) said.push(`${plural(count, 'item')} ${text}`)
  }
  tell('withoutContent', 'held by name and place only (shortcuts and the like): nothing to write')
  tell('earlierVersions', 'earlier versions of files: not written; holdfast vault cat gives each')
  tell('notStored', 'could not be stored when they were seen (the ledger), so they are not held')
  const damaged = report.workloads.flatMap(({ damagedCommits }) => damagedCommits)
  if (damaged.length > 0) {
    said.push(`${plural(damaged.length, 'commit')} cannot be read: what they said is missing`)
  }
  return said
}
