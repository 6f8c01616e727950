/**
 * The end of a full comparison: members of a container that its scan lacks are dealt with.
 *
 * At most FEW_MAX of them leave at once; more are asked for one by one first (DESIGN 4,
 * membership), and so is every container, because with it all its members would leave. "Left" is
 * not "deleted": that takes a whole later round. May be cut off anywhere: what was dealt with has
 * an event, or is in the scan, and is not dealt with again.
 */
import type { ScanProgress } from '../catalogue/types.ts'
import { hasCode } from '../model/errors.ts'
import { CONTAINERS } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { ask } from './ask.ts'
import { closeContainer } from './closing.ts'
import { entriesIn, type Member, membersAmong, unseenAmong } from './members.ts'
import { type Comparison, withoutScan } from './round.ts'
import type { StreamCapture } from './stream-capture.ts'

/** So many leave without being asked for. */
export const FEW_MAX = 20
/** Asked for between two looks at the clock. */
const ASKED_AT_ONCE = 20
/** Members compared at once. */
const MEMBERS_PAGE = 1000

/** `lost`: the scan is not whole any more; the container must be read again. */
export type Settled = 'settled' | 'lost' | 'stopped'

/** Nothing is pending, and the scan is given back, when it is called. */
export async function settle(capture: StreamCapture, comparison: Comparison): Promise<Settled> {
  const { tables, signal } = capture.context
  const scan = { container: comparison.container, id: comparison.scan }
  const progress = (await tables.scans.progress(scan, signal)) ?? {
    seq: capture.headSeq,
    asking: comparison.container === CONTAINERS,
    unseen: [],
  }
  try {
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

/** Moves `progress` on. False: the time is over. */
async function compare(
  capture: StreamCapture,
  comparison: Comparison,
  progress: ScanProgress,
): Promise<boolean> {
  const entries = entriesIn(capture, comparison.container).map((entry) => entry.item)
  if (!(await dealWith(capture, comparison, progress, entries))) return false
  for await (const page of listPages(capture, comparison.container, progress)) {
    if (capture.outOfTime) return false
    if (!(await dealWith(capture, comparison, progress, page.items))) return false
    progress.continuation = page.continuation
    capture.gotFurther()
  }
  if (progress.asking) return true
  const few = await membersAmong(capture, comparison.container, progress.unseen)
  for (const member of few) await leave(capture, member)
  return true
}

/** The ids in the list of the container, from where the comparison has come to. */
async function* listPages(
  capture: StreamCapture,
  container: GraphId,
  progress: ScanProgress,
): AsyncGenerator<{ items: GraphId[]; continuation: string | undefined }> {
  const { tables, signal } = capture.context
  let { continuation } = progress
  do {
    const query = { max: MEMBERS_PAGE, ...(continuation !== undefined && { continuation }) }
    const page = await tables.list(container, progress.seq, query, signal)
    continuation = page.continuation
    yield { items: page.items.map((listed) => listed.item), continuation }
  } while (continuation !== undefined)
}

/** Collects what is unseen while it is few; from then on all of it is asked for. */
async function dealWith(
  capture: StreamCapture,
  comparison: Comparison,
  progress: ScanProgress,
  items: readonly GraphId[],
): Promise<boolean> {
  const unseen = new Set(progress.unseen)
  for (const item of await unseenAmong(capture, comparison, items)) unseen.add(item)
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

async function askForAll(
  capture: StreamCapture,
  comparison: Comparison,
  items: readonly GraphId[],
): Promise<boolean> {
  for (let at = 0; at < items.length; at += ASKED_AT_ONCE) {
    if (capture.outOfTime) return false
    const part = items.slice(at, at + ASKED_AT_ONCE)
    const members = await membersAmong(capture, comparison.container, part)
    const { gone, whole, trouble } = await ask(capture, comparison, members)
    for (const member of gone) await leave(capture, member)
    if (trouble) throw trouble.cause
    if (!whole || (capture.full && !(await capture.save()))) return false
  }
  return true
}

async function leave(capture: StreamCapture, { item, kind, held }: Member): Promise<void> {
  if (kind === 'container') await closeContainer(capture, item)
  if (!held) {
    capture.pending.add({ op: 'resolved', kind, item, how: 'gone' })
    return
  }
  const at = new Date(capture.context.clock.now()).toISOString()
  const { place } = held
  capture.pending.add({ op: 'left', kind, item, place, at, round: capture.round.id })
  capture.pending.count('seen')
  capture.pending.count('left')
}
