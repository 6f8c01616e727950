/**
 * How many requests and minutes a plan will take, from the service's own limits.
 */
import type { PlanTotals, UndoTotals } from './job-document.ts'

/** One create and one read-back for an item; one create for a folder. */
const REQUESTS_PER_ITEM = 2
const REQUESTS_PER_FOLDER = 1
/** A look at the item and its removal; two looks into a folder and its removal. */
const REQUESTS_PER_REMOVAL = 2
const REQUESTS_PER_CLEARING = 3
/** Four at once for a mailbox (facts 2.2), about one second each. */
const REQUESTS_PER_MINUTE = 240
/** Exchange takes 150 MB of uploads in five minutes for one mailbox and app (facts 2.2). */
const UPLOAD_BYTES_PER_MINUTE = 30_000_000

/** Estimates for people, rounded up: not a promise. */
export function estimate(
  totals: Pick<PlanTotals, 'folders' | 'create' | 'bytes'>,
): Pick<PlanTotals, 'requests' | 'minutes'> {
  const requests = totals.create * REQUESTS_PER_ITEM + totals.folders * REQUESTS_PER_FOLDER
  const minutes = Math.max(requests / REQUESTS_PER_MINUTE, totals.bytes / UPLOAD_BYTES_PER_MINUTE)
  return { requests, minutes: Math.ceil(minutes) }
}

/** The same for an undo. */
export function estimateUndo({
  remove,
  folders,
}: Pick<UndoTotals, 'remove' | 'folders'>): Pick<UndoTotals, 'requests' | 'minutes'> {
  const requests = remove * REQUESTS_PER_REMOVAL + folders * REQUESTS_PER_CLEARING
  return { requests, minutes: Math.ceil(requests / REQUESTS_PER_MINUTE) }
}
