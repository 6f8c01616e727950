/**
 * The end of a full comparison: members of a container that its scan lacks are dealt with.
 *
 * At most FEW_MAX of them leave at once; more are asked for one by one first (DESIGN 4,
 * membership), and so is every container, because with it all its members would leave. "Left" is
 * not "deleted": that takes a whole later round. May be cut off anywhere: what was dealt with has
 * an event, or is in the scan, and is not dealt with again.
 *
 * Where one cursor tells of many containers, all of them are compared: first the containers
 * themselves (settle-containers.ts), then the lists of those that are there.
 */
import type { ScanProgress } from '../catalogue/types.ts'
import { hasCode } from '../model/errors.ts'
import { CONTAINERS } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { askForAll } from './ask-for-all.ts'
import { leave } from './leave.ts'
import { entriesOf, listPages, membersAmong, toldBy, unseenAmong } from './members.ts'
import { type Comparison, withoutScan } from './round.ts'
import { settleContainers } from './settle-containers.ts'
import type { StreamCapture } from './stream-capture.ts'
import { cursorOf, hasOwnCursor, hasTrees } from './tellers.ts'

/** So many leave without being asked for. */
export const FEW_MAX = 20
/** Members compared at once. */
const MEMBERS_PAGE = 1000
/** Containers whose lists are gone through between two notes of the place in the list of them. */
const CONTAINERS_PAGE = 100

/** `lost`: the scan is not whole any more; the container must be read again. */
export type Settled = 'settled' | 'lost' | 'stopped'

/** Nothing is pending, and the scan is given back, when it is called. */
export async function settle(capture: StreamCapture, comparison: Comparison): Promise<Settled> {
  const { tables, signal } = capture.context
  const scan = { container: comparison.container, id: comparison.scan }
  let progress = await tables.scans.progress(scan, signal)
  try {
    if (!progress && !(await settleContainers(capture, comparison))) return await stopped(capture)
    progress ??= {
      seq: capture.headSeq,
      asking: comparison.container === CONTAINERS,
      unseen: [],
    }
    if (await compare(capture, comparison, progress)) {
      capture.setCursor(withoutScan(comparison))
      capture.gotFurther()
      return 'settled'
    }
  } catch (error) {
    if (hasCode(error, 'ScanLost')) return 'lost'
    throw error
  }
  if (await capture.save()) await tables.scans.note(scan, progress, signal)
  return 'stopped'
}

async function stopped(capture: StreamCapture): Promise<'stopped'> {
  await capture.save()
  return 'stopped'
}

/** Moves `progress` on. False: the time is over. */
async function compare(
  capture: StreamCapture,
  comparison: Comparison,
  progress: ScanProgress,
): Promise<boolean> {
  const scope = toldBy(capture, comparison.container)
  const entries = entriesOf(capture, scope).map((entry) => entry.item)
  if (!(await dealWith(capture, comparison, progress, entries))) return false
  for await (const container of listsOf(capture, comparison, progress)) {
    if (!(await compareList(capture, comparison, progress, container))) return false
  }
  if (progress.asking) return true
  const few = await membersAmong(capture, scope, progress.unseen)
  for (const member of few) await leave(capture, member)
  return true
}

/** The containers whose lists are compared, from where the comparison has come to. */
async function* listsOf(
  capture: StreamCapture,
  { container, closed }: Comparison,
  progress: ScanProgress,
): AsyncGenerator<GraphId> {
  if (progress.at === undefined) yield container
  if (!hasTrees(capture) || container === CONTAINERS) return
  const { seq, containers: continuation, at } = progress
  const query = { max: CONTAINERS_PAGE, seq, continuation }
  let isFirst = true
  for await (const page of listPages(capture, CONTAINERS, query)) {
    const ids = page.items.map(({ item }) => item)
    const from = isFirst && at !== undefined ? Math.max(0, ids.indexOf(at)) : 0
    isFirst = false
    for (const id of ids.slice(from)) {
      if (id === container || cursorOf(capture, id) !== container) continue
      // With a container that has left goes what stood in it (orphans.ts).
      if (capture.hasLeft(id) && !closed) continue
      if (progress.at !== id) progress.continuation = undefined
      progress.containers = page.from
      progress.at = id
      yield id
    }
  }
}

async function compareList(
  capture: StreamCapture,
  comparison: Comparison,
  progress: ScanProgress,
  container: GraphId,
): Promise<boolean> {
  const { seq, continuation } = progress
  const query = { max: MEMBERS_PAGE, seq, continuation }
  for await (const page of listPages(capture, container, query)) {
    if (capture.outOfTime) return false
    const items = page.items
      .filter(({ kind, item }) => kind === 'item' || hasOwnCursor(capture, item))
      .map(({ item }) => item)
    if (!(await dealWith(capture, comparison, progress, items))) return false
    progress.continuation = page.continuation
    capture.gotFurther()
  }
  return true
}

/** Collects what is unseen while it is few; from then on all of it is asked for. */
async function dealWith(
  capture: StreamCapture,
  comparison: Comparison,
  progress: ScanProgress,
  items: readonly GraphId[],
): Promise<boolean> {
  const lacking = await unseenAmong(capture, comparison, items)
  if (comparison.closed && hasTrees(capture)) return await leaveAll(capture, comparison, lacking)
  const unseen = new Set([...progress.unseen, ...lacking])
  if (!progress.asking && unseen.size <= FEW_MAX) {
    progress.unseen = [...unseen]
    return true
  }
  if (!progress.asking) {
    progress.asking = true
    // Before any answer goes into the scan: whoever goes on after trouble or a death would find
    // fewer that are unseen, and take them for a few.
    const { tables, signal } = capture.context
    const scan = { container: comparison.container, id: comparison.scan }
    await tables.scans.note(scan, progress, signal)
  }
  if (!(await askForAll(capture, comparison, [...unseen]))) return false
  progress.unseen = []
  return true
}

/**
 * Where a cursor tells of a whole tree, the service knows one place of an item, and nothing of a
 * tree that is not read any more stands elsewhere: there is nothing to ask for.
 */
async function leaveAll(
  capture: StreamCapture,
  { container }: Comparison,
  items: readonly GraphId[],
): Promise<boolean> {
  const members = await membersAmong(capture, toldBy(capture, container), items)
  for (const member of members) await leave(capture, member)
  return !capture.full || (await capture.save())
}
