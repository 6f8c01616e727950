/**
 * What the backup held at the seq of a restore: the folder tree, and the items of a selection.
 *
 * Reads the catalogue only. The order of folders and items is a pure function of the committed
 * rows, so planning may stop anywhere and comes to the same slots when it goes on.
 */
import type { HeldItem, StreamTables } from '../catalogue/types.ts'
import { mapBounded } from '../concurrency/index.ts'
import { AppError } from '../model/errors.ts'
import { CONTAINERS, type Display } from '../model/events.ts'
import { type GraphId, type KeyHash, keyHash } from '../model/ids.ts'
import { HELD_CONTAINERS_MAX, LOOKUPS_MAX, NAME_MAX, PLAN_PAGE, SCAN_PAGE } from './limits.ts'
import type { Selection } from './request.ts'

/** Where items go whose folder is in no recovery point any more. */
const LOST_FOLDER_NAME = 'Recovered items'

export interface HeldFolder {
  id: GraphId
  key: KeyHash
  name: string
  /** Only where that folder is held too; absent for a child of the root. */
  parent?: GraphId
  wellKnownName?: string
  excluded: boolean
  /** Its parent is not held, so its own place is not known. */
  isOrphan?: true
}

/** A listed item; `held` is absent where the catalogue has no version of it (P3). */
export interface ListedVersion {
  key: KeyHash
  display: Display
  held?: HeldItem
}

export type FolderTree = ReadonlyMap<GraphId, HeldFolder>

/** Every folder at that seq. Throws `TooManyFolders`. */
export async function readTree(
  stream: StreamTables,
  seq: number,
  signal: AbortSignal,
): Promise<FolderTree> {
  const tree = new Map<GraphId, HeldFolder>()
  let continuation: string | undefined
  do {
    const query = continuation === undefined ? {} : { continuation }
    const page = await stream.list(CONTAINERS, seq, { max: SCAN_PAGE, ...query }, signal)
    for (const { item, key, display } of page.items) tree.set(item, heldFolder(item, key, display))
    if (tree.size > HELD_CONTAINERS_MAX) throw tooManyFolders(tree.size)
    continuation = page.continuation
  } while (continuation !== undefined)
  for (const folder of tree.values()) {
    if (folder.parent === undefined || tree.has(folder.parent)) continue
    delete folder.parent
    folder.isOrphan = true
  }
  return tree
}

function heldFolder(id: GraphId, key: KeyHash, display: Display): HeldFolder {
  return {
    id,
    key,
    name: display.name.slice(0, NAME_MAX),
    excluded: display.excluded !== undefined,
    ...(display.parent === undefined ? {} : { parent: display.parent }),
    ...(display.wellKnownName === undefined ? {} : { wellKnownName: display.wellKnownName }),
  }
}

/** Ancestors from the parent upwards. Stops where a damaged tree would go round in circles. */
export function ancestors(tree: FolderTree, folder: HeldFolder): HeldFolder[] {
  const seen = new Set<GraphId>([folder.id])
  const chain: HeldFolder[] = []
  let above = folder.parent === undefined ? undefined : tree.get(folder.parent)
  while (above && !seen.has(above.id)) {
    seen.add(above.id)
    chain.push(above)
    above = above.parent === undefined ? undefined : tree.get(above.parent)
  }
  return chain
}

/** The selected folders themselves: protected ones, with their subfolders. */
export function selectFolders(tree: FolderTree, selection: Selection): Set<GraphId> {
  const wanted = selection.all ? undefined : new Set(selection.containers)
  const selected = new Set<GraphId>()
  for (const folder of tree.values()) {
    if (folder.excluded) continue
    const line = [folder, ...ancestors(tree, folder)]
    if (!wanted || line.some((f) => wanted.has(f.key))) selected.add(folder.id)
  }
  return selected
}

/** Selected folders and all their ancestors; every folder comes after its parent. */
export function withAncestors(tree: FolderTree, selected: ReadonlySet<GraphId>): HeldFolder[] {
  const ordered = new Map<GraphId, HeldFolder>()
  for (const id of selected) {
    const folder = tree.get(id)
    if (!folder) continue
    for (const f of [folder, ...ancestors(tree, folder)].reverse()) ordered.set(f.id, f)
  }
  return [...ordered.values()]
}

/** Adds a stand-in for each folder that an item stood in and that is not held itself. */
export function withLostFolders(tree: FolderTree, homes: readonly GraphId[]): FolderTree {
  const lost = homes.filter((id) => !tree.has(id))
  const standIns = lost.map((id): [GraphId, HeldFolder] => [
    id,
    { id, key: keyHash(id), name: LOST_FOLDER_NAME, excluded: false, isOrphan: true },
  ])
  return new Map([...tree, ...standIns])
}

/** Gives the items of a selected folder page by page. */
export interface ItemSource {
  page(
    folder: GraphId,
    continuation: string | undefined,
    signal: AbortSignal,
  ): Promise<{ items: ListedVersion[]; continuation?: string }>
}

/** Everything that the folder held. */
export function wholeFolders(stream: StreamTables, seq: number): ItemSource {
  return {
    async page(folder, from, signal) {
      const query = { max: PLAN_PAGE, ...(from === undefined ? {} : { continuation: from }) }
      const listed = await stream.list(folder, seq, query, signal)
      const rows = listed.items.filter((row) => row.kind === 'item')
      const ids = rows.map((row) => row.item)
      const held = await stream.current(ids, seq, signal)
      const items = rows.map(({ item, key, display }): ListedVersion => {
        const version = held.get(item)
        return { key, display, ...(version && !version.deleted ? { held: version } : {}) }
      })
      const { continuation } = listed
      return { items, ...(continuation === undefined ? {} : { continuation }) }
    },
  }
}

/** The items of the selection at that seq; undefined where one is not held there. */
export async function findItems(
  stream: StreamTables,
  seq: number,
  keys: readonly KeyHash[],
  signal: AbortSignal,
): Promise<(HeldItem | undefined)[]> {
  const distinct = [...new Set(keys)]
  return mapBounded(distinct, LOOKUPS_MAX, async (key) => {
    const held = await stream.item(key, seq, signal)
    return held && !held.deleted ? held : undefined
  })
}

/** Only these items, by the folder in which they stood. */
export function singleItems(items: readonly HeldItem[]): ItemSource {
  const byFolder = Map.groupBy(items, (item) => item.place.container)
  return {
    page(folder, from) {
      const all = byFolder.get(folder) ?? []
      const start = from === undefined ? 0 : Number(from)
      const end = start + PLAN_PAGE
      const page = all.slice(start, end)
      const listed = page.map((held) => ({ key: held.key, display: held.display, held }))
      const rest = end < all.length ? { continuation: String(end) } : {}
      return Promise.resolve({ items: listed, ...rest })
    },
  }
}

/** Something of the selection is not held at the chosen time. */
export function selectionUnknown(missing: number, what: 'items' | 'folders'): AppError {
  return new AppError({
    code: 'SelectionUnknown',
    kind: 'permanent',
    message: `${missing} of the selected ${what} are not in the backup at that time.`,
    hint: 'Browse the backup at exactly that time and select from what it shows.',
    context: { missing },
  })
}

function tooManyFolders(folders: number): AppError {
  return new AppError({
    code: 'TooManyFolders',
    kind: 'permanent',
    message: `This backup holds more than ${HELD_CONTAINERS_MAX} folders.`,
    hint: 'Select single items instead, or ask for support: the limit can be raised.',
    context: { folders },
  })
}
