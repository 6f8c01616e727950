/** `holdfast vault rebuild`: the tables made again from the blobs, or compared with them. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { systemClock, systemRandomness } from '../../src/adapters/system.ts'
import type { Rebuild } from '../../src/catalogue/types.ts'
import type { OwnerId } from '../../src/model/ids.ts'
import {
  askForRebuild,
  type CompareProgress,
  compareCatalogue,
  compareProgressSchema,
  compareReport,
  compareStart,
} from '../../src/runs/rebuild/index.ts'
import { EXIT_CODES } from '../exit-codes.ts'
import { addOpsOptions, type OpsOptions } from '../open/ops.ts'
import { addVaultOptions, ownerOption, type VaultOptions } from '../open/options.ts'
import { addTableOptions, type TableOptions } from '../open/tables.ts'
import { plainJson } from '../out/plain-text.ts'
import { type ProgressBar, progressBar } from '../out/progress-bar.ts'
import { openProgressFile } from '../out/progress-file.ts'
import type { Setting } from '../program.ts'
import { type OpenCatalogue, openCatalogue } from '../rebuild/catalogue.ts'
import { driveRebuild } from '../rebuild/drive.ts'
import { compareReportText, rebuildReport, rebuildReportText } from '../rebuild/report-text.ts'
import { usageError } from '../trouble.ts'

interface RebuildCliOptions extends VaultOptions, TableOptions, OpsOptions {
  owner?: OwnerId
  compare?: boolean
  inUse?: boolean
  allStopped?: boolean
  lockDays: number
  json?: boolean
  progress?: string
}

/** Protection window and generation as they are by default (docs/settings.md). */
const LOCK_DAYS = 60
const BY = 'command-line'

const ERASURES_UNKNOWN =
  'Nobody looked at what was erased: with --ops DIR, the container ops as a folder, erased owners are left out.'

const HELP = `
What it does:
  The tables are an index over the vault. This makes every row again that comes from commits: whom
  each owner stands for, recovery points, versions, lists, the ledger, where reading goes on. It
  needs index secrets and opens no content. Measured again by Holdfast itself: due times, hints,
  locks. Lost with the tables: lists of runs, restores and their reports, the audit's rows.

  Where it was stopped, the same command goes on: how far it is stands in the tables. A Holdfast
  that runs beside it waits until it is done, or helps; nothing else writes meanwhile. Tables that
  are in use are refused without --in-use; then each owner is out of use while it is rebuilt.

  A worker that was at work when the tables were lost may write for an hour, so that long is waited.
  --all-stopped says that none runs any more, and no other rebuild either.

--compare writes nothing. It says row by row what is missing, extra or different, as of the head of
each stream when it comes to it; what was written since is counted as "beyond". Exit code 1: they
differ, or something could not be compared. --progress keeps how far it is in a file.`

export function addRebuild(vault: Command, setting: Setting): void {
  addOpsOptions(addTableOptions(addVaultOptions(vault.command('rebuild'))))
    .description('Make the tables again from the vault, or compare them with it.')
    .addOption(ownerOption('only this owner (default: all)'))
    .option('--compare', 'compare, and write nothing')
    .addOption(
      new Option('--in-use', 'rebuild although the tables are in use').conflicts(['compare']),
    )
    .addOption(
      new Option('--all-stopped', 'no worker of Holdfast runs: wait for none').conflicts([
        'compare',
      ]),
    )
    .addOption(
      new Option('--lock-days <days>', 'for how many days new blobs of the vault are locked')
        .argParser(days)
        .default(LOCK_DAYS),
    )
    .option('--progress <file>', 'keep in this file how far the comparison is')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', HELP)
    .action((options: RebuildCliOptions) => rebuildOrCompare(options, setting))
}

function days(text: string): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= 0 && value <= 4000) return value
  throw new InvalidArgumentError('It is a whole number of days.')
}

async function rebuildOrCompare(options: RebuildCliOptions, setting: Setting): Promise<void> {
  if (options.compare !== true && options.progress !== undefined) {
    throw usageError(
      '--progress is for --compare: how far a rebuild is stands in the tables.',
      'Leave it out; the same command goes on where it was stopped.',
    )
  }
  const on = await openCatalogue(options, setting.signal)
  if (!on.knowsErasures) setting.output.note(ERASURES_UNKNOWN)
  const work = options.compare === true ? compare : rebuild
  await work(options, on, setting)
}

async function rebuild(
  { owner, inUse = false, allStopped = false, json }: RebuildCliOptions,
  on: OpenCatalogue,
  setting: Setting,
): Promise<void> {
  const { signal, output } = setting
  const deps = { ...on, clock: systemClock, random: systemRandomness }
  const request = { by: BY, inUse, allStopped, ...(owner && { owner }) }
  const { rebuild: asked, isGoneOn } = await askForRebuild(request, deps, signal)
  if (isGoneOn) output.note(`Going on with the rebuild that was begun at ${asked.createdAt}.`)
  const total = owner ? 1 : await ownersOf(on, signal)
  const bar = progressBar({ title: 'rebuild', total, unit: 'owners' }, output)
  let waitsUntil = 0
  const watching = {
    progress: ({ counts, phase }: Rebuild) => showRebuild(bar, counts, phase),
    waits: (until: number) => {
      if (until === waitsUntil) return
      waitsUntil = until
      output.note(waitText(until, allStopped))
    },
  }
  try {
    const done = await driveRebuild(asked.id, on, watching, signal)
    bar.end()
    const report = rebuildReport(done, await on.catalogue.ready(signal))
    output.say(json === true ? plainJson(report) : rebuildReportText(report))
    if (report.outcome !== 'rebuilt') setting.end(EXIT_CODES.findings)
  } catch (error) {
    bar.end()
    output.note('The same command goes on from where it was.')
    throw error
  }
}

function showRebuild(bar: ProgressBar, counts: Rebuild['counts'], phase: Rebuild['phase']): void {
  const now = phase === 'identify' ? 'identify' : `${counts.commits} commits`
  bar.update({ items: counts.owners, now })
}

function waitText(until: number, allStopped: boolean): string {
  const at = new Date(until).toISOString()
  const text = `Until ${at} a worker that was at work may still write; it is waited for.`
  return allStopped ? text : `${text} If none runs any more, say --all-stopped.`
}

async function ownersOf({ vault }: OpenCatalogue, signal: AbortSignal): Promise<number> {
  let owners = 0
  for await (const _owner of vault.owners(signal)) owners += 1
  return owners
}

async function compare(
  { owner, progress: path, json }: RebuildCliOptions,
  on: OpenCatalogue,
  setting: Setting,
): Promise<void> {
  const { signal, output } = setting
  const file = await openProgressFile(path, {
    what: 'comparison',
    schema: compareProgressSchema,
    isSame: ({ plan }: CompareProgress) => plan.owner === owner,
    options: '--owner',
    start: compareStart(owner ? { owner } : {}),
  })
  if (file.isGoneOn) output.note(`Going on from ${path}.`)
  const total = owner ? 1 : await ownersOf(on, signal)
  const bar = progressBar({ title: 'compare', total, unit: 'owners' }, output)
  try {
    const onProgress = async (progress: CompareProgress) => {
      const { owners, commits } = progress.counts
      bar.update({ items: owners, now: `${commits} commits` })
      await file.save(progress)
    }
    const end = await compareCatalogue(on, file.start, { onProgress }, signal)
    bar.end()
    const report = compareReport(end)
    output.say(json === true ? plainJson(report) : compareReportText(report))
    if (report.outcome !== 'equal' && report.outcome !== 'nothing') setting.end(EXIT_CODES.findings)
    await file.remove()
  } catch (error) {
    bar.end()
    await file.flush()
    if (path !== undefined) output.note(`The same command goes on from ${path}.`)
    throw error
  }
}
