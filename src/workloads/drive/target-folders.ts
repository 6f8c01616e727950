/**
 * The libraries and folders of a restore's target, and new ones.
 *
 * A drive tells its whole tree in the pages of its delta, which is the only complete list of a
 * large library (7.40). Notebooks are folders here: things stand in them.
 */
import {
  type JsonObject,
  objectOf,
  readSharePointDelta,
  type SharePoint,
  textOf,
  WalkGuard,
  walkPages,
} from '../../graph/index.ts'
import { AppError, hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { ContainerRemoval, TargetContainer } from '../workload.ts'
import { sortOf } from './facets.ts'
import { addressOf, driveIdOf, itemIdOf } from './ids.ts'
import { nameKey } from './names.ts'
import { itemPath } from './paths.ts'
import { readNamed, type TargetSite } from './site.ts'

const DRIVE_SELECT = 'id,name,driveType,webUrl,system'
/** `deleted` must be there, or what is gone looks like a live folder (7.1). */
const FOLDER_SELECT = 'id,name,folder,package,root,remoteItem,file,deleted,parentReference'
const PAGE_SIZE = 1000
const CONFLICT = '@microsoft.graph.conflictBehavior'

/** A few units for the libraries, and one or two for each page of what is in them. */
export async function readTree(
  target: TargetSite,
  signal: AbortSignal,
): Promise<TargetContainer[]> {
  const home = await homeOf(target, signal)
  const tree: TargetContainer[] = []
  for (const drive of await drivesOf(target, signal)) {
    const top = topOf(drive, home)
    tree.push(top, ...(await foldersOf(target.sharePoint, top, signal)))
  }
  return tree
}

async function drivesOf(
  { sharePoint, site }: TargetSite,
  signal: AbortSignal,
): Promise<JsonObject[]> {
  const name = 'sites.drives'
  const first = { path: ['sites', site, 'drives'], query: { $select: DRIVE_SELECT } }
  const pages = walkPages(name, (link) =>
    sharePoint.json({ name, ...(link === null ? first : { link }), charge: 'list' }, signal),
  )
  const drives: JsonObject[] = []
  for await (const page of pages) drives.push(...page)
  return drives
}

/** The library that people mean when they name none. Undefined: the site has none. */
async function homeOf(
  { sharePoint, site }: TargetSite,
  signal: AbortSignal,
): Promise<string | undefined> {
  const path = ['sites', site, 'drive']
  const request = { name: 'sites.drive', path, query: { $select: 'id' }, charge: 'item' } as const
  try {
    return textOf(await sharePoint.json(request, signal), 'id')
  } catch (error) {
    if (hasCode(error, 'ItemGone')) return undefined
    throw error
  }
}

function topOf(drive: JsonObject, home: string | undefined): TargetContainer {
  const id = textOf(drive, 'id') ?? ''
  const path = URL.parse(textOf(drive, 'webUrl') ?? '')?.pathname ?? '/'
  return {
    id: driveIdOf(id),
    name: textOf(drive, 'name') ?? '',
    ...(id === home ? { isHome: true } : {}),
    pathLength: plain(path).length - 1,
  }
}

/** As people read it, which is how SharePoint counts it. */
function plain(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    // No address of the service's making: then it is a little longer than it is read.
    return path
  }
}

async function foldersOf(
  sharePoint: SharePoint,
  top: TargetContainer,
  signal: AbortSignal,
): Promise<TargetContainer[]> {
  const { drive } = addressOf(top.id)
  const folders = new Map<string, JsonObject>()
  let root = ''
  const all = { drive, select: FOLDER_SELECT }
  for await (const page of deltaPages(sharePoint, all, signal)) {
    for (const item of page.items) {
      const id = textOf(item, 'id') ?? ''
      const sort = sortOf(item)
      if (sort === 'root') root = id
      else if (sort === 'folder') folders.set(id, item)
    }
    for (const item of page.deleted) folders.delete(textOf(item, 'id') ?? '')
  }
  return placed(folders, { drive, root, top })
}

/** Everything in a drive, in any order; `select` must name `deleted`. */
export async function* deltaPages(
  sharePoint: SharePoint,
  { drive, select }: { drive: string; select: string },
  signal: AbortSignal,
) {
  const call = 'drives.tree'
  const guard = new WalkGuard(call)
  const anew = {
    path: ['drives', drive, 'root', 'delta'],
    query: { $select: select, $top: `${PAGE_SIZE}` },
    charge: 'deltaAnew',
  } as const
  let link: string | null = null
  // Bounded by the guard.
  for (;;) {
    const read = (from: string | null) => {
      const where = from === null ? anew : ({ link: from, charge: 'deltaOn' } as const)
      return sharePoint.json({ name: call, ...where }, signal)
    }
    const isThere = () => Promise.resolve(true)
    const page = await readSharePointDelta({ call, link, guard, read, isThere })
    yield page
    if (page.next === undefined) return
    link = page.next
  }
}

/** Parents first, because a path is as long as its parent's and a name. */
function placed(
  folders: ReadonlyMap<string, JsonObject>,
  { drive, root, top }: { drive: string; root: string; top: TargetContainer },
): TargetContainer[] {
  const known = new Map<string, TargetContainer>([[root, top]])
  const found: TargetContainer[] = []
  for (const [id] of folders) {
    // Up to one that is known, then down again; a damaged tree ends where it comes round.
    const line = lineOf(id, folders, known)
    for (const each of line.reverse()) {
      const folder = folders.get(each)
      const above = known.get(parentOf(folder) ?? '') ?? top
      const name = (folder && textOf(folder, 'name')) ?? ''
      const pathLength = (above.pathLength ?? 0) + 1 + name.length
      const container = { id: itemIdOf(drive, each), parent: above.id, name, pathLength }
      known.set(each, container)
      found.push(container)
    }
  }
  return found
}

function lineOf(
  id: string,
  folders: ReadonlyMap<string, JsonObject>,
  known: ReadonlyMap<string, TargetContainer>,
): string[] {
  const line: string[] = []
  const seen = new Set<string>()
  let at: string | undefined = id
  while (at !== undefined && !known.has(at) && !seen.has(at) && folders.has(at)) {
    seen.add(at)
    line.push(at)
    at = parentOf(folders.get(at))
  }
  return line
}

function parentOf(folder: JsonObject | undefined): string | undefined {
  const reference = folder && objectOf(folder, 'parentReference')
  return reference && textOf(reference, 'id')
}

/**
 * Makes a folder, or without a parent a library; or takes the one of that name where it is there
 * already. Sent once: after a lost answer it is looked for, and `AnswerLost` is thrown where it is
 * not there.
 */
export function createContainer(
  target: TargetSite,
  { name, parent }: { name: string; parent: GraphId | undefined },
  signal: AbortSignal,
): Promise<GraphId> {
  return parent === undefined
    ? createLibrary(target, name, signal)
    : createFolder(target, { name, parent }, signal)
}

async function createFolder(
  target: TargetSite,
  { name, parent }: { name: string; parent: GraphId },
  signal: AbortSignal,
): Promise<GraphId> {
  const { drive } = addressOf(parent)
  try {
    const made = await target.sharePoint.json(
      {
        name: 'folder.create',
        method: 'POST',
        path: [...itemPath(parent), 'children'],
        body: JSON.stringify({ name, folder: {}, [CONFLICT]: 'fail' }),
        charge: 'write',
      },
      signal,
    )
    const id = textOf(made, 'id')
    if (id !== undefined) return itemIdOf(drive, id)
    throw answerLost('folder')
  } catch (error) {
    if (!mayBeThere(error)) throw error
    const there = await readNamed(target, { container: parent, name }, signal)
    const id = there && sortOf(there) === 'folder' ? textOf(there, 'id') : undefined
    if (id === undefined) throw error
    return itemIdOf(drive, id)
  }
}

async function createLibrary(
  target: TargetSite,
  name: string,
  signal: AbortSignal,
): Promise<GraphId> {
  const { sharePoint, site } = target
  try {
    const list = await sharePoint.json(
      {
        name: 'library.create',
        method: 'POST',
        path: ['sites', site, 'lists'],
        body: JSON.stringify({ displayName: name, list: { template: 'documentLibrary' } }),
        charge: 'write',
      },
      signal,
    )
    const path = ['sites', site, 'lists', textOf(list, 'id') ?? '', 'drive']
    const query = { $select: 'id' }
    const drive = await sharePoint.json(
      { name: 'library.drive', path, query, charge: 'item' },
      signal,
    )
    const id = textOf(drive, 'id')
    if (id !== undefined) return driveIdOf(id)
    throw answerLost('library')
  } catch (error) {
    // A library that was made just now may not have its drive yet: the list of drives tells.
    if (!mayBeThere(error) && !hasCode(error, 'ItemGone')) throw error
    const drives = await drivesOf(target, signal)
    const there = drives.find((drive) => nameKey(textOf(drive, 'name') ?? '') === nameKey(name))
    const id = there && textOf(there, 'id')
    if (id === undefined) throw hasCode(error, 'ItemGone') ? answerLost('library') : error
    return driveIdOf(id)
  }
}

function mayBeThere(error: unknown): boolean {
  return ['NameTaken', 'Conflict', 'AnswerLost'].some((code) => hasCode(error, code))
}

function answerLost(what: 'folder' | 'library'): AppError {
  return new AppError({
    code: 'AnswerLost',
    kind: 'transient',
    message: `A ${what} was made, but the answer names no id and it is not found by its name.`,
    hint: 'Nothing to do: Holdfast reads the folders again before it goes on.',
  })
}

/**
 * Looks for anything in it, and deletes it where there is nothing, into the recycle bin. Graph has
 * no condition for that: what comes between the look and the deletion goes with the folder.
 */
export async function removeEmptyFolder(
  { sharePoint }: TargetSite,
  id: GraphId,
  signal: AbortSignal,
): Promise<ContainerRemoval> {
  if (addressOf(id).item === undefined) throw libraryStays()
  const path = itemPath(id)
  const name = 'children.any'
  const first = { path: [...path, 'children'], query: { $select: 'id', $top: '1' } }
  const pages = walkPages(name, (link) =>
    sharePoint.json({ name, ...(link === null ? first : { link }), charge: 'list' }, signal),
  )
  try {
    for await (const items of pages) if (items.length > 0) return 'not-empty'
    await sharePoint.send(
      { name: 'folder.delete', method: 'DELETE', path, charge: 'write' },
      signal,
    )
    return 'removed'
  } catch (error) {
    if (hasCode(error, 'ItemGone')) return 'gone'
    throw error
  }
}

function libraryStays(): AppError {
  return new AppError({
    code: 'LibraryStays',
    kind: 'denied',
    message: 'A library that the restore made is not removed by an undo.',
    hint: 'Delete it in SharePoint if nobody needs it.',
  })
}
