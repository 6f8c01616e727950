/** One folder of a stream at one point: its folders and its items. */
import type { GraphId, OwnerId, WorkloadName } from '../../src/model/ids.ts'
import { keyHash } from '../../src/model/ids.ts'
import type { StateItem, StateLine, VaultApi } from '../../src/vault/index.ts'
import { EXIT_CODES } from '../exit-codes.ts'
import { type Folder, type FolderTree, pathSegments } from '../held/folder-tree.ts'
import { isOfEarlierVersions } from '../held/form.ts'
import { linesOf, openHeld, readFolders } from '../held/held-state.ts'
import { plainJson } from '../out/plain-text.ts'
import { bytesText, plural, tableText } from '../out/table.ts'
import type { Setting } from '../program.ts'
import { refusal } from '../trouble.ts'

export interface ListedItem {
  id: string
  name: string
  by?: string
  date?: string
  bytes?: number
  forms: string[]
  /** Path of the folder's ids; only where the item stands in no folder that is held. */
  earlierVersionOf?: string
}

/** Items of one folder that are held to be sorted, some 400 bytes each. */
const ITEMS_MAX = 500_000

/** Throws `FolderUnknown`, `TooManyItems`. */
export async function listFolder(
  api: VaultApi,
  wanted: { owner: OwnerId; workload: WorkloadName; at?: string; path: string },
  { json, max }: { json?: boolean; max: number },
  { signal, output, end }: Setting,
): Promise<void> {
  const held = await openHeld(api, wanted, signal)
  const ledger = { open: 0 }
  const tree = await readFolders(held, (line) => countLedger(line, ledger), signal)
  const path = pathSegments(wanted.path)
  const meant = path.length === 0 ? undefined : foldersOf(tree, path, wanted)
  const items = await itemsIn(linesOf(held, signal), tree, meant)
  const order = wanted.workload === 'mail' ? newestFirst : byName
  const folders = (meant ? meant.flatMap(({ id }) => tree.below(id)) : [...tree.below(undefined)])
    .map(({ key, name, excluded }) => ({ id: key, name, ...(excluded && { excluded }) }))
    .sort(byName)
  items.sort(order)
  const { seq, time } = held.point
  const shown = items.slice(0, max)
  const damaged = [...held.damaged]
  if (json === true) {
    const all = items.length
    output.say(plainJson({ point: { seq, time }, folders, items: shown, all, ledger, damaged }))
  } else {
    const rows = [
      ...folders.map((f) => [
        f.id,
        `${f.name}/`,
        f.excluded && `(not read: ${f.excluded})`,
        '',
        '',
      ]),
      ...shown.map((i) => [
        i.id,
        i.name,
        i.by,
        i.date,
        i.bytes === undefined ? '' : bytesText(i.bytes),
      ]),
    ]
    output.say(tableText(['id', 'name', 'by', 'date', '>size'], rows))
  }
  output.note(
    `As of ${time}: ${plural(folders.length, 'folder')}, ${plural(items.length, 'item')}.`,
  )
  if (items.length > max) output.note(`Only ${max} items are shown; --max shows more.`)
  if (ledger.open > 0) {
    output.note(`${plural(ledger.open, 'item')} of the stream could not be stored (the ledger).`)
  }
  if (damaged.length > 0) {
    output.note(`${plural(damaged.length, 'commit')} cannot be read; what they said is not shown.`)
    end(EXIT_CODES.findings)
  }
}

function countLedger(line: StateLine, ledger: { open: number }): void {
  if (line.is === 'entry' && line.event.op === 'ledger') ledger.open += 1
}

function foldersOf(
  tree: FolderTree,
  path: readonly string[],
  { owner, workload }: { owner: OwnerId; workload: WorkloadName },
): Folder[] {
  const found = tree.find(path)
  if (found.length > 0) return found
  throw refusal(
    'FolderUnknown',
    'There is no such folder at this point.',
    'List the folders above it first; where a name holds a slash, use the id that is printed.',
    { owner, workload },
  )
}

async function itemsIn(
  lines: AsyncIterable<StateLine>,
  tree: FolderTree,
  folders: readonly Folder[] | undefined,
): Promise<ListedItem[]> {
  const ids = new Set<GraphId>(folders?.map(({ id }) => id))
  const items: ListedItem[] = []
  for await (const line of lines) {
    if (line.is !== 'item' || line.kind !== 'item') continue
    const { container } = line.place
    // At the top: what stands in no folder that is held, so that everything can be found.
    const isHere = folders ? ids.has(container) : tree.get(container) === undefined
    if (isHere) items.push(listed(line))
    if (items.length > ITEMS_MAX) throw tooManyItems()
  }
  return items
}

function tooManyItems() {
  return refusal(
    'TooManyItems',
    `The folder holds more than ${ITEMS_MAX} items, which is more than this command sorts.`,
    'holdfast vault restore-to-folder --folder PATH writes all of them.',
  )
}

function listed({ item, display, place, representations }: StateItem): ListedItem {
  const { name, by, date, size } = display
  const container = place.container
  return {
    id: keyHash(item),
    name,
    ...(by !== undefined && { by }),
    ...(date !== undefined && { date }),
    ...(size !== undefined && { bytes: size }),
    forms: representations.map((r) => r.name),
    ...(isOfEarlierVersions(container) && {
      earlierVersionOf: keyHash(container.slice(0, -1)),
    }),
  }
}

const collator = new Intl.Collator('en', { numeric: true })
const byName = (a: { name: string }, b: { name: string }) => collator.compare(a.name, b.name)
const newestFirst = (a: ListedItem, b: ListedItem) => (b.date ?? '').localeCompare(a.date ?? '')
