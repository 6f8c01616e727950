/**
 * The delta of a folder's messages (facts/graph.md 2.4 and 3.2).
 *
 * A round walks the folder by seq, so a message that changes while the round runs comes again at
 * its end; what left the folder is `@removed`, also when it only moved. With noise on (default)
 * some pages are empty and some repeat the item before: a function of the tenant's state and the
 * place, not of chance, so a failing run can be repeated. What a lagging service shows instead of
 * the present is in `delta-view.ts`.
 */
import { brokenOff } from '../fault-kinds.ts'
import type { Answer } from '../http.ts'
import { stableNumber } from '../ids.ts'
import {
  DELTA_PAGE_DEFAULT,
  DELTA_PAGE_MAX,
  EMPTY_PAGE_EVERY,
  FILTERED_DELTA_ITEMS_MAX,
  REPEAT_PAGE_EVERY,
} from '../limits.ts'
import type { Folder, Message } from '../model.ts'
import type { LeftMessage } from '../state/messages.ts'
import { type Cursor, currentCursor, endOfRound, link, tokenLink } from './cursor.ts'
import { changesAfter, olderStates, replayed, vanish } from './delta-view.ts'
import { GraphError } from './errors.ts'
import { type DeltaCondition, deltaSince } from './filter.ts'
import { type Json, type MessageView, messageJson } from './json.ts'
import { context, mailboxPath, pageSize } from './lists.ts'
import { breaksOff, checkExpand, refuseSearchFolder } from './messages.ts'
import { findFolder, findMailbox, type GraphRequest } from './request.ts'

const DELTA = { usual: DELTA_PAGE_DEFAULT, max: DELTA_PAGE_MAX }
const ORDER = /^receivedDateTime desc$/i

interface Page {
  readonly messages: readonly Message[]
  readonly left: readonly LeftMessage[]
  /** null: the round ends with this page. */
  readonly next: Cursor | null
  /** The next link is the one that was called, letter by letter. */
  readonly sameLink?: true
}

export function deltaMessages(request: GraphRequest): Answer {
  const user = findMailbox(request)
  const folder = findFolder(request, user)
  refuseSearchFolder(folder)
  const horizon = request.state.trouble.horizon(folder)
  const presented = currentCursor(request, user)
  // Departures that this folder does not show yet are news for a round that begins now.
  const cursor =
    request.token === null ? { ...presented, began: Math.min(presented.began, horizon) } : presented
  const { options } = cursor
  const effective = { ...request, options }
  checkExpand(effective)
  if (options.orderby !== null && !ORDER.test(options.orderby.trim())) {
    throw new GraphError(
      400,
      'ErrorInvalidUrlQuery',
      'The delta of messages can be ordered by receivedDateTime desc only.',
    )
  }
  const since = deltaSince(options.filter)
  const size = pageSize(request, options.top, DELTA)
  const reading = { request: effective, folder, cursor, since, size, horizon }
  const page =
    endlessPage(reading) ??
    quietPage(reading) ??
    (isOrdered(cursor) ? orderedPage(reading) : seqPage(reading))
  return answer(reading, { request: effective, user }, page)
}

export interface Reading {
  readonly request: GraphRequest
  readonly folder: Folder
  readonly cursor: Cursor
  readonly since: DeltaCondition | null
  readonly size: number
  /** The newest seq that is shown. */
  readonly horizon: number
}

/** What the reader of this round had read when it began. */
function knownTo(cursor: Cursor): number {
  return cursor.kind === 'delta' ? cursor.position : (cursor.known ?? 0)
}

function isOrdered(cursor: Cursor): boolean {
  return cursor.options.orderby !== null && cursor.began > 0 && cursor.position === 0
}

/** Changed and departed messages after the position, in the order in which that happened. */
function seqPage(reading: Reading): Page {
  const { cursor, since, size, horizon } = reading
  const counted = cursor.counted ?? 0
  // Only a first, filtered pass is cut off; what changed since is reported whatever its number.
  const limited = since !== null && cursor.position < cursor.began
  const wanted = limited ? Math.min(size, FILTERED_DELTA_ITEMS_MAX - counted) : size
  const merged = changesAfter(reading, { changed: wanted + 1, left: size + 1 })
  const entries = merged.slice(0, wanted)
  const more = merged.length > wanted
  const cutOff = limited && counted + wanted >= FILTERED_DELTA_ITEMS_MAX
  const position = cutOff ? cursor.began : (entries.at(-1)?.seq ?? cursor.position)
  const lastMessage = entries.findLast((entry) => entry.message !== null)?.message
  const { trouble } = reading.request.state
  const known = knownTo(cursor)
  return {
    messages: entries.flatMap(({ message }) =>
      message && !trouble.hides(message, known) ? [message] : [],
    ),
    left: entries.flatMap((entry) => entry.left ?? []),
    next: more
      ? {
          ...cursor,
          kind: 'skip',
          position,
          page: cursor.page + 1,
          paused: false,
          counted: counted + entries.length,
          known,
          ...(lastMessage ? { last: lastMessage.pk } : {}),
        }
      : endOfRound(cursor, Math.max(cursor.position, horizon)),
  }
}

/** First round with `$orderby`: newest first; then what changed since it began. */
function orderedPage(reading: Reading): Page {
  const { request, folder, cursor, since, size } = reading
  const [received, pk] = cursor.reached ?? [Number.MAX_SAFE_INTEGER, 0]
  const counted = cursor.counted ?? 0
  const room = Math.min(size, FILTERED_DELTA_ITEMS_MAX - counted)
  const condition = since ?? { where: '1', values: [] }
  const found = request.state.messages.query(
    `folder = ? AND seq <= ? AND (received, pk) < (?, ?) AND ${condition.where}
     ORDER BY received DESC, pk DESC LIMIT ?`,
    [folder.pk, cursor.began, received, pk, ...condition.values, room + 1],
  )
  const messages = found.slice(0, room)
  const last = messages.at(-1)
  const more =
    found.length > room && last !== undefined && counted + room < FILTERED_DELTA_ITEMS_MAX
  const onwards: Cursor = { ...cursor, kind: 'skip', page: cursor.page + 1, paused: false }
  return {
    messages,
    left: [],
    next: more
      ? { ...onwards, reached: [last.receivedMs, last.pk], counted: counted + messages.length }
      : { ...onwards, position: cursor.began },
  }
}

function noisy({ request, cursor, folder }: Reading, what: string, every: number): boolean {
  if (!request.state.settings.deltaNoise) return false
  return stableNumber(what, folder.id, cursor.position, cursor.page) % every === 0
}

/** An empty page inside a round: nothing is read, the next link goes on from here. */
function quietPage(reading: Reading): Page | null {
  const { cursor, request, folder } = reading
  if (cursor.paused || !noisy(reading, 'empty', EMPTY_PAGE_EVERY)) return null
  const news = request.state.messages.query('folder = ? AND seq > ? LIMIT 1', [
    folder.pk,
    cursor.position,
  ])
  if (news.length === 0) return null
  const known = knownTo(cursor)
  return { messages: [], left: [], next: { ...cursor, kind: 'skip', paused: true, known } }
}

/** A page of a loop that a test asked for: nothing new, and a next link all the same. */
function endlessPage({ request, folder, cursor }: Reading): Page | null {
  const loop = request.state.trouble.loops.take(folder.pk)
  if (loop === null) return null
  const page = cursor.page + (loop === 'repeat' ? 0 : 1)
  const next: Cursor = { ...cursor, kind: 'skip', page, known: knownTo(cursor) }
  return { messages: [], left: [], next, ...(loop === 'repeat' ? { sameLink: true as const } : {}) }
}

/** The last item of the page before, where this page repeats it and it is still here. */
function repeated(reading: Reading): Message[] {
  const { cursor, request, folder } = reading
  if (cursor.last === undefined || !noisy(reading, 'repeat', REPEAT_PAGE_EVERY)) return []
  return request.state.messages.query('pk = ? AND folder = ?', [cursor.last, folder.pk])
}

function answer(reading: Reading, view: MessageView, page: Page): Answer {
  const { request, cursor, folder } = reading
  const { select } = cursor.options
  const removed = page.left.map(
    (left): Json => ({
      '@odata.type': '#microsoft.graph.message',
      id: request.prefer.immutableIds ? left.immutableId : left.mutableId,
      '@removed': { reason: 'deleted' },
    }),
  )
  const repeats = page.messages.length === 0 ? [] : repeated(reading)
  const older = olderStates(reading, page.messages)
  const listed = [...repeats, ...replayed(reading), ...older, ...page.messages]
  const shown = listed.map((message) => messageJson(message, view, { select, typed: true }))
  const { next } = page
  if (next === null) throw new Error('a delta page always has a link')
  const { token } = request
  const nextLink = page.sameLink && token ? tokenLink(request, token) : link(request, next)
  const whole: Answer = {
    status: 200,
    body: {
      '@odata.context': context(
        request,
        mailboxPath(view.user, `mailFolders('${folder.id}')/messages`),
        select,
      ),
      [next.kind === 'delta' ? '@odata.deltaLink' : '@odata.nextLink']: nextLink,
      value: [...removed, ...shown],
    },
  }
  if (breaksOff(request, listed, select)) return brokenOff(whole)
  vanish(reading, view.user, page.messages)
  return whole
}
