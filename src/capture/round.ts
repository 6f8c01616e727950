/**
 * The round of a stream: container list, every container's changes, container list again.
 *
 * Its state travels with the cursors (as the pseudo cursor ROUND), so that a commit, a cursor row
 * and a rebuild all carry it the same way. Everything here is pure.
 */
import { CONTAINERS, type Cursor, ROUND, type RoundState } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'

const PHASES: readonly string[] = ['listing', 'reading', 'confirming', 'complete']

/** New containers may turn up at every confirmation; a mailbox that never settles stops here. */
export const CONFIRMATIONS_MAX = 8

export type CursorMap = Map<GraphId, Cursor>

export function roundCursor(round: RoundState): Cursor {
  return { container: ROUND, start: round.startedAt, position: round.phase, round: round.id }
}

/** The state that was saved; before the first round: round 0, complete. */
export function savedRound(cursors: CursorMap): RoundState {
  const saved = cursors.get(ROUND)
  const phase = saved?.position
  if (!saved?.start || !phase || !PHASES.includes(phase)) {
    return { id: 0, startedAt: new Date(0).toISOString(), phase: 'complete' }
  }
  return { id: saved.round, startedAt: saved.start, phase: phase as RoundState['phase'] }
}

/** Goes on with an open round, or begins the next. */
export function openRound(saved: RoundState, now: number): RoundState {
  if (saved.phase !== 'complete') return saved
  return { id: saved.id + 1, startedAt: new Date(now).toISOString(), phase: 'listing' }
}

/** True where this cursor is at its end in the given round. */
export function isRead(cursor: Cursor, round: number): boolean {
  return cursor.round >= round && cursor.position === null
}

/** The link to read next: where the round stands in it, or where the round starts. */
export function linkOf(cursor: Cursor, round: number): string | null {
  return cursor.round >= round && cursor.position !== null ? cursor.position : cursor.start
}

/** The cursor after a page: on to `next`, or at its end with the link of the next round. */
export function advanced(
  cursor: Cursor,
  round: number,
  page: { next?: string; delta?: string },
): Cursor {
  if (page.delta !== undefined) {
    return { container: cursor.container, start: page.delta, position: null, round }
  }
  return {
    container: cursor.container,
    start: cursor.start,
    position: page.next ?? null,
    round,
  }
}

/** A container that was never read: due in the present round. */
export function newCursor(container: GraphId): Cursor {
  return { container, start: null, position: null, round: 0 }
}

/** Containers whose changes are still to be read in this round, in a stable order. */
export function unread(cursors: CursorMap, round: number): Cursor[] {
  return [...cursors.values()]
    .filter((c) => c.container !== CONTAINERS && c.container !== ROUND)
    .filter((c) => c.closed !== true && !isRead(c, round))
}
