/**
 * Where the folders of an earlier state are in a later one.
 *
 * A folder that still exists is found by its id, wherever it was moved and however it was
 * renamed. One that was deleted must stand again under its old parent with its old name.
 */
import type { FolderSnapshot, MailboxSnapshot } from '../tenant/index.ts'

/** Branches of which no item is protected (DESIGN 4); the folders are in every mailbox. */
const UNPROTECTED_ROOTS: ReadonlySet<string> = new Set([
  'recoverableitemsroot',
  'syncissues',
  'searchfolders',
])
/** Deeper trees cannot be; guards against a cycle in a broken snapshot. */
const DEPTH_MAX = 300

export interface Places {
  /** Ids of the later state that count as this folder's place; none: it is not there. */
  homes(folderId: string): ReadonlySet<string>
}

/** What finding folders again needs of them; a mailbox and a site tell more of theirs. */
export interface PlacedFolder {
  readonly id: string
  readonly parentId: string | null
  readonly name: string
}

/**
 * `roots` is asked where a folder above all others is gone: what counts as its place among the
 * later ones.
 */
export function placesAmong<F extends PlacedFolder>(
  old: ReadonlyMap<string, F>,
  there: ReadonlyMap<string, F>,
  roots: (gone: F) => ReadonlySet<string>,
): Places {
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
    if (folder.parentId === null) return roots(folder)
    const siblings = [...homes(folder.parentId, depth + 1)].flatMap((id) => children.get(id) ?? [])
    const alike = siblings.filter(({ name }) => nameKey(name) === nameKey(folder.name))
    return new Set(alike.map(({ id }) => id))
  }

  return { homes: (folderId) => homes(folderId) }
}

/** Exchange and SharePoint compare names without case. */
export function nameKey(name: string): string {
  return name.normalize('NFC').toLowerCase()
}

/** The folders and everything below them. */
export function below(folders: Iterable<PlacedFolder>, folderIds: readonly string[]): Set<string> {
  const children = Map.groupBy(folders, ({ parentId }) => parentId)
  const found = new Set<string>()
  const open = [...folderIds]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue
    found.add(id)
    open.push(...(children.get(id) ?? []).map((child) => child.id))
  }
  return found
}

/** Every mailbox keeps its root; nothing counts as the place of one that is gone. */
export function placesOf(before: MailboxSnapshot, after: MailboxSnapshot): Places {
  return placesAmong(byId(before), byId(after), () => new Set())
}

export function byId(mailbox: MailboxSnapshot): Map<string, FolderSnapshot> {
  return new Map(mailbox.folders.map((folder) => [folder.id, folder]))
}

/** Ids of the folders whose items are backed up: all but search folders and three branches. */
export function protectedFolders(mailbox: MailboxSnapshot): Set<string> {
  const all = new Set(mailbox.folders.map((folder) => folder.id))
  for (const folder of mailbox.folders) {
    if (folder.search) all.delete(folder.id)
    if (folder.wellKnown === null || !UNPROTECTED_ROOTS.has(folder.wellKnown)) continue
    for (const id of below(mailbox.folders, [folder.id])) all.delete(id)
  }
  return all
}
