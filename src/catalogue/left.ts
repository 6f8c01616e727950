/**
 * Items that are listed at a seq although they were known by then to have left.
 *
 * What has left stays listed until it is called deleted, a lag and a whole round later. While it
 * waits, its entry in the ledger is open and names the seq; when it is deleted, its row names the
 * time. That is the worker's, and commits have the store's, in whole seconds.
 */
import type { KeyHash } from '../model/ids.ts'
import { timeOf } from './commits.ts'
import { lastSeenLeaving } from './items.ts'
import { leftSince } from './ledger.ts'
import type { Room } from './room.ts'

/** A commit that says what left may seem to be so much older. */
const CLOCKS_DIFFER_MS = 10_000

/** See StreamTables.hadLeft. */
export async function hadLeft(
  room: Room,
  stream: string,
  at: { key: KeyHash; seq: number },
  signal: AbortSignal,
): Promise<boolean> {
  const since = await leftSince(room, stream, at.key, signal)
  if (since !== undefined) return since <= at.seq
  const leftAt = await lastSeenLeaving(room, stream, at, signal)
  if (leftAt === undefined) return false
  const time = await timeOf(room, stream, at.seq, signal)
  return time !== undefined && Date.parse(leftAt) <= Date.parse(time) + CLOCKS_DIFFER_MS
}
