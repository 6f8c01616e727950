/**
 * The folders of a restore's target: the whole tree in a few requests, and new ones.
 *
 * Views and what Exchange keeps for itself are no targets and are left out.
 */
import { type JsonObject, type Mailbox, textOf, walkPages } from '../../graph/index.ts'
import { AppError, hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { ContainerRemoval, TargetContainer } from '../workload.ts'
import {
  exclusionOf,
  FOLDER_SELECT,
  type KnownFolders,
  learnPage,
  learnWellKnown,
  MAIL_ROOT,
  wellKnownNameOf,
} from './folders.ts'

const PAGE_SIZE = 200

/** About a dozen requests for the fixed names, and one for each 200 folders. */
export async function readTree(mailbox: Mailbox, signal: AbortSignal): Promise<TargetContainer[]> {
  const name = 'mailFolders.delta'
  const first = { path: ['mailFolders', 'delta'], query: { $select: FOLDER_SELECT } }
  const prefer = [`odata.maxpagesize=${PAGE_SIZE}`]
  const pages = walkPages(name, (link) =>
    mailbox.json({ name, prefer, ...(link === null ? first : { link }) }, signal),
  )
  const folders = new Map<string, JsonObject>()
  for await (const items of pages) {
    for (const folder of items) {
      const id = textOf(folder, 'id') ?? ''
      // Replays: the last occurrence counts.
      if ('@removed' in folder) folders.delete(id)
      else folders.set(id, folder)
    }
  }
  const all = [...folders.values()]
  const known = learnPage(await learnWellKnown(mailbox, signal), all)
  const targets = all.filter((folder) => exclusionOf(folder, known) === undefined)
  return [...rootOf(known, folders), ...targets.map((folder) => targetOf(folder, known))]
}

/** The delta does not list the top of the tree, and messages can lie in it. */
function rootOf(known: KnownFolders, listed: ReadonlyMap<string, unknown>): TargetContainer[] {
  const id = known.names[MAIL_ROOT]
  if (id === undefined || listed.has(id)) return []
  return [{ id: id as GraphId, name: '', wellKnownName: MAIL_ROOT }]
}

function targetOf(folder: JsonObject, known: KnownFolders): TargetContainer {
  const id = textOf(folder, 'id') ?? ''
  const parent = textOf(folder, 'parentFolderId')
  const wellKnownName = wellKnownNameOf(id, known)
  const isTop = parent === undefined || parent === known.names[MAIL_ROOT]
  return {
    id: id as GraphId,
    ...(isTop ? {} : { parent: parent as GraphId }),
    name: textOf(folder, 'displayName') ?? '',
    ...(wellKnownName === undefined ? {} : { wellKnownName }),
  }
}

export interface NewFolder {
  mailbox: Mailbox
  name: string
  parent: GraphId | undefined
  signal: AbortSignal
}

/**
 * Makes the folder, or takes the one of that name where it is there already. Sent once: after a
 * lost answer the folder is looked for, and `AnswerLost` is thrown where it is not there.
 */
export async function createFolder(folder: NewFolder): Promise<GraphId> {
  const { mailbox, name, parent, signal } = folder
  try {
    const made = await mailbox.json(
      {
        name: 'mailFolder.create',
        method: 'POST',
        path: childrenPath(parent),
        body: JSON.stringify({ displayName: name }),
      },
      signal,
    )
    const id = textOf(made, 'id')
    if (id !== undefined) return id as GraphId
  } catch (error) {
    const there = error instanceof AppError && ['NameTaken', 'AnswerLost'].includes(error.code)
    const id = there ? await folderNamed(folder) : undefined
    if (id === undefined) throw error
    return id
  }
  const id = await folderNamed(folder)
  if (id !== undefined) return id
  throw new AppError({
    code: 'AnswerLost',
    kind: 'transient',
    message: 'A folder was made, but the answer names no id and it is not found by its name.',
    hint: 'Nothing to do: Holdfast reads the folders again before it goes on.',
  })
}

function childrenPath(parent: GraphId | undefined): string[] {
  return parent === undefined ? ['mailFolders'] : ['mailFolders', parent, 'childFolders']
}

/** Exchange compares folder names without regard to case. */
async function folderNamed(folder: NewFolder): Promise<GraphId | undefined> {
  const { mailbox, parent, signal } = folder
  const wanted = folder.name.trim().toLowerCase()
  const call = 'mailFolders.list'
  const first = {
    path: childrenPath(parent),
    query: { $select: 'id,displayName', $top: `${PAGE_SIZE}`, includeHiddenFolders: 'true' },
  }
  const pages = walkPages(call, (link) =>
    mailbox.json({ name: call, ...(link === null ? first : { link }) }, signal),
  )
  for await (const items of pages) {
    const found = items.find((f) => textOf(f, 'displayName')?.trim().toLowerCase() === wanted)
    const id = found && textOf(found, 'id')
    if (id !== undefined) return id as GraphId
  }
  return undefined
}

/**
 * Looks for any message and any folder in it, hidden ones too, and deletes it where there is none.
 * Graph has no condition for that call: what comes between the look and the deletion goes with
 * the folder, into the recoverable items.
 */
export async function removeEmptyFolder(
  mailbox: Mailbox,
  id: GraphId,
  signal: AbortSignal,
): Promise<ContainerRemoval> {
  const path = ['mailFolders', id]
  try {
    const inside = { mailbox, folder: id, signal }
    if (await holds(inside, 'messages', {})) return 'not-empty'
    if (await holds(inside, 'childFolders', { includeHiddenFolders: 'true' })) return 'not-empty'
    await mailbox.send({ name: 'mailFolder.delete', method: 'DELETE', path }, signal)
    return 'removed'
  } catch (error) {
    if (hasCode(error, 'ItemGone')) return 'gone'
    throw error
  }
}

async function holds(
  inside: { mailbox: Mailbox; folder: GraphId; signal: AbortSignal },
  what: 'messages' | 'childFolders',
  options: Readonly<Record<string, string>>,
): Promise<boolean> {
  const name = `${what}.any`
  const path = ['mailFolders', inside.folder, what]
  const query = { $select: 'id', $top: '1', ...options }
  const pages = walkPages(name, (link) =>
    inside.mailbox.json({ name, ...(link === null ? { path, query } : { link }) }, inside.signal),
  )
  for await (const items of pages) if (items.length > 0) return true
  return false
}
