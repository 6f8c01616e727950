/**
 * The round of a stream: container list, every container's changes, container list again.
 *
 * Its state travels with the cursors (as the pseudo cursor ROUND), so that a commit, a cursor row
 * and a rebuild all carry it the same way. Everything here is pure.
 */
import { CONTAINERS, type Cursor, isPseudoCursor, ROUND, type RoundState } from '../model/events.ts'
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
  page: { changes: readonly unknown[]; next?: string; delta?: string },
): Cursor {
  const { container, start, scan, newest } = cursor
  const open = scan !== undefined && { scan }
  if (page.delta !== undefined) {
    return { container, start: page.delta, position: null, round, ...open }
  }
  const pages = pagesOf(cursor, round) + 1
  const empty = page.changes.length === 0 && { emptyPages: emptyPagesOf(cursor, round) + 1 }
  const lately = newest !== undefined && { newest }
  const position = page.next ?? null
  return { container, start, position, round, pages, ...empty, ...open, ...lately }
}

/** Pages of the present walk, over all slices. */
export function pagesOf(cursor: Cursor, round: number): number {
  return cursor.round >= round && cursor.position !== null ? (cursor.pages ?? 0) : 0
}

/** Of them the last ones in a row that brought nothing. */
export function emptyPagesOf(cursor: Cursor, round: number): number {
  return cursor.round >= round && cursor.position !== null ? (cursor.emptyPages ?? 0) : 0
}

/** True where the walk of a container has come further: that is bounded, and leads somewhere. */
export function hasReadOn(before: CursorMap, now: CursorMap): boolean {
  return containersOf(now).some(
    ({ container, pages = 0 }) => pages > (before.get(container)?.pages ?? 0),
  )
}

/** The cursor whose comparison has ended. */
export function withoutScan({ scan: _, ...cursor }: Cursor): Cursor {
  return cursor
}

/** The cursor of a container that is to be read (again) in this round, from that link. */
export function restarted(container: GraphId, start: string | null, round: number): Cursor {
  return { container, start, position: null, round: round - 1 }
}

/** The service knows no such container; whether it is gone is for the container list to say. */
export function absent(container: GraphId, round: number): Cursor {
  return { container, start: null, position: null, round }
}

export function isAbsent(cursor: Cursor, round: number): boolean {
  return cursor.closed !== true && cursor.start === null && isRead(cursor, round)
}

/** A container that was never read: due in the present round. */
export function newCursor(container: GraphId): Cursor {
  return { container, start: null, position: null, round: 0 }
}

/** Containers whose changes are still to be read in this round, in a stable order. */
export function unread(cursors: CursorMap, round: number): Cursor[] {
  return containersOf(cursors).filter((c) => c.closed !== true && !isRead(c, round))
}

/** A full comparison that is still open. */
export type Comparison = Cursor & { scan: string }

/** True where the reading of a full comparison has ended (or the container is closed). */
export function isUnsettled(cursor: Cursor, round: number): cursor is Comparison {
  return cursor.scan !== undefined && (cursor.closed === true || isRead(cursor, round))
}

/** Containers whose comparison is still to be settled. */
export function unsettled(cursors: CursorMap, round: number): Comparison[] {
  return containersOf(cursors).filter((c) => isUnsettled(c, round)) as Comparison[]
}

/** Cursors read to their end, that tell of containers which went and left members behind. */
export function orphaned(cursors: CursorMap, round: number): Cursor[] {
  return containersOf(cursors).filter((c) => c.orphans && (c.closed === true || isRead(c, round)))
}

/** Containers that answered as if they were gone, and are not closed. */
export function absentees(cursors: CursorMap, round: number): Cursor[] {
  return containersOf(cursors).filter((c) => isAbsent(c, round))
}

function containersOf(cursors: CursorMap): Cursor[] {
  return [...cursors.values()].filter((c) => c.container !== CONTAINERS && !isPseudoCursor(c))
}
