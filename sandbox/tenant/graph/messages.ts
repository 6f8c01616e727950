/** Reading messages: lists, one message, its MIME. Delta is in `message-delta.ts`. */
import { brokenOff } from '../fault-kinds.ts'
import type { Answer } from '../http.ts'
import { LIST_PAGE_DEFAULT, LIST_PAGE_MAX } from '../limits.ts'
import { renderMime } from '../mime/render.ts'
import type { Folder, Message } from '../model.ts'
import { currentCursor } from './cursor.ts'
import { accessDenied, notBuilt } from './errors.ts'
import { messageCondition, messageOrder } from './filter.ts'
import { type MessageView, messageJson } from './json.ts'
import { context, listAnswer, mailboxPath, pageSize } from './lists.ts'
import {
  findFolder,
  findMailbox,
  findMessage,
  type GraphRequest,
  mayReadContent,
} from './request.ts'

const LIST = { usual: LIST_PAGE_DEFAULT, max: LIST_PAGE_MAX }
const EXPANDABLE = new Set(['attachments', 'singleValueExtendedProperties'])

/** `$expand` shows content, so it needs more than `Mail.ReadBasic.All`. */
export function checkExpand(request: GraphRequest): void {
  for (const { path } of request.options.expand) {
    if (!EXPANDABLE.has(path)) throw notBuilt(`$expand=${path} of messages`)
  }
  if (request.options.expand.length > 0 && !mayReadContent(request)) throw accessDenied()
}

export function refuseSearchFolder(folder: Folder): void {
  if (folder.search) throw notBuilt('the messages of a search folder')
}

/** Whether a page of these messages ends before the first of them. */
export function breaksOff(
  { state }: GraphRequest,
  messages: readonly Message[],
  select: readonly string[] | null,
): boolean {
  const { renderedItemsMax: itemsMax } = state.settings
  return state.trouble.unrenderable.breaks(messages, { select, itemsMax })
}

/** A search index lags: with a lag set, no filter finds what has just been created. */
function unknownKeys({ state }: GraphRequest): number | null {
  const { filterLagMs } = state.settings
  return filterLagMs > 0 ? state.trouble.past.newestKeys(filterLagMs) : null
}

function list(request: GraphRequest, view: MessageView, folder: Folder | null, path: string) {
  const cursor = currentCursor(request, view.user)
  const { select, filter, orderby, top, count } = cursor.options
  const effective = { ...request, options: cursor.options }
  checkExpand(effective)
  const scope = folder ? ['folder = ?', folder.pk] : ['user = ?', view.user.pk]
  const condition = messageCondition(filter)
  const unknown = filter === null ? null : unknownKeys(request)
  const where = `${scope[0]} AND ${condition.where}${unknown === null ? '' : ' AND pk < ?'}`
  const values = [scope[1] ?? 0, ...condition.values, ...(unknown === null ? [] : [unknown])]
  const size = pageSize(request, top, LIST)
  const offset = cursor.position + (cursor.page === 0 ? cursor.options.skip : 0)
  const order = messageOrder(orderby, filter)
  const found = request.state.messages.query(
    `${where} ORDER BY ${order} LIMIT ${size + 1} OFFSET ${offset}`,
    values,
  )
  const items = found.slice(0, size)
  const more = found.length > size
  const page = listAnswer(request, {
    contextPath: mailboxPath(view.user, path),
    select,
    value: items.map((message) =>
      messageJson(message, { ...view, request: effective }, { select }),
    ),
    next: more ? { ...cursor, position: offset + size, page: cursor.page + 1 } : null,
    ...(count ? { count: request.state.messages.countWhere(where, values) } : {}),
  })
  return breaksOff(request, items, select) ? brokenOff(page) : page
}

export function listMessages(request: GraphRequest): Answer {
  const user = findMailbox(request)
  return list(request, { request, user }, null, 'messages')
}

export function listFolderMessages(request: GraphRequest): Answer {
  const user = findMailbox(request)
  const folder = findFolder(request, user)
  refuseSearchFolder(folder)
  return list(request, { request, user }, folder, `mailFolders('${folder.id}')/messages`)
}

export function messageAnswer(
  view: MessageView,
  message: Parameters<typeof messageJson>[0],
  status: number,
): Answer {
  const { select } = view.request.options
  const json = messageJson(message, view, { select })
  const place = context(view.request, mailboxPath(view.user, 'messages'), select)
  return {
    status,
    headers: { etag: String(json['@odata.etag']) },
    body: {
      '@odata.context': `${place}/$entity`,
      ...json,
    },
  }
}

export function getMessage(request: GraphRequest): Answer {
  const user = findMailbox(request)
  checkExpand(request)
  return messageAnswer({ request, user }, findMessage(request, user), 200)
}

export function getFolderMessage(request: GraphRequest): Answer {
  const user = findMailbox(request)
  checkExpand(request)
  const folder = findFolder(request, user)
  return messageAnswer({ request, user }, findMessage(request, user, folder), 200)
}

/** The MIME is made anew at each call; its hash is noted so that a verdict can prove copies. */
export async function getMime(request: GraphRequest): Promise<Answer> {
  const user = findMailbox(request)
  const { messages } = request.state
  const message = findMessage(request, user)
  const mime = await renderMime({
    message,
    attachments: messages.attachments(message),
    source: messages.source(message),
  })
  request.state.mimeLog.add(message.immutableId, mime)
  return { status: 200, headers: { 'content-type': 'text/plain' }, body: mime }
}
