/** The figures of mail, for people. Pure. */
import pc from 'picocolors'
import { INCREMENTAL_BESIDE_MAX } from '../budget.ts'
import { countText, durationText } from '../progress.ts'
import { type MailFigures, REQUESTS_PER_MESSAGE_MAX } from './mail-figures.ts'
import { type RunFigures, WORKER_MB_MAX } from './run-figures.ts'

export function mailLines(figures: MailFigures): string[] {
  const { workerPeakMb } = figures
  return [
    ...firstLines(figures.first),
    ...laterLines(figures),
    pc.bold('Worker'),
    `  peak memory               ${workerPeakMb ?? 'not measured'} MB (limit ${WORKER_MB_MAX})`,
  ]
}

function firstLines(first: MailFigures['first']): string[] {
  return [
    pc.bold('First run'),
    `  requests for a message    ${first.requestsPerMessage} (limit ${REQUESTS_PER_MESSAGE_MAX})`,
    `  requests                  ${countText(first.requests)}, ${first.throttled} of them throttled`,
    ...kindLines(first),
    `  items                     ${countText(first.items)} in ${durationText(first.seconds)}`,
    `  speed                     ${first.itemsPerSecond} items/s, ${first.mbPerSecond} MB/s`,
  ]
}

function laterLines({ quiet, unchanged, incremental, flags }: MailFigures): string[] {
  const { folders, besideForMailbox, content, newMessages, confirming, hidden } = incremental
  const limit = folders + INCREMENTAL_BESIDE_MAX
  return [
    pc.bold('Round of every mailbox (nothing had changed)'),
    ...runLines(quiet),
    pc.bold('Tick (nothing had changed)'),
    `  for each mailbox          ${unchanged.leastForMailbox} to ${unchanged.mostForMailbox} (limit 1)`,
    ...runLines(unchanged),
    pc.bold(`Tick after ${countText(newMessages)} new messages`),
    `  content requests          ${countText(content)} (limit ${countText(newMessages)})`,
    `  for each mailbox, beside  at most ${besideForMailbox} for ${folders} folders (limit ${limit})`,
    `  to confirm the lists      ${countText(confirming)}`,
    `  to look for hidden ones   ${countText(hidden)}`,
    ...runLines(incremental),
    pc.bold(`Run after ${countText(flags.changes)} flags`),
    `  content requests          ${countText(flags.content)} (limit 0)`,
    ...runLines(flags),
  ]
}

function runLines(run: RunFigures): string[] {
  const { requests, seconds } = run
  return [
    `  requests                  ${countText(requests)} in ${durationText(seconds)}`,
    ...kindLines(run),
  ]
}

function kindLines(run: RunFigures): string[] {
  return Object.entries(run.requestsByKind)
    .toSorted(([, a], [, b]) => b - a)
    .map(([kind, count]) => `    ${kind.padEnd(24)}${countText(count).padStart(9)}`)
}
