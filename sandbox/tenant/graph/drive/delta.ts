/**
 * `/drives/{id}/root/delta` in the SharePoint dialect (facts/graph.md 2.4, 3.7).
 *
 * Invariants: items come in the order of their last change, so children come before their folder
 * whenever the folder changed later; what changes during a round comes again at its end; what was
 * made and deleted between two rounds comes as a deletion alone; below a renamed or moved folder
 * nothing is told. The folders above a change come with it, unless `deltaExcludeParent` is sent.
 * Which page is empty or repeats an item is a matter of place, not of chance. Under a lag all of
 * it is one consistent past of the drive.
 */
import type { DriveItem } from '../../drive-model.ts'
import type { Answer } from '../../http.ts'
import { stableNumber } from '../../ids.ts'
import {
  DRIVE_PAGE_DEFAULT,
  DRIVE_PAGE_MAX,
  EMPTY_PAGE_EVERY,
  REPEAT_PAGE_EVERY,
} from '../../limits.ts'
import type { Json } from '../json.ts'
import { pageSize } from '../lists.ts'
import type { GraphRequest } from '../request.ts'
import {
  type DriveCursor,
  driveCursor,
  driveLink,
  horizonOf,
  roundEnd,
  tokenLink,
} from './cursor.ts'
import { type DrivePlace, findDrive } from './find.ts'
import { deletedItemJson, type ItemView, itemJson } from './json.ts'
import { generalException } from './refusals.ts'

const DELTA = { usual: DRIVE_PAGE_DEFAULT, max: DRIVE_PAGE_MAX }
/** Changes of permissions are told to who asks for all three, and may see all. */
const SHARING_PREFERENCES = [
  'deltashowsharingchanges',
  'deltashowremovedasdeleted',
  'deltatraversepermissiongaps',
] as const
const SHARING_PERMISSION = 'Sites.FullControl.All'
/** Items that a later round may begin with although they have not changed. */
const REPLAYED_MAX = 5

interface Reading extends DrivePlace {
  readonly request: GraphRequest
  readonly cursor: DriveCursor
  readonly size: number
  /** The newest seq that the answer knows of. */
  readonly horizon: number
  readonly tellsSharing: boolean
}

interface Entry {
  readonly seq: number
  readonly item: DriveItem
}

interface Page {
  readonly items: readonly DriveItem[]
  readonly next: DriveCursor
  /** The next link is the one that was called, letter by letter. */
  readonly sameLink?: true
}

export function deltaItems(request: GraphRequest): Answer {
  const place = findDrive(request)
  const { state, prefer } = request
  if (state.trouble.drives.isFailing(place.drive.pk)) throw generalException()
  const cursor = driveCursor(request, place.drive.id, (ms) =>
    state.items.seqBefore(place.drive.pk, ms),
  )
  const size = pageSize(request, cursor.top, DELTA)
  const tellsSharing =
    SHARING_PREFERENCES.every((name) => prefer.all.has(name)) &&
    request.permissions.has(SHARING_PERMISSION)
  const horizon = horizonOf(request, place.drive.id)
  const reading: Reading = { request, ...place, cursor, size, horizon, tellsSharing }
  const page = endlessPage(reading) ?? quietPage(reading) ?? nextPage(reading)
  return answer(reading, page)
}

function changesAfter(
  { request, drive, cursor, horizon, tellsSharing }: Reading,
  countMax: number,
): Entry[] {
  const { items, trouble } = request.state
  const known = { after: cursor.position, until: horizon }
  const past = bygone(trouble.drives.past.statesAt(drive.pk, horizon))
  // What went with its folder has no seq of its own: its row says too early that it is gone.
  const isPresent = ({ item }: Entry) => !past.has(item.pk)
  const changed = items
    .changedSince(drive.pk, known, countMax + past.size)
    .map((item) => ({ seq: item.seq, item }))
    .filter(isPresent)
  const shared = tellsSharing
    ? items
        .sharedSince(drive.pk, known, countMax + past.size)
        .map((item) => ({ seq: item.sharedSeq, item }))
        .filter(isPresent)
    : []
  const before = [...past.values()]
    .filter(({ seq }) => seq > cursor.position)
    .map((item) => ({ seq: item.seq, item }))
  return [...changed, ...shared, ...before].toSorted((a, b) => a.seq - b.seq).slice(0, countMax)
}

/** Each once, in the state that ended first. */
function bygone(states: readonly DriveItem[]): Map<number, DriveItem> {
  return new Map(states.toReversed().map((item) => [item.pk, item]))
}

function nextPage(reading: Reading): Page {
  const { cursor, size } = reading
  const found = changesAfter(reading, size + 1)
  const entries = found.slice(0, size)
  const more = found.length > size
  const position = entries.at(-1)?.seq ?? cursor.position
  const last = entries.at(-1)?.item.pk
  return {
    items: entries.map(({ item }) => item),
    next: more
      ? {
          ...cursor,
          ...{ kind: 'skip', position, page: cursor.page + 1, paused: false },
          ...(last === undefined ? {} : { last }),
        }
      : roundEnd(cursor, Math.max(position, reading.horizon)),
  }
}

function noisy({ request, cursor, drive }: Reading, what: string, every: number): boolean {
  if (!request.state.settings.deltaNoise) return false
  return stableNumber(what, drive.id, cursor.position, cursor.page) % every === 0
}

/** An empty page inside a round: nothing is read, the next link goes on from here. */
function quietPage(reading: Reading): Page | null {
  const { cursor } = reading
  if (cursor.paused || !noisy(reading, 'empty', EMPTY_PAGE_EVERY)) return null
  if (changesAfter(reading, 1).length === 0) return null
  return { items: [], next: { ...cursor, kind: 'skip', paused: true } }
}

/** A page of a loop that a test asked for: nothing new, and a next link all the same. */
function endlessPage({ request, drive, cursor }: Reading): Page | null {
  const loop = request.state.trouble.drives.loops.take(drive.pk)
  if (loop === null) return null
  const page = cursor.page + (loop === 'repeat' ? 0 : 1)
  const next: DriveCursor = { ...cursor, kind: 'skip', page }
  return { items: [], next, ...(loop === 'repeat' ? { sameLink: true as const } : {}) }
}

/** The last item of the page before, once more, as it is now. */
function repeated(reading: Reading): DriveItem[] {
  const { cursor, request } = reading
  if (cursor.last === undefined || !noisy(reading, 'repeat', REPEAT_PAGE_EVERY)) return []
  const last = request.state.items.byPk(cursor.last)
  return last.seq > reading.horizon ? [] : [last]
}

/** Older states of items of this page, and at a round's beginning what has not changed at all. */
function replayed({ request, cursor, drive }: Reading, page: Page): DriveItem[] {
  const { settings, trouble, items } = request.state
  if (settings.replays === 0) return []
  const older = page.items
    .filter(
      ({ id, seq, deleted }) => !deleted && trouble.happens(settings.replays, 'older', id, seq),
    )
    .flatMap((item) => trouble.drives.former(item) ?? [])
  if (cursor.kind !== 'delta') return older
  const unchanged = items
    .allOf(drive.pk)
    .filter(
      ({ id, seq }) =>
        seq <= cursor.position && trouble.happens(settings.replays, 'replay', id, cursor.position),
    )
    .slice(0, REPLAYED_MAX)
  return [...unchanged, ...older]
}

/** The folders above what changed, unchanged themselves; after it, as they often are. */
function hierarchy({ request, cursor }: Reading, page: Page): DriveItem[] {
  if (cursor.known === 0 || request.header('deltaexcludeparent') !== undefined) return []
  if (request.prefer.all.has('deltaexcludeparent')) return []
  const { items } = request.state
  const listed = new Set(page.items.map(({ pk }) => pk))
  const above = page.items
    .filter(({ deleted }) => !deleted)
    .flatMap((item) => items.ancestors(item))
  // Of a past that is shown, some of it may be gone by now.
  const unchanged = above.filter(
    ({ pk, seq, deleted }) => !deleted && !listed.has(pk) && seq <= cursor.known,
  )
  return [...new Map(unchanged.map((item) => [item.pk, item])).values()]
}

/** Some of what was just listed goes for good. */
function vanish({ request }: Reading, page: Page): void {
  const { state } = request
  const { vanishing } = state.settings
  const going = page.items.filter(
    ({ id, kind, deleted }) =>
      kind === 'file' && !deleted && state.trouble.happens(vanishing, 'vanish', id),
  )
  if (going.length === 0) return
  state.db.transaction(() => {
    for (const { pk } of going) {
      const item = state.items.byPk(pk)
      if (!item.deleted) state.items.remove(item)
    }
  })
}

function entryJson(reading: Reading, item: DriveItem, view: ItemView): Json[] {
  const { request, cursor, tellsSharing, site, drive } = reading
  const place = { site, drive, item }
  const { select } = cursor
  if (item.deleted) {
    // Who knew nothing when the round began is not told of what was gone by then.
    const isNews = cursor.known > 0 || item.seq > cursor.began
    return isNews ? [deletedItemJson(place, view, select)] : []
  }
  const { settings, trouble } = request.state
  const leavesOutUrl = trouble.happens(settings.missingUrls, 'url', item.id, item.seq)
  const json = itemJson(place, { ...view, leavesOutUrl }, select)
  // Told of files alone, whatever happened to a folder (facts/graph.md 7, no. 39).
  const sharingChanged =
    tellsSharing && item.kind === 'file' && cursor.known > 0 && item.sharedSeq > cursor.known
  return [sharingChanged ? { ...json, '@microsoft.graph.sharedChanged': 'True' } : json]
}

function answer(reading: Reading, page: Page): Answer {
  const { request } = reading
  const view: ItemView = {
    request,
    inDelta: true,
    hierarchicalSharing: request.prefer.all.has('hierarchicalsharing'),
    leavesOutUrl: false,
  }
  const repeats = page.items.length === 0 ? [] : repeated(reading)
  const listed = [
    ...repeats,
    ...replayed(reading, page),
    ...page.items,
    ...hierarchy(reading, page),
  ]
  const value = listed.flatMap((item) => entryJson(reading, item, view))
  const { token } = request.options
  const { next } = page
  const nextLink =
    page.sameLink && token !== null ? tokenLink(request, token) : driveLink(request, next)
  const whole: Answer = {
    status: 200,
    body: {
      '@odata.context': `${request.root}/$metadata#Collection(driveItem)`,
      [next.kind === 'delta' ? '@odata.deltaLink' : '@odata.nextLink']: nextLink,
      value,
    },
  }
  vanish(reading, page)
  return whole
}
