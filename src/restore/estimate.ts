/**
 * How many requests and minutes a plan will take, from the pace of its workload.
 */
import type { RestorePace } from '../workloads/workload.ts'
import type { PlanTotals, UndoTotals } from './job-document.ts'

/** One create for a folder. */
const REQUESTS_PER_FOLDER = 1
/** A look at the item and its removal; two looks into a folder and its removal. */
const REQUESTS_PER_REMOVAL = 2
const REQUESTS_PER_CLEARING = 3

/** Estimates for people, rounded up: not a promise. */
export function estimate(
  totals: Pick<PlanTotals, 'folders' | 'create' | 'bytes' | 'permissions'>,
  pace: RestorePace,
): Pick<PlanTotals, 'requests' | 'minutes'> {
  const {
    requestsPerItem,
    requestsPerPermissions = 0,
    bytesPerRequest = Number.POSITIVE_INFINITY,
  } = pace
  const requests =
    totals.create * requestsPerItem +
    totals.permissions * requestsPerPermissions +
    Math.floor(totals.bytes / bytesPerRequest) +
    totals.folders * REQUESTS_PER_FOLDER
  const uploadMinutes = totals.bytes / pace.uploadBytesPerMinute
  const minutes = Math.max(requests / pace.requestsPerMinute, uploadMinutes)
  return { requests, minutes: Math.ceil(minutes) }
}

/** The same for an undo. */
export function estimateUndo(
  { remove, folders }: Pick<UndoTotals, 'remove' | 'folders'>,
  { requestsPerMinute }: RestorePace,
): Pick<UndoTotals, 'requests' | 'minutes'> {
  const requests = remove * REQUESTS_PER_REMOVAL + folders * REQUESTS_PER_CLEARING
  return { requests, minutes: Math.ceil(requests / requestsPerMinute) }
}
