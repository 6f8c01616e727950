/** What is known of the items that changes speak of, before the changes are decided. */
import type { HeldItem } from '../catalogue/types.ts'
import type { StreamEvent } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import type { Change } from '../workloads/workload.ts'
import type { Known } from './decide.ts'
import type { StreamCapture } from './stream-capture.ts'

export interface LookedUp {
  known: Map<GraphId, Known>
  /** What was held once and is deleted. */
  deleted: Set<GraphId>
}

/** What is known of the items now: pending events first, then the committed rows. */
export async function lookUp(
  capture: StreamCapture,
  changes: readonly Change[],
): Promise<LookedUp> {
  const { tables, signal } = capture.context
  const ids = changes.map((c) => c.id)
  const held =
    capture.headSeq === 0
      ? new Map<GraphId, HeldItem>()
      : await tables.current(ids, capture.headSeq, signal)
  const known = new Map<GraphId, Known>()
  const deleted = new Set<GraphId>()
  for (const id of ids) {
    const one = knownOf(capture, id, held.get(id))
    if (one) known.set(id, one)
    else if (held.has(id)) deleted.add(id)
  }
  return { known, deleted }
}

function knownOf(
  capture: StreamCapture,
  id: GraphId,
  held: HeldItem | undefined,
): Known | undefined {
  const event = capture.pending.event(id)
  if (event?.op === 'put') {
    const { kind, marker, place, representations } = event
    return { kind, marker, place, representations, hasOpenEntry: false }
  }
  if (!held || held.deleted || event?.op === 'deleted') return undefined
  return {
    kind: held.kind,
    marker: held.marker,
    place: held.place,
    representations: held.representations,
    hasOpenEntry: isEntry(event ?? capture.open.get(id)?.event),
    row: held.place,
  }
}

/** Of a container the ledger speaks of its changes, not of its own version, which is held. */
function isEntry(event: StreamEvent | undefined): boolean {
  return event?.op === 'left' || (event?.op === 'ledger' && event.kind === 'item')
}
