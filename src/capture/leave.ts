/** A member of a container is gone from it: the one way in which that is said without a change. */
import { closeContainer } from './closing.ts'
import type { Member } from './members.ts'
import type { StreamCapture } from './stream-capture.ts'

/** It has left, or ends as an entry of the ledger of which nothing is held. */
export async function leave(capture: StreamCapture, { item, kind, held }: Member): Promise<void> {
  if (kind === 'container') await closeContainer(capture, item)
  if (!held) {
    capture.pending.add({ op: 'resolved', kind, item, how: 'gone' })
    return
  }
  const at = new Date(capture.context.clock.now()).toISOString()
  const { place } = held
  capture.pending.add({ op: 'left', kind, item, place, at, round: capture.round.id })
  capture.pending.count('seen')
  capture.pending.count('left')
}
