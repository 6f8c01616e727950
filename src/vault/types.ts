/**
 * What the vault offers to capture, restore and verification. Format: docs/format.md.
 */
import type {
  Commit,
  CommitContent,
  CommitRef,
  ItemKind,
  Representation,
  RepresentationName,
  SegmentRef,
} from '../model/events.ts'
import type { GraphId, OwnerId, WorkloadName } from '../model/ids.ts'

/** Content of one version on its way into packs. */
export interface VersionInput {
  item: GraphId
  kind: ItemKind
  container: GraphId
  workload: WorkloadName
  /** Graph's JSON as it came; goes into the metadata segment (representation `json`). */
  json: unknown
  /** Streamed one after the other; a large part becomes several segments. */
  parts: readonly { name: RepresentationName; bytes: AsyncIterable<Uint8Array> }[]
  /** Representations of an earlier version that this one shares; their segments are used again. */
  carried: readonly Representation[]
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
  contents: { name: RepresentationName; bytes: number; sha256: string; segments: string[] }[]
  json: unknown
}

export type CommitOutcome =
  | { outcome: 'committed'; commit: Commit }
  /** Another writer took this seq with other bytes: start over from roll-forward. */
  | { outcome: 'lost' }

/** Collects one commit. One at a time for a stream; add calls may run side by side. */
export interface CommitWriter {
  /**
   * Puts a version's content into packs; full packs are uploaded on the way. The pack and offset
   * of the returned refs are filled in when their pack is closed, at the latest in commit().
   */
  addVersion(version: VersionInput, signal: AbortSignal): Promise<Representation[]>
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
}

/** Bytes at a commit's place that are no valid commit; the next commit names and passes them. */
export interface VoidCommit {
  seq: number
  /** SHA-256 of the bytes that are there, hex. */
  sha256: string
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
  readCommit(seq: number, signal: AbortSignal, previous?: CommitRef): Promise<Commit | undefined>
  /** Seqs that have a commit.json, ascending. */
  seqs(signal: AbortSignal): AsyncIterable<number>
  /**
   * `previous` is the last valid commit, `voids` the void ones after it, in order (see
   * `voidCommitOf`): the new commit links to the former and names the latter.
   */
  begin(previous: CommitRef | undefined, voids?: readonly VoidCommit[]): CommitWriter
  /** The index secret, for cursors in table rows. */
  readonly secret: Uint8Array
}

/** Opens content: needs the right to unwrap. One reader caches data keys for its own life. */
export interface ContentReader {
  /** Pieces of the plaintext, each checked against its segment id and in sum against sha256. */
  read(representation: Representation, signal: AbortSignal): AsyncIterable<Uint8Array>
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
}
