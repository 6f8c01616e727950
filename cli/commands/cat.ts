/** `holdfast vault cat`: one item in one of the forms in which it is held. */
import { type Command, Option } from 'commander'
import { hasCode } from '../../src/model/errors.ts'
import { REPRESENTATIONS, type RepresentationName } from '../../src/model/events.ts'
import type { KeyHash, OwnerId, WorkloadName } from '../../src/model/ids.ts'
import type { StateItem, VaultApi } from '../../src/vault/index.ts'
import { EXIT_CODES } from '../exit-codes.ts'
import { fileFormOf } from '../held/form.ts'
import { findItem, meantWorkloads, openHeld } from '../held/held-state.ts'
import {
  addVaultOptions,
  atOption,
  itemOption,
  ownerOption,
  type VaultOptions,
  workloadOption,
} from '../open/options.ts'
import { openWithKeys } from '../open/vault.ts'
import type { Output } from '../out/output.ts'
import { plural } from '../out/table.ts'
import type { Setting } from '../program.ts'
import { refusal } from '../trouble.ts'

interface CatOptions extends VaultOptions {
  owner: OwnerId
  item: KeyHash
  workload?: WorkloadName
  at?: string
  as?: RepresentationName
}

const HELP = `
Forms:
  mime         the message as RFC 5322 (.eml)
  content      the bytes of a file
  json         what Microsoft Graph said of the item
  attachments, permissions, exact   where they are held

Every piece is checked before it is printed, and the whole at its end: where that fails, what was
printed is not the item, and the exit code is 2.`

export function addCat(vault: Command, setting: Setting): void {
  addVaultOptions(vault.command('cat'))
    .description('Write one item to standard output.')
    .addOption(ownerOption('the owner of the item').makeOptionMandatory())
    .addOption(itemOption('the id that ls prints').makeOptionMandatory())
    .addOption(workloadOption('the kind of content (default: wherever the owner has the item)'))
    .addOption(atOption())
    .addOption(
      new Option('--as <form>', 'the form (default: mime or content)').choices([
        ...REPRESENTATIONS,
      ]),
    )
    .addHelpText('after', HELP)
    .action((options: CatOptions) => cat(options, setting))
}

async function cat(options: CatOptions, { signal, output, end }: Setting): Promise<void> {
  const { store, api } = await openWithKeys(options, signal)
  const workloads = await meantWorkloads(store, options, signal)
  const { item, damaged } = await find(api, workloads, options, signal)
  if (damaged.size > 0) {
    output.note(`${plural(damaged.size, 'commit')} cannot be read: there may be a newer version.`)
    end(EXIT_CODES.findings)
  }
  const representation =
    options.as === undefined
      ? fileFormOf(item.representations)?.representation
      : item.representations.find((r) => r.name === options.as)
  if (representation === undefined) throw notHeldSo(item, options.as)
  const reader = api.reader(options.owner)
  if (representation.name === 'json') {
    const { json } = await reader.metadata(representation, signal)
    return await output.write(Buffer.from(`${JSON.stringify(json, null, 2)}\n`))
  }
  await pour(reader.read(representation, signal), output)
}

async function pour(pieces: AsyncIterable<Uint8Array>, output: Output): Promise<void> {
  for await (const piece of pieces) await output.write(piece)
}

interface Found {
  item: StateItem
  /** Seqs of commits that cannot be read. */
  damaged: ReadonlySet<number>
}

/** Throws `ItemUnknown`. */
async function find(
  api: VaultApi,
  workloads: readonly WorkloadName[],
  { owner, item, at }: CatOptions,
  signal: AbortSignal,
): Promise<Found> {
  for (const workload of workloads) {
    const found = await findIn({ owner, workload, ...(at && { at }) }, item, api, signal)
    if (found) return found
  }
  throw refusal(
    'ItemUnknown',
    'No item with this id is held at this point.',
    'Take the id from: holdfast vault ls --owner ID PATH, with the same --at.',
    { owner, item },
  )
}

async function findIn(
  stream: { owner: OwnerId; workload: WorkloadName; at?: string },
  item: KeyHash,
  api: VaultApi,
  signal: AbortSignal,
): Promise<Found | undefined> {
  try {
    const held = await openHeld(api, stream, signal)
    const found = await findItem(held, item, signal)
    return found && { item: found, damaged: held.damaged }
  } catch (error) {
    // Another workload of the owner may have begun earlier.
    if (hasCode(error, 'BeforeFirstPoint')) return undefined
    throw error
  }
}

function notHeldSo({ representations }: StateItem, as: string | undefined) {
  const names = representations.map((r) => r.name).join(', ')
  return refusal(
    'RepresentationMissing',
    as === undefined ? 'The item has no content of its own.' : `The item is not held as ${as}.`,
    names === '' ? 'Nothing but its name and place is held.' : `It is held as: ${names}.`,
  )
}
