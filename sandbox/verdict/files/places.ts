/**
 * Where the folders of an earlier state of a site are in a later one.
 *
 * A folder that still exists is found by its id, wherever it was moved and however it was renamed.
 * One that was deleted must stand again under its old parent with its old name; a library that was
 * deleted, in the same site with its old name.
 */
import type { DriveItemSnapshot, DriveSnapshot, SiteSnapshot } from '../../tenant/index.ts'
import type { Places } from '../places.ts'

/** Deeper trees cannot be; guards against a cycle in a broken snapshot. */
const DEPTH_MAX = 300

/** The root of a library counts as a folder under the library's id. */
export interface SiteFolder {
  readonly id: string
  /** null: the root of a library. */
  readonly parentId: string | null
  readonly name: string
  readonly path: string
}

export interface SiteFile extends DriveItemSnapshot {
  readonly folderId: string
}

type Libraries = Pick<SiteSnapshot, 'drives'>

function isFolder({ kind }: DriveItemSnapshot): boolean {
  return kind === 'folder' || kind === 'notebook'
}

/** The folder that an item stands in; what has no folder above it stands in the library. */
function placer({ drive, items }: DriveSnapshot): (item: DriveItemSnapshot) => string {
  const folders = new Set(items.filter(isFolder).map(({ id }) => id))
  return ({ parentId }) => (parentId !== null && folders.has(parentId) ? parentId : drive.id)
}

export function foldersOf(site: Libraries): Map<string, SiteFolder> {
  const folders = site.drives.flatMap((library) => {
    const folderOf = placer(library)
    const { id, name } = library.drive
    const below = library.items
      .filter(isFolder)
      .map((item) => ({ id: item.id, name: item.name, path: item.path, parentId: folderOf(item) }))
    return [{ id, name, path: '', parentId: null }, ...below]
  })
  return new Map(folders.map((folder) => [folder.id, folder]))
}

export function filesOf(site: Libraries): SiteFile[] {
  return site.drives.flatMap((library) => {
    const folderOf = placer(library)
    return library.items
      .filter((item) => !isFolder(item))
      .map((item) => ({ ...item, folderId: folderOf(item) }))
  })
}

/** SharePoint compares names without case. */
export function nameKey(name: string): string {
  return name.normalize('NFC').toLowerCase()
}

export function filePlacesOf(before: SiteSnapshot, after: SiteSnapshot): Places {
  const old = foldersOf(before)
  const there = foldersOf(after)
  const children = Map.groupBy(there.values(), ({ parentId }) => parentId)
  const known = new Map<string, ReadonlySet<string>>()

  const homes = (folderId: string, depth = 0): ReadonlySet<string> => {
    if (depth > DEPTH_MAX) throw new Error('the folder tree is too deep')
    const cached = known.get(folderId)
    if (cached) return cached
    const found = there.has(folderId) ? new Set([folderId]) : madeAnew(folderId, depth)
    known.set(folderId, found)
    return found
  }

  const madeAnew = (folderId: string, depth: number): ReadonlySet<string> => {
    const folder = old.get(folderId)
    if (!folder) return new Set()
    if (folder.parentId === null) return rootsNamed(after, folder.name)
    const siblings = [...homes(folder.parentId, depth + 1)].flatMap((id) => children.get(id) ?? [])
    const alike = siblings.filter(({ name }) => nameKey(name) === nameKey(folder.name))
    return new Set(alike.map(({ id }) => id))
  }

  return { homes: (folderId) => homes(folderId) }
}

/** The libraries that bear this name. */
function rootsNamed(site: SiteSnapshot, name: string): Set<string> {
  const alike = site.drives.filter(({ drive }) => nameKey(drive.name) === nameKey(name))
  return new Set(alike.map(({ drive }) => drive.id))
}

/** The folders and everything below them. */
export function subtrees(site: SiteSnapshot, folderIds: readonly string[]): Set<string> {
  const children = Map.groupBy(foldersOf(site).values(), ({ parentId }) => parentId)
  const found = new Set<string>()
  const open = [...folderIds]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue
    found.add(id)
    open.push(...(children.get(id) ?? []).map((child) => child.id))
  }
  return found
}
