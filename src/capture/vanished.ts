/**
 * A container that is gone: its cursor is closed and its members have left with it.
 *
 * "Left" is not "deleted": a member that stands elsewhere by the end of the round is found there
 * (a folder that was moved into another keeps its id and is no matter of this file).
 */
import type { LeftEvent } from '../model/events.ts'
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
  const left = await membersLeaving(capture, container)
  const cursor = capture.cursors.get(container)
  if (cursor) capture.setCursor({ ...cursor, closed: true })
  for (const event of left) {
    capture.pending.add(event)
    capture.pending.count('seen')
    capture.pending.count('left')
  }
}

async function membersLeaving(capture: StreamCapture, container: GraphId): Promise<LeftEvent[]> {
  const { tables, clock, signal } = capture.context
  const told = { at: new Date(clock.now()).toISOString(), round: capture.round.id }
  const left: LeftEvent[] = []
  let continuation: string | undefined
  do {
    const query = { max: MEMBERS_PAGE, ...(continuation !== undefined && { continuation }) }
    const page = await tables.list(container, capture.headSeq, query, signal)
    const ids = page.items.map((i) => i.item)
    const held = await tables.current(ids, capture.headSeq, signal)
    for (const { item, kind, place, deleted } of held.values()) {
      if (deleted || place.container !== container) continue
      if (mayLeave(capture, item, container)) left.push({ op: 'left', kind, item, place, ...told })
    }
    continuation = page.continuation
  } while (continuation !== undefined)
  return left
}

/** An entry of the ledger ends with its container; one that is open elsewhere goes on. */
function mayLeave(capture: StreamCapture, member: GraphId, container: GraphId): boolean {
  const event = capture.pending.event(member) ?? capture.open.get(member)?.event
  if (!event) return true
  return event.op === 'ledger' && event.place.container === container
}
