/**
 * A container that is gone, or is not read any more: its cursor is closed, and its members are
 * dealt with as in a full comparison that has seen none of them (settle.ts). One that is read
 * through the cursor of another has none to be closed: that cursor notes that there are members
 * without a container (orphans.ts).
 *
 * "Left" is not "deleted": a member that stands elsewhere by the end of the round is found there
 * (a folder that was moved into another keeps its id and is no matter of this file).
 */
import type { GraphId } from '../model/ids.ts'
import type { Present } from '../workloads/workload.ts'
import { mayHold } from './members.ts'
import { newCursor } from './round.ts'
import type { StreamCapture } from './stream-capture.ts'
import { cursorOf, hasOwnCursor } from './tellers.ts'

/** True where the change says that a container is not read (any more). */
export function isClosing(capture: StreamCapture, change: Present): boolean {
  if (change.kind !== 'container') return false
  if (change.excluded !== undefined) return true
  return change.hasCursor !== true && hasOwnCursor(capture, change.id)
}

/** Idempotent. Closing is only a note in the cursor: however many members there are, it is short. */
export async function closeContainer(capture: StreamCapture, container: GraphId): Promise<void> {
  if (!hasOwnCursor(capture, container)) {
    capture.setOrphans(cursorOf(capture, container), true)
    return
  }
  const cursor = capture.cursors.get(container)
  if (cursor?.closed) return
  if (!cursor && !(await mayHold(capture, container))) return
  const { tables, signal } = capture.context
  const scan = await tables.scans.open(container, 'free', signal)
  const { start, position, round } = cursor ?? newCursor(container)
  capture.setCursor({ container, start, position, round, closed: true, scan })
}
