/** One thing as the service shows it now, where that is the newest version that is held. */
import type { GraphId } from '../model/ids.ts'
import type { Present } from '../workloads/workload.ts'
import type { Known } from './decide.ts'
import { lookUp } from './look-up.ts'
import type { StreamCapture } from './stream-capture.ts'
import { isKeptOut } from './unreadable.ts'

/**
 * Undefined where it is gone, elsewhere, or has other content by what its marker says: that is told
 * by what tells of changes. One request. Throws what `reader.item` throws.
 */
export async function stillAsHeld(
  capture: StreamCapture,
  id: GraphId,
): Promise<{ now: Present; known: Known } | undefined> {
  const { reader, workload, signal } = capture.context
  const now = await reader.item(id, signal)
  if (now === undefined || (await isKeptOut(capture, now))) return undefined
  const known = (await lookUp(capture, [now])).known.get(id)
  if (known === undefined || known.hasOpenEntry) return undefined
  const stands = known.place.container === now.place.container
  const isSame = stands && workload.compare(known.marker, now.marker) !== 'content'
  return isSame ? { now, known } : undefined
}
