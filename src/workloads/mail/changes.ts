/**
 * Reads what changed in a mailbox: the list of folders, and the messages of one folder.
 *
 * One call is one page. The folder list is flat over all levels (`mailFolders/delta`); each
 * folder has a message cursor of its own. Every content-bearing field is named in `$select`,
 * because the digests of markers.ts must see all of them; query options live in the link, the
 * `Prefer` headers do not and are repeated. Attachments come with their names and sizes, never
 * with their bytes: MIME leaves link attachments out, and nothing else would show that.
 */
import {
  type DeltaPage,
  type JsonObject,
  type Mailbox,
  objectOf,
  objectsOf,
  readDeltaPage,
  textOf,
  WalkGuard,
} from '../../graph/index.ts'
import { AppError } from '../../model/errors.ts'
import { CONTAINERS, type Display, type ItemKind } from '../../model/events.ts'
import { type GraphId, keyHash } from '../../model/ids.ts'
import type { ChangePage, Present, Removed } from '../workload.ts'
import { createExpandFallback, type ExpandFallback, type Fields } from './expand-fallback.ts'
import {
  bringsNewTop,
  decodeFolderCursor,
  encodeFolderCursor,
  exclusionOf,
  FOLDER_SELECT,
  type KnownFolders,
  learnLate,
  learnPage,
  learnWellKnown,
  MAIL_ROOT,
  wellKnownNameOf,
} from './folders.ts'
import { CONTENT_FIELDS, DECORATION_FIELDS, folderMarker, messageMarker } from './markers.ts'

export const FOLDERS_CALL = 'mailFolders.delta'
/** The service makes its own pages of folders smaller where it wants to. */
const FOLDER_PAGE_SIZE = 200
/** Sizes that are tried where the usual page cannot be read or rendered (7.29). */
const SMALL_PAGES = [10, 1]

export const MESSAGE_SELECT = [
  'id',
  'changeKey',
  ...CONTENT_FIELDS,
  ...DECORATION_FIELDS,
  'createdDateTime',
  'lastModifiedDateTime',
  'conversationId',
  'conversationIndex',
].join(',')

/** Documented for message deltas, and not always served: see expand-fallback.ts. */
const ATTACHMENTS_EXPAND = 'attachments($select=id,name,contentType,size,isInline)'

export const MESSAGE_QUERIES = {
  expanded: { $select: MESSAGE_SELECT, $expand: ATTACHMENTS_EXPAND },
  plain: { $select: MESSAGE_SELECT },
} as const satisfies Record<Fields, Record<string, string>>

/** Milliseconds of the year 2286: more than any mail's date, in 13 digits. */
const SORT_KEY_TOP = 9_999_999_999_999

export interface ChangeReader {
  /** Throws `ItemGone` where the folder is no longer there, and what StreamReader.changes says. */
  page(container: GraphId, link: string | null, signal: AbortSignal): Promise<ChangePage>
}

export function createChangeReader(mailbox: Mailbox, pageSize: number): ChangeReader {
  // The guards see only this slice; over several slices the walk is bounded by what its cursor counts.
  const guards = new Map<GraphId, WalkGuard>()
  const fallback = createExpandFallback()
  const guardOf = (container: GraphId, call: string): WalkGuard => {
    const guard = guards.get(container) ?? new WalkGuard(call)
    guards.set(container, guard)
    return guard
  }

  return {
    page(container, link, signal) {
      if (container === CONTAINERS) {
        return folderPage(mailbox, guardOf(container, FOLDERS_CALL), link, signal)
      }
      const guard = guardOf(container, 'messages.delta')
      return messagePage({ mailbox, guard, fallback, container, link, pageSize, signal })
    },
  }
}

async function folderPage(
  mailbox: Mailbox,
  guard: WalkGuard,
  text: string | null,
  signal: AbortSignal,
): Promise<ChangePage> {
  const cursor = text === null ? undefined : decodeFolderCursor(text)
  if (text !== null && cursor === undefined) throw foreignCursor()
  const page = await readFolderPage({ mailbox, guard, link: cursor?.link ?? null, signal })
  const learnt = await learn(mailbox, cursor?.known, page, signal)
  const known = page.delta === undefined ? learnt : { ...learnt, settled: true }
  const changes = [
    ...page.items.map((folder) => presentFolder(folder, known)),
    ...removedOf(page, CONTAINERS, 'container'),
  ]
  return { changes, ...linksOf(page, (link) => encodeFolderCursor({ link, known })) }
}

/** One page of the list of folders, as Graph says it. */
export async function readFolderPage(options: {
  mailbox: Mailbox
  guard: WalkGuard
  /** Null: from the beginning. */
  link: string | null
  signal: AbortSignal
}): Promise<DeltaPage> {
  const { mailbox, signal } = options
  const query = { $select: FOLDER_SELECT }
  return await readDeltaPage({
    ...{ call: FOLDERS_CALL, link: options.link, guard: options.guard },
    sizes: [FOLDER_PAGE_SIZE, ...SMALL_PAGES],
    read: (link, size) => {
      const where = link === null ? { path: ['mailFolders', 'delta'], query } : { link }
      const prefer = [`odata.maxpagesize=${size}`]
      return mailbox.json({ name: FOLDERS_CALL, ...where, prefer }, signal)
    },
  })
}

async function learn(
  mailbox: Mailbox,
  before: KnownFolders | undefined,
  page: DeltaPage,
  signal: AbortSignal,
): Promise<KnownFolders> {
  if (before === undefined) return learnPage(await learnWellKnown(mailbox, signal), page.items)
  // While the first list is still being read, every top folder is new and all names were asked.
  const late = before.settled && bringsNewTop(before, page.items)
  const known = late ? await learnLate(mailbox, before, signal) : before
  return learnPage(known, page.items)
}

function foreignCursor(): AppError {
  return new AppError({
    code: 'ResyncNeeded',
    kind: 'transient',
    message: 'The stored position of the folder list is not one of this version of Holdfast.',
    hint: 'Nothing to do: Holdfast reads the list of folders anew.',
  })
}

function presentFolder(folder: JsonObject, known: KnownFolders): Present {
  const id = (textOf(folder, 'id') ?? '') as GraphId
  const parent = textOf(folder, 'parentFolderId')
  const wellKnownName = wellKnownNameOf(id, known)
  const excluded = exclusionOf(folder, known)
  const top =
    parent === undefined || parent === known.names[MAIL_ROOT] || wellKnownName === MAIL_ROOT
  const shown = {
    ...(wellKnownName === undefined ? {} : { wellKnownName }),
    ...(excluded === undefined ? {} : { excluded }),
  }
  return {
    op: 'present',
    kind: 'container',
    id,
    place: { container: CONTAINERS, sortKey: keyHash(id) },
    marker: folderMarker(folder, shown),
    display: {
      name: textOf(folder, 'displayName') ?? '',
      ...(top ? {} : { parent: parent as GraphId }),
      ...shown,
    },
    json: withoutAnnotations(folder),
    ...(excluded === undefined ? { hasCursor: true } : { excluded }),
  }
}

interface MessagePageOptions {
  mailbox: Mailbox
  guard: WalkGuard
  fallback: ExpandFallback
  container: GraphId
  link: string | null
  pageSize: number
  signal: AbortSignal
}

async function messagePage(options: MessagePageOptions): Promise<ChangePage> {
  const { mailbox, guard, fallback, container, pageSize, signal } = options
  const call = 'messages.delta'
  const path = ['mailFolders', container, 'messages', 'delta']
  const page = await fallback.page(container, options.link, (link, fields) =>
    readDeltaPage({
      call,
      link,
      guard,
      sizes: [pageSize, ...SMALL_PAGES.filter((size) => size < pageSize)],
      read: (at, size) => {
        const where = at === null ? { path, query: MESSAGE_QUERIES[fields] } : { link: at }
        return mailbox.json({ name: call, ...where, prefer: [`odata.maxpagesize=${size}`] }, signal)
      },
    }),
  )
  const changes = [
    ...page.items.map((message) => presentMessage(message, container)),
    ...removedOf(page, container, 'item'),
  ]
  return { changes, ...linksOf(page, (at) => at) }
}

/** `container`: the folder whose list says so; a page of a folder holds only its members. */
export function presentMessage(message: JsonObject, container: GraphId): Present {
  const files = objectsOf(message, 'attachments').map(({ size }) => size)
  return {
    op: 'present',
    kind: 'item',
    id: (textOf(message, 'id') ?? '') as GraphId,
    place: { container, sortKey: sortKeyOf(message) },
    marker: messageMarker(message),
    display: displayOf(message),
    json: withoutAnnotations(message),
    expectedBytes: files.reduce<number>((sum, size) => sum + (Number(size) || 0), 0),
  }
}

/** The newest mail sorts first. Drafts that were never received stand at their creation. */
function sortKeyOf(message: JsonObject): string {
  const said = textOf(message, 'receivedDateTime') ?? textOf(message, 'createdDateTime') ?? ''
  const at = Date.parse(said)
  const ms = Number.isNaN(at) ? 0 : Math.min(Math.max(at, 0), SORT_KEY_TOP)
  return String(SORT_KEY_TOP - ms).padStart(13, '0')
}

function displayOf(message: JsonObject): Display {
  const { isRead, hasAttachments } = message
  const author = objectOf(message, 'from') ?? objectOf(message, 'sender')
  const address = author && objectOf(author, 'emailAddress')
  const by = address && (textOf(address, 'name') || textOf(address, 'address'))
  const date = textOf(message, 'receivedDateTime') ?? textOf(message, 'createdDateTime')
  return {
    name: textOf(message, 'subject') ?? '',
    ...(by === undefined ? {} : { by }),
    ...(date === undefined ? {} : { date }),
    ...(typeof isRead === 'boolean' ? { isRead } : {}),
    ...(typeof hasAttachments === 'boolean' ? { hasAttachments } : {}),
  }
}

function removedOf(page: DeltaPage, container: GraphId, kind: ItemKind): Removed[] {
  return page.removed.map(({ id }) => ({ op: 'removed', kind, id: id as GraphId, container }))
}

function linksOf(page: DeltaPage, wrap: (link: string) => string): Partial<ChangePage> {
  if (page.next !== undefined) return { next: wrap(page.next) }
  return page.delta === undefined ? {} : { delta: wrap(page.delta) }
}

/**
 * The type stays: it tells a meeting request from a message. A list of attachments that goes on
 * elsewhere is no list; without it, content.ts asks for the whole one.
 */
function withoutAnnotations(object: JsonObject): JsonObject {
  const isCut = 'attachments@odata.nextLink' in object
  const kept = Object.entries(object).filter(
    ([key]) =>
      key === '@odata.type' || !(key.includes('@odata.') || (isCut && key === 'attachments')),
  )
  return Object.fromEntries(kept)
}
