/**
 * The doors to the outside: blobs, tables, queues, keys, Graph transport, clock and randomness.
 *
 * The core (capture, vault, catalogue, restore, policy) sees only these. An adapter implements
 * one port, has one `translateError`, and retries what is safe to retry inside the call; callers
 * never retry a port call. Every call takes a deadline by way of its AbortSignal. No type of an
 * SDK crosses this line.
 */
import type { OwnerId } from './model/ids.ts'

/** What we learn of a blob besides its bytes. */
export interface BlobStat {
  name: string
  bytes: number
  /** Absent where the store does not know it: a folder that a vault was copied into. */
  createdAt?: Date
}

export type CreateOutcome =
  | {
      outcome: 'created'
      /** The clock of the storage service when it answered. */
      serverTime: Date
    }
  /**
   * Something refused it: the name exists, or the right to overwrite is missing. This is never
   * an answer to "is my blob there": read it back and compare (DESIGN 4).
   */
  | { outcome: 'refused'; serverTime: Date }

/** One container. Names hold opaque ids only (P9). */
export interface BlobStore {
  /**
   * Creates a blob that does not exist yet, in one atomic call (Put Blob with If-None-Match: *),
   * with Content-MD5. Safe to repeat after a lost answer: then it is `refused`, and reading back
   * tells whose bytes they are.
   */
  create(name: string, bytes: Uint8Array, signal: AbortSignal): Promise<CreateOutcome>
  /**
   * The blob, or a range of it. Undefined where there is no such blob. The answer is the caller's,
   * and the store keeps nothing of it.
   *
   * `into` is room of the caller's, for `bytes` or more: the store may, but need not, give the
   * answer in it, and leaves it alone once the call has settled. Who reads piece after piece gives
   * the same room again, and then the piece before it is gone.
   */
  read(
    name: string,
    signal: AbortSignal,
    range?: { offset: number; bytes: number; into?: Uint8Array },
  ): Promise<{ bytes: Uint8Array; stat: BlobStat } | undefined>
  stat(name: string, signal: AbortSignal): Promise<BlobStat | undefined>
  /** Names in byte order. May repeat a name after a lost connection; never skips one. */
  list(prefix: string, signal: AbortSignal): AsyncIterable<BlobStat>
}

/**
 * One version of a blob and what protects it. A second write of a name makes a second version; a
 * read by name sees the current one, and a name may be without one.
 */
export interface BlobVersion extends BlobStat {
  /** Given by the service, opaque; never used again for other bytes. */
  version: string
  /** What a read by name sees. */
  current: boolean
  /**
   * Until then it can be neither deleted nor changed, in whole seconds. With `locked` the end can
   * only move later; without, whoever may lock may also shorten or remove it, so it protects from
   * nobody. It stays in the listing after its end.
   */
  lock?: { until: Date; locked: boolean }
  /** A legal hold: as a lock without an end, until it is cleared. */
  held: boolean
}

/**
 * What one container really holds, beyond what a read by name shows: whoever may overwrite can
 * hide a protected version, though not destroy it. Needs the right to read, no more.
 */
export interface BlobVersions {
  /**
   * Every version, by name in byte order, of one name oldest first; soft-deleted ones are left
   * out. Throws `VersionsMissing` where the account keeps no versions.
   */
  versions(prefix: string, signal: AbortSignal): AsyncIterable<BlobVersion>
  /** The bytes of one version, current or not. Undefined where there is none. */
  readVersion(name: string, version: string, signal: AbortSignal): Promise<Uint8Array | undefined>
}

/**
 * What the keeper does (DESIGN 5). Both calls are safe to repeat, change neither bytes nor etag,
 * and throw `BlobMissing` where there is no such version.
 * https://learn.microsoft.com/rest/api/storageservices/set-blob-immutability-policy and
 * .../set-blob-legal-hold
 */
export interface BlobLocks extends BlobVersions {
  /**
   * Locks a version until then, a moment to come, rounded up to a whole second; one that was
   * unlocked is locked for good. Throws `LockRefused` where its lock would end earlier than now
   * set: a lock is never shortened.
   */
  lockUntil(name: string, version: string, until: Date, signal: AbortSignal): Promise<void>
  setHold(name: string, version: string, held: boolean, signal: AbortSignal): Promise<void>
}

/** What the expirer does (DESIGN 5), with rights to delete blobs and versions. */
export interface BlobRemoval extends BlobVersions {
  /**
   * Deletes one version; `missing` where it is gone already. Throws `BlobLocked` or `BlobHeld`,
   * and then the version is as it was, still current if it was. The current one takes two steps
   * (the name loses it, then the version goes); dying between them is harmless: call it again.
   * With soft delete on the account the bytes can be brought back until its days are over.
   */
  remove(name: string, version: string, signal: AbortSignal): Promise<'removed' | 'missing'>
}

export const TABLES = [
  'resources',
  'owners',
  'heads',
  'cursors',
  'commits',
  'items',
  'listing',
  'ledger',
  'packs',
  'scans',
  'runs',
  'jobs',
  'slots',
  'audit',
] as const
export type TableName = (typeof TABLES)[number]

/** Numbers are doubles or 32-bit integers; everything that must sort or be exact is a text. */
export type Scalar = string | number | boolean | Uint8Array
export type Values = Readonly<Record<string, Scalar>>

export interface Row {
  partition: string
  row: string
  /** Changes with each write. */
  etag: string
  values: Values
}

/** Rows of one partition, in row-key order. */
export interface PartitionQuery {
  partition: string
  /** Row keys from here on, inclusive. */
  from?: string
  /** Row keys below this, exclusive. */
  below?: string
  /** Only these columns. */
  select?: readonly string[]
}

/**
 * Rows of every partition of a range, by partition and then by row key. A scan, which may cost a
 * page for each partition: for sweeps, whose rows nobody can name any more.
 */
export interface PartitionsQuery {
  /** From here on, inclusive, and below that, exclusive. */
  partitions: { from: string; below: string }
  select?: readonly string[]
}

export type RowQuery = PartitionQuery | PartitionsQuery

export interface RowPage {
  /** May be empty although a continuation follows (Azure does that). */
  rows: Row[]
  continuation?: string
}

export type TableOp =
  | { op: 'insert'; row: string; values: Values }
  /** Replaces the whole row if it still has this etag. */
  | { op: 'replace'; row: string; values: Values; etag: string }
  /** Inserts or replaces, whatever is there. */
  | { op: 'put'; row: string; values: Values }
  | { op: 'remove'; row: string; etag?: string }

/** `conflict`: an insert that exists, or an etag that changed; nothing of the batch was done. */
export type BatchOutcome = { outcome: 'applied' } | { outcome: 'conflict'; index: number }

/** Azure's limit for one entity group transaction. */
export const BATCH_OPS_MAX = 100

/** The catalogue's tables. Every adapter enforces Azure's limits before the call. */
export interface TableStore {
  /** Creates the tables that are missing. Idempotent. */
  prepare(signal: AbortSignal): Promise<void>
  get(
    table: TableName,
    partition: string,
    row: string,
    signal: AbortSignal,
  ): Promise<Row | undefined>
  /** One page of at most `max` (up to 1,000) rows, in key order. */
  page(
    table: TableName,
    query: RowQuery,
    options: { max: number; continuation?: string },
    signal: AbortSignal,
  ): Promise<RowPage>
  /** All in one partition, at most BATCH_OPS_MAX, each row once; all or nothing. One op is fine. */
  batch(
    table: TableName,
    partition: string,
    ops: readonly TableOp[],
    signal: AbortSignal,
  ): Promise<BatchOutcome>
}

export const QUEUES = ['backup-jobs', 'restore-jobs'] as const
export type QueueName = (typeof QUEUES)[number]

/** Starts work of another role. Delivered at least once: the message only names a row. */
export interface QueueSender {
  prepare(signal: AbortSignal): Promise<void>
  send(
    queue: QueueName,
    message: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<void>
}

/** One who can unwrap data keys: the owner's key, a second vault, an offline recovery key. */
export interface Recipient {
  /** Names key and version, so that the right one is asked to unwrap. At most 200 characters. */
  keyId: string
  /** SHA-256 of the public key's SPKI bytes, hex. */
  fingerprint: string
  /** SPKI, DER. */
  publicKey: Uint8Array
}

/**
 * Keys of the owners (DESIGN 5): an RSA-3072 key that wraps content data keys, and a 32-byte
 * index secret. Throws `KeyMissing` (erased or never made), `KeyDisabled`, `KeyStoreUnavailable`.
 */
export interface OwnerKeys {
  /** Makes both keys where they are missing. Idempotent. */
  create(owner: OwnerId, signal: AbortSignal): Promise<void>
  /** Public halves for which a new data key must be wrapped; read anew, never from a cache. */
  recipients(owner: OwnerId, signal: AbortSignal): Promise<Recipient[]>
  indexSecret(owner: OwnerId, signal: AbortSignal): Promise<Uint8Array>
  /** RSA-OAEP-256. Only the restoring identity may do this; others get `KeyDenied`. */
  unwrap(
    owner: OwnerId,
    keyId: string,
    wrapped: Uint8Array,
    signal: AbortSignal,
  ): Promise<Uint8Array>
}

/** What erasure does (DESIGN 5). Only the expiring identity may; others get `KeyDenied`. */
export interface OwnerKeyRemoval {
  /**
   * Deletes the owner's key and index secret. Idempotent. `purgedAt`: from then on nobody can bring
   * them back. `otherRecipients`: key ids that open the same content and are not ours to delete.
   */
  erase(owner: OwnerId, signal: AbortSignal): Promise<{ purgedAt: Date; otherRecipients: string[] }>
}

/** A bearer token for one audience, cached and renewed by the adapter. */
export interface TokenSource {
  token(scope: string, signal: AbortSignal): Promise<{ token: string; expiresAt: number }>
}

/** Sends one HTTP request as it is: no retry, no redirect that carries a credential away. */
export type GraphTransport = (request: Request) => Promise<Response>

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Resolves after `ms`, rejects with the signal's reason if it fires before. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export interface Randomness {
  bytes(count: number): Uint8Array
}
