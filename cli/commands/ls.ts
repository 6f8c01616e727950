/** `holdfast vault ls`: what a vault holds, from the owners down to the items of a folder. */
import type { Command } from 'commander'
import type { OwnerId, WorkloadName } from '../../src/model/ids.ts'
import { meantWorkloads } from '../held/held-state.ts'
import {
  addVaultOptions,
  atOption,
  ownerOption,
  type VaultOptions,
  workloadOption,
} from '../open/options.ts'
import { openVault, openWithKeys } from '../open/vault.ts'
import type { Setting } from '../program.ts'
import { usageError } from '../trouble.ts'
import { listFolder } from './ls-folder.ts'
import { listOwners } from './ls-owners.ts'
import { listPoints } from './ls-points.ts'
import { listStreams } from './ls-streams.ts'

interface LsOptions extends VaultOptions {
  owner?: OwnerId
  workload?: WorkloadName
  at?: string
  points?: boolean
  max: number
  json?: boolean
}

const HELP = `
Examples:
  holdfast vault ls --vault COPY                              owners (without keys: ids only)
  holdfast vault ls --vault COPY --keys KEYS --owner ID       its streams and their recovery points
  holdfast vault ls --vault COPY --keys KEYS --owner ID --points
  holdfast vault ls --vault COPY --keys KEYS --owner ID --at 2026-03-01 /Inbox

A path is made of names of folders, without regard to case, or of their ids, as they are printed.
What had left its folder when the point was made, and may only be moving, still shows there.`

export function addLs(vault: Command, setting: Setting): void {
  addVaultOptions(vault.command('ls'))
    .description('List owners, streams, recovery points, folders and items.')
    .argument('[path]', 'folder to list; / is the top')
    .addOption(ownerOption('the owner to look into'))
    .addOption(workloadOption('the kind of content; needed where the owner has several'))
    .addOption(atOption())
    .option('--points', 'list the recovery points')
    .option('--max <n>', 'print at most so many lines of a folder or of points', Number, 1000)
    .option('--json', 'print JSON')
    .addHelpText('after', HELP)
    .action((path: string | undefined, options: LsOptions) => ls(path, options, setting))
}

async function ls(path: string | undefined, options: LsOptions, setting: Setting): Promise<void> {
  const { owner, workload } = options
  const { signal } = setting
  if (!(options.max >= 1)) throw usageError('--max is no number above 0.', 'Give a whole number.')
  if (owner === undefined) {
    const names = ['workload', 'at', 'points'] as const
    const given = names.find((name) => options[name] !== undefined)
    if (path === undefined && given === undefined) {
      return await listOwners(await openVault(options, signal), options, setting)
    }
    throw usageError(
      `${path === undefined ? `--${given}` : 'A path'} is of one owner, and none is named.`,
      'Give --owner ID; holdfast vault ls without anything else lists the owners.',
    )
  }
  const { store, api } = await openWithKeys(options, signal)
  const meant = await meantWorkloads(store, { owner, ...(workload && { workload }) }, signal)
  if (path === undefined && options.points !== true) {
    return await listStreams(api, { owner, workloads: meant }, options, setting)
  }
  const [one, ...others] = meant
  if (one === undefined || others.length > 0) {
    throw usageError(
      `The owner has several workloads: ${meant.join(', ')}.`,
      'Name one with --workload.',
    )
  }
  const at = options.at === undefined ? {} : { at: options.at }
  const stream = { owner, workload: one, ...at }
  if (path === undefined) return await listPoints(api, stream, options, setting)
  await listFolder(api, { ...stream, path }, options, setting)
}
