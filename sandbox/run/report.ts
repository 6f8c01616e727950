/**
 * The report of a demo: one document for machines (report-text.ts is the same for people).
 *
 * Pure. `ok` is worked out in one place, from the product's own report and from the verdict, which
 * know nothing of each other.
 */
import {
  countDifferences,
  type Fidelity,
  judge,
  judgeSites,
  type MailboxCase,
  type SiteCase,
  type Verdict,
} from '../verdict/index.ts'
import type { RestoreLine } from './api-client.ts'
import { type BackupResult, requestsOf } from './backup.ts'
import type { ImportProof } from './import-proof.ts'
import { plural } from './progress.ts'
import type { RestoreResult } from './restore.ts'

export interface BackupNumbers {
  /** What was read and ended in one of the next five. */
  items: number
  /** New versions with content, folders included. */
  stored: number
  /** Moved, read, flagged: a new version without a content request. */
  restated: number
  /** No longer in their folder, or deleted. */
  left: number
  ledger: number
  bytes: number
  /** As counted by the tenant. */
  requests: number
  seconds: number
}

export interface RestoreNumbers {
  planned: number
  restored: number
  skipped: number
  alreadyThere: number
  refused: number
  failed: number
  unknown: number
  verified: number
  differs: number
  couldNotCheck: number
  requests: number
  seconds: number
}

export interface VerdictNumbers {
  ok: boolean
  expected: number
  restored: number
  missing: number
  refused: number
  untouched: number
  keptNewer: number
  problems: Verdict['problems']
  differences: { field: string; count: number; listed: boolean; when: string }[]
  /** One by one, the first hundred. */
  unlisted: { user: string; name: string; field: string; before: unknown; after: unknown }[]
  refusals: { code: string; count: number }[]
}

/** What came of the files of a day. */
export interface FileNumbers {
  restore: RestoreNumbers
  verdict: VerdictNumbers
  events: string[]
  wishes: string[]
}

export interface RansomwareNumbers {
  /** Messages that it encrypted in place. */
  encrypted: number
  /** Messages that it deleted for good. */
  deleted: number
  /** The backup that ran over what it left. */
  backup: BackupNumbers
  restore: RestoreNumbers
  verdict: VerdictNumbers
  events: string[]
  wishes: string[]
  files?: FileNumbers & { encrypted: number; deleted: number }
}

export interface Report {
  ok: boolean
  /** Why it is not ok, in sentences; empty otherwise. */
  reasons: string[]
  backup: BackupNumbers
  /** The day of mistakes: the next five. */
  incremental: BackupNumbers
  restore: RestoreNumbers
  verdict: VerdictNumbers
  events: string[]
  wishes: string[]
  /** The same of files, where sites are backed up. */
  files?: FileNumbers
  ransomware: RansomwareNumbers
  import?: ImportProof & { refusedFiles: { file: string; reason: string }[] }
}

/** What happened on one day, and what came of it. */
export interface Day {
  backup: BackupResult
  restores: readonly RestoreResult[]
  cases: readonly MailboxCase[]
  events: readonly string[]
  wishes: readonly string[]
  files?: FileDay
}

/** What happened to files on one day, and what came of it. */
export interface FileDay {
  restores: readonly RestoreResult[]
  cases: readonly SiteCase[]
  events: readonly string[]
  wishes: readonly string[]
  /** By ransomware. */
  encrypted?: number
  deleted?: number
}

export interface RansomwareDay extends Day {
  encrypted: number
  deleted: number
}

export interface ReportInput {
  first: BackupResult
  mistakes: Day
  ransomware: RansomwareDay
  fidelity: Fidelity
  /** By the service, because something was shared. */
  mailsSent: number
  proof: (ImportProof & { refusedFiles: { file: string; reason: string }[] }) | undefined
}

const UNLISTED_MAX = 100

export function reportOf(input: ReportInput): Report {
  const { first, mistakes, ransomware, fidelity, proof, mailsSent } = input
  const { backup: incremental, reasons, files, ...day } = dayOf(mistakes, fidelity)
  const { reasons: attackReasons, files: hitFiles, ...attack } = dayOf(ransomware, fidelity)
  const { encrypted, deleted } = ransomware
  const all = [
    ...reasons,
    ...attackReasons.map((reason) => `on the ransomware day, ${reason}`),
    ...(encrypted === 0 ? ['the ransomware hit nothing, so nothing is shown'] : []),
    ...(mailsSent > 0 ? [`the restores caused ${plural(mailsSent, 'mail')} about sharing`] : []),
    ...(ransomware.files?.encrypted === 0 ? ['the ransomware hit no files'] : []),
    ...(proof?.ok === false ? ['not every imported message is accounted for byte by byte'] : []),
  ]
  return {
    ok: all.length === 0,
    reasons: all,
    backup: backupNumbers(first),
    ...{ incremental, ...day },
    ...(files === undefined ? {} : { files }),
    ransomware: {
      ...{ encrypted, deleted, ...attack },
      ...(hitFiles === undefined ? {} : { files: { ...hitFiles, ...hitsOf(ransomware.files) } }),
    },
    ...(proof === undefined ? {} : { import: proof }),
  }
}

function hitsOf(files: FileDay | undefined): { encrypted: number; deleted: number } {
  return { encrypted: files?.encrypted ?? 0, deleted: files?.deleted ?? 0 }
}

function dayOf(day: Day, fidelity: Fidelity) {
  const mail = partOf(day, judge(day.cases, fidelity), fidelity)
  const files = day.files && filesOf(day.files, fidelity)
  const { reasons, ...numbers } = mail
  return {
    backup: backupNumbers(day.backup),
    ...numbers,
    files: files?.numbers,
    reasons: [...reasons, ...(files?.reasons ?? []).map((reason) => `of files, ${reason}`)],
  }
}

function filesOf(
  day: FileDay,
  fidelity: Fidelity,
): { numbers: FileNumbers; reasons: readonly string[] } {
  const { reasons, ...numbers } = partOf(day, judgeSites(day.cases, fidelity), fidelity)
  return { numbers, reasons }
}

function partOf(
  day: Pick<FileDay, 'restores' | 'events' | 'wishes'>,
  verdict: Verdict,
  fidelity: Fidelity,
): FileNumbers & { reasons: string[] } {
  const restore = restoreNumbers(day.restores)
  return {
    restore,
    verdict: verdictNumbers(verdict, fidelity),
    events: [...day.events],
    wishes: [...day.wishes],
    reasons: reasonsOf({ day, verdict, restore, fidelity }),
  }
}

function verdictNumbers(verdict: Verdict, fidelity: Fidelity): VerdictNumbers {
  const { ok, expected, restored, missing, refused, untouched, keptNewer, problems } = verdict
  return {
    ...{ ok, expected, restored, missing, refused, untouched, keptNewer, problems },
    differences: countDifferences(verdict.differences).map((each) => ({
      ...each,
      when: fidelity.get(each.field)?.when ?? '',
    })),
    unlisted: verdict.differences
      .filter(({ listed }) => !listed)
      .slice(0, UNLISTED_MAX)
      .map(({ listed: _listed, ...difference }) => difference),
    refusals: countBy(verdict.refusals.map(({ code }) => code)),
  }
}

function backupNumbers({ counts, bytes, requests, seconds }: BackupResult): BackupNumbers {
  const { stored, restated, ledger } = counts
  const left = counts.left + counts.deleted
  return {
    items: stored + restated + left + ledger,
    ...{ stored, restated, left, ledger, bytes },
    requests: requestsOf(requests),
    seconds: rounded(seconds),
  }
}

function restoreNumbers(results: readonly RestoreResult[]): RestoreNumbers {
  const sum = (name: string) =>
    results.reduce((total, { job }) => total + (job.counts[name] ?? 0), 0)
  return {
    planned: results.reduce((total, { job }) => total + job.totals.items, 0),
    ...{ restored: sum('restored'), skipped: sum('skipped'), refused: sum('refused') },
    alreadyThere: sum('alreadyThere'),
    ...{ failed: sum('failed') + sum('foldersFailed'), unknown: sum('unknown') },
    ...{ verified: sum('verified'), differs: sum('differs') },
    couldNotCheck: sum('couldNotCheck'),
    requests: results.reduce((total, { job }) => total + job.requestsSent, 0),
    seconds: rounded(results.reduce((total, { seconds }) => total + seconds, 0)),
  }
}

function rounded(seconds: number): number {
  return Math.round(seconds * 10) / 10
}

function countBy(codes: readonly string[]): { code: string; count: number }[] {
  return [...Map.groupBy(codes, (code) => code)].map(([code, all]) => ({
    code,
    count: all.length,
  }))
}

/** Everything that keeps a day from being ok, each in a sentence. */
function reasonsOf(given: {
  day: Pick<FileDay, 'restores'>
  verdict: Verdict
  restore: RestoreNumbers
  fidelity: Fidelity
}): string[] {
  const { day, verdict, restore, fidelity } = given
  const lines = day.restores.flatMap((result) => result.lines)
  const reasons: string[] = []
  const when = (is: boolean, sentence: string) => {
    if (is) reasons.push(sentence)
  }
  when(restore.failed > 0, `${plural(restore.failed, 'item')} could not be restored`)
  when(restore.unknown > 0, `of ${plural(restore.unknown, 'item')} nobody knows how they ended`)
  const told = lines.filter(isItem).length
  when(told !== restore.planned, `${restore.planned} items were planned, the report has ${told}`)
  const untyped = lines.filter(({ outcome, code }) => outcome === 'refused' && !code).length
  when(untyped > 0, `${plural(untyped, 'refusal')} without a type`)
  const fields = new Set(lines.flatMap((line) => line.fields ?? []))
  const own = [...fields].filter((field) => !fidelity.has(field))
  when(own.length > 0, `the restore says that unlisted fields differ: ${own.join(', ')}`)
  when(
    verdict.problems.length > 0,
    plural(verdict.problems.length, 'problem in the verdict', 'problems in the verdict'),
  )
  const unlisted = countDifferences(verdict.differences).filter(({ listed }) => !listed)
  const names = unlisted.map(({ field }) => field).join(', ')
  when(unlisted.length > 0, `differences that docs/fidelity.md does not list: ${names}`)
  when(reasons.length === 0 && !verdict.ok, 'the verdict is not good')
  return reasons
}

function isItem({ kind }: RestoreLine): boolean {
  return kind === 'item'
}
