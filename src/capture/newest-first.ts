/**
 * What changed lately comes first, where a first copy takes long.
 *
 * A service tells what stands in a container in an order of its own. A container that is read from
 * its beginning and is not at its end after a slice is left where it is, and what changed in the
 * last month, and then in the last year, is read and stored before the walk goes on. The walk meets
 * it again, as something that is held already; nothing is concluded from what these pages lack.
 *
 * How far that is stands in the cursor, until its walk is over.
 */
import { z } from 'zod'
import { hasCode } from '../model/errors.ts'
import type { Cursor } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { itemFailure } from '../workloads/failure.ts'
import type { ChangePage } from '../workloads/workload.ts'
import { takeTold } from './page.ts'
import type { Step } from './read-container.ts'
import { newCursor } from './round.ts'
import type { StreamCapture } from './stream-capture.ts'

const DAY_MS = 24 * 3_600_000
/** Each holds the one before, whose content is not fetched again. */
const WINDOWS_MS = [30 * DAY_MS, 365 * DAY_MS]
/** Pages of one window; who has more is read in the order of the service. */
const PAGES_MAX = 10_000

const placeSchema = z.object({
  /** Of WINDOWS_MS; behind the last one: all is done. */
  window: z.number(),
  /** Ms since 1970: where the window begins. */
  since: z.number(),
  pages: z.number(),
  link: z.string().optional(),
})
type Place = z.output<typeof placeSchema>

/** Before the walk of this container goes on. `stopped`: the deadline came, or another was faster. */
export async function takeNewest(capture: StreamCapture, container: GraphId): Promise<Step> {
  for (;;) {
    const cursor = capture.cursors.get(container) ?? newCursor(container)
    const place = placeOf(capture, cursor)
    if (place === undefined) return 'on'
    if (capture.outOfTime) return 'stopped'
    const page = await readPage(capture, container, place)
    const present = page?.changes.filter(({ op }) => op === 'present') ?? []
    if ((await takeTold(capture, present, container)) === 'stopped') return 'stopped'
    // What it told begins the walk itself anew.
    const now = capture.cursors.get(container)
    if (now?.position !== cursor.position) return 'on'
    const next = placeAfter(capture, place, page)
    capture.setCursor({ ...now, newest: JSON.stringify(next) })
    capture.gotFurther()
    if (capture.full && !(await capture.save())) return 'stopped'
  }
}

/** Undefined where there is nothing to do, or nothing more. */
function placeOf(capture: StreamCapture, cursor: Cursor): Place | undefined {
  const { start, position, scan, newest, container } = cursor
  const isFirstWalk = start === null && position !== null && scan === undefined
  if (capture.context.reader.newest === undefined || !isFirstWalk) return undefined
  // Whatever a slice reads to its end needs no order.
  if (newest === undefined) {
    return capture.wasUnderWay(container) ? beginning(capture, 0) : undefined
  }
  const place = placeSchema.parse(JSON.parse(newest))
  return place.window < WINDOWS_MS.length ? place : undefined
}

function beginning({ context }: StreamCapture, window: number): Place {
  return { window, since: context.clock.now() - (WINDOWS_MS[window] ?? 0), pages: 0 }
}

/** No page: the window is over. */
function placeAfter(capture: StreamCapture, place: Place, page: ChangePage | undefined): Place {
  const { window, since, pages } = place
  const link = page?.next
  if (link === undefined || pages + 1 >= PAGES_MAX) return beginning(capture, window + 1)
  return { window, since, pages: pages + 1, link }
}

/** Undefined where the service refuses: the walk itself will tell all of it, and its trouble. */
async function readPage(
  { context }: StreamCapture,
  container: GraphId,
  { since, link }: Place,
): Promise<ChangePage | undefined> {
  try {
    return await context.reader.newest?.(container, { since, link }, context.signal)
  } catch (error) {
    if (hasCode(error, 'ItemGone') || itemFailure(error) !== undefined) return undefined
    throw error
  }
}
