/** `holdfast vault verify`: is everything there, whole, and does it open? */
import { randomBytes } from 'node:crypto'
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { OwnerId } from '../../src/model/ids.ts'
import {
  measure,
  plannedLocks,
  reportOf,
  type VerifyPlan,
  type VerifyProgress,
  type VerifyReport,
  verifyProgressSchema,
  verifyStart,
  verifyVault,
} from '../../src/vault/verify/index.ts'
import { EXIT_CODES, type ExitCode } from '../exit-codes.ts'
import { addVaultOptions, ownerOption, type VaultOptions } from '../open/options.ts'
import { isCopy, openVersions } from '../open/store.ts'
import { openVault } from '../open/vault.ts'
import { plainJson } from '../out/plain-text.ts'
import { progressBar } from '../out/progress-bar.ts'
import { openProgressFile, type ProgressFile } from '../out/progress-file.ts'
import type { Setting } from '../program.ts'
import { refusal, usageError } from '../trouble.ts'
import { verifyReportText } from '../verify/report-text.ts'

interface VerifyCliOptions extends VaultOptions {
  owner?: OwnerId
  full?: boolean
  hashes?: boolean
  sample?: number
  json?: boolean
  progress?: string
  lockedDays?: number
}

/** The protection window R of DESIGN 2: what the keeper is told to keep, by default. */
const LOCKED_DAYS = 30

const HELP = `
What is checked:
  --hashes       every commit, its links and parts; every base against its commits; the SHA-256 and
                 framing of every pack, and its index; records and keys of the owners. Without keys
                 what is sealed is checked by its hash only
  --sample N     the same, and N percent of all segments and items are opened
  --full         the same, and every segment is opened, its id found right, and every item of the
                 newest state put together and compared with its hash (the default with keys)

In a storage account versions and locks are looked at besides: blobs that a later version hides or
that somebody deleted, and whether everything that commits name is locked, with locked locks, for at
least --locked-days more days, which is the protection window that the keeper is given. In a folder
there are neither; with --copied they are looked at only where --locked-days is given. The report
says where they were not.

Only what was opened is called verified. Every byte of every pack is read in each of the three; with
--sample and --full the content of the newest state once more.

--progress keeps how far it is in a file, every few seconds and at Ctrl-C; the same command goes on
from there and ends in the same report. At the end the file is removed.

What each finding means, and what to do, is in docs/vault-command.md and in the report itself.`

export function addVerify(vault: Command, setting: Setting): void {
  addVaultOptions(vault.command('verify'))
    .description('Check that everything in the vault is whole, and open it.')
    .addOption(ownerOption('only this owner (default: all)'))
    .addOption(new Option('--full', 'open everything').conflicts(['hashes', 'sample']))
    .addOption(new Option('--hashes', 'open nothing').conflicts(['full', 'sample']))
    .addOption(
      new Option('--sample <percent>', 'open a random sample')
        .conflicts(['full', 'hashes'])
        .argParser(percent),
    )
    .addOption(
      new Option(
        '--locked-days <days>',
        `all that is needed is locked for so many more days (default: ${LOCKED_DAYS}; in a copy: not looked at)`,
      )
        .conflicts(['vault'])
        .argParser(days),
    )
    .option('--progress <file>', 'keep in this file how far it is')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', HELP)
    .action((options: VerifyCliOptions) => verify(options, setting))
}

function percent(text: string): number {
  const value = Number(text)
  if (value > 0 && value <= 100) return value
  throw new InvalidArgumentError('It is a number above 0, up to 100.')
}

function days(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && value >= 0 && value <= 36_500) return value
  throw new InvalidArgumentError('It is a number of days, at most 36500.')
}

async function verify(options: VerifyCliOptions, setting: Setting): Promise<void> {
  const { signal, output } = setting
  const { store, opened } = await openVault(options, signal)
  const plan = planOf(options, opened !== undefined)
  const file = await openProgressFile(options.progress, keptFor(plan))
  const versions = file.start.plan.locks && (await openVersions(options))
  const deps = { store, ...(opened && { keys: opened.keys }), ...(versions && { versions }) }
  const total = await measure(deps, plan.owner, signal)
  if (total.blobs === 0) throw nothingThere(plan)
  if (file.isGoneOn) output.note(`Going on from ${options.progress}.`)
  const bar = progressBar({ title: 'verify', total: total.packs, unit: 'packs' }, output)
  try {
    const onProgress = async (progress: VerifyProgress) => {
      const { packs, packBytes } = progress.counts
      bar.update({ items: packs, bytes: packBytes, now: progress.at.step })
      await file.save(progress)
    }
    const end = await verifyVault(deps, file.start, { onProgress }, signal)
    bar.end()
    const report = reportOf(end)
    output.say(options.json === true ? plainJson(report) : verifyReportText(report))
    setting.end(exitCodeOf(report))
    await file.remove()
  } catch (error) {
    bar.end()
    await keep(file, options, setting)
    throw error
  }
}

/** The plan of the file counts: its seed decides the sample, and its moments when to be locked. */
function keptFor(plan: VerifyPlan) {
  return {
    what: 'verification',
    schema: verifyProgressSchema,
    isSame: ({ plan: kept }: VerifyProgress) =>
      kept.owner === plan.owner &&
      kept.openPercent === plan.openPercent &&
      kept.copied === plan.copied &&
      (kept.locks === undefined) === (plan.locks === undefined),
    options: '--owner, and the same of --full, --hashes, --sample, --copied and --locked-days',
    start: verifyStart(plan),
  }
}

async function keep(
  file: ProgressFile<VerifyProgress>,
  { progress }: VerifyCliOptions,
  { output }: Setting,
): Promise<void> {
  await file.flush()
  if (progress !== undefined) output.note(`The same command goes on from ${progress}.`)
}

function planOf(options: VerifyCliOptions, hasKeys: boolean): VerifyPlan {
  const { owner, full, hashes, sample } = options
  const opens = full === true || sample !== undefined
  if (opens && !hasKeys) {
    throw usageError(
      `${full ? '--full' : '--sample'} opens content, and no keys were given.`,
      'Give --keys FILE|DIR or --key-vault URL, or check with --hashes.',
    )
  }
  const openPercent = sample ?? (hashes === true || !hasKeys ? 0 : 100)
  const locks = locksOf(options)
  return {
    ...{ openPercent, seed: randomBytes(8).toString('hex') },
    ...(owner && { owner }),
    ...(locks && { locks }),
    ...(isCopy(options) && { copied: true }),
  }
}

/** Undefined: not looked at. */
function locksOf(options: VerifyCliOptions): VerifyPlan['locks'] {
  const { vault, lockedDays = isCopy(options) ? undefined : LOCKED_DAYS } = options
  if (vault !== undefined || lockedDays === undefined) return undefined
  return plannedLocks(Date.now(), { protectionDays: lockedDays, generationDays: 0 })
}

function exitCodeOf({ outcome }: VerifyReport): ExitCode {
  return outcome === 'findings' || outcome === 'unopened' ? EXIT_CODES.findings : EXIT_CODES.ok
}

function nothingThere({ owner }: VerifyPlan) {
  return refusal(
    'NothingHeld',
    owner === undefined ? 'The vault is empty.' : 'Nothing is held of this owner.',
    'Take the id of an owner from: holdfast vault ls',
    { owner: owner ?? '' },
  )
}
