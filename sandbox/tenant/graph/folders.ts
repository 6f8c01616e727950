/**
 * Mail folders: lists, one, delta over the whole tree, and what may change them.
 *
 * Not here: messages in folders. Deleting a folder takes its tree away; the messages go to the
 * recoverable items, so a deletion by mistake can be seen and undone, as in Exchange.
 */
import { z } from 'zod'
import type { Answer } from '../http.ts'
import { DELTA_PAGE_DEFAULT, DELTA_PAGE_MAX, LIST_PAGE_DEFAULT, LIST_PAGE_MAX } from '../limits.ts'
import type { Folder } from '../model.ts'
import { currentCursor } from './cursor.ts'
import { badRequest, GraphError } from './errors.ts'
import { parseBody } from './inputs.ts'
import { folderJson, type Json, type MessageView } from './json.ts'
import { context, deltaAnswer, listAnswer, mailboxPath, offsetPage, pageSize } from './lists.ts'
import { findFolder, findMailbox, folderNamed, type GraphRequest } from './request.ts'

const LIST = { usual: LIST_PAGE_DEFAULT, max: LIST_PAGE_MAX }
const DELTA = { usual: DELTA_PAGE_DEFAULT, max: DELTA_PAGE_MAX }

function listChildren(request: GraphRequest, view: MessageView, parent: Folder, path: string) {
  const cursor = currentCursor(request, view.user)
  const { select, top, includeHidden, filter, count } = cursor.options
  const wanted = nameFilter(filter)
  const children = request.state.folders
    .children(parent)
    .filter((folder) => (includeHidden || !folder.hidden) && wanted(folder))
  const page = offsetPage(children, cursor, pageSize(request, top, LIST))
  return listAnswer(request, {
    contextPath: mailboxPath(view.user, path),
    select,
    value: page.items.map((folder) => folderJson(folder, view, select)),
    next: page.next,
    ...(count ? { count: children.length } : {}),
  })
}

/** Of the filters that real folders take, only equality of the name is served. */
function nameFilter(filter: string | null): (folder: Folder) => boolean {
  if (filter === null) return () => true
  const name = /^displayName eq '((?:[^']|'')*)'$/.exec(filter.trim())?.[1]
  if (name === undefined) throw badRequest(`Invalid filter clause: ${filter}`)
  const wanted = name.replaceAll("''", "'").toLowerCase()
  return (folder) => folder.name.toLowerCase() === wanted
}

export function listFolders(request: GraphRequest): Answer {
  const user = findMailbox(request)
  const root = request.state.folders.wellKnown(user, 'msgfolderroot')
  return listChildren(request, { request, user }, root, 'mailFolders')
}

export function listChildFolders(request: GraphRequest): Answer {
  const user = findMailbox(request)
  const parent = findFolder(request, user)
  return listChildren(
    request,
    { request, user },
    parent,
    `mailFolders('${parent.id}')/childFolders`,
  )
}

function folderAnswer(view: MessageView, folder: Folder, status: number): Answer {
  const { select } = view.request.options
  const path = mailboxPath(view.user, 'mailFolders')
  return {
    status,
    body: {
      '@odata.context': `${context(view.request, path, select)}/$entity`,
      ...folderJson(folder, view, select),
    },
  }
}

export function getFolder(request: GraphRequest): Answer {
  const user = findMailbox(request)
  return folderAnswer({ request, user }, findFolder(request, user), 200)
}

/** All folders below the top of the mailbox, flat; recoverable items are not among them. */
export function deltaFolders(request: GraphRequest): Answer {
  const user = findMailbox(request)
  const { folders, db } = request.state
  const cursor = currentCursor(request, user)
  const { select } = cursor.options
  const size = pageSize(request, cursor.options.top, DELTA)
  const root = folders.wellKnown(user, 'msgfolderroot')
  const changed = folders
    .changedSince(user, cursor.position, size + 1)
    .map((folder) => ({ seq: folder.seq, folder, id: folder.id }))
  const gone = folders
    .goneSince(user, Math.max(cursor.position, cursor.began), size + 1)
    .map(({ seq, id }) => ({ seq, folder: null, id }))
  const merged = [...changed, ...gone].toSorted((a, b) => a.seq - b.seq)
  const entries = merged.slice(0, size)
  const value = entries.flatMap(({ folder, id }): Json[] => {
    if (folder === null) return [{ id, '@removed': { reason: 'deleted' } }]
    const inside = folder.pk !== root.pk && folders.isInside(folder, root)
    return inside ? [folderJson(folder, { request, user }, select)] : []
  })
  const more = merged.length > size
  const position = more ? (entries.at(-1)?.seq ?? cursor.position) : db.lastSeq()
  const contextPath = mailboxPath(user, 'mailFolders')
  return deltaAnswer(request, { contextPath, select, value }, { cursor, more, position })
}

const NewFolderBody = z.object({
  '@odata.type': z.string().optional(),
  displayName: z.string().trim().min(1).max(255),
  isHidden: z.boolean().optional(),
  includeNestedFolders: z.boolean().optional(),
  sourceFolderIds: z.array(z.string()).optional(),
  filterQuery: z.string().optional(),
})

function refuseDouble(request: GraphRequest, parent: Folder, name: string, self?: Folder): void {
  const taken = request.state.folders
    .children(parent)
    .some((f) => f.pk !== self?.pk && f.name.toLowerCase() === name.toLowerCase())
  if (taken) {
    throw new GraphError(
      409,
      'ErrorFolderExists',
      'A folder with the specified name already exists.',
    )
  }
}

async function createUnder(request: GraphRequest, user: MessageView['user'], parent: Folder) {
  const body = await parseBody(request, NewFolderBody)
  const type = body['@odata.type']
  if (type !== undefined && !/^#?microsoft\.graph\.mail(Search)?Folder$/.test(type)) {
    throw badRequest(`The type '${type}' is not a mail folder.`)
  }
  const isSearch = type?.endsWith('mailSearchFolder') ?? false
  return request.state.db.transaction(() => {
    refuseDouble(request, parent, body.displayName)
    const folder = request.state.folders.create(user, {
      parent: parent.pk,
      name: body.displayName,
      hidden: body.isHidden ?? false,
      ...(isSearch
        ? {
            search: {
              filterQuery: body.filterQuery ?? '',
              includeNestedFolders: body.includeNestedFolders ?? false,
              sourceFolderIds: body.sourceFolderIds ?? [],
            },
          }
        : {}),
    })
    return folderAnswer({ request, user }, folder, 201)
  })
}

export function createFolder(request: GraphRequest): Promise<Answer> {
  const user = findMailbox(request)
  return createUnder(request, user, request.state.folders.wellKnown(user, 'msgfolderroot'))
}

export function createChildFolder(request: GraphRequest): Promise<Answer> {
  const user = findMailbox(request)
  return createUnder(request, user, findFolder(request, user))
}

function refuseDistinguished(folder: Folder, what: string): void {
  if (folder.wellKnown === null) return
  throw new GraphError(
    403,
    what === 'deleted' ? 'ErrorDeleteDistinguishedFolder' : 'ErrorMoveDistinguishedFolder',
    `Distinguished folders cannot be ${what}.`,
  )
}

const RenameBody = z.object({ displayName: z.string().trim().min(1).max(255) })

export async function renameFolder(request: GraphRequest): Promise<Answer> {
  const user = findMailbox(request)
  const { displayName } = await parseBody(request, RenameBody)
  return request.state.db.transaction(() => {
    const folder = findFolder(request, user)
    if (folder.parent !== null) {
      refuseDouble(request, request.state.folders.byPk(folder.parent), displayName, folder)
    }
    return folderAnswer({ request, user }, request.state.folders.rename(folder, displayName), 200)
  })
}

const DestinationBody = z.object({ destinationId: z.string().min(1) })

export async function moveFolder(request: GraphRequest): Promise<Answer> {
  const user = findMailbox(request)
  const { destinationId } = await parseBody(request, DestinationBody)
  const { state } = request
  return state.db.transaction(() => {
    const folder = findFolder(request, user)
    const target = folderNamed(request, user, destinationId)
    refuseDistinguished(folder, 'moved')
    if (state.folders.isInside(target, folder)) {
      throw new GraphError(400, 'ErrorMoveCopyFailed', 'A folder cannot be moved into itself.')
    }
    refuseDouble(request, target, folder.name, folder)
    return folderAnswer({ request, user }, state.folders.move(folder, target), 200)
  })
}

export function deleteFolder(request: GraphRequest): Answer {
  const user = findMailbox(request)
  const folder = findFolder(request, user)
  refuseDistinguished(folder, 'deleted')
  request.state.deleteFolderTree(user, folder)
  return { status: 204 }
}
