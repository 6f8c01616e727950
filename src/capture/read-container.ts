/**
 * Reads the changes of one container to their end, to the deadline, or to trouble of its own.
 *
 * A container that is read from its beginning although something of it may be held is compared as
 * a whole: what its pages show goes into a scan before the cursor passes them, and the end of the
 * read leaves the comparison to be settled (settle.ts, docs/decisions/007-full-comparisons.md).
 */
import { AppError, hasCode } from '../model/errors.ts'
import { CONTAINERS, type Cursor } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import type { ChangePage } from '../workloads/workload.ts'
import type { HeldScans } from './held-scans.ts'
import { mayHold } from './members.ts'
import { takeTold } from './page.ts'
import {
  absent,
  advanced,
  emptyPagesOf,
  isRead,
  linkOf,
  newCursor,
  pagesOf,
  restarted,
} from './round.ts'
import type { StreamCapture } from './stream-capture.ts'
import { setAside, takeBack } from './unreadable.ts'
import type { Walks } from './walks.ts'

/** Pages of one walk over all slices; more than any container has. */
export const PAGES_MAX = 100_000
/**
 * Pages in a row that bring nothing, over all slices. The reader gives up after as many of one
 * slice; this is for a service that is too slow to send them in one.
 */
export const EMPTY_PAGES_MAX = 500

/** `stopped`: the deadline came or another writer took the seq. */
export type Step = 'on' | 'stopped'

/** What the steps of one slice share while they read a round. */
export interface Reading {
  capture: StreamCapture
  scans: HeldScans
  walks: Walks
}

/** `on`: it is read to its end, absent, or aside in the ledger; its cursor and entry say which. */
export async function readContainer(reading: Reading, container: GraphId): Promise<Step> {
  const { capture } = reading
  for (;;) {
    const cursor = capture.cursors.get(container) ?? newCursor(container)
    if (isRead(cursor, capture.round.id)) return 'on'
    if (capture.outOfTime) return 'stopped'
    const page = await pageOrTrouble(reading, cursor)
    if ('trouble' in page) return await setContainerAside(reading, container, page.trouble)
    if ('page' in page && (await takePage(reading, cursor, page.page)) === 'stopped') {
      return 'stopped'
    }
  }
}

type Read = { page: ChangePage } | { trouble: unknown } | { moved: true }

/** `moved`: the cursor stands elsewhere now. `trouble`: the container's, as far as this call tells. */
async function pageOrTrouble(reading: Reading, cursor: Cursor): Promise<Read> {
  try {
    if (!(await mayGoOn(reading, cursor))) return { moved: true }
    const page = await readPage(reading, cursor)
    return page === undefined ? { moved: true } : { page }
  } catch (trouble) {
    return { trouble }
  }
}

/** Throws what is the trouble of the owner, or of the list of containers. */
async function setContainerAside(
  { capture, scans }: Reading,
  container: GraphId,
  trouble: unknown,
): Promise<Step> {
  if (container === CONTAINERS) throw trouble
  const failure = capture.failureOf(trouble, container)
  if (hasCode(trouble, 'EndlessPages')) {
    // Where it led nowhere it is not gone on: the next try begins the walk again.
    const start = capture.cursors.get(container)?.start ?? null
    scans.drop(container)
    capture.setCursor(restarted(container, start, capture.round.id))
  }
  return (await setAside(capture, container, failure)) === 'stopped' ? 'stopped' : 'on'
}

/** False: the cursor was moved back. */
async function mayGoOn({ capture, scans, walks }: Reading, cursor: Cursor): Promise<boolean> {
  const { container, scan } = cursor
  if (scan !== undefined && !(await scans.take(container, scan))) {
    walks.restart(cursor, null)
    return false
  }
  const pages = pagesOf(cursor, capture.round.id)
  // The list has no place in the ledger: that it does not come on shows in its owner.
  const emptyPages = container === CONTAINERS ? 0 : emptyPagesOf(cursor, capture.round.id)
  if (pages >= PAGES_MAX || emptyPages >= EMPTY_PAGES_MAX) throw endless(pages, emptyPages)
  return true
}

async function takePage(reading: Reading, cursor: Cursor, page: ChangePage): Promise<Step> {
  const { capture, scans } = reading
  const { container } = cursor
  const scan = await scanOf(reading, cursor)
  if (container === CONTAINERS && page.changes.length > 0) capture.listChanged()
  if ((await takeTold(capture, page.changes, container)) === 'stopped') return 'stopped'
  // The page itself says that all of it must be read again.
  if (!isStill(capture.cursors.get(container), cursor)) return 'on'
  if (scan !== undefined) await scans.add(container, scan, page.changes)
  const open = scan === undefined ? cursor : { ...cursor, scan }
  const next = advanced(open, capture.round.id, page)
  capture.setCursor(next)
  takeBack(capture, next)
  return capture.full && !(await capture.save()) ? 'stopped' : 'on'
}

function isStill(now: Cursor | undefined, { start, position, round }: Cursor): boolean {
  if (now === undefined) return true
  return now.start === start && now.position === position && now.round === round
}

/** The scan that the page belongs to; one is begun where the page is the very first. */
async function scanOf({ capture, scans }: Reading, cursor: Cursor): Promise<string | undefined> {
  const { container, scan } = cursor
  if (scan !== undefined) return scan
  const isFirst = linkOf(cursor, capture.round.id) === null
  return isFirst && (await mayHold(capture, container)) ? await scans.open(container) : undefined
}

/** Undefined: the cursor was moved for what the service said of its link. */
async function readPage(reading: Reading, cursor: Cursor): Promise<ChangePage | undefined> {
  const { capture, scans, walks } = reading
  const { container } = cursor
  const link = linkOf(cursor, capture.round.id)
  try {
    const page = await capture.context.reader.changes(container, link, capture.context.signal)
    capture.blame.wentWell()
    return page
  } catch (error) {
    if (isRefused(error, link) || isListStuck(error, cursor, link)) walks.restart(cursor, link)
    else if (hasCode(error, 'ItemGone') && container !== CONTAINERS) {
      capture.setCursor(absent(container, capture.round.id))
    } else throw error
    // Either way the cursor has lost its scan.
    scans.drop(container)
    return undefined
  }
}

/**
 * 404 is also an answer to a link that is too old (facts on Graph, 7.11): only without a link does
 * it speak of the container.
 */
function isRefused(error: unknown, link: string | null): boolean {
  return link !== null && (hasCode(error, 'ResyncNeeded') || hasCode(error, 'ItemGone'))
}

/** Nothing goes on without the list of containers, so it is begun again in the same slice. */
function isListStuck(error: unknown, { container }: Cursor, link: string | null): boolean {
  return container === CONTAINERS && link !== null && hasCode(error, 'EndlessPages')
}

function endless(pages: number, emptyPages: number): AppError {
  return new AppError({
    code: 'EndlessPages',
    kind: 'transient',
    message: 'The service has more and more pages for one container, and no end of them.',
    hint: 'Holdfast begins again later; if it persists, report it to Microsoft.',
    context: { pages, emptyPages },
  })
}
