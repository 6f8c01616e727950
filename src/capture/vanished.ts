/**
 * A container that is gone: its cursor is closed and its members have left with it.
 *
 * "Left" is not "deleted": a member that stands elsewhere by the end of the round is found there
 * (a folder that was moved into another keeps its id and is no matter of this file).
 */
import type { HeldItem } from '../catalogue/types.ts'
import type { LedgerEvent, LeftEvent, ResolvedEvent } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import type { StreamCapture } from './stream-capture.ts'

/** Members looked up at once. */
const MEMBERS_PAGE = 200

/**
 * True where the commit that is being collected stores a member of the container. It must be
 * written before the members leave: they are found by the rows that commits have opened.
 */
export function hasPendingMembers(capture: StreamCapture, container: GraphId): boolean {
  return capture.pending.hasPutIn(container)
}

/**
 * Nothing is pending of the members when it is called (hasPendingMembers). Everything is read
 * before anything is pending: a failure in between must not leave half of it to be saved.
 */
export async function leaveMembers(capture: StreamCapture, container: GraphId): Promise<void> {
  const events = await membersLeaving(capture, container)
  const cursor = capture.cursors.get(container)
  if (cursor) capture.setCursor({ ...cursor, closed: true })
  for (const event of events) {
    capture.pending.add(event)
    if (event.op !== 'left') continue
    capture.pending.count('seen')
    capture.pending.count('left')
  }
}

/** Members by the list, and items that could not be stored there: their entries end with it. */
async function membersLeaving(
  capture: StreamCapture,
  container: GraphId,
): Promise<(LeftEvent | ResolvedEvent)[]> {
  const { tables, clock, signal } = capture.context
  const told = { at: new Date(clock.now()).toISOString(), round: capture.round.id }
  const entries = new Map(ledgerIn(capture, container).map((entry) => [entry.item, entry]))
  const events: (LeftEvent | ResolvedEvent)[] = []
  const leave = ({ item, kind, place }: HeldItem) => {
    entries.delete(item)
    events.push({ op: 'left', kind, item, place, ...told })
  }
  let continuation: string | undefined
  do {
    const query = { max: MEMBERS_PAGE, ...(continuation !== undefined && { continuation }) }
    const page = await tables.list(container, capture.headSeq, query, signal)
    const ids = page.items.map((i) => i.item)
    for (const held of (await tables.current(ids, capture.headSeq, signal)).values()) {
      if (held.deleted || held.place.container !== container) continue
      if (entries.has(held.item) || !hasEntry(capture, held.item)) leave(held)
    }
    continuation = page.continuation
  } while (continuation !== undefined)
  const elsewhere = await tables.current([...entries.keys()], capture.headSeq, signal)
  for (const entry of [...entries.values()]) {
    const held = elsewhere.get(entry.item)
    if (held && !held.deleted) leave(held)
    else events.push({ op: 'resolved', kind: entry.kind, item: entry.item, how: 'gone' })
  }
  return events
}

/** Something is open or pending of it already, which goes on by its own rule. */
function hasEntry(capture: StreamCapture, item: GraphId): boolean {
  return (capture.pending.event(item) ?? capture.open.get(item)) !== undefined
}

/** Entries of the ledger whose item was last seen in this container. */
function ledgerIn(capture: StreamCapture, container: GraphId): LedgerEvent[] {
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
