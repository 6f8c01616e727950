/** `holdfast vault restore-to-folder`: everything of an owner as plain files. */
import { lstat, mkdir } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { hasCode } from '../../src/model/errors.ts'
import type { OwnerId, WorkloadName } from '../../src/model/ids.ts'
import type { StateLine, VaultApi } from '../../src/vault/index.ts'
import { EXIT_CODES } from '../exit-codes.ts'
import { DirectoryMaker, directoriesOf } from '../folder/directories.ts'
import { emptyReport, type FolderReport, folderReportText, isWhole } from '../folder/report.ts'
import { restoreStream } from '../folder/restore-stream.ts'
import { TakenNames } from '../folder/taken-names.ts'
import { type FolderTree, pathSegments } from '../held/folder-tree.ts'
import { type HeldState, meantWorkloads, openHeld, readFolders } from '../held/held-state.ts'
import {
  addVaultOptions,
  atOption,
  ownerOption,
  type VaultOptions,
  workloadOption,
} from '../open/options.ts'
import { openWithKeys } from '../open/vault.ts'
import { plainJson } from '../out/plain-text.ts'
import { progressBar } from '../out/progress-bar.ts'
import type { Setting } from '../program.ts'
import { refusal, usageError } from '../trouble.ts'

interface RestoreOptions extends VaultOptions {
  owner: OwnerId
  workload?: WorkloadName
  at?: string
  folder?: string
  json?: boolean
}

const HELP = `
Mail becomes .eml files with the date they came in as the date of the file, drives become files
with the date of their last change. Folders become directories: OUT/<workload>/<folder>/...

- A file is written under its name only when it is complete and was checked to its last byte.
- Nothing that exists is overwritten. Run it again to go on: what is there and right is not written
  again; where another file has the name, the item takes the next number, "Name (2).eml".
- Characters that some file system forbids become "_"; names are cut at 200 bytes.
- Files are readable by you alone (mode 0600).
- Earlier versions of files are not written; holdfast vault ls shows them at the top of the stream.`

export function addRestoreToFolder(vault: Command, setting: Setting): void {
  addVaultOptions(vault.command('restore-to-folder'))
    .description('Write everything that is held of an owner into a folder, as plain files.')
    .argument('<out>', 'directory to write into; made where it is missing')
    .addOption(ownerOption('whose content').makeOptionMandatory())
    .addOption(workloadOption('only this kind of content'))
    .addOption(atOption())
    .option('--folder <path>', 'only this folder and what is below it')
    .option('--json', 'print the report as JSON')
    .addHelpText('after', HELP)
    .action((out: string, options: RestoreOptions) => restoreToFolder(out, options, setting))
}

async function restoreToFolder(
  out: string,
  options: RestoreOptions,
  setting: Setting,
): Promise<void> {
  const { signal, output } = setting
  const { store, api } = await openWithKeys(options, signal)
  const workloads = await meantWorkloads(store, options, signal)
  const maker = new DirectoryMaker(await outputOf(out))
  const report = emptyReport()
  let trouble: unknown = folderUnknown(options)
  for (const workload of workloads) {
    try {
      await restoreWorkload({ api, workload, maker, report }, options, setting)
    } catch (error) {
      // Of several workloads one may have begun later, or have no such folder.
      if (!hasCode(error, 'BeforeFirstPoint') && !hasCode(error, 'FolderUnknown')) throw error
      trouble = error
    }
  }
  if (report.workloads.length === 0) throw trouble
  output.say(options.json === true ? plainJson(report) : folderReportText(report))
  if (!isWhole(report)) setting.end(EXIT_CODES.findings)
}

async function outputOf(out: string): Promise<string> {
  const path = resolve(out)
  await mkdir(path, { recursive: true, mode: 0o700 })
  if ((await lstat(path)).isDirectory()) return path
  throw usageError('OUT is a link.', 'Name the directory itself.')
}

/** Throws `BeforeFirstPoint`, `FolderUnknown`, and what no other item could be restored after. */
async function restoreWorkload(
  to: { api: VaultApi; workload: WorkloadName; maker: DirectoryMaker; report: FolderReport },
  options: RestoreOptions,
  { signal, output }: Setting,
): Promise<void> {
  const { api, workload, maker, report } = to
  const { owner, at, folder } = options
  const held = await openHeld(api, { owner, workload, ...(at && { at }) }, signal)
  const seen = { items: 0, notStored: 0 }
  const tree = await readFolders(held, (line) => count(line, seen), signal)
  const only = folder === undefined ? undefined : within(tree, folder)
  if (only?.size === 0) throw folderUnknown(options)
  const names = new TakenNames()
  const directories = directoriesOf(tree, workload, names)
  const counts = countsOf(held, seen.notStored)
  report.workloads.push(counts)
  const title = `${workload} as of ${held.point.time}`
  const bar = progressBar({ title, total: only ? 0 : seen.items, unit: 'items' }, output)
  let items = 0
  const onItem = () => {
    items += 1
    bar.update({ items, bytes: counts.bytes })
  }
  const stream = { held, reader: api.reader(owner), tree, only, directories, top: workload }
  try {
    await restoreStream({ ...stream, names, maker, counts, report, onItem }, signal)
  } finally {
    bar.end()
    counts.damagedCommits = [...held.damaged].sort((a, b) => a - b)
  }
}

function count(line: StateLine, seen: { items: number; notStored: number }): void {
  if (line.is === 'item' && line.kind === 'item') seen.items += 1
  if (line.is === 'entry' && line.event.op === 'ledger') seen.notStored += 1
}

function within(tree: FolderTree, path: string) {
  return tree.within(tree.find(pathSegments(path)))
}

function countsOf({ workload, point }: HeldState, notStored: number) {
  return {
    ...{ workload, time: point.time, seq: point.seq },
    ...{ written: 0, alreadyThere: 0, bytes: 0, failed: 0 },
    ...{ withoutContent: 0, earlierVersions: 0, notStored },
    damagedCommits: [] as number[],
  }
}

function folderUnknown({ owner }: RestoreOptions) {
  return refusal(
    'FolderUnknown',
    'There is no such folder at this point.',
    'holdfast vault ls --owner ID / lists the folders; where a name holds a slash, use its id.',
    { owner },
  )
}
