/**
 * Where the folders of an earlier state of a site are in a later one.
 *
 * A folder that still exists is found by its id, wherever it was moved and however it was renamed.
 * One that was deleted must stand again under its old parent with its old name; a library that was
 * deleted, in the same site with its old name.
 */
import type { DriveItemSnapshot, DriveSnapshot, SiteSnapshot } from '../../tenant/index.ts'
import { nameKey, type PlacedFolder, type Places, placesAmong } from '../places.ts'

/** The root of a library counts as a folder above all others, under the library's id. */
export interface SiteFolder extends PlacedFolder {
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

export function filePlacesOf(before: SiteSnapshot, after: SiteSnapshot): Places {
  return placesAmong(foldersOf(before), foldersOf(after), ({ name }) => librariesNamed(after, name))
}

function librariesNamed(site: SiteSnapshot, name: string): Set<string> {
  const alike = site.drives.filter(({ drive }) => nameKey(drive.name) === nameKey(name))
  return new Set(alike.map(({ drive }) => drive.id))
}
