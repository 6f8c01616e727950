/** The report of a demo for people. Nothing is decided while printing. */
import Table from 'cli-table3'
import pc from 'picocolors'
import type { Verdict } from '../verdict/index.ts'
import { countText, durationText, plural } from './progress.ts'
import type {
  BackupNumbers,
  FileNumbers,
  RansomwareNumbers,
  Report,
  RestoreNumbers,
  VerdictNumbers,
} from './report.ts'

const SHOWN_MAX = 12

/** For people, on a terminal of 100 columns or in a log. */
export function reportText(report: Report): string {
  const { ransomware } = report
  const parts = [
    section('A day of mistakes', listText(report.events)),
    section('What was asked back', listText(report.wishes)),
    section('Restores', restoreText(report.restore)),
    section('Verdict, from the tenant before and after', verdictText(report.verdict)),
    ...fileSections(report.files),
    section('A day of ransomware', listText(ransomware.events)),
    section('What was asked back', listText(ransomware.wishes)),
    section('Restore', restoreText(ransomware.restore)),
    section('Verdict, from the tenant before and after', verdictText(ransomware.verdict)),
    ...fileSections(ransomware.files),
    section('Backups', backupTable(report)),
    section('Differences in what was restored', differenceTable(report)),
    ...(report.import ? [section('Imported mail', importText(report.import))] : []),
    conclusion(report),
  ]
  return parts.join('\n\n')
}

function fileSections(files: FileNumbers | undefined): string[] {
  if (files === undefined) return []
  return [
    section('Files: what happened', listText(files.events)),
    section('Files: what was asked back', listText(files.wishes)),
    section('Files: restores', restoreText(files.restore)),
    section('Files: verdict, from the tenant before and after', verdictText(files.verdict, 'file')),
  ]
}

function listText(sentences: readonly string[]): string {
  return sentences.map((sentence) => `  · ${sentence}`).join('\n')
}

function section(title: string, body: string): string {
  return `${pc.bold(title)}\n${body}`
}

/** One rule below the head and none between rows. */
const PLAIN = {
  style: { head: [], border: [] },
  chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
}

function backupTable({ backup, incremental, ransomware }: Report): string {
  const table = new Table({
    ...PLAIN,
    head: ['', 'items', 'stored', 'restated', 'left', 'ledger', 'MB', 'requests', 'seconds'],
    colAligns: ['left', ...Array.from({ length: 8 }, () => 'right' as const)],
  })
  const row = (name: string, n: BackupNumbers) => {
    const counts = [n.items, n.stored, n.restated, n.left, n.ledger].map(countText)
    return [name, ...counts, (n.bytes / 1_048_576).toFixed(1), countText(n.requests), n.seconds]
  }
  table.push(
    row('first', backup),
    row('after the mistakes', incremental),
    row('after the attack', ransomware.backup),
  )
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

function verdictText(verdict: VerdictNumbers, what = 'message'): string {
  const { expected, restored, refused, missing, untouched, keptNewer, problems } = verdict
  const lines = [
    `  ${plural(expected, what)} had to come back: ${countText(restored)} did, ` +
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

/** Of both days: what a restore cannot bring back does not depend on how it was lost. */
function differenceTable(report: Report): string {
  const verdicts = verdictsOf(report)
  const both = verdicts.flatMap(({ differences }) => differences)
  if (both.length === 0) return '  none'
  const table = new Table({
    ...PLAIN,
    head: ['field', 'items', 'docs/fidelity.md says'],
    colAligns: ['left', 'right', 'left'],
    colWidths: [34, 10, 52],
    wordWrap: true,
  })
  for (const [field, same] of Map.groupBy(both, (each) => each.field)) {
    const count = same.reduce((sum, each) => sum + each.count, 0)
    const [first] = same
    const when = same.every(({ listed }) => listed) ? first?.when : pc.red('not listed')
    table.push([field, countText(count), when ?? ''])
  }
  const unlisted = verdicts.flatMap((verdict) => verdict.unlisted)
  const examples = unlisted.slice(0, SHOWN_MAX).map(exampleText)
  return [table.toString(), ...examples].join('\n')
}

function verdictsOf({ verdict, files, ransomware }: Report): VerdictNumbers[] {
  const all = [verdict, files?.verdict, ransomware.verdict, ransomware.files?.verdict]
  return all.filter((each) => each !== undefined)
}

const VALUE_CHARACTERS_MAX = 60

function exampleText(example: VerdictNumbers['unlisted'][number]): string {
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

function conclusion(report: Report): string {
  const { ok, reasons, verdict, files, ransomware } = report
  if (!ok) {
    const list = reasons.map((reason) => `  · ${reason}`).join('\n')
    return pc.red(pc.bold(`Not everything is as it should be:\n${list}`))
  }
  const refused = verdictsOf(report).reduce((sum, each) => sum + each.refused, 0)
  const but = refused === 0 ? '' : `, ${countText(refused)} refused with a reason`
  const messages = plural(verdict.restored + ransomware.verdict.restored, 'message')
  const found = (files?.verdict.restored ?? 0) + (ransomware.files?.verdict.restored ?? 0)
  const all = files === undefined ? messages : `${messages} and ${plural(found, 'file')}`
  return pc.green(pc.bold(`Everything came back: ${all}${but}.\n${attackText(ransomware)}`))
}

function attackText({ encrypted, deleted, verdict, restore, files }: RansomwareNumbers): string {
  return (
    `The ransomware encrypted ${countText(encrypted)} and deleted ${countText(deleted)} messages; ` +
    `${countText(verdict.restored)} of ${countText(verdict.expected)} clean ones came back in ` +
    `${durationText(restore.seconds)} with ${plural(restore.requests, 'request')}, ` +
    `${countText(restore.verified)} of them read back and verified.${fileAttackText(files)}`
  )
}

function fileAttackText(files: RansomwareNumbers['files']): string {
  if (files === undefined) return ''
  const { encrypted, deleted, verdict, restore } = files
  return (
    `\nIt overwrote ${countText(encrypted)} files and deleted ${countText(deleted)}; ` +
    `${countText(verdict.restored)} of ${countText(verdict.expected)} came back in ` +
    `${durationText(restore.seconds)} with ${plural(restore.requests, 'request')}.`
  )
}
