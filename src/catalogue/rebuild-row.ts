/** What the catalogue keeps of a rebuild: how far it has come, and how its owners fare. */
import type { OwnerId } from '../model/ids.ts'

/** A rebuild of rows from the vault: of the whole catalogue, or of a few owners. */
export interface Rebuild {
  id: string
  /** `all`: every owner that the vault has, and their resources. */
  scope: 'all' | 'named'
  state: 'queued' | 'running' | 'done'
  /** `identify`: whom the vault's owners stand for. `rows`: the rows of their streams. */
  phase: 'identify' | 'rows'
  createdAt: string
  startedAt?: string
  endedAt?: string
  /** Written by every step; in the future while it waits. The reconciler looks at it. */
  heartbeatAt: string
  attempt: number
  /** Who asked: object id from the token, or `timer`. */
  by: string
  /** ISO time: workers that ran before it are known to be stopped. */
  stoppedBefore?: string
  /** The last owner that was taken from the vault's list. */
  position: string
  /** Owners under work, a bounded number. */
  open: RebuildOwner[]
  counts: RebuildCounts
  /** Codes, each with how many owners have ended with it. */
  troubles: Record<string, number>
}

export interface RebuildOwner {
  owner: OwnerId
  /** ISO time at which it is gone on with. */
  dueAt: string
  /** Failed tries in a row. */
  tries: number
  /** Code of what it waits for; empty: nothing. */
  trouble: string
  /** Token of the lease under which it was last worked: only that one may end it. */
  worker?: string
}

export interface RebuildCounts {
  /** Owners that are done with, in whatever way. */
  owners: number
  rebuilt: number
  /** Of these, with a commit that is damaged: what it said is missing. */
  damaged: number
  /** Their rows could not be made; no slice works them until a rebuild succeeds. */
  failed: number
  /** Nobody can say whom they stand for: their keys are gone, or their record is damaged. */
  unreadable: number
  /** Their resource has a newer owner. */
  superseded: number
  /** A record says that they were erased: no row of theirs is made, whatever keys are there. */
  erased: number
  commits: number
}
