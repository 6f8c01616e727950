/**
 * What the steps of a slice share while they capture one stream: changes -> segments -> commit.
 *
 * Invariants: a cursor moves past a page only in the commit (or quiet save) that holds what the
 * page said (P2); every change is counted once as stored, restated, unchanged, left, excluded or
 * in the ledger (P3); the tables are written only from commits (P6). The lease, the choice of
 * owner and the answer to the lane are the slice's business (slice.ts).
 */
import type { HeldCursor, OpenEntry, StreamTables } from '../catalogue/types.ts'
import { AppError, invariant } from '../model/errors.ts'
import {
  type Commit,
  type CommitRef,
  type Counts,
  type Cursor,
  type LedgerEvent,
  type LeftEvent,
  NO_COUNTS,
  NO_UNITS,
  type RoundState,
  type Units,
} from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import type { Clock } from '../ports.ts'
import type { BaseIndex, ChainEnd, CommitWriter, StreamVault } from '../vault/types.ts'
import { Blame, type ItemFailure, itemFailure } from '../workloads/failure.ts'
import type { StreamReader, Workload } from '../workloads/workload.ts'
import { CursorAges } from './cursor-ages.ts'
import { openLedger } from './ledger.ts'
import type { PackLocks } from './pack-locks.ts'
import { addCounts, Pending } from './pending.ts'
import {
  type CursorMap,
  hasReadOn,
  newCursor,
  openRound,
  roundCursor,
  savedRound,
} from './round.ts'
import type { Suspects } from './suspects.ts'

export interface CaptureLimits {
  commitEvents: number
  packBytes: number
  /** An item that left is deleted when a whole round, begun so much later, lacks it. */
  deletionLagMs: number
  /**
   * A quiet round still writes a commit when the committed link of a container is so old. For
   * workloads whose links have a known lifetime it is half of that.
   */
  cursorCommitMs: number
  /** A base is built when the newest one is so old, or so many commits behind. */
  baseAgeMs: number
  baseCommits: number
  /** Items of a base that are in memory at once, about. */
  shardItems: number
  /** So long after one cycle over what has permissions of its own the next one begins. */
  permissionsMs: number
  /** The same of the cycle that fetches a sample of what is said to be unchanged. */
  samplesMs: number
  /** Of a hundred versions that share earlier content so many are fetched in one cycle; 0: none. */
  samplePercent: number
  /** How often an owner is asked whether anything changed. */
  intervalMs: number
  /** Of long content, at most a segment, which it is where nothing is said. */
  pieceBytes?: number
}

export interface StreamContext {
  stream: StreamVault
  tables: StreamTables
  workload: Workload
  reader: StreamReader
  locks: PackLocks
  suspects: Suspects
  clock: Clock
  limits: CaptureLimits
  /** No row is written later than this (DESIGN 6). */
  rowsNotAfter: number
  /** No request is begun after this. */
  deadline: number
  signal: AbortSignal
  /** After each commit: what this slice has done so far. */
  progress(done: StreamProgress): Promise<void>
}

export interface StreamProgress {
  counts: Counts
  bytes: number
  requests: number
  units: Units
}

export type StreamResult =
  /**
   * `isSettled`: this slice read the whole round, and the list of containers told no change in
   * it. Otherwise something may have changed behind the reader, where no hint will show it.
   */
  | { state: 'complete'; isSettled: boolean }
  /** The deadline came, or another writer was faster. */
  | { state: 'more' }

/** The state that the steps of a slice share. Belongs to one slice and one stream. */
export class StreamCapture {
  readonly context: StreamContext
  readonly cursors: CursorMap
  /** The cursors as the slice found them. */
  readonly #loaded: CursorMap
  readonly #ages: CursorAges
  /** Open ledger entries and items that left, by item. */
  readonly open: Map<GraphId, OpenEntry>
  /** Containers that are known to this slice: no need to look them up again. */
  readonly containersSeen = new Set<GraphId>()
  /** Tells the trouble of one item or container from the owner's. */
  readonly blame = new Blame()
  /** As it was saved, until `beginRound`. */
  round: RoundState
  pending = new Pending()
  #head: Commit | undefined
  #end: ChainEnd
  #writer: CommitWriter | undefined
  #counts: Counts = { ...NO_COUNTS }
  #bytes = 0
  /** A commit was tried and its outcome is not ours to go on from: only roll-forward is. */
  #isSpent = false
  /** The list of containers told a change, or may have told one to an earlier slice. */
  #isUnsettled = false
  #hasGotFurther = false

  constructor(
    context: StreamContext,
    loaded: {
      /** The newest commit, and where the chain ends behind it. */
      head: Commit | undefined
      end: ChainEnd
      cursors: readonly HeldCursor[]
      open: Map<GraphId, OpenEntry>
    },
  ) {
    this.context = context
    this.#head = loaded.head
    this.#end = loaded.end
    this.cursors = new Map(loaded.cursors.map(({ cursor }) => [cursor.container, cursor]))
    this.#loaded = new Map(this.cursors)
    this.#ages = new CursorAges(loaded.cursors)
    this.open = loaded.open
    this.round = savedRound(this.cursors)
  }

  /** Goes on with the round that is open, or begins the next one. */
  beginRound(): void {
    this.#isUnsettled = this.round.phase !== 'complete'
    this.round = openRound(this.round, this.context.clock.now())
  }

  get headSeq(): number {
    return this.#head?.seq ?? 0
  }

  get headRef(): CommitRef {
    invariant(this.#head, 'a stream with a head has a commit')
    const { seq, hash, time } = this.#head
    return { seq, hash, time }
  }

  get isSettled(): boolean {
    return !this.#isUnsettled
  }

  /**
   * Something was done that the next slice need not do again, and that is in no count: pages that
   * brought nothing, or a comparison.
   */
  get hasGotFurther(): boolean {
    return this.#hasGotFurther || hasReadOn(this.#loaded, this.cursors)
  }

  /** An earlier slice has begun to walk through this container, and is not at its end. */
  wasUnderWay(container: GraphId): boolean {
    return (this.#loaded.get(container)?.position ?? null) !== null
  }

  gotFurther(): void {
    this.#hasGotFurther = true
  }

  get outOfTime(): boolean {
    return this.context.clock.now() >= this.context.deadline
  }

  get writer(): CommitWriter {
    this.#writer ??= this.context.stream.begin(this.#end.last, this.#end.voids)
    return this.#writer
  }

  /** What this slice has committed or settled so far. */
  get done(): StreamProgress {
    return {
      counts: { ...this.#counts },
      bytes: this.#bytes,
      requests: this.context.reader.requests(),
      units: this.context.reader.units?.() ?? NO_UNITS,
    }
  }

  /** Items that left and that no later event has found again. */
  leftItems(): LeftEvent[] {
    return [...this.open.values()]
      .map((entry) => entry.event)
      .filter((event) => event.op === 'left')
  }

  /** The open ledger entry of an item or container, committed or on its way into the next commit. */
  entryOf(item: GraphId): LedgerEvent | undefined {
    const event = this.pending.event(item) ?? this.open.get(item)?.event
    return event?.op === 'ledger' ? event : undefined
  }

  /** True where it has left, and was not found again. */
  hasLeft(item: GraphId): boolean {
    return (this.pending.event(item) ?? this.open.get(item)?.event)?.op === 'left'
  }

  /** What an error means for one item or container. Throws what is the owner's trouble. */
  failureOf(error: unknown, item: GraphId): ItemFailure {
    const failure = itemFailure(error)
    if (!failure) throw error
    return this.blamed(failure, item)
  }

  blamed(failure: ItemFailure, item: GraphId): ItemFailure {
    this.blame.lay(failure, { isKnown: this.open.get(item)?.event.op === 'ledger' })
    return failure
  }

  /** The list of containers tells a change. */
  listChanged(): void {
    this.#isUnsettled = true
  }

  /** Sets all of it but for the note of orphans, which stays until it is taken back. */
  setCursor({ orphans: _, ...cursor }: Cursor): void {
    this.#setCursor(this.hasOrphans(cursor.container) ? { ...cursor, orphans: true } : cursor)
  }

  #setCursor(cursor: Cursor): void {
    this.cursors.set(cursor.container, cursor)
    this.#ages.readOn(cursor)
    this.pending.cursor(cursor)
  }

  /** True where members of gone containers of which this cursor tells are still to be dealt with. */
  hasOrphans(teller: GraphId): boolean {
    return this.cursors.get(teller)?.orphans === true
  }

  setOrphans(teller: GraphId, has: boolean): void {
    if (this.hasOrphans(teller) === has) return
    const { orphans: _, ...cursor } = this.cursors.get(teller) ?? newCursor(teller)
    this.#setCursor(has ? { ...cursor, orphans: true } : cursor)
  }

  setPhase(phase: RoundState['phase']): void {
    this.round = { ...this.round, phase }
  }

  /** True where the next commit is large enough to be written. */
  get full(): boolean {
    const { commitEvents, packBytes } = this.context.limits
    return this.pending.size >= commitEvents || (this.#writer?.addedBytes ?? 0) >= packBytes
  }

  /**
   * Writes what is pending: a commit where there are events (or a round ends that had commits, or
   * before the committed links grow too old), else only the cursor rows (a quiet round writes no
   * blob). False: another writer took this seq, or
   * an earlier save failed half way; the next slice rolls forward and reads again what is missing.
   */
  async save(): Promise<boolean> {
    if (this.#isSpent) return false
    this.pending.cursor(roundCursor(this.round))
    if (this.pending.size === 0 && !this.#needsCommit()) {
      await this.#saveQuietly()
      return true
    }
    return await this.#commit()
  }

  /**
   * A commit that carries a base and says nothing else. Only where nothing is pending. False:
   * another writer took this seq.
   */
  async commitBase(base: BaseIndex): Promise<boolean> {
    if (this.#isSpent) return false
    invariant(this.pending.size === 0, 'a base is committed between two rounds')
    this.pending.cursor(roundCursor(this.round))
    return await this.#commit(base)
  }

  /** When a cursor-only commit falls due, in ms since 1970, if nothing else is committed. */
  get cursorsOldAt(): number {
    return this.#ages.oldAt(this.cursors, this.round.id, this.#keepMs)
  }

  get #keepMs(): number {
    const { workload, limits } = this.context
    return workload.linkLifetimeMs === undefined
      ? limits.cursorCommitMs
      : workload.linkLifetimeMs / 2
  }

  /** The end of a round that had commits, or one in whose time the committed links grew old. */
  #needsCommit(): boolean {
    if (this.round.phase !== 'complete') return false
    if (this.#head?.round.id === this.round.id && !this.#head.complete) return true
    return this.#ages.isOld(this.cursors, this.context.clock.now(), this.#keepMs)
  }

  async #saveQuietly(): Promise<void> {
    const { cursors, counts } = this.pending.content()
    const { tables, stream, rowsNotAfter: notAfter, signal } = this.context
    const options = { seq: this.headSeq, secret: stream.secret, notAfter }
    await tables.saveCursors(cursors, options, signal)
    this.#settle(counts)
  }

  async #commit(base?: BaseIndex): Promise<boolean> {
    const { tables, stream, rowsNotAfter: notAfter, signal } = this.context
    // How far long content has come since the round ended makes no recovery point of its own.
    const complete = this.round.phase === 'complete' && !this.pending.isProgress
    // What quiet saves kept in rows alone: a recovery point has the cursors that belong to it.
    if (complete) for (const cursor of this.#ages.ahead(this.cursors)) this.pending.cursor(cursor)
    const content = { ...this.pending.content(), round: this.round }
    const writer = this.writer
    this.#isSpent = true
    const result = await writer.commit(content, { complete, ...(base && { base }) }, signal)
    if (result.outcome === 'lost') return false
    await tables.apply(result.commit, { secret: stream.secret, notAfter }, signal)
    this.#isSpent = false
    this.#head = result.commit
    this.#end = { last: result.commit, voids: [] }
    this.#ages.committed(result.commit.cursors, result.commit.time)
    this.#bytes += writer.addedBytes
    this.#remember(result.commit)
    this.#settle(content.counts)
    await this.context.progress(this.done)
    return true
  }

  #settle(counts: Counts): void {
    this.#counts = addCounts(this.#counts, counts)
    this.pending = new Pending()
    this.#writer = undefined
  }

  #remember(commit: Commit): void {
    for (const event of commit.events) {
      if (event.op === 'left' || event.op === 'ledger')
        this.open.set(event.item, openLedger(event, commit.seq))
      else this.open.delete(event.item)
    }
  }
}

/** The service's trouble, not ours: what is pending is sound and worth keeping. */
export function isOwnerTrouble(error: unknown): boolean {
  return error instanceof AppError && error.kind !== 'bug' && error.kind !== 'corrupt'
}
