/**
 * What the vault offers to capture, restore and verification. Format: docs/format.md.
 */
import type { AppError } from '../model/errors.ts'
import type {
  Commit,
  CommitContent,
  CommitRef,
  Cursor,
  ItemKind,
  LedgerEvent,
  LeftEvent,
  PastPlace,
  PutEvent,
  Representation,
  RepresentationName,
  RoundState,
  SegmentRef,
} from '../model/events.ts'
import type { GraphId, OwnerId, WorkloadName } from '../model/ids.ts'

/** Content of one version on its way into packs. */
export interface VersionPart {
  name: RepresentationName
  bytes: AsyncIterable<Uint8Array>
  /** Called once, when the bytes are consumed. */
  note?: () => Record<string, unknown> | undefined
}

export interface VersionInput {
  item: GraphId
  kind: ItemKind
  container: GraphId
  workload: WorkloadName
  /** Graph's JSON as it came; goes into the metadata segment (representation `json`). */
  json: unknown
  /** Streamed one after the other; a large part becomes several segments. */
  parts: readonly VersionPart[]
  /** Representations of an earlier version that this one shares; their segments are used again. */
  carried: readonly Representation[]
}

/** A representation as the metadata segment names it. */
export interface VersionContent {
  name: RepresentationName
  bytes: number
  sha256: string
  /** Of long content: the segments that hold lists of refs, and what comes before `segments`. */
  lists?: string[]
  digest?: 'segments'
  segments: string[]
  note?: Record<string, unknown>
}

/** The plaintext of a metadata segment: a pack can be understood from these alone (DESIGN 5). */
export interface VersionMetadata {
  holdfast: 1
  item: GraphId
  kind: ItemKind
  container: GraphId
  workload: WorkloadName
  /** ISO time at which it was captured. */
  capturedAt: string
  contents: VersionContent[]
  json: unknown
}

export type CommitOutcome =
  | { outcome: 'committed'; commit: VaultCommit }
  /** Another writer took this seq with other bytes: start over from roll-forward. */
  | { outcome: 'lost' }

/** Collects one commit. One at a time for a stream; add calls may run side by side. */
export interface CommitWriter {
  /**
   * Puts a version's content into packs; full packs are uploaded on the way. The pack and offset
   * of the returned refs are filled in when their pack is closed, at the latest in commit().
   */
  addVersion(version: VersionInput, signal: AbortSignal): Promise<Representation[]>
  /**
   * Puts one more piece of long content into a pack: the content so far (undefined: none), and
   * that. What it was is not changed, but for its refs, which are filled in like those of
   * addVersion. Throws `ContentTooLong` where more of it could not be named.
   */
  extend(
    content: Representation | undefined,
    piece: { name: RepresentationName; bytes: Uint8Array },
    signal: AbortSignal,
  ): Promise<Representation>
  /** Plain bytes that were added so far, over all packs of this commit. */
  readonly addedBytes: number
  /** Closes the packs, writes parts, then commit.json. The only commit point. */
  commit(
    content: CommitContent,
    options: CommitOptions,
    signal: AbortSignal,
  ): Promise<CommitOutcome>
}

export interface CommitOptions {
  /** The end of a round. */
  complete: boolean
  /** The commit carries a base that was built before (base-writer.ts). */
  base?: BaseIndex
}

/** One sealed blob of a base. */
export interface BasePart {
  sha256: string
  bytes: number
  /** `state`: items and ledger entries, in the order of their key hashes. */
  holds: 'state' | 'cursors'
  /** Key hashes of the first and the last line. */
  first: string
  last: string
  lines: number
}

/** An item as it stands in a state: the event that put it there, and its seq. */
export interface StateItem
  extends Pick<PutEvent, 'item' | 'kind' | 'why' | 'marker' | 'display' | 'representations'> {
  is: 'item'
  seq: number
  place: PastPlace
}

/** An open ledger entry, or an item that left. */
export interface StateEntry {
  is: 'entry'
  seq: number
  event: LedgerEvent | LeftEvent
}

export interface StateCursor {
  is: 'cursor'
  seq: number
  cursor: Cursor
}

export type StateLine = StateItem | StateEntry | StateCursor

/**
 * A base: which state it restates (the one after the commit `asOf`), and in which blobs. Plain
 * JSON without content, so that a base that no commit names yet may be kept in a row.
 */
export interface BaseIndex {
  asOf: CommitRef
  round: RoundState
  parts: BasePart[]
}

/** What commit.json says of the base that it carries. */
export interface BaseLink {
  asOf: number
  /** Hash of the commit at `asOf`. */
  hash: string
  index: { sha256: string; bytes: number }
}

/** A commit as the vault reads it: with the base that it carries, if it does. */
export interface VaultCommit extends Commit {
  base?: BaseLink
}

/** Bytes at a commit's place that are no valid commit; the next commit names and passes them. */
export interface VoidCommit {
  seq: number
  /** SHA-256 of the bytes that are there, hex. */
  sha256: string
}

/** Where a chain ends: its last valid commit, and the void ones after it, in order. */
export interface ChainEnd {
  last: CommitRef | undefined
  voids: readonly VoidCommit[]
}

/** What lies at the next seq of a chain. */
export type ChainStep<C extends CommitRef = VaultCommit> =
  | { is: 'commit'; commit: C }
  | { is: 'void'; passed: VoidCommit }
  /** Valid, but what it says is lost in part or as a whole; the chain goes on over it. */
  | { is: 'damaged'; ref: CommitRef; cause: AppError }

/** A commit.json as the listing shows it. */
export interface CommitBlob {
  seq: number
  /** Absent in a copy of a vault. */
  createdAt?: Date
}

/** One stream as its writer sees it: index secret, no content key. */
export interface StreamVault {
  readonly owner: OwnerId
  readonly workload: WorkloadName
  /**
   * The commit at this seq, its structure, hash chain link (where `previous` is given) and seals
   * checked; undefined where there is none. Throws `CommitVoid` where commit.json fails the
   * checks (for every reader, for ever), `CommitDamaged` where it is valid and a part of it is
   * missing or changed.
   */
  readCommit(
    seq: number,
    signal: AbortSignal,
    previous?: CommitRef,
  ): Promise<VaultCommit | undefined>
  /**
   * What follows the end of the chain, judged as every reader judges it; undefined: nothing. The
   * way to walk a chain (chain.ts): unlike readCommit it knows the void commits in between.
   */
  next(end: ChainEnd, signal: AbortSignal): Promise<ChainStep | undefined>
  /**
   * The base that a commit carries; undefined where it carries none. Throws `BaseDamaged`: then
   * an earlier base, or the first commit, serves. That the commit is on the chain is not checked.
   */
  base(commit: VaultCommit, signal: AbortSignal): Promise<BaseIndex | undefined>
  /** Seqs that seem to carry a base, ascending: by names alone, so the commit decides. */
  baseSeqs(signal: AbortSignal): AsyncIterable<number>
  /** The lines of one part of a base. Throws `BaseDamaged`. */
  readBasePart(base: BaseIndex, part: BasePart, signal: AbortSignal): Promise<StateLine[]>
  /** Seals and stores lines, which are in the order of their key hashes. No commit names them yet. */
  writeBasePart(
    asOf: CommitRef,
    lines: readonly StateLine[],
    signal: AbortSignal,
  ): Promise<BasePart>
  /** Seqs that have a commit.json, ascending. */
  seqs(signal: AbortSignal): AsyncIterable<number>
  /** The same, with when storage created each: some 50 bytes for one. */
  commitBlobs(signal: AbortSignal): Promise<CommitBlob[]>
  /**
   * `previous` is the last valid commit, `voids` the void ones after it, in order (see
   * `voidCommitOf`): the new commit links to the former and names the latter.
   */
  begin(previous: CommitRef | undefined, voids?: readonly VoidCommit[]): CommitWriter
  /** The index secret, for cursors in table rows. */
  readonly secret: Uint8Array
}

/** What reading a stream needs of it: no right to write. */
export type StreamReader = Omit<StreamVault, 'begin' | 'writeBasePart'>

/** Opens content: needs the right to unwrap. One reader caches data keys for its own life. */
export interface ContentReader {
  /**
   * Pieces of the plaintext, each checked against its segment id and in sum against sha256. Each is
   * the caller's: it may be kept, changed or given away.
   */
  read(representation: Representation, signal: AbortSignal): AsyncIterable<Uint8Array>
  /**
   * The plaintext from this offset on, each piece checked against its segment id; the first piece
   * begins at the offset. `sha256` of a whole plaintext cannot be checked this way. Pieces are the
   * caller's, as those of `read`.
   */
  readFrom(
    representation: Representation,
    offset: number,
    signal: AbortSignal,
  ): AsyncIterable<Uint8Array>
  /** The whole plaintext; at most `maxBytes`, else `ContentTooLarge`. */
  readAll(
    representation: Representation,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<Uint8Array>
  /** The `json` representation, parsed. */
  metadata(representation: Representation, signal: AbortSignal): Promise<VersionMetadata>
  /** One segment, looked up by its hints first and by the owner's index blobs if they fail. */
  segment(ref: SegmentRef, signal: AbortSignal): Promise<Uint8Array>
}

export interface OwnerRecord {
  owner: OwnerId
  n: number
  /** ISO time at which the owner was first protected. */
  createdAt: string
  recipients: { keyId: string; fingerprint: string }[]
  graphId: GraphId
  kind: string
  name: string
}

export interface VaultApi {
  /** Writes format.json where it is missing; throws `FormatUnknown` where it is not ours. */
  prepare(signal: AbortSignal): Promise<void>
  /** Makes keys and the first owner record. Idempotent for the same owner id. */
  registerOwner(
    owner: { owner: OwnerId; graphId: GraphId; kind: string; name: string },
    signal: AbortSignal,
  ): Promise<void>
  ownerRecord(owner: OwnerId, signal: AbortSignal): Promise<OwnerRecord | undefined>
  owners(signal: AbortSignal): AsyncIterable<OwnerId>
  stream(owner: OwnerId, workload: WorkloadName, signal: AbortSignal): Promise<StreamVault>
  reader(owner: OwnerId): ContentReader
  /** Its erasure has begun: nothing more is written for it (promise P8). */
  isErased(owner: OwnerId, signal: AbortSignal): Promise<boolean>
  /**
   * The index secret, to read rows with: kept in this process for at most an hour. Who writes
   * takes the one of `stream`, which is fetched each time.
   */
  indexSecret(owner: OwnerId, signal: AbortSignal): Promise<Uint8Array>
}
