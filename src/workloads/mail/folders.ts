/**
 * The folders of a mailbox: which ones have a fixed name, and which ones are not read.
 *
 * Graph v1.0 does not say a folder's well-known name, so each is asked for by that name: once,
 * when the container list is read from its beginning. The answers travel in the container
 * cursor (`FolderCursor`), so that later rounds need no request for them; only a new folder at
 * the top of the tree, where Exchange makes such folders late, brings two of them up again.
 *
 * Not read: search folders (views of other folders), sync issues, and the recoverable items
 * that Exchange keeps for itself. Their descendants are found by their parent; a descendant
 * that is listed on an earlier page than its own parent is read, which protects too much.
 */

import { isObject, type JsonObject, type Mailbox, textOf } from '../../graph/index.ts'
import { hasCode } from '../../model/errors.ts'
import type { ExclusionReason } from '../../model/events.ts'
import { keyHash } from '../../model/ids.ts'

export const FOLDER_SELECT =
  'id,displayName,parentFolderId,childFolderCount,totalItemCount,isHidden'

export const MAIL_ROOT = 'msgfolderroot'

/** One request each. `archive` is the one-click archive, not the in-place archive mailbox. */
const WELL_KNOWN = [
  MAIL_ROOT,
  'inbox',
  'drafts',
  'sentitems',
  'deleteditems',
  'junkemail',
  'outbox',
  'archive',
  'conversationhistory',
  'syncissues',
  'recoverableitemsdeletions',
] as const

/** Made by Exchange or Outlook when they are first needed. */
const MADE_LATE = ['archive', 'syncissues'] as const

type Exclusions = Readonly<Record<string, ExclusionReason>>

const EXCLUDED_NAMES: Exclusions = {
  syncissues: 'sync-issues',
  recoverableitemsdeletions: 'recoverable-items',
}

/** Top folders that are remembered; a mailbox with more looks nothing up again. */
const TOP_MAX = 1000

export interface KnownFolders {
  /** Well-known name to folder id; missing where the mailbox has no such folder. */
  names: Readonly<Record<string, string>>
  /** Folder id to the reason why neither it nor what lies below it is read. */
  roots: Exclusions
  /** The folders below the roots, as far as they were listed. */
  below: Exclusions
  /** Short hashes of the folders that were seen at the top of the tree. */
  top: readonly string[]
  /** The list was read to its end once, so that a new top folder is really new. */
  settled: boolean
}

export async function learnWellKnown(mailbox: Mailbox, signal: AbortSignal): Promise<KnownFolders> {
  // The governor lets four of them run at once.
  const found = await Promise.all(WELL_KNOWN.map((name) => lookUp(mailbox, name, signal)))
  const names: Record<string, string> = {}
  const parents: Record<string, string | undefined> = {}
  for (const [index, folder] of found.entries()) {
    const name = WELL_KNOWN[index]
    const id = folder && textOf(folder, 'id')
    if (name === undefined || id === undefined) continue
    names[name] = id
    parents[name] = folder && textOf(folder, 'parentFolderId')
  }
  return { names, roots: excludedRoots(names, parents), below: {}, top: [], settled: false }
}

/** Where Exchange keeps what users deleted for good. */
const RECOVERABLE = [
  'recoverableitemsdeletions',
  'recoverableitemspurges',
  'recoverableitemsversions',
  'recoverableitemsdiscoveryholds',
] as const

/** The ids of the folders that hold what was deleted for good. */
export async function learnRecoverable(
  mailbox: Mailbox,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const found = await Promise.all(RECOVERABLE.map((name) => lookUp(mailbox, name, signal)))
  return new Set(found.flatMap((folder) => (folder && textOf(folder, 'id')) ?? []))
}

async function lookUp(
  mailbox: Mailbox,
  name: string,
  signal: AbortSignal,
): Promise<JsonObject | undefined> {
  const request = {
    name: 'mailFolders.get',
    path: ['mailFolders', name],
    query: { $select: 'id,parentFolderId' },
  }
  try {
    return await mailbox.json(request, signal)
  } catch (error) {
    // Not every mailbox has every folder, and not every app may see the hidden ones.
    if (hasCode(error, 'ItemGone') || hasCode(error, 'AccessDenied')) return undefined
    if (hasCode(error, 'RequestNotUnderstood')) return undefined
    throw error
  }
}

/** The folders above the recoverable items and the well-known folders must never be excluded. */
function excludedRoots(
  names: Readonly<Record<string, string>>,
  parents: Readonly<Record<string, string | undefined>>,
): Record<string, ExclusionReason> {
  const excluded: Record<string, ExclusionReason> = {}
  for (const [name, reason] of Object.entries(EXCLUDED_NAMES)) {
    const id = names[name]
    if (id !== undefined) excluded[id] = reason
  }
  // Purges, versions and holds stand beside the deletions, below one folder of their own.
  const { recoverableitemsdeletions: above } = parents
  const shared = [names[MAIL_ROOT], parents[MAIL_ROOT], ...Object.values(names)]
  if (above !== undefined && !shared.includes(above)) excluded[above] = 'recoverable-items'
  return excluded
}

/** What the list of folders goes on from: Graph's link, and what was learnt of the folders. */
export interface FolderCursor {
  link: string
  known: KnownFolders
}

export function encodeFolderCursor(cursor: FolderCursor): string {
  return JSON.stringify({ v: 1, ...cursor })
}

/** Undefined where it is not one of ours; the list is then read anew. */
export function decodeFolderCursor(text: string): FolderCursor | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(value)) return undefined
  const { v, link, known } = value
  if (v !== 1 || typeof link !== 'string' || !isObject(known)) return undefined
  // Written by encodeFolderCursor and sealed since: its inner shape is ours.
  return { link, known: known as unknown as KnownFolders }
}

/** True where a folder stands at the top of the tree and was not there before. */
export function bringsNewTop(known: KnownFolders, folders: readonly JsonObject[]): boolean {
  return newTops(known, folders).length > 0 && known.top.length < TOP_MAX
}

function newTops(known: KnownFolders, folders: readonly JsonObject[]): string[] {
  const root = known.names[MAIL_ROOT]
  const named = new Set(Object.values(known.names))
  return folders
    .filter((folder) => textOf(folder, 'parentFolderId') === root)
    .map((folder) => textOf(folder, 'id') ?? '')
    .filter((id) => !named.has(id))
    .map((id) => keyHash(id).slice(0, 10))
    .filter((hash) => !known.top.includes(hash))
}

/** Asks again for the names that a mailbox may get later and does not have yet. */
export async function learnLate(
  mailbox: Mailbox,
  known: KnownFolders,
  signal: AbortSignal,
): Promise<KnownFolders> {
  const missing = MADE_LATE.filter((name) => known.names[name] === undefined)
  const names: Record<string, string> = { ...known.names }
  for (const name of missing) {
    const folder = await lookUp(mailbox, name, signal)
    const id = folder && textOf(folder, 'id')
    if (id !== undefined) names[name] = id
  }
  return { ...known, names, roots: { ...known.roots, ...excludedRoots(names, {}) } }
}

/** Adds what a page of folders shows: new tops, and what lies below what is not read. */
export function learnPage(known: KnownFolders, folders: readonly JsonObject[]): KnownFolders {
  // A folder that is listed anew may have been moved out of what is not read.
  const listed = new Set(folders.map((folder) => textOf(folder, 'id')))
  const kept = Object.entries(known.below).filter(([id]) => !listed.has(id))
  const below: Record<string, ExclusionReason> = Object.fromEntries(kept)
  // A page lists children before parents too: repeat until nothing new is found.
  for (let round = 0; round <= folders.length; round += 1) {
    const added = folders.filter((folder) => addBelow(folder, known.roots, below))
    if (added.length === 0) break
  }
  const top = [...known.top, ...newTops(known, folders)].slice(0, TOP_MAX)
  return { ...known, below, top }
}

function addBelow(
  folder: JsonObject,
  roots: Exclusions,
  below: Record<string, ExclusionReason>,
): boolean {
  const id = textOf(folder, 'id')
  const parent = textOf(folder, 'parentFolderId') ?? ''
  const reason = roots[parent] ?? below[parent]
  if (id === undefined || reason === undefined || id in below) return false
  below[id] = reason
  return true
}

/** Why this folder's messages are not read; undefined where they are. */
export function exclusionOf(folder: JsonObject, known: KnownFolders): ExclusionReason | undefined {
  const id = textOf(folder, 'id') ?? ''
  if (textOf(folder, '@odata.type') === '#microsoft.graph.mailSearchFolder') return 'search-folder'
  return known.roots[id] ?? known.below[id]
}

export function wellKnownNameOf(id: string, known: KnownFolders): string | undefined {
  return Object.keys(known.names).find((name) => known.names[name] === id)
}
