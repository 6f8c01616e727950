/** What is held of a container: members by its list, and ledger entries that were last seen there. */
import type { HeldItem } from '../catalogue/types.ts'
import type { ItemKind, LedgerEvent } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import type { Comparison } from './round.ts'
import { scanLost } from './scan-lost.ts'
import type { StreamCapture } from './stream-capture.ts'

/** Something that is held of a container, or could not be stored there. */
export interface Member {
  item: GraphId
  kind: ItemKind
  /** Absent for a ledger entry of which no version is held anywhere. */
  held?: HeldItem
}

/** False only where nothing of the container is held, pending or in the ledger. */
export async function mayHold(capture: StreamCapture, container: GraphId): Promise<boolean> {
  if (capture.pending.hasPutIn(container)) return true
  if (entriesIn(capture, container).length > 0) return true
  if (capture.headSeq === 0) return false
  const { tables, signal } = capture.context
  const page = await tables.list(container, capture.headSeq, { max: 1 }, signal)
  return page.items.length > 0 || page.continuation !== undefined
}

/** Entries of the ledger whose item was last seen in this container. */
export function entriesIn(capture: StreamCapture, container: GraphId): LedgerEvent[] {
  const open = [...capture.open.values()].map((entry) => entry.event)
  return [
    ...capture.pending.ledgerIn(container),
    ...open.filter((event) => event.op === 'ledger'),
  ].filter(
    (event) =>
      event.place.container === container &&
      (capture.pending.event(event.item) ?? event).op === 'ledger',
  )
}

/** Those of the items that the scan lacks. Throws `ScanLost`. */
export async function unseenAmong(
  capture: StreamCapture,
  { container, scan: id }: Comparison,
  items: readonly GraphId[],
): Promise<GraphId[]> {
  if (items.length === 0) return []
  const { tables, signal } = capture.context
  const lacks = await tables.scans.lacks({ container, id }, items, signal)
  if (lacks === undefined) throw scanLost()
  return lacks.filter((item) => !goesOnByItself(capture, container, item))
}

/** What has left, what is pending, what could not be stored in another place: it has its own rule. */
function goesOnByItself(capture: StreamCapture, container: GraphId, item: GraphId): boolean {
  if (capture.pending.event(item)) return true
  const entry = capture.open.get(item)?.event
  return entry !== undefined && (entry.op === 'left' || entry.place.container !== container)
}

/** Those of the unseen items that are of the container still. */
export async function membersAmong(
  capture: StreamCapture,
  container: GraphId,
  unseen: readonly GraphId[],
): Promise<Member[]> {
  const { tables, signal } = capture.context
  const items = unseen.filter((item) => !goesOnByItself(capture, container, item))
  if (items.length === 0) return []
  const all = await tables.current(items, capture.headSeq, signal)
  return items.flatMap((item): Member[] => {
    const version = all.get(item)
    const held = version && !version.deleted ? version : undefined
    const entry = capture.open.get(item)?.event
    if (entry) return [{ item, kind: entry.kind, ...(held && { held }) }]
    return held?.place.container === container ? [{ item, kind: held.kind, held }] : []
  })
}
