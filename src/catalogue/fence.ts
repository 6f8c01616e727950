/**
 * The fence that keeps slices off an owner while a rebuild takes rows away (decision 012).
 *
 * It is set at once, also while a slice still works: that one may end, none begins. The lease is
 * given only when nobody who was ever let in can still write: a claim that is given back is over,
 * one that vanished may write until its hour is past. Until rows are taken away a fence lapses by
 * itself, because who set it may be a sleeper that nobody waits for; from then on it stays until a
 * rebuild has made the rows. Everything here is pure.
 */
import type { OwnerRow } from './owner-row.ts'
import { encodeBody } from './rows.ts'
import type { Change } from './stamped.ts'
import { type FencedClaim, type Lease, type Owner, ROWS_WITHIN_MS } from './types.ts'

/** Clocks of two workers differ by less. */
export const CLOCKS_DIFFER_MS = 5 * 60_000
/** A fence that waits lapses so long after it should have been gone on with. */
const LAPSES_AFTER_MS = 15 * 60_000
/** How soon a rebuild looks again for a slice that is still at work. */
const LOOK_AGAIN_MS = 60_000

interface FenceTime {
  now: number
  /** Claims made before it are of workers that are known to be stopped; 0: none is. */
  stoppedBefore: number
}

/** `row`: what is to be written; absent: the row is right as it is. */
export function fencedClaim(
  now: OwnerRow,
  claim: { holder: string; token: string; until: number },
  time: FenceTime,
): { answer: FencedClaim; row?: OwnerRow } {
  const until = quietAt(now, time)
  if (until > time.now) {
    const answer = { state: 'wait', until } as const
    return holds(now.fence, until) ? { answer } : { answer, row: { ...now, fence: asked(until) } }
  }
  const fence = now.fence?.isBegun ? now.fence : asked(claim.until)
  const lease = { ...claim, dueAt: now.owner.dueAt, since: time.now, writesBefore: 0 }
  const row = { owner: now.owner, lease, writesUntil: claim.until, fence }
  const held = { state: 'held', lease: { owner: now.owner, ...claim } } as const
  const { isBegun, progress } = fence
  return { answer: { ...held, isBegun, progress }, row }
}

/** Whether a fence keeps slices off at this time. */
export function holds(fence: OwnerRow['fence'], at: number): boolean {
  return fence !== null && (fence.isBegun || fence.lapsesAt > at)
}

function asked(until: number): NonNullable<OwnerRow['fence']> {
  return { isBegun: false, lapsesAt: until + LAPSES_AFTER_MS, progress: '' }
}

/** From now on it does not lapse. Undefined where the lease was lost. */
export function begun(now: OwnerRow | undefined, { token }: Lease): OwnerRow | undefined {
  if (!now?.fence || now.lease?.token !== token) return undefined
  return { ...now, fence: { ...now.fence, isBegun: true } }
}

/** When it is certain, or worth a look, that nobody else writes rows any more. */
function quietAt({ lease, writesUntil }: OwnerRow, { now, stoppedBefore }: FenceTime): number {
  const isWorked = lease !== null && lease.since >= stoppedBefore && lease.until > now
  if (isWorked) return Math.min(lease.until, now + LOOK_AGAIN_MS)
  // A claim lets rows be written for no longer than ROWS_WITHIN_MS after it was made.
  const isStopped = writesUntil <= stoppedBefore + ROWS_WITHIN_MS && !isLater(lease, stoppedBefore)
  return isStopped || writesUntil === 0 ? now : writesUntil + CLOCKS_DIFFER_MS
}

const isLater = (lease: OwnerRow['lease'], time: number) => lease !== null && lease.since >= time

/** The lease goes, the fence stays. Undefined where the lease was lost. */
export function paused(
  now: OwnerRow | undefined,
  lease: Lease,
  { progress, changes }: { progress: string; changes: Partial<Owner> },
): OwnerRow | undefined {
  return free(now, lease, changes, now?.fence ? { ...now.fence, progress } : null)
}

/** Lease and fence go. Undefined where the lease was lost. */
export function unfenced(
  now: OwnerRow | undefined,
  lease: Lease,
  changes: Partial<Owner>,
): OwnerRow | undefined {
  return free(now, lease, changes, null)
}

function free(
  now: OwnerRow | undefined,
  { token }: Lease,
  changes: Partial<Owner>,
  fence: OwnerRow['fence'],
): OwnerRow | undefined {
  if (now?.lease?.token !== token) return undefined
  return { owner: { ...now.owner, ...changes }, lease: null, writesUntil: 0, fence }
}

/** As a change of the row. */
export function fenced(row: OwnerRow | undefined): Change<true> | undefined {
  return row && { values: encodeBody(row), result: true }
}
