/**
 * Items whose content is captured over several slices stand in the ledger until it is whole, with
 * how far it has come: so the cursor can pass them, and a death costs one pack (long-work.ts).
 */
import type { LedgerEvent, LongProgress } from '../model/events.ts'
import type { Present } from '../workloads/workload.ts'
import type { StreamCapture } from './stream-capture.ts'

/** True where the content is too long for one slice. */
export function isLong(capture: StreamCapture, { kind, expectedBytes = 0 }: Present): boolean {
  const { long } = capture.context.reader
  return long !== undefined && kind === 'item' && expectedBytes >= long.fromBytes
}

/**
 * Instead of its content: the entry says that it is being captured. What was captured stays where
 * it is the same content still.
 */
export function enterLong(capture: StreamCapture, change: Present): void {
  const { compare } = capture.context.workload
  const entry = capture.entryOf(change.id)
  const before = entry?.progress
  const isSame = before && compare(before.marker, change.marker) !== 'content'
  const next = longEntry(capture, change, isSame ? before : undefined)
  capture.pending.count('seen')
  if (entry?.reason === 'in-progress' && isRestated(entry, next)) {
    capture.pending.count('unchanged')
    return
  }
  capture.pending.add(next)
  capture.pending.count('ledger')
}

/** The entry says nothing new; how long it waits is its own business. */
function isRestated(entry: LedgerEvent, next: LedgerEvent): boolean {
  const said = ({ place, display, progress }: LedgerEvent) =>
    JSON.stringify([place.container, place.sortKey, display, progress === undefined])
  return said(entry) === said(next)
}

/** Due at once. */
export function longEntry(
  { context }: StreamCapture,
  { id, place, display }: Present,
  progress: LongProgress | undefined,
): LedgerEvent {
  return {
    op: 'ledger',
    kind: 'item',
    item: id,
    reason: 'in-progress',
    code: 'InProgress',
    place,
    display,
    attempts: 0,
    nextTry: new Date(context.clock.now()).toISOString(),
    ...(progress && { progress }),
  }
}
