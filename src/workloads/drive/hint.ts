/**
 * The hint of a site: has any of its drives anything to tell?
 *
 * One unit for each drive, up to the first that has. A drive's root alone is no news: it is listed
 * beside whatever changed, and nothing is kept of it.
 */
import { objectOf, type SharePoint, WalkGuard } from '../../graph/index.ts'
import { CONTAINERS } from '../../model/events.ts'
import type { GraphId } from '../../model/ids.ts'
import type { Clock } from '../../ports.ts'
import { DELTA_CALL, readDeltaOf } from './changes.ts'
import { decodeDriveCursor, decodeListCursor } from './cursors.ts'
import { isListDue } from './drive-list.ts'
import { addressOf, driveIdOf } from './ids.ts'

/** Empty pages that are not the last one; after these the drive is read. */
const PAGES_MAX = 3

export interface HintOptions {
  sharePoint: SharePoint
  clock: Clock
  listAgeMs: number
  pageSize: number
}

/** Throws `ResyncNeeded`, and what `changes` throws. */
export async function drivesChangedSince(
  options: HintOptions,
  links: ReadonlyMap<GraphId, string>,
  signal: AbortSignal,
): Promise<boolean> {
  const list = decodeListCursor(links.get(CONTAINERS) ?? '')
  // Whether a drive came or went is only known by asking for the list, which a round does.
  if (list === undefined || isListDue(list, options)) return true
  if (Object.keys(list.drives).some((drive) => !links.has(driveIdOf(drive)))) return true
  for (const [container, text] of links) {
    if (container === CONTAINERS) continue
    if (await driveChangedSince(options, { container, text }, signal)) return true
  }
  return false
}

async function driveChangedSince(
  { sharePoint, pageSize }: HintOptions,
  { container, text }: { container: GraphId; text: string },
  signal: AbortSignal,
): Promise<boolean> {
  const guard = new WalkGuard(DELTA_CALL)
  const { drive } = addressOf(container)
  let link = decodeDriveCursor(text)?.link
  for (let pages = 0; pages < PAGES_MAX && link !== undefined; pages += 1) {
    const page = await readDeltaOf({ sharePoint, drive, guard, link, pageSize, signal })
    const isNews = page.items.some((item) => objectOf(item, 'root') === undefined)
    if (isNews || page.deleted.length > 0) return true
    if (page.delta !== undefined) return false
    link = page.next
  }
  return true
}
