/**
 * What a commit says: events of items and containers, cursors, and the state of the round.
 *
 * These shapes are written (as JSON, sealed) into event parts and commit bodies, so they are
 * part of the vault format (docs/format.md): add optional fields, never change a meaning.
 * Every table row of the catalogue is a pure function of these (promise P6).
 */
import type { GraphId, OwnerId, PackId, SegmentId, WorkloadName } from './ids.ts'

/** Where a sealed piece of content lies. Pack and offset are hints: the id is the truth. */
export interface SegmentRef {
  id: SegmentId
  pack: PackId
  /** Byte offset of the segment's clear header in the pack. */
  offset: number
  /** Bytes of clear header and sealed body together. */
  sealedBytes: number
  plainBytes: number
}

/** One way in which a version is held. `json` is Graph's own answer, `mime` the RFC 5322 stream. */
export const REPRESENTATIONS = [
  'json',
  'mime',
  'attachments',
  'exact',
  'content',
  'permissions',
] as const
export type RepresentationName = (typeof REPRESENTATIONS)[number]

/** A sealed segment that holds a JSON list of refs, so that long content has a short name. */
export interface SegmentList extends SegmentRef {
  /** Bytes of the plaintext that its refs are of. */
  contentBytes: number
  /**
   * The packs of its refs, each once: their ids' 32 bytes one after the other, in base64. So who
   * cannot open the list knows nevertheless what it uses.
   */
  packs: string
}

export interface Representation {
  name: RepresentationName
  /** Bytes of the whole plaintext; the sum over its segments, and those of its lists. */
  bytes: number
  /** SHA-256, hex: of the whole plaintext, or of what `digest` says. */
  sha256: string
  /**
   * `segments`: the content was captured over several slices, and `sha256` is of the ids of its
   * lists and then of its segments, each with a line feed behind it (model/representation.ts).
   */
  digest?: 'segments'
  /** Content that comes before that of `segments`. */
  lists?: SegmentList[]
  segments: SegmentRef[]
  /** What the service, or the fetching, said of exactly these bytes; small, JSON. */
  note?: Record<string, unknown>
}

/** Tells content from decoration (DESIGN 4, change markers). Opaque texts, but for `at`. */
export interface Marker {
  /** Digest of the fields that make the content. Differs: content must be fetched. */
  content: string
  /** Digest of flags, read state, categories and the like. Differs alone: no content request. */
  decoration: string
  /** The service's own change key. Differs alone: the content changed in a way no field shows. */
  change: string
  /** ISO time of the last change, as the service says it: which of two claims is the newer one. */
  at?: string
  /**
   * State of who may see the item. Differs: the representation `permissions` is read anew, apart from
   * the content. Absent: it has no permissions of its own.
   */
  sharing?: string
}

/** `earlier-versions`: which versions the service keeps besides. */
export const UNREAD = ['permissions', 'earlier-versions'] as const
export type Unread = (typeof UNREAD)[number]

/** What a person sees in a list. Personal data: in sealed parts and row values, never in keys. */
export interface Display {
  /** Subject, file name or folder name. */
  name: string
  /** Sender or author, where there is one. */
  by?: string
  /** ISO time that the person knows the item by (received, modified). */
  date?: string
  /** Bytes, as far as the service says. */
  size?: number
  isRead?: boolean
  hasAttachments?: boolean
  /** What could not be read when the version was stored. */
  unread?: Unread[]
  /** Containers: Graph id of the parent container. */
  parent?: GraphId
  /** Containers: the service's fixed name (`inbox`), where it has one. */
  wellKnownName?: string
  /** Containers: why its items are not read. Seen, shown, not protected. */
  excluded?: ExclusionReason
}

export const EXCLUSION_REASONS = ['search-folder', 'sync-issues', 'recoverable-items'] as const
export type ExclusionReason = (typeof EXCLUSION_REASONS)[number]

/** All containers of a stream are listed here, so that the whole tree is one query. */
export const CONTAINERS = '$containers' as GraphId

export type ItemKind = 'item' | 'container'

/** Where an item stands: which container's list, and at which place in it. */
export interface Place {
  container: GraphId
  /** A date or a hash, never a name (DESIGN 6). Only `[0-9A-Za-z.~_-]`, at most 64. */
  sortKey: string
}

/** A place, with the seq of the commit that opened it: names exactly one row of `listing`. */
export interface PastPlace extends Place {
  from: number
}

interface EventBase {
  kind: ItemKind
  item: GraphId
}

/** The item has a new version, or the same content under new decoration or in a new place. */
export interface PutEvent extends EventBase {
  op: 'put'
  why: 'new' | 'content' | 'decoration' | 'moved'
  place: Place
  marker: Marker
  display: Display
  representations: Representation[]
  /** The list row of the previous version, which ends here. Absent for an item that is new. */
  leaves?: PastPlace
}

/** The item is no longer a member of its container; whether it is deleted shows later. */
export interface LeftEvent extends EventBase {
  op: 'left'
  place: PastPlace
  /** ISO time at which we were told. */
  at: string
  round: number
}

/** A whole round, begun later than the lag after it left, has passed without it. */
export interface DeletedEvent extends EventBase {
  op: 'deleted'
  leaves: PastPlace
  /** ISO time at which it was seen leaving. */
  leftAt: string
}

/** Why an item that was seen could not be stored (promise P3). */
export const LEDGER_REASONS = [
  'corrupt',
  'refused',
  'too-large',
  'unavailable',
  'gone-before-read',
  'unreadable-answer',
  'in-progress',
  /** The worker vanished while it fetched the item's content. */
  'killed-worker',
] as const
export type LedgerReason = (typeof LEDGER_REASONS)[number]

/** The item was seen and is not stored: the cursor may pass, because this says so. */
export interface LedgerEvent extends EventBase {
  op: 'ledger'
  reason: LedgerReason
  /** Stable code from graph/errors.ts, for people and statistics. */
  code: string
  place: Place
  display: Display
  attempts: number
  /** ISO time of the next try; absent: only a person or a change of the item brings one. */
  nextTry?: string
  /** How far the capture of its content has come that takes several slices. */
  progress?: LongProgress
}

/** Content that is captured over several slices, and is no version yet. */
export interface LongProgress {
  /** Of the item whose content it is: where it changes, all of it is void. */
  marker: Marker
  position: LongPosition
  /** What was captured so far; a representation in every respect. */
  content: Representation
}

/** Where the reading of long content goes on. */
export interface LongPosition {
  /** Bytes that were read. */
  offset: number
  /** Opaque: what the workload must keep to go on from there (the state of a hash). */
  state: string
}

/** A ledger entry ends without a version: the item is gone for good. A put resolves it too. */
export interface ResolvedEvent extends EventBase {
  op: 'resolved'
  /** `readable`: a container whose changes could not be read was read to its end. */
  how: 'gone' | 'excluded' | 'readable'
}

export type StreamEvent = PutEvent | LeftEvent | DeletedEvent | LedgerEvent | ResolvedEvent

/** Where reading goes on. Links are secrets: sealed wherever they are stored (P9). */
export interface Cursor {
  /** Container, or CONTAINERS for the container list. */
  container: GraphId
  /** The link with which the round that `position` belongs to began; null: from the beginning. */
  start: string | null
  /** The next page; null: this container is read to its end in `round`. */
  position: string | null
  /** Round in which it was last read. */
  round: number
  /** The container is gone or excluded: its cursor is no longer read. */
  closed?: boolean
  /**
   * A full comparison under this id is open: the container is read from its beginning (`start` is
   * null), or it was (or is closed), and what the scan lacks is still to be dealt with.
   */
  scan?: string
  /** Pages that were read since `start`; absent where `position` is null. */
  pages?: number
  /** The last so many of `pages` brought nothing; absent where the last one brought something. */
  emptyPages?: number
  /**
   * Of containers without a cursor of their own, of which this cursor tells, some are gone, and what
   * stood in them is still to be dealt with; or only their ids are known, and they are to be asked for.
   */
  orphans?: true
  /** How far the reading of what changed lately is, amid a first walk (capture/newest-first.ts). */
  newest?: string
}

/** Stands in `Cursor.container` for the state of the round itself (capture/round.ts). */
export const ROUND = '$round' as GraphId

/** The same for the slow cycle over permissions (capture/reread-permissions.ts). */
export const PERMISSIONS = '$permissions' as GraphId

/** And for the one that fetches a sample of what is said to be unchanged (capture/sample-content.ts). */
export const SAMPLES = '$samples' as GraphId

const PSEUDO: readonly GraphId[] = [ROUND, PERMISSIONS, SAMPLES]

/** These stand for no container that is read. */
export function isPseudoCursor({ container }: Pick<Cursor, 'container'>): boolean {
  return PSEUDO.includes(container)
}

/** A round: container list, every container's changes, container list again (DESIGN 4). */
export interface RoundState {
  id: number
  /** ISO time at which it began. */
  startedAt: string
  phase: 'listing' | 'reading' | 'confirming' | 'complete'
}

/**
 * Resource units that SharePoint charged; those for permissions, which are the dearest, are among
 * them and told by themselves.
 */
export interface Units {
  all: number
  permissions: number
}

export const NO_UNITS: Units = { all: 0, permissions: 0 }

export function addUnits(a: Units, b: Units): Units {
  return { all: a.all + b.all, permissions: a.permissions + b.permissions }
}

/** What happened, in numbers that add up (promise P3). */
export interface Counts {
  /** Changes that were read, replays included. */
  seen: number
  /** New versions with content. */
  stored: number
  /** New versions without a content request: moved, read, flagged, categorised. */
  restated: number
  unchanged: number
  left: number
  deleted: number
  ledger: number
  /** Containers that are seen and shown, and not protected. */
  excluded: number
}

export const NO_COUNTS: Counts = {
  seen: 0,
  stored: 0,
  restated: 0,
  unchanged: 0,
  left: 0,
  deleted: 0,
  ledger: 0,
  excluded: 0,
}

/** What a commit holds, decoded: everything that the tables need, and nothing that Graph must add. */
export interface CommitContent {
  events: StreamEvent[]
  /** The cursors that moved since the previous commit. */
  cursors: Cursor[]
  round: RoundState
  counts: Counts
}

export interface PackUse {
  id: PackId
  bytes: number
  /** ISO time at which storage created the pack; its lock is counted from there. */
  createdAt: string
}

/** A committed, checked and opened commit. */
export interface Commit extends CommitContent {
  owner: OwnerId
  workload: WorkloadName
  seq: number
  /** SHA-256 of the bytes of commit.json, hex; the next commit names it. */
  hash: string
  previous: string | null
  /** ISO time; strictly increasing along a stream. */
  time: string
  /** The end of a round: offered first as recovery point. */
  complete: boolean
  packs: PackUse[]
  /** The commit carries a base, which restates the state after the commit with this seq. */
  base?: { asOf: number }
}

/** Names the newest commit of a stream. */
export interface CommitRef {
  seq: number
  hash: string
  time: string
}
