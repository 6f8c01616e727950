/** Items and containers that are gone from where they stood, as changes say it. */
import type { StreamEvent } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import type { Removed } from '../workloads/workload.ts'
import { closeContainer } from './closing.ts'
import { type Departure, decideRemoved, type Known } from './decide.ts'
import type { StreamCapture } from './stream-capture.ts'
import { hasOwnCursor, tellerOf } from './tellers.ts'

export async function takeRemoved(
  capture: StreamCapture,
  change: Removed,
  known: Known | undefined,
  by: GraphId,
): Promise<void> {
  const told = { at: new Date(capture.context.clock.now()).toISOString(), round: capture.round.id }
  const departure = departureOf(capture, change, known, by)
  const event = departure && (await departed(capture, departure, known, told))
  capture.pending.count('seen')
  if (event) capture.pending.add(event)
  capture.pending.count(event?.op === 'left' ? 'left' : 'unchanged')
}

/** What ends, and where; undefined: nothing of it is known that this cursor could end. */
export function departureOf(
  capture: StreamCapture,
  { id, kind, container }: Removed,
  known: Known | undefined,
  by: GraphId,
): Departure | undefined {
  const entry = capture.entryOf(id)
  const held = known?.kind ?? entry?.kind ?? kind ?? 'item'
  if (container !== undefined) return { id, kind: held, container }
  // What could not be stored where it went to last stands there.
  const place = entry?.place ?? known?.place
  if (!place || tellerOf(capture, { item: id, kind: held, place }) !== by) return undefined
  return { id, kind: held, container: place.container }
}

async function departed(
  capture: StreamCapture,
  departure: Departure,
  known: Known | undefined,
  told: { at: string; round: number },
): Promise<StreamEvent | undefined> {
  const decision = decideRemoved(departure, known, told)
  const isNews = decision !== 'ignore' || hasOwnCursor(capture, departure.id)
  // Before anything of it is pending: a failure in between must not leave half of it to be saved.
  if (departure.kind === 'container' && isNews) await closeContainer(capture, departure.id)
  if (decision !== 'ignore') return decision
  return ledgerEntryEnds(capture, departure, known, told)
}

/**
 * An item that could not be stored in this container is gone from it: the ledger entry ends. What
 * is held of it from another place has then left that place.
 */
function ledgerEntryEnds(
  capture: StreamCapture,
  change: Departure,
  known: Known | undefined,
  told: { at: string; round: number },
): StreamEvent | undefined {
  const entry = capture.entryOf(change.id)
  if (entry?.place.container !== change.container) return undefined
  const subject = { kind: change.kind, item: change.id }
  if (known?.row) return { op: 'left', ...subject, place: known.row, ...told }
  return { op: 'resolved', ...subject, how: 'gone' }
}
