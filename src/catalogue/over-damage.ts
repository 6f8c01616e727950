/**
 * A commit as it is applied where an earlier one is damaged: its events follow upon what the rows
 * hold, and not upon what was lost.
 *
 * Events name the list row that they end. Where the event that opened it is lost, an older row of
 * the item may be open instead, or none. Taken at their word they would leave that older row open
 * for ever, and what left a lost row could never be told deleted.
 */
import {
  type Commit,
  type Cursor,
  type PastPlace,
  ROUND,
  type RoundState,
  type StreamEvent,
} from '../model/events.ts'

import { heldItems } from './items.ts'
import type { Room } from './room.ts'

/** Idempotent: only the rows of earlier commits are looked at. */
export async function overDamage(
  room: Room,
  stream: string,
  commit: Commit,
  signal: AbortSignal,
): Promise<Commit> {
  const items = commit.events.map((event) => event.item)
  const before = await heldItems(room, stream, items, commit.seq - 1, signal)
  const events = commit.events.map((event) => {
    const held = before.get(event.item)
    return following(event, held?.deleted === false ? held.place : undefined)
  })
  return { ...commit, events, cursors: commit.cursors.map(fromTheBeginning) }
}

/** `place`: where the rows say that the item stands; undefined: they do not hold it. */
function following(event: StreamEvent, place: PastPlace | undefined): StreamEvent {
  const { kind, item } = event
  switch (event.op) {
    case 'put': {
      const { leaves: _, ...put } = event
      return place ? { ...put, leaves: place } : put
    }
    case 'deleted':
      return place ? { ...event, leaves: place } : { op: 'resolved', kind, item, how: 'gone' }
    case 'left':
      return place ? { ...event, place } : { op: 'resolved', kind, item, how: 'gone' }
    default:
      return event
  }
}

/**
 * No link may be gone on with: it could pass a lost item (P2). Rounds are still counted on, because
 * what left waits for one with a greater number, and a container that is closed stays so: its
 * members may be still to be dealt with.
 */
export function fromTheBeginning(cursor: Cursor): Cursor {
  const { container, closed } = cursor
  const ended: RoundState['phase'] = 'complete'
  if (container === ROUND) return { ...cursor, position: ended }
  return closed === true ? cursor : { container, start: null, position: null, round: 0 }
}
