/**
 * The reconciler: compares our own run and job rows with Durable's states and starts again what
 * failed, hung or vanished (a Node worker crash fails orchestrations for good). Cheap, because all
 * truth is in our own storage. The decision is pure; the trigger does what it says.
 */
import type { Job, Run } from '../catalogue/types.ts'

/** What Durable says of an instance; `missing` where it knows none. */
export type InstanceState = 'running' | 'pending' | 'completed' | 'failed' | 'missing'

export type Repair =
  | { repair: 'none' }
  /** Start under the next attempt's id. */
  | { repair: 'start' }
  /** Terminate what hangs, then start under the next attempt's id. */
  | { repair: 'restart' }

/** An instance that no worker picked up. */
export const PENDING_MS = 15 * 60_000

export interface RepairInput {
  row: Pick<Run | Job, 'createdAt' | 'heartbeatAt'>
  /** The row waits for somebody to start it. */
  queued: boolean
  instance: InstanceState
  /** A running instance whose heartbeat is older than this hangs. */
  heartbeatMs: number
  /** A queue message that nobody has taken up after this is lost, or hidden by who died with it. */
  queuedMs: number
  now: number
}

/** For rows that are not over. */
export function decideRepair(input: RepairInput): Repair {
  const { row, queued, instance, heartbeatMs, queuedMs, now } = input
  const silentMs = now - Math.max(Date.parse(row.createdAt), Date.parse(row.heartbeatAt))
  switch (instance) {
    case 'missing':
      return silentMs > queuedMs || !queued ? { repair: 'start' } : { repair: 'none' }
    case 'failed':
    case 'completed':
      // Completed while the row is not over: it died between its last activity and the row.
      return { repair: 'start' }
    case 'pending':
      return silentMs > PENDING_MS ? { repair: 'restart' } : { repair: 'none' }
    case 'running':
      return silentMs > heartbeatMs ? { repair: 'restart' } : { repair: 'none' }
  }
}
