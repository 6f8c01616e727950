/** Segments that a version shares with an earlier one. */
import type { Representation } from '../model/events.ts'
import type { Present } from '../workloads/workload.ts'
import type { StreamCapture } from './stream-capture.ts'

/** Segments of this very commit are fresh; earlier ones must stay locked long enough. */
export async function mayCarry(
  capture: StreamCapture,
  change: Pick<Present, 'id'>,
  carried: readonly Representation[],
): Promise<boolean> {
  if (capture.pending.event(change.id)?.op === 'put') return true
  return await capture.context.locks.allow(carried, capture.context.signal)
}
