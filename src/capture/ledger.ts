/**
 * The ledger: items that were seen and could not be stored, and when they are tried again.
 *
 * An entry is an event, committed no later than the cursor that passes the item (P2), and ends
 * with the version that is stored at last, or with proof that the item is gone.
 */
import type { OpenEntry } from '../catalogue/types.ts'
import type { LedgerEvent, LeftEvent, LongProgress } from '../model/events.ts'
import { keyHash } from '../model/ids.ts'
import type { ItemFailure } from '../workloads/failure.ts'
import type { Present } from '../workloads/workload.ts'

const HOUR_MS = 3_600_000

/** Waits between tries. */
export const RETRY_AFTER_MS = [HOUR_MS, 4 * HOUR_MS, 24 * HOUR_MS, 72 * HOUR_MS] as const
/** A corrupt item may be repaired by the service: even a final refusal is never given up (P3). */
const RETRY_LAST_MS = 7 * 24 * HOUR_MS

export function retryDelayMs(attempts: number): number {
  return RETRY_AFTER_MS[attempts - 1] ?? RETRY_LAST_MS
}

/** The event for one more failed try. */
export function ledgerEvent(
  item: Pick<Present, 'kind' | 'id' | 'place' | 'display'> & {
    progress?: LongProgress | undefined
  },
  failure: ItemFailure,
  earlier: OpenEntry | undefined,
  now: number,
): LedgerEvent {
  const attempts = (earlier?.event.op === 'ledger' ? earlier.event.attempts : 0) + 1
  return {
    op: 'ledger',
    kind: item.kind,
    item: item.id,
    reason: failure.reason,
    code: failure.code,
    place: item.place,
    display: item.display,
    attempts,
    nextTry: new Date(now + (failure.retry ? retryDelayMs(attempts) : RETRY_LAST_MS)).toISOString(),
    ...(item.progress && { progress: item.progress }),
  }
}

export function openLedger(event: LedgerEvent | LeftEvent, seq: number): OpenEntry {
  return { key: keyHash(event.item), event, seq }
}
