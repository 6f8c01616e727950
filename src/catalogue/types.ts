/**
 * What the catalogue answers: the tables as an index over the commits (DESIGN 6).
 *
 * Rows that come from commits are pure functions of them, idempotent under late replays, and
 * visible only up to the head. Everything else is measured and may be lost (promise P6).
 */
import type {
  Commit,
  CommitRef,
  Counts,
  Cursor,
  Display,
  ItemKind,
  LedgerEvent,
  LeftEvent,
  Marker,
  PastPlace,
  PutEvent,
  Representation,
} from '../model/events.ts'
import type { GraphId, KeyHash, OwnerId, PackId, ResourceKind, WorkloadName } from '../model/ids.ts'
import type { CompareOptions, StreamComparison, StreamTruth } from './compare/index.ts'
import type {
  BudgetTable,
  JobTable,
  RebuildTable,
  RunTable,
  SlotTable,
  VerificationTable,
} from './work-types.ts'

export const RESOURCE_STATES = [
  'protected',
  /** There, and no policy asks for it. */
  'unprotected',
  /** The service says that there is nothing to protect: no mailbox, on-premises ... */
  'no-content',
  /** We may not look, or could not: whether there is something to protect is not known. */
  'unreachable',
  /** No longer in the directory; what we hold stays. */
  'gone',
] as const
export type ResourceState = (typeof RESOURCE_STATES)[number]

/** A group of the directory. What it has of content is its site's (and, later, its mailbox's). */
export interface ResourceGroup {
  id: GraphId
  name: string
  /** Its mail address; empty where it has none. */
  address: string
}

export interface Resource {
  /** keyHash(graphId): stands in URLs and keys. */
  key: KeyHash
  kind: ResourceKind
  graphId: GraphId
  name: string
  /** Users: mail address or sign-in name. Sites: where the site is on the web. */
  address: string
  state: ResourceState
  /** Why it is in this state, as a stable code; empty where that is plain. */
  reason: string
  /** The present owner; a resource that is protected again gets a new one. */
  owner?: OwnerId
  workloads: WorkloadName[]
  /** Users: the kind of mailbox, as Exchange says: user, shared, room ... Sites: personal, site. */
  purpose?: string
  /** Sites: the user whose OneDrive it is. */
  belongsTo?: KeyHash
  /** Sites: the group whose site it is. */
  group?: ResourceGroup
  /** Users: the site that is their OneDrive, once it was found. */
  oneDrive?: KeyHash
  /** Users: may sign in. Shared mailboxes belong to disabled users. */
  enabled?: boolean
  /** ISO times. */
  protectedSince?: string
  seenAt: string
  /** The last full reading of the directory that showed it (runs/full-reading.ts). */
  seenIn?: number
}

export const COVERAGES = [
  /** Nothing was read yet. */
  'waiting',
  'first-copy',
  /** The last round took everything but single items, which are in the ledger. */
  'covered',
  /**
   * The last round ended without whole containers, or with content that takes many slices and is
   * not whole yet; both are in the ledger.
   */
  'partial',
  /** There is nothing to read now; `trouble` says why. What is held stays. */
  'no-source',
  'failing',
  'poison',
] as const
export type Coverage = (typeof COVERAGES)[number]

/** How much there is to read, as far as the service says; it may say only one of the two. */
export interface SourceSize {
  items?: number
  bytes?: number
}

export interface Owner {
  owner: OwnerId
  resource: KeyHash
  graphId: GraphId
  workloads: WorkloadName[]
  /** By policy; absent: none. Files only. */
  earlierVersions?: 'all' | number
  /** ISO time at which it is due for a round, whatever a hint says. */
  dueAt: string
  /** ISO time at which a hint is due: a cheap question whether anything changed. Absent: never. */
  hintAt?: string
  /**
   * ISO time of the round that follows one which was told changes. Until a round that began later
   * has been read, something may stand where no hint shows it (docs/decisions/009).
   */
  followAt?: string
  /** ISO time at which a round last ended; absent: the first copy is not complete. */
  completeAt?: string
  /** ISO time at which its cursors were last read; not moved by a slice that could read nothing. */
  readAt?: string
  coverage: Coverage
  /** Stable code of the last trouble; empty where the last slice went well. */
  trouble: string
  /** Attempts without an answer or progress; 0 after every ordinary answer. */
  attempts: number
  ledgerOpen: number
  /** What the source said of its size when it was first read. Measured; gone with the tables. */
  source?: SourceSize
  /** New versions and their bytes that its slices have stored. Measured, as `source` is. */
  held?: { items: number; bytes: number }
  /** What verifications have found. Measured, as `source` is. */
  verified?: Verified
  /** Read only: a rebuild has it, or could not make its rows. No slice begins, whenever it is due. */
  isFenced?: true
}

/**
 * Every commit of an owner up to a time, by what was done to it: each of the three is of the
 * verification that last found nothing lost, and is never later than a weaker one.
 */
export interface Verified {
  /** ISO time at which an owner was last looked at, and how much was lost then. */
  at: string
  errors: number
  /** ISO times. All segments were opened, and what they hold put together: "verified" (P10). */
  opened?: string
  /** A random sample was. */
  sampled?: string
  /** Every hash, every link and the framing of every pack are right. */
  hashes?: string
}

/** No claim writes rows later than this after it was made (DESIGN 6). */
export const ROWS_WITHIN_MS = 3_600_000

/** The right to work an owner, until `until`. Every change goes by its etag. */
export interface Lease {
  owner: Owner
  holder: string
  until: number
  /** Random, new with each claim: tells this claim from every other, also of the same holder. */
  token: string
}

/** What a rebuild gets when it asks for an owner. */
export type FencedClaim =
  | {
      state: 'held'
      lease: Lease
      /** Rows may be missing already: a rebuild must go on. */
      isBegun: boolean
      /** What an earlier step left for this one; empty: nothing. */
      progress: string
    }
  /** Somebody may still write rows of this owner. Ask again at `until` (ms since 1970). */
  | { state: 'wait'; until: number }

/** The newest version of an item at a seq, or that it is gone. */
export interface HeldItem {
  item: GraphId
  key: KeyHash
  kind: ItemKind
  /** Seq of the commit that says this. */
  seq: number
  deleted: boolean
  /** Where the list row of this version is (deleted: was). */
  place: PastPlace
  marker: Marker
  display: Display
  representations: Representation[]
  why: PutEvent['why']
}

/** A row of a container's list as of a seq. */
export interface Listed {
  item: GraphId
  key: KeyHash
  kind: ItemKind
  from: number
  display: Display
}

export interface Page<T> {
  items: T[]
  /** Opaque; give it back for the next page. */
  continuation?: string
}

/** A recovery point. */
export interface Point extends CommitRef {
  complete: boolean
  counts: Counts
}

/** Which state the newest base restates; for deciding when the next one is due, no more. */
export interface KnownBase {
  asOf: number
  /** ISO time of the commit with this seq. */
  time: string
}

/** A cursor, and how far the commits know it. */
export interface HeldCursor {
  cursor: Cursor
  /** ISO time of the newest commit that holds one of this container; absent: no row says so. */
  committedAt?: string
  /** It was read on since then, in a round that brought nothing: the commits hold an older one. */
  isAhead: boolean
}

/**
 * What a slice of a stream leaves for the next one: texts by name, at most some thousand. They may
 * be lost at any time, and may be an older slice's: whoever reads them checks them.
 */
export interface WorkTable {
  all(signal: AbortSignal): Promise<ReadonlyMap<string, string>>
  /** Throws `TooLate` after `notAfter` (ms since 1970). */
  save(
    name: string,
    text: string,
    options: { notAfter: number },
    signal: AbortSignal,
  ): Promise<void>
  clear(options: { notAfter: number }, signal: AbortSignal): Promise<void>
}

/** Ledger rows: items that could not be stored, and items that left and may be deleted. */
export interface OpenEntry {
  key: KeyHash
  event: LedgerEvent | LeftEvent
  seq: number
}

/** A scan of a container: the ids that a full read of it has shown (docs/decisions/007). */
export interface ScanRef {
  container: GraphId
  id: string
}

/** How far the members of a container have been compared with its scan. */
export interface ScanProgress {
  /** The lists are gone through as of this seq. */
  seq: number
  /**
   * Whose list is gone through, where the cursor tells of many containers, and where the page of
   * the list of containers begins in which it stands. Absent: that of the scan's own container.
   */
  at?: GraphId | undefined
  containers?: string | undefined
  /** Of that list; undefined: from its beginning. */
  continuation?: string | undefined
  /** True: what the scan lacks is asked for one by one. */
  asking: boolean
  /** Lacking, and not dealt with yet: they stand before the continuation. A few. */
  unseen: GraphId[]
}

/** Losing any of it restarts the read; none of it is ever believed without its marker. */
export interface ScanTable {
  /**
   * Begins an empty scan under a new id. `held`: the caller puts ids in. `free`: nothing will be
   * put in, because the container is not read any more.
   */
  open(container: GraphId, state: 'held' | 'free', signal: AbortSignal): Promise<string>
  /** Goes on with a scan. False where it is lost, or its last holder has not given it back. */
  take(scan: ScanRef, signal: AbortSignal): Promise<boolean>
  /** Only after a cursor is saved that has passed every id which was put in. */
  giveBack(scan: ScanRef, signal: AbortSignal): Promise<void>
  /** Idempotent. Only by the holder; or, of a scan that was given back, after asking for the item. */
  add(scan: ScanRef, items: readonly GraphId[], signal: AbortSignal): Promise<void>
  /** Those of the items that it lacks; undefined where it is lost or held. */
  lacks(
    scan: ScanRef,
    items: readonly GraphId[],
    signal: AbortSignal,
  ): Promise<GraphId[] | undefined>
  /** How far a comparison with it has come; undefined where nothing is noted. */
  progress(scan: ScanRef, signal: AbortSignal): Promise<ScanProgress | undefined>
  /**
   * Only after a commit of what was found up to there, so that an old note is true as well. None
   * takes back that members are asked for.
   */
  note(scan: ScanRef, progress: ScanProgress, signal: AbortSignal): Promise<void>
  /** Removes rows of every scan of the stream, at most so many: only where none is open. */
  sweep(rowsMax: number, signal: AbortSignal): Promise<void>
}

export interface ResourceTable {
  get(key: KeyHash, signal: AbortSignal): Promise<Resource | undefined>
  /** Of one kind, or of all of them, kind by kind. */
  list(
    query: { max: number; continuation?: string; kind?: ResourceKind },
    signal: AbortSignal,
  ): Promise<Page<Resource>>
  /** Reads, changes, writes by etag, again on a conflict. `change` may run several times; undefined: leave as is. */
  update(
    key: KeyHash,
    change: (now: Resource | undefined) => Resource | undefined,
    signal: AbortSignal,
  ): Promise<Resource | undefined>
}

export interface OwnerTable {
  get(owner: OwnerId, signal: AbortSignal): Promise<Owner | undefined>
  /** Inserts; an owner that exists stays as it is. */
  insert(owner: Owner, signal: AbortSignal): Promise<void>
  /** Every owner, over all partitions. */
  all(signal: AbortSignal): AsyncIterable<Owner>
  /**
   * Inserts an owner that a rebuild has found in the vault, fenced. `writesUntil`: rows of claims
   * that were lost with the tables may be written until then. An owner that exists stays as it is.
   */
  insertFenced(owner: Owner, writesUntil: number, signal: AbortSignal): Promise<void>
  /**
   * Takes the lease and counts the attempt, before any work; from now on the owner is due, until
   * the release says otherwise. Undefined where another holds it and it has not run out, and where
   * the owner is fenced. Who claims must have taken the time from which it counts ROWS_WITHIN_MS
   * before it claims.
   */
  claim(
    owner: OwnerId,
    options: { holder: string; leaseMs: number },
    signal: AbortSignal,
  ): Promise<Lease | undefined>
  /** Throws `LeaseLost` where another took it meanwhile. */
  renew(lease: Lease, leaseMs: number, signal: AbortSignal): Promise<Lease>
  /** Writes what the slice learnt, clears lease and attempts. Silent where the lease is lost. */
  release(lease: Lease, changes: Partial<Owner>, signal: AbortSignal): Promise<void>
  /**
   * For a rebuild. Fences the owner at once, so that no slice begins any more, and gives the lease
   * as soon as nobody else may still write rows: that is ROWS_WITHIN_MS after the last claim that
   * was never given back, and some time for clocks that differ. Who holds it writes no row after
   * `lease.until`. Undefined where there is no such owner.
   *
   * `stoppedBefore` (ms): claims made before it are those of workers that are known to be stopped.
   */
  claimFenced(
    owner: OwnerId,
    options: { holder: string; leaseMs: number; stoppedBefore?: number },
    signal: AbortSignal,
  ): Promise<FencedClaim | undefined>
  /**
   * Before the first row is taken away: from now on the fence stays until `unfence`. Until then it
   * lapses some time after it should have been gone on with. False where the lease was lost.
   */
  beginFenced(lease: Lease, signal: AbortSignal): Promise<boolean>
  /** Gives a fenced lease back; the fence stays, with what the next step goes on from. */
  pauseFenced(
    lease: Lease,
    progress: string,
    changes: Partial<Owner>,
    signal: AbortSignal,
  ): Promise<void>
  /** Gives a fenced lease back and takes the fence away. False where the lease was lost. */
  unfence(lease: Lease, changes: Partial<Owner>, signal: AbortSignal): Promise<boolean>
  /** For what is not the slice's: asks for an early round, say. Etag loop. */
  update(
    owner: OwnerId,
    change: (now: Owner) => Owner,
    signal: AbortSignal,
  ): Promise<Owner | undefined>
}

/** What a base says of a stream: the state after a commit, in rows (DESIGN 5). */
export interface Restated {
  items: readonly (Pick<
    PutEvent,
    'item' | 'kind' | 'why' | 'marker' | 'display' | 'representations'
  > & { seq: number; place: PastPlace })[]
  entries: readonly { seq: number; event: LedgerEvent | LeftEvent }[]
  cursors: readonly { seq: number; cursor: Cursor }[]
}

/** One stream's rows. `seq` is always a committed one, at most the head's. */
export interface StreamTables {
  head(signal: AbortSignal): Promise<CommitRef | undefined>
  /**
   * Writes every row of a commit, then moves the head. Safe to run again, also late and beside
   * another. Stops with `TooLate` before any batch after `notAfter` (ms since 1970). Throws
   * `CatalogueGap` where a row that the commit closes is missing: rebuild the stream. Commits
   * of a stream are applied in the order of their seqs; a replay of an earlier one may run at
   * any time. The secret seals the commit's cursors.
   *
   * `rebuilding`: the head stays until moveHead, so that nobody takes a past state for the newest.
   * `lossy` is for a stream of which a commit is damaged: events follow upon what the rows hold,
   * and cursors lose their links (one could pass a lost item, P2).
   */
  apply(
    commit: Commit,
    options: { secret: Uint8Array; notAfter: number; rebuilding?: 'whole' | 'lossy' },
    signal: AbortSignal,
  ): Promise<void>
  /**
   * Removes every row of the stream that is computed from commits, the head first. Idempotent;
   * cut off, it is begun again. Only under a fenced lease.
   */
  clear(options: { notAfter: number }, signal: AbortSignal): Promise<void>
  /**
   * For a rebuild whose first commits have expired: writes the rows of a state, or of a part of it,
   * before the commits after it are applied. What came before has no rows. Idempotent.
   */
  restate(
    state: Restated,
    options: { secret: Uint8Array; notAfter: number; rebuilding: 'whole' | 'lossy' },
    signal: AbortSignal,
  ): Promise<void>
  /**
   * Removes the rows of what came before the state after this commit, so that those are left which
   * a rebuild from a base of that state would write. Idempotent. Only under the owner's lease.
   * Answers how many went.
   */
  expire(before: CommitRef, options: { notAfter: number }, signal: AbortSignal): Promise<number>
  /** Ends a rebuild. Only forward. */
  moveHead(to: CommitRef, options: { notAfter: number }, signal: AbortSignal): Promise<void>
  /** The same cursors, with what the rows say of their commits. */
  heldCursors(secret: Uint8Array, signal: AbortSignal): Promise<HeldCursor[]>
  /** Sealed in the rows with the index secret. */
  cursors(secret: Uint8Array, signal: AbortSignal): Promise<Cursor[]>
  /** One of them; undefined where there is none. */
  cursor(container: GraphId, secret: Uint8Array, signal: AbortSignal): Promise<Cursor | undefined>
  /**
   * Moves cursor rows only forward: not behind `seq`, and not back in its round. Stops with
   * `TooLate` before any batch after `notAfter` (ms since 1970).
   */
  saveCursors(
    cursors: readonly Cursor[],
    options: { seq: number; secret: Uint8Array; notAfter: number },
    signal: AbortSignal,
  ): Promise<void>
  /** The items' newest versions at `seq`; what is not held is not in the map. */
  current(
    items: readonly GraphId[],
    seq: number,
    signal: AbortSignal,
  ): Promise<ReadonlyMap<GraphId, HeldItem>>
  item(key: KeyHash, seq: number, signal: AbortSignal): Promise<HeldItem | undefined>
  /**
   * True where the item, although it is listed at `seq`, was known by then to have left, and was
   * not found again since. False may also mean that rows do not tell: deletions that an earlier
   * version of Holdfast wrote do not say when the item left.
   */
  hadLeft(key: KeyHash, seq: number, signal: AbortSignal): Promise<boolean>
  /** What a container held at `seq`, in sort order (mail: newest first). */
  list(
    container: GraphId,
    seq: number,
    query: { max: number; continuation?: string },
    signal: AbortSignal,
  ): Promise<Page<Listed>>
  points(
    query: { max: number; continuation?: string; completeOnly?: boolean },
    signal: AbortSignal,
  ): Promise<Page<Point>>
  /** The newest point at or before this ISO time. */
  pointAt(time: string, signal: AbortSignal): Promise<Point | undefined>
  open(signal: AbortSignal): AsyncIterable<OpenEntry>
  newestBase(signal: AbortSignal): Promise<KnownBase | undefined>
  /** Writes nothing. Throws `CatalogueGap` where the commits themselves do not fit together. */
  compare(
    truth: StreamTruth,
    options: CompareOptions,
    signal: AbortSignal,
  ): Promise<StreamComparison>
  readonly work: WorkTable
  /** Not from commits: measured, and lost without harm. */
  readonly scans: ScanTable
}

export interface PackTable {
  /** ISO times until which the packs are locked, as far as rows say. */
  lockedUntil(
    owner: OwnerId,
    packs: readonly PackId[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<PackId, string>>
  /** After locks were extended: rows are moved on, and made where they are missing. */
  noteLocks(owner: OwnerId, locks: readonly PackLock[], signal: AbortSignal): Promise<void>
  /** Of packs that are about to be deleted: without a row no version shares their segments. */
  forget(owner: OwnerId, packs: readonly PackId[], signal: AbortSignal): Promise<void>
}

/** ISO times. */
export interface PackLock {
  id: PackId
  bytes: number
  createdAt: string
  lockedUntil: string
}

export type { Rebuild, RebuildCounts, RebuildOwner } from './rebuild-row.ts'
export type {
  OpenVerification,
  Verification,
  VerificationCounts,
} from './verification-row.ts'
export * from './work-types.ts'

export interface Catalogue {
  readonly resources: ResourceTable
  readonly owners: OwnerTable
  readonly packs: PackTable
  readonly runs: RunTable
  readonly rebuilds: RebuildTable
  readonly verifications: VerificationTable
  readonly jobs: JobTable
  readonly slots: SlotTable
  readonly budgets: BudgetTable
  stream(owner: OwnerId, workload: WorkloadName): StreamTables
  /** Removes every row of an erased owner, jobs that restored it included. Idempotent. */
  forgetOwner(owner: OwnerId, signal: AbortSignal): Promise<void>
  /** Where this is false only a rebuild may run (DESIGN 4, roll forward). */
  ready(signal: AbortSignal): Promise<boolean>
  markReady(signal: AbortSignal): Promise<void>
  /** Small notes of single instances, such as the position of the directory's delta. */
  note(name: string, signal: AbortSignal): Promise<string | undefined>
  saveNote(name: string, text: string, signal: AbortSignal): Promise<void>
}
