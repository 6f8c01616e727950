/**
 * What a rebuild has under work, and how its row moves on. Pure; every change may run several
 * times and beside another step's, so each looks at what is there.
 */
import type { Rebuild, RebuildCounts, RebuildOwner } from '../../catalogue/types.ts'
import type { OwnerId } from '../../model/ids.ts'
import { iso } from '../../model/time.ts'

/** Owners under work at once: those that others may still write wait here for up to an hour. */
export const OPEN_MAX = 64

/** How an owner ended. */
export interface Ending {
  as: 'rebuilt' | 'failed' | 'unreadable' | 'superseded' | 'erased'
  /** Token of the lease under which it ended; absent: it was not worked. */
  worker?: string
  commits?: number
  /** A commit of it is damaged. */
  isDamaged?: boolean
  /** Code; empty: none. */
  trouble: string
}

/**
 * `isLost`: the tables know no owners, so that all are identified before rows are made, also where
 * one is asked for. Default: where all are.
 */
export function newRebuild(
  given: Pick<Rebuild, 'id' | 'scope' | 'by'> & { owners: readonly OwnerId[] },
  options: { now: number; stoppedBefore?: string; isLost?: boolean },
): Rebuild {
  const { id, scope, by, owners } = given
  const { now, stoppedBefore, isLost = scope === 'all' } = options
  return {
    id,
    scope,
    by,
    state: 'queued',
    phase: isLost ? 'identify' : 'rows',
    createdAt: iso(now),
    heartbeatAt: iso(now),
    attempt: 1,
    ...(stoppedBefore !== undefined && { stoppedBefore }),
    position: '',
    open: owners.map((owner) => opened(owner, now)),
    counts: NO_REBUILDS,
    troubles: {},
  }
}

const NO_REBUILDS: RebuildCounts = {
  owners: 0,
  rebuilt: 0,
  damaged: 0,
  failed: 0,
  unreadable: 0,
  superseded: 0,
  erased: 0,
  commits: 0,
}

const opened = (owner: OwnerId, now: number): RebuildOwner => {
  return { owner, dueAt: iso(now), tries: 0, trouble: '' }
}

/** Takes owners from the vault's list; those that another step took meanwhile are left out. */
export function withOwners(now: Rebuild, owners: readonly OwnerId[], at: number): Rebuild {
  const fresh = owners.filter((owner) => owner > now.position).slice(0, OPEN_MAX - now.open.length)
  const position = fresh.at(-1) ?? now.position
  return { ...now, position, open: [...now.open, ...fresh.map((owner) => opened(owner, at))] }
}

/** Everybody up to this owner was looked at. */
export function identifiedTo(now: Rebuild, owner: OwnerId): Rebuild {
  const isBehind = now.phase !== 'identify' || owner <= now.position
  return isBehind ? now : { ...now, position: owner }
}

/** From the beginning of the list. */
export function startRows(now: Rebuild): Rebuild {
  return now.phase === 'identify' ? { ...now, phase: 'rows', position: '' } : now
}

/** Whoever takes an owner last ends it: an owner that is worked is always in the list. */
export function taken(now: Rebuild, owner: OwnerId, worker: string): Rebuild {
  const mark = (entry: RebuildOwner) => (entry.owner === owner ? { ...entry, worker } : entry)
  return { ...now, open: now.open.map(mark) }
}

/** It is gone on with at `dueAt` (ms). */
export function waiting(
  now: Rebuild,
  owner: OwnerId,
  { dueAt, trouble }: { dueAt: number; trouble: string },
): Rebuild {
  const wait = (entry: RebuildOwner): RebuildOwner => {
    const tries = trouble === '' ? 0 : entry.tries + 1
    return { ...entry, dueAt: iso(dueAt), tries, trouble }
  }
  return { ...now, open: now.open.map((entry) => (entry.owner === owner ? wait(entry) : entry)) }
}

/** Counted once, by whoever takes it out of the list. */
export function endedOwner(now: Rebuild, owner: OwnerId, ending: Ending): Rebuild {
  const { as, worker, commits = 0, isDamaged = false, trouble } = ending
  const entry = now.open.find((open) => open.owner === owner)
  if (!entry || (worker !== undefined && entry.worker !== worker)) return now
  const { counts, troubles } = now
  return {
    ...now,
    open: now.open.filter((open) => open.owner !== owner),
    counts: {
      ...counts,
      owners: counts.owners + 1,
      [as]: counts[as] + 1,
      damaged: counts.damaged + (isDamaged ? 1 : 0),
      commits: counts.commits + commits,
    },
    troubles: trouble === '' ? troubles : { ...troubles, [trouble]: (troubles[trouble] ?? 0) + 1 },
  }
}
