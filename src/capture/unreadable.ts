/**
 * Containers whose changes cannot be read while the rest of the owner can.
 *
 * Such a container stands in the ledger under its own id, with its reason and next try; its
 * cursor stays where it is, so nothing is skipped (P2). Until then it is left aside: rounds end
 * without it, and coverage says `partial`. What left another place may have moved into it unseen,
 * so as long as a container is aside an item is asked for before it is called deleted. Why this
 * is no open round: docs/decisions/011-unreadable-containers.md.
 */
import { CONTAINERS, type Cursor, type LeftEvent } from '../model/events.ts'
import { type GraphId, keyHash } from '../model/ids.ts'
import type { ItemFailure } from '../workloads/failure.ts'
import type { Present } from '../workloads/workload.ts'
import { ledgerEvent } from './ledger.ts'
import { takeAnswers } from './page.ts'
import { isRead, unread } from './round.ts'
import type { StreamCapture } from './stream-capture.ts'
import { cursorOf } from './tellers.ts'

function isAside(capture: StreamCapture, container: GraphId): boolean {
  const { nextTry } = capture.entryOf(container) ?? { nextTry: '' }
  if (nextTry === '') return false
  return nextTry === undefined || Date.parse(nextTry) > capture.context.clock.now()
}

/** Containers that this round must still read, without those that are aside. */
export function unreadNow(capture: StreamCapture): Cursor[] {
  const { cursors, round } = capture
  return unread(cursors, round.id).filter(({ container }) => !isAside(capture, container))
}

/** `stopped`: the container's own version had to be committed first, and another was faster. */
export async function setAside(
  capture: StreamCapture,
  container: GraphId,
  failure: ItemFailure,
): Promise<'aside' | 'stopped'> {
  const pending = capture.pending.event(container)
  if (pending && pending.op !== 'ledger' && !(await capture.save())) return 'stopped'
  const { tables, clock, signal } = capture.context
  const held = (await tables.current([container], capture.headSeq, signal)).get(container)
  const known = {
    kind: 'container' as const,
    id: container,
    place: { container: CONTAINERS, sortKey: held?.place.sortKey ?? keyHash(container) },
    display: held?.display ?? { name: '' },
  }
  capture.pending.add(ledgerEvent(known, failure, capture.open.get(container), clock.now()))
  capture.pending.count('seen')
  capture.pending.count('ledger')
  return 'aside'
}

/** Ends the entry of a container that was read to its end after all. */
export function takeBack(capture: StreamCapture, cursor: Cursor): void {
  const { container } = cursor
  if (!isRead(cursor, capture.round.id) || !capture.entryOf(container)) return
  capture.pending.add({ op: 'resolved', kind: 'container', item: container, how: 'readable' })
}

/** True where an item may stand unseen in a container that this round did not read. */
export function hasUnseenPlaces(capture: StreamCapture): boolean {
  return unread(capture.cursors, capture.round.id).length > 0
}

/**
 * True where the item stands in a container that is never read: it would be held there for ever,
 * because nothing tells when it goes. One that is not listed yet will be read.
 */
export async function isKeptOut(capture: StreamCapture, { place }: Present): Promise<boolean> {
  const container = cursorOf(capture, place.container)
  const cursor = capture.cursors.get(container)
  if (cursor) return cursor.closed === true
  const pending = capture.pending.event(container)
  if (pending?.op === 'put') return pending.display.excluded !== undefined
  if (capture.headSeq === 0) return false
  const { tables, signal } = capture.context
  const held = (await tables.current([container], capture.headSeq, signal)).get(container)
  return held?.display.excluded !== undefined
}

/**
 * Asks the service for an item that left. `gone`: it is deleted. `settled`: it is somewhere, or
 * cannot be asked for and stands in the ledger. `stopped`: the deadline came.
 */
export async function askFor(
  capture: StreamCapture,
  left: LeftEvent,
): Promise<'gone' | 'settled' | 'stopped'> {
  if (capture.outOfTime) return 'stopped'
  const { reader, tables, clock, signal } = capture.context
  try {
    const item = await reader.item(left.item, signal)
    if (!item || (await isKeptOut(capture, item))) return 'gone'
    return (await takeAnswers(capture, [item])) === 'taken' ? 'settled' : 'stopped'
  } catch (error) {
    const failure = capture.failureOf(error, left.item)
    const held = (await tables.current([left.item], capture.headSeq, signal)).get(left.item)
    const { container, sortKey } = left.place
    const known = {
      ...{ kind: left.kind, id: left.item, place: { container, sortKey } },
      display: held?.display ?? { name: '' },
    }
    capture.pending.add(ledgerEvent(known, failure, undefined, clock.now()))
    capture.pending.count('seen')
    capture.pending.count('ledger')
    return 'settled'
  }
}
