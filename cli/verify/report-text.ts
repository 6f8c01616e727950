/** What a verification says, for people. Pure. */
import pc from 'picocolors'
import type { ReportedFinding, VerifyReport } from '../../src/vault/verify/index.ts'
import { bytesText, countText, plural, tableText } from '../out/table.ts'

/** Places that are listed; --json has more. */
const PLACES_SHOWN_MAX = 50

export function verifyReportText(report: VerifyReport): string {
  const { findings } = report
  return [
    countsText(report),
    ...(findings.length === 0 ? [] : ['', kindsText(report), '', placesText(findings)]),
    '',
    ...unseenText(report),
    outcomeText(report),
  ].join('\n')
}

function countsText({ counts, plan, found }: VerifyReport): string {
  const isSeen = plan.locks !== undefined && found.VersionsNotKept === undefined
  const held = countText(counts.held)
  const lines: [string, string][] = [
    ['owners', countText(counts.owners)],
    ['streams', countText(counts.streams)],
    ['commits', `${countText(counts.commits)} with ${plural(counts.events, 'event')}`],
    ['bases', countText(counts.bases)],
    ['packs', `${countText(counts.packs)} (${bytesText(counts.packBytes)})`],
    [
      'segments opened',
      `${countText(counts.opened)} of ${countText(counts.segments)} (${bytesText(counts.openedBytes)})`,
    ],
    ['items put together', `${countText(counts.items)} (${bytesText(counts.itemBytes)})`],
  ]
  // What was not asked for would look as if it had failed.
  const shown = plan.openPercent === 0 ? lines.slice(0, -2) : lines
  if (isSeen) shown.push(['versions', `${countText(counts.versions)}, ${held} under a legal hold`])
  const width = Math.max(...shown.map(([name]) => name.length)) + 2
  return shown.map(([name, value]) => `${name.padEnd(width)}${value}`).join('\n')
}

function kindsText({ findings, found }: VerifyReport): string {
  const kinds = [...Map.groupBy(findings, ({ code }) => code).values()].flatMap(([first]) =>
    first === undefined ? [] : [first],
  )
  return kinds
    .map(({ code, severity, what, todo }) => {
      const title = `${severity.toUpperCase()} ${code}: ${what} (${plural(found[code] ?? 1, 'time')})`
      const paint = severity === 'error' ? pc.red : severity === 'warning' ? pc.yellow : String
      return `${paint(title)}\n  ${todo}`
    })
    .join('\n')
}

function placesText(findings: readonly ReportedFinding[]): string {
  const shown = findings.slice(0, PLACES_SHOWN_MAX)
  const rows = shown.map((f) => [
    ...[f.code, f.owner, f.workload, f.seq],
    f.blob?.replace(`${f.owner}`, '…') ?? f.pack ?? (f.item && `item ${f.item}`) ?? '',
    whatFailed(f),
  ])
  const table = tableText(['finding', 'owner', 'stream', '>seq', 'where', 'what failed'], rows)
  const hidden = findings.length - shown.length
  return hidden === 0 ? table : `${table}\nand ${plural(hidden, 'more', 'more')}; --json has them.`
}

function whatFailed({ segment, check, count }: ReportedFinding): string | undefined {
  if (segment !== undefined) return `segment ${segment.slice(0, 12)}: ${check}`
  return check ?? (count !== undefined && count > 1 ? `and ${count - 1} more` : undefined)
}

/** What nobody looked at must not look as if it were in order. */
function unseenText({ plan }: VerifyReport): string[] {
  const lines = []
  if (plan.locks === undefined) {
    lines.push('Versions and locks were not looked at: a folder has none, and a copy has its own.')
  }
  if (plan.copied) {
    lines.push('When blobs were created was not looked at: in a copy the stated times count.')
  }
  return lines
}

function outcomeText({ outcome, counts, severities, plan }: VerifyReport): string {
  switch (outcome) {
    case 'verified':
      return pc.green('Verified: every segment was opened, and everything is as it was written.')
    case 'sampled':
      return pc.green(
        `Everything that was looked at is as it was written. ${countText(counts.opened)} of ` +
          `${plural(counts.segments, 'segment')} were opened (a sample of ${plan.openPercent} %).`,
      )
    case 'hashes':
      return pc.green('All hashes are right. Nothing was opened, so this does not say "verified".')
    case 'unopened':
      return pc.yellow('No damage was found, but not everything that was to be opened was.')
    case 'nothing':
      return pc.yellow('There was nothing to verify.')
    case 'findings':
      return pc.red(
        `${plural(severities.error, 'error')} and ${plural(severities.warning, 'warning')}.`,
      )
  }
}
