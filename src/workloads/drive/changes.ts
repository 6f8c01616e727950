/**
 * Reads what changed in a site: the list of its drives, and what is in one drive.
 *
 * A drive has one list of changes for all of its folders and files (Microsoft: delta alone
 * guarantees a complete enumeration). It comes in any order, an item before its folder, and tells
 * a renamed or moved folder alone, without what is in it: so everything is known by ids, and paths
 * are nobody's concern here. Query options live in the link; the `Prefer` header does not and is
 * repeated.
 */
import {
  type JsonObject,
  objectOf,
  readSharePointDelta,
  resyncNeeded,
  type SharePoint,
  type SharePointPage,
  textOf,
  WalkGuard,
} from '../../graph/index.ts'
import { hasCode } from '../../model/errors.ts'
import { CONTAINERS } from '../../model/events.ts'
import { type GraphId, keyHash } from '../../model/ids.ts'
import type { Change, ChangePage, Removed } from '../workload.ts'
import type { Addresses } from './addresses.ts'
import { isLocked, siteClosed } from './closed-site.ts'
import { decodeDriveCursor, encodeDriveCursor } from './cursors.ts'
import { type DriveListOptions, driveListPage } from './drive-list.ts'
import { isBare, kindOf, sortOf } from './facets.ts'
import { addressOf, itemIdOf } from './ids.ts'
import { readItem, rootOf } from './item.ts'
import { ITEM_SELECT, presentItem } from './present.ts'

export const DELTA_CALL = 'drives.delta'

/**
 * What is shared is said where permissions are unique, a change of them is a change, and what the
 * app may see no more is told as deleted; the service asks for all of them together.
 */
const PREFER = [
  'hierarchicalsharing',
  'deltashowremovedasdeleted',
  'deltatraversepermissiongaps',
  'deltashowsharingchanges',
].join(', ')

export interface ChangeReaderOptions extends DriveListOptions {
  /** Items asked for in one page. */
  pageSize: number
  addresses: Addresses
}

export interface ChangeReader {
  /** What changed since a time (ms since 1970), page by page. */
  newest(
    container: GraphId,
    from: { since: number; link: string | undefined },
    signal: AbortSignal,
  ): Promise<ChangePage>
  /** Throws `ItemGone` where the drive is no longer there, and what StreamReader.changes says. */
  page(container: GraphId, link: string | null, signal: AbortSignal): Promise<ChangePage>
}

export function createChangeReader(options: ChangeReaderOptions): ChangeReader {
  // The guards see only this slice; over several slices the walk is bounded by what its cursor counts.
  const guards = new Map<string, WalkGuard>()
  return {
    page(container, text, signal) {
      if (container === CONTAINERS) return driveListPage(options, text, signal)
      const guard = guards.get(container) ?? new WalkGuard(DELTA_CALL)
      guards.set(container, guard)
      return drivePage(options, { container, guard, text, signal })
    },
    newest(container, { since, link = null }, signal) {
      const name = `${container} lately`
      const guard = guards.get(name) ?? new WalkGuard(DELTA_CALL)
      guards.set(name, guard)
      return drivePage(options, { container, guard, text: link, since, signal })
    },
  }
}

interface DriveRead {
  container: GraphId
  guard: WalkGuard
  text: string | null
  /** Ms since 1970: what a read without a link begins with. */
  since?: number
  signal: AbortSignal
}

async function drivePage(options: ChangeReaderOptions, read: DriveRead): Promise<ChangePage> {
  const { sharePoint, pageSize } = options
  const { container, guard, text, since, signal } = read
  const { drive } = addressOf(container)
  const cursor = text === null ? undefined : decodeDriveCursor(text)
  if (text !== null && cursor === undefined) throw resyncNeeded(DELTA_CALL)
  const link = cursor?.link ?? null
  const page = await readDeltaOf({ sharePoint, drive, guard, link, since, pageSize, signal })
  const root = rootIn(page) ?? cursor?.root ?? (await rootOf(sharePoint, drive, signal))
  const changes: Change[] = []
  for (const item of page.items) {
    const change = await changeOf(options, item, { drive, root, page: keyHash(link ?? '') }, signal)
    if (change !== undefined) changes.push(change)
  }
  for (const item of page.deleted) {
    if (textOf(item, 'id') !== root) changes.push(removedOf(item, drive))
  }
  const { next, delta } = page
  return {
    changes,
    ...(next === undefined ? {} : { next: encodeDriveCursor({ link: next, root }) }),
    ...(delta === undefined ? {} : { delta: encodeDriveCursor({ link: delta, root }) }),
  }
}

/** One page of a drive's changes, as Graph says it. */
export async function readDeltaOf(options: {
  sharePoint: SharePoint
  drive: string
  guard: WalkGuard
  /** Null: from the beginning. */
  link: string | null
  /** Ms since 1970: without a link only what changed since. */
  since?: number | undefined
  pageSize: number
  signal: AbortSignal
}): Promise<SharePointPage> {
  const { sharePoint, drive, since, signal } = options
  // A point in time is a token as well (facts 3.7); whether it makes the call cheaper is not said.
  const token = since === undefined ? {} : { token: new Date(since).toISOString() }
  const anew = {
    path: ['drives', drive, 'root', 'delta'],
    query: { $select: ITEM_SELECT, $top: `${options.pageSize}`, ...token },
    charge: 'deltaAnew' as const,
  }
  const page = readSharePointDelta({
    ...{ call: DELTA_CALL, link: options.link, guard: options.guard },
    read: (link) => {
      const where = link === null ? anew : { link, charge: 'deltaOn' as const }
      return sharePoint.json({ name: DELTA_CALL, ...where, headers: { Prefer: PREFER } }, signal)
    },
    isThere: () => isThere(sharePoint, drive, signal),
  })
  return await page.catch((error: unknown) => {
    throw isLocked(error) ? siteClosed(error) : error
  })
}

async function isThere(sharePoint: SharePoint, drive: string, signal: AbortSignal) {
  try {
    await rootOf(sharePoint, drive, signal)
    return true
  } catch (error) {
    if (hasCode(error, 'ItemGone')) return false
    throw error
  }
}

function rootIn(page: SharePointPage): string | undefined {
  const root = page.items.find((item) => objectOf(item, 'root') !== undefined)
  return root && textOf(root, 'id')
}

interface Place {
  drive: string
  root: string
  page: string
}

/** Undefined of the root, which is the drive itself. */
async function changeOf(
  { sharePoint, addresses }: ChangeReaderOptions,
  listed: JsonObject,
  place: Place,
  signal: AbortSignal,
): Promise<Change | undefined> {
  const id = textOf(listed, 'id') ?? ''
  if (sortOf(listed) === 'root' || id === place.root) return undefined
  // A page may leave so little of an item that only asking tells whether it is there.
  const item = isBare(listed)
    ? await readItem(sharePoint, { drive: place.drive, item: id }, signal)
    : listed
  if (item === undefined) return removedOf(listed, place.drive)
  addresses.learn(itemIdOf(place.drive, id), item)
  return presentItem(item, place)
}

/** It had one place, wherever that was; what it was is not always said. */
function removedOf(item: JsonObject, drive: string): Removed {
  const kind = kindOf(item)
  const id = itemIdOf(drive, textOf(item, 'id') ?? '')
  return { op: 'removed', id, ...(kind === undefined ? {} : { kind }) }
}
