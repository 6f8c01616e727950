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

export function placesOf(before: MailboxSnapshot, after: MailboxSnapshot): Places {
  const old = byId(before)
  const there = byId(after)
  const children = Map.groupBy(after.folders, (folder) => folder.parentId)
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
    if (!folder || folder.parentId === null) return new Set()
    const siblings = [...homes(folder.parentId, depth + 1)].flatMap((id) => children.get(id) ?? [])
    return new Set(siblings.filter((each) => sameName(each, folder)).map((each) => each.id))
  }

  return { homes: (folderId) => homes(folderId) }
}

/** Exchange compares names without case. */
function sameName(a: FolderSnapshot, b: FolderSnapshot): boolean {
  return a.name.normalize('NFC').toLowerCase() === b.name.normalize('NFC').toLowerCase()
}

export function byId(mailbox: MailboxSnapshot): Map<string, FolderSnapshot> {
  return new Map(mailbox.folders.map((folder) => [folder.id, folder]))
}

/** The folder and everything below it. */
export function subtree(mailbox: MailboxSnapshot, folderId: string): Set<string> {
  const children = Map.groupBy(mailbox.folders, (folder) => folder.parentId)
  const found = new Set<string>()
  const open = [folderId]
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (found.has(id)) continue
    found.add(id)
    open.push(...(children.get(id) ?? []).map((child) => child.id))
  }
  return found
}

/** Ids of the folders whose items are backed up: all but search folders and three branches. */
export function protectedFolders(mailbox: MailboxSnapshot): Set<string> {
  const all = new Set(mailbox.folders.map((folder) => folder.id))
  for (const folder of mailbox.folders) {
    if (folder.search) all.delete(folder.id)
    if (folder.wellKnown === null || !UNPROTECTED_ROOTS.has(folder.wellKnown)) continue
    for (const id of subtree(mailbox, folder.id)) all.delete(id)
  }
  return all
}
