/**
 * The report of a demo: one document for machines, and the same for people.
 *
 * Pure: nothing is decided while printing. `ok` is worked out in one place, from the product's
 * own report and from the verdict, which know nothing of each other.
 */
import Table from 'cli-table3'
import pc from 'picocolors'
import { countDifferences, type Fidelity, type Verdict } from '../verdict/index.ts'
import type { RestoreLine } from './api-client.ts'
import { type BackupResult, requestsOf } from './backup.ts'
import type { ImportProof } from './import-proof.ts'
import { countText, durationText, plural } from './progress.ts'
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

export interface Report {
  ok: boolean
  /** Why it is not ok, in sentences; empty otherwise. */
  reasons: string[]
  backup: BackupNumbers
  incremental: BackupNumbers
  restore: RestoreNumbers
  verdict: {
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
  events: string[]
  wishes: string[]
  import?: ImportProof & { refusedFiles: { file: string; reason: string }[] }
}

export interface ReportInput {
  first: BackupResult
  incremental: BackupResult
  restores: readonly RestoreResult[]
  verdict: Verdict
  fidelity: Fidelity
  events: readonly string[]
  wishes: readonly string[]
  proof: (ImportProof & { refusedFiles: { file: string; reason: string }[] }) | undefined
}

const UNLISTED_MAX = 100

export function reportOf(input: ReportInput): Report {
  const { verdict, fidelity, proof } = input
  const lines = input.restores.flatMap((result) => result.lines)
  const restore = restoreNumbers(input.restores)
  const reasons = reasonsOf(input, restore, lines)
  const { ok, expected, restored, missing, refused, untouched, keptNewer, problems } = verdict
  return {
    ok: reasons.length === 0,
    reasons,
    backup: backupNumbers(input.first),
    incremental: backupNumbers(input.incremental),
    restore,
    verdict: {
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
    },
    events: [...input.events],
    wishes: [...input.wishes],
    ...(proof === undefined ? {} : { import: proof }),
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

/** Everything that keeps a demo from being ok, each in a sentence. */
function reasonsOf(
  { verdict, fidelity, proof, restores }: ReportInput,
  restore: RestoreNumbers,
  lines: readonly RestoreLine[],
): string[] {
  const reasons: string[] = []
  const when = (is: boolean, sentence: string) => {
    if (is) reasons.push(sentence)
  }
  when(restore.failed > 0, `${plural(restore.failed, 'item')} could not be restored`)
  when(restore.unknown > 0, `of ${plural(restore.unknown, 'item')} nobody knows how they ended`)
  const told = restores.reduce((sum, { lines: all }) => sum + all.filter(isItem).length, 0)
  when(told !== restore.planned, `${restore.planned} items were planned, the report has ${told}`)
  const untyped = lines.filter(({ outcome, code }) => outcome === 'refused' && !code).length
  when(untyped > 0, `${plural(untyped, 'refusal')} without a type`)
  const fields = new Set(lines.flatMap((line) => line.fields ?? []))
  const own = [...fields].filter((field) => !fidelity.has(field))
  when(own.length > 0, `the restore says that unlisted fields differ: ${own.join(', ')}`)
  when(verdict.problems.length > 0, plural(verdict.problems.length, 'problem in the verdict'))
  const unlisted = countDifferences(verdict.differences).filter(({ listed }) => !listed)
  const names = unlisted.map(({ field }) => field).join(', ')
  when(unlisted.length > 0, `differences that docs/fidelity.md does not list: ${names}`)
  when(proof?.ok === false, 'not every imported message is accounted for byte by byte')
  when(reasons.length === 0 && !verdict.ok, 'the verdict is not good')
  return reasons
}

function isItem({ kind }: RestoreLine): boolean {
  return kind === 'item'
}

const SHOWN_MAX = 12

/** For people, on a terminal of 100 columns or in a log. */
export function reportText(report: Report): string {
  const parts = [
    section('What happened', report.events.map((event) => `  · ${event}`).join('\n')),
    section('What was asked back', report.wishes.map((wish) => `  · ${wish}`).join('\n')),
    section('Backups', backupTable(report)),
    section('Restores', restoreText(report.restore)),
    section('Verdict, from the tenant before and after', verdictText(report.verdict)),
    section('Differences in restored messages', differenceTable(report)),
    ...(report.import ? [section('Imported mail', importText(report.import))] : []),
    conclusion(report),
  ]
  return parts.join('\n\n')
}

function section(title: string, body: string): string {
  return `${pc.bold(title)}\n${body}`
}

const PLAIN = { style: { head: [], border: [] } }

function backupTable({ backup, incremental }: Report): string {
  const table = new Table({
    ...PLAIN,
    head: ['', 'items', 'stored', 'restated', 'left', 'ledger', 'MB', 'requests', 'seconds'],
    colAligns: ['left', ...Array.from({ length: 8 }, () => 'right' as const)],
  })
  const row = (name: string, n: BackupNumbers) => {
    const counts = [n.items, n.stored, n.restated, n.left, n.ledger].map(countText)
    return [name, ...counts, (n.bytes / 1_048_576).toFixed(1), countText(n.requests), n.seconds]
  }
  table.push(row('first', backup), row('incremental', incremental))
  return table.toString()
}

function restoreText(n: RestoreNumbers): string {
  const outcomes = [
    `${countText(n.restored)} restored`,
    `${countText(n.alreadyThere)} there already`,
    `${countText(n.skipped)} skipped (there with other content)`,
    `${countText(n.refused)} refused`,
    `${countText(n.failed)} failed`,
    `${countText(n.unknown)} unknown`,
  ]
  const checks = [
    `${countText(n.verified)} verified`,
    `${countText(n.differs)} differ in listed fields`,
    `${countText(n.couldNotCheck)} could not be checked`,
  ]
  return [
    `  ${plural(n.planned, 'item')} planned: ${outcomes.join(', ')}`,
    `  Read back by the restore itself: ${checks.join(', ')}`,
    `  ${plural(n.requests, 'request')} in ${durationText(n.seconds)}`,
  ].join('\n')
}

function verdictText(verdict: Report['verdict']): string {
  const { expected, restored, refused, missing, untouched, keptNewer, problems } = verdict
  const lines = [
    `  ${plural(expected, 'message')} had to come back: ${countText(restored)} did, ` +
      `${countText(refused)} were refused, ${countText(missing)} are missing`,
    `  ${countText(untouched)} were in place and are untouched; ` +
      `${countText(keptNewer)} have a newer state, which was kept`,
    ...verdict.refusals.map(({ code, count }) => `  refused: ${code} (${count})`),
    ...problems.slice(0, SHOWN_MAX).map(problemText),
  ]
  if (problems.length > SHOWN_MAX) lines.push(`  ... and ${problems.length - SHOWN_MAX} more`)
  return lines.join('\n')
}

function problemText({ kind, user, name, folder, detail }: Verdict['problems'][number]): string {
  return pc.red(`  ${kind}: "${name}" in ${folder} of ${user}: ${detail}`)
}

function differenceTable({ verdict }: Report): string {
  if (verdict.differences.length === 0) return '  none'
  const table = new Table({
    ...PLAIN,
    head: ['field', 'messages', 'docs/fidelity.md says'],
    colAligns: ['left', 'right', 'left'],
    colWidths: [34, 10, 52],
    wordWrap: true,
  })
  for (const { field, count, listed, when } of verdict.differences) {
    table.push([field, countText(count), listed ? when : pc.red('not listed')])
  }
  const examples = verdict.unlisted.slice(0, SHOWN_MAX).map(exampleText)
  return [table.toString(), ...examples].join('\n')
}

const VALUE_CHARACTERS_MAX = 60

function exampleText(example: Report['verdict']['unlisted'][number]): string {
  const value = (what: unknown) =>
    (JSON.stringify(what) ?? 'nothing').slice(0, VALUE_CHARACTERS_MAX)
  const { field, name, before, after } = example
  return pc.red(`  ${field} of "${name}": ${value(before)} became ${value(after)}`)
}

function importText(proof: NonNullable<Report['import']>): string {
  const { messages, stored, ledger, unaccounted, mimeIdentical, mimeDiffering } = proof
  return [
    `  ${plural(messages, 'message')}: ${countText(stored)} stored, ` +
      `${countText(ledger.length)} in the ledger, ${countText(unaccounted.length)} unaccounted for`,
    `  ${countText(mimeIdentical)} stored MIME streams are byte-identical to an answer of Graph, ` +
      `${countText(mimeDiffering.length)} are not`,
    ...proof.refusedFiles.map(({ file, reason }) => `  not imported: ${file}: ${reason}`),
    ...ledger.map(({ subject, reason, code }) => `  ledger: "${subject}": ${reason} (${code})`),
    ...unaccounted.map((subject) => pc.red(`  unaccounted for: "${subject}"`)),
    ...mimeDiffering.map((subject) => pc.red(`  not identical: "${subject}"`)),
  ].join('\n')
}

function conclusion({ ok, reasons, verdict }: Report): string {
  if (ok) {
    const { restored, refused } = verdict
    const but = refused === 0 ? '' : `, ${countText(refused)} refused with a reason`
    return pc.green(pc.bold(`Everything came back: ${plural(restored, 'message')}${but}.`))
  }
  return pc.red(
    pc.bold(`Not everything is as it should be:\n${reasons.map((r) => `  · ${r}`).join('\n')}`),
  )
}
