/**
 * What the catalogue keeps of work: runs and their plans, rebuilds, verifications, jobs and their
 * slots, and the budgets that all workers spend together. Measured, never rebuilt from the vault.
 */
import type { Counts, Units } from '../model/events.ts'
import type { KeyHash, OwnerId } from '../model/ids.ts'
import type { Rebuild } from './rebuild-row.ts'
import type { Page } from './types.ts'
import type { Verification } from './verification-row.ts'

export type RunState =
  | 'queued'
  | 'planning'
  | 'running'
  | 'paused'
  | 'done'
  | 'failed'
  | 'cancelled'

export interface Run {
  id: string
  kind: 'scheduled' | 'asked'
  state: RunState
  /** ISO times. */
  createdAt: string
  startedAt?: string
  endedAt?: string
  /** Written by every slice; the reconciler looks at it. Later than now: the next wave's begin. */
  heartbeatAt: string
  attempt: number
  wave: number
  /** What was asked for; empty: every protected resource, or in a scheduled run those that are due. */
  resources: KeyHash[]
  /** Who asked: object id from the token, or `timer`. */
  by: string
  flags: { cancel: boolean; pause: boolean }
  /** Code of what made it fail. */
  trouble: string
  /** Scheduled runs: owners that were asked for a hint. After a crash it may miss some. */
  hints?: HintCounts
  /** As the run last saw it; absent where every owner has its first copy. */
  estimate?: FirstCopyEstimate
}

/** What holds the first copies up: a budget of Microsoft's, or how fast we store. */
export const BINDING = [
  'sharepoint-units-a-minute',
  'sharepoint-units-a-day',
  'sharepoint-bytes-an-hour',
  'mailbox-requests',
  'own-pace',
] as const

/** When the first copies will be complete, and what there is left to do until then. */
export interface FirstCopyEstimate {
  /** Owners without a complete copy; of `unknown` of them nothing is known yet, and nothing counted. */
  owners: number
  unknown: number
  items: number
  bytes: number
  /** SharePoint's resource units. */
  units: number
  binds: (typeof BINDING)[number]
  /** ISO time. */
  completeAt: string
}

/** Owners by what their hint said, and the requests that it took. */
export interface HintCounts {
  /** Nothing to do for them: they are not in the plan. */
  unchanged: number
  /** They are due, and in the plan. */
  changed: number
  /** The service did not answer: they are asked again later. */
  unanswered: number
  requests: number
}

export interface PlanEntry {
  owner: OwnerId
  resource: KeyHash
  state: 'queued' | 'claimed' | 'done' | 'wait' | 'failed'
  counts: Counts
  requests: number
  /** SharePoint's; absent where none were charged. */
  units?: Units
  /** Plain bytes that were stored. */
  bytes: number
  trouble: string
  /** When a claim may be taken over by another lane. */
  claimedUntil: number
}

export interface RunTable {
  /** False where a run of this id exists: the insert is the lock (DESIGN 4). */
  insert(run: Run, signal: AbortSignal): Promise<boolean>
  get(id: string, signal: AbortSignal): Promise<Run | undefined>
  update(id: string, change: (now: Run) => Run, signal: AbortSignal): Promise<Run | undefined>
  /** Newest first. */
  list(query: { max: number; continuation?: string }, signal: AbortSignal): Promise<Page<Run>>
  /** Adds owners to the plan; those that are in it stay as they are. */
  plan(id: string, owners: readonly PlanEntry[], signal: AbortSignal): Promise<void>
  entries(id: string, signal: AbortSignal): AsyncIterable<PlanEntry>
  /** Takes the next queued entry (or one whose claim ran out); undefined: nothing left. */
  claim(
    id: string,
    options: { claimMs: number },
    signal: AbortSignal,
  ): Promise<{ entry: PlanEntry; etag: string; row: string } | undefined>
  /** Puts the entries that had to wait back into the plan. */
  requeue(id: string, signal: AbortSignal): Promise<void>
  /** Writes an entry that this caller claimed. `requeue` puts it at the end of the plan. */
  settle(
    id: string,
    claim: { entry: PlanEntry; etag: string; row: string },
    next: PlanEntry,
    signal: AbortSignal,
  ): Promise<{ entry: PlanEntry; etag: string; row: string } | undefined>
}

export interface RebuildTable {
  /** False where a rebuild of this id exists. */
  insert(rebuild: Rebuild, signal: AbortSignal): Promise<boolean>
  get(id: string, signal: AbortSignal): Promise<Rebuild | undefined>
  update(
    id: string,
    change: (now: Rebuild) => Rebuild,
    signal: AbortSignal,
  ): Promise<Rebuild | undefined>
  /** Newest first. */
  list(query: { max: number; continuation?: string }, signal: AbortSignal): Promise<Page<Rebuild>>
}

export interface VerificationTable {
  /** False where a verification of this id exists: the insert is the lock. */
  insert(verification: Verification, signal: AbortSignal): Promise<boolean>
  get(id: string, signal: AbortSignal): Promise<Verification | undefined>
  update(
    id: string,
    change: (now: Verification) => Verification,
    signal: AbortSignal,
  ): Promise<Verification | undefined>
  /** Newest first. */
  list(
    query: { max: number; continuation?: string },
    signal: AbortSignal,
  ): Promise<Page<Verification>>
}

/** A job of the restore role. The request and the plan are JSON documents with a version. */
export interface Job {
  id: string
  kind: 'restore' | 'undo'
  state: 'planning' | 'planned' | 'queued' | 'running' | 'done' | 'failed' | 'cancelled'
  createdAt: string
  updatedAt: string
  heartbeatAt: string
  attempt: number
  by: string
  /** Schema-checked by restore/; at most 30,000 characters. */
  request: string
  /** Totals and the plan's SHA-256; at most 30,000 characters. */
  plan: string
  counts: Record<string, number>
  flags: { cancel: boolean }
  trouble: string
}

export interface JobTable {
  insert(job: Job, signal: AbortSignal): Promise<boolean>
  get(id: string, signal: AbortSignal): Promise<Job | undefined>
  update(id: string, change: (now: Job) => Job, signal: AbortSignal): Promise<Job | undefined>
  list(query: { max: number; continuation?: string }, signal: AbortSignal): Promise<Page<Job>>
}

/** Item by item of a job. `n` is its place in the plan. */
export interface Slot {
  n: number
  state: string
  /** Everything else, JSON, at most 30,000 characters. */
  body: string
}

export interface SlotTable {
  insert(job: string, slots: readonly Slot[], signal: AbortSignal): Promise<void>
  page(
    job: string,
    query: { max: number; continuation?: string },
    signal: AbortSignal,
  ): Promise<Page<Slot & { etag: string }>>
  get(job: string, n: number, signal: AbortSignal): Promise<(Slot & { etag: string }) | undefined>
  /** Undefined where another changed it meanwhile. */
  replace(
    job: string,
    slot: Slot,
    etag: string,
    signal: AbortSignal,
  ): Promise<(Slot & { etag: string }) | undefined>
}

/** The backup app's budget of SharePoint's units (BudgetTable). */
export const BACKUP_BUDGET = 'sharepoint-backup'

export interface BudgetLimits {
  /** Units in any 60 seconds, and in any 24 hours. */
  perMinute: number
  perDay: number
}

export interface BudgetClaim {
  /** Units that may be spent now; 0: none before `waitMs` has passed. */
  granted: number
  waitMs: number
  /** What all workers have claimed in the last 24 hours, this claim included. */
  claimedToday: number
}

/** Budgets of a service that all workers spend together. Measured, and lost with the tables. */
export interface BudgetTable {
  /** Takes at most `units` of what is left. Few large claims: each costs two requests to the table. */
  claim(
    name: string,
    wanted: { units: number; limits: BudgetLimits },
    signal: AbortSignal,
  ): Promise<BudgetClaim>
  /** The service asked to wait: nobody is granted anything before `until` (ms since 1970). */
  pause(name: string, until: number, signal: AbortSignal): Promise<void>
}
