/**
 * A container that is gone: its cursor is closed and its members have left with it.
 *
 * "Left" is not "deleted": a member that stands elsewhere by the end of the round is found there
 * (a folder that was moved into another keeps its id and is no matter of this file).
 */
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

/** Nothing is pending of the members when it is called (hasPendingMembers). */
export async function leaveMembers(capture: StreamCapture, container: GraphId): Promise<void> {
  const { tables, clock, signal } = capture.context
  const cursor = capture.cursors.get(container)
  if (cursor) capture.setCursor({ ...cursor, closed: true })
  const at = new Date(clock.now()).toISOString()
  let continuation: string | undefined
  do {
    const query = { max: MEMBERS_PAGE, ...(continuation !== undefined && { continuation }) }
    const page = await tables.list(container, capture.headSeq, query, signal)
    const ids = page.items.map((i) => i.item)
    const held = await tables.current(ids, capture.headSeq, signal)
    for (const item of held.values()) {
      if (item.deleted || item.place.container !== container) continue
      if (!mayLeave(capture, item.item, container)) continue
      const told = { at, round: capture.round.id }
      capture.pending.add({
        op: 'left',
        kind: item.kind,
        item: item.item,
        place: item.place,
        ...told,
      })
      capture.pending.count('seen')
      capture.pending.count('left')
    }
    continuation = page.continuation
  } while (continuation !== undefined)
}

/** An entry of the ledger ends with its container; one that is open elsewhere goes on. */
function mayLeave(capture: StreamCapture, member: GraphId, container: GraphId): boolean {
  const event = capture.pending.event(member) ?? capture.open.get(member)?.event
  if (!event) return true
  return event.op === 'ledger' && event.place.container === container
}
