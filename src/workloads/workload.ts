/**
 * What a kind of content must offer so that capture and restore can work it.
 *
 * A workload reads changes, says what makes an item's content, fetches content and puts items
 * back; it never sees packs, commits, tables or leases. Adding one is a folder beside this file,
 * a line in registry.ts and a pass of the workload contract suite (docs/adding-a-workload.md).
 */
import type {
  Display,
  ExclusionReason,
  ItemKind,
  LongPosition,
  Marker,
  Place,
  RepresentationName,
  Units,
} from '../model/events.ts'
import type { GraphId, WorkloadName } from '../model/ids.ts'
import type { ItemFailure } from './failure.ts'

export type { LongPosition }

/** An item or container that is there now, as one page of changes says. */
export interface Present {
  op: 'present'
  kind: ItemKind
  id: GraphId
  place: Place
  marker: Marker
  display: Display
  /** Graph's JSON, as it came, without the delta annotations. Becomes the `json` representation. */
  json: unknown
  /** Bytes of content, as far as the service says before it is fetched. */
  expectedBytes?: number
  /**
   * Containers only: its items are read with a cursor of their own. Those that are read through
   * another container's cursor (`Workload.cursorOf`) say nothing here.
   */
  hasCursor?: boolean
  excluded?: ExclusionReason
}

/** `removed` ends membership in that container only; the item may be elsewhere. */
export interface Removed {
  op: 'removed'
  /** Absent: the service does not say. What is held of it says it, whatever stands here. */
  kind?: ItemKind
  id: GraphId
  /**
   * Absent: it is gone from wherever it stands among what this cursor tells of. For services that
   * know one place of an item (SharePoint).
   */
  container?: GraphId
}

export type Change = Present | Removed

/** One page of a container's changes. Exactly one of the links is there. */
export interface ChangePage {
  changes: Change[]
  /** More follows: read this link next. */
  next?: string
  /** The round of this container ends; the next one starts with this link. */
  delta?: string
}

export interface ContentPart {
  name: RepresentationName
  /** Pieces of any size, in order. Must be consumed before the deadline of the slice. */
  bytes: AsyncIterable<Uint8Array>
}

/** What fetching an item's content gave. Trouble of the whole mailbox or network is thrown. */
export type ContentOutcome =
  | {
      outcome: 'content'
      parts: ContentPart[]
      /**
       * What the fetching itself found out of these bytes: small, JSON, kept as `note` of the
       * first part's representation, also in later versions that share it. Called once, after
       * that part is consumed.
       */
      note?: () => Record<string, unknown> | undefined
    }
  /** The item itself is the trouble: it goes to the ledger and the cursor may pass. */
  | ({ outcome: 'ledger' } & ItemFailure)
  /** It was listed and is gone now: the next page will say `removed`. */
  | { outcome: 'gone' }

/** How the content of a version compares with the one before it. */
export type Comparison = 'same' | 'decoration' | 'content'

/** Reads content that is too long for one slice. */
export interface LongReader {
  /** Content of at least so many `expectedBytes` is read over several slices. */
  readonly fromBytes: number
  /** The representation that it becomes. */
  readonly name: RepresentationName
  /**
   * Pieces from `from` on (undefined: from the beginning; it may be the very end), each exactly
   * `pieceBytes` long but for the last. Ends only where the content is whole and, as far as the service has a hash of it,
   * right. Throws `ContentBroken` (go on from the last position), `ContentChanged` (it is not what
   * `item` says any more; where `compare` says so too it is begun anew), `ContentDiffers` (whole,
   * and not what its hash says: it is begun anew), and what `content` throws.
   */
  read(
    item: Present,
    from: LongPosition | undefined,
    pieceBytes: number,
    signal: AbortSignal,
  ): AsyncIterable<{ bytes: Uint8Array; next: LongPosition }>
  /**
   * As `note` of content that is fetched at once: what the reading found out of the bytes, told by
   * the position at their end. Pure.
   */
  note?(item: Present, end: LongPosition): Record<string, unknown> | undefined
}

/** Reads one stream. Bound to one owner and its service limits for the length of one slice. */
export interface StreamReader {
  /**
   * One page of changes of a container (CONTAINERS: of the container list). Null link: from the
   * beginning. Throws `ResyncNeeded` where the link is no longer accepted, `Throttled`,
   * `MailboxNotAvailable` and the other codes of graph/errors.ts.
   */
  changes(container: GraphId, link: string | null, signal: AbortSignal): Promise<ChangePage>
  /**
   * One page of what a container shows that changed since a time (ms since 1970), in the order of
   * the service; with the next link of an earlier page, what follows on it. For a first copy that
   * takes long: nothing is concluded from what it lacks, and nothing goes on from its `delta`. Throws
   * what `changes` throws. Absent: the service cannot tell.
   */
  newest?(
    container: GraphId,
    from: { since: number; link: string | undefined },
    signal: AbortSignal,
  ): Promise<ChangePage>
  /**
   * A hint: has anything changed since these links? One cheap request where nothing has (one for
   * each container with a cursor, where the list does not tell of them); false may be wrong where
   * the service does not show a change, true may be too cautious. Moves nothing. Throws what
   * `changes` throws. Absent: nobody can tell, so read.
   *
   * `links`: the link that the last complete read of a container ended with. CONTAINERS always; of
   * workloads with `cursorOf` every container that is read as well.
   */
  changedSince?(links: ReadonlyMap<GraphId, string>, signal: AbortSignal): Promise<boolean>
  /**
   * How much there is to read, for an estimate: a few cheap requests, before the first copy. Absent:
   * nobody can tell.
   */
  size?(signal: AbortSignal): Promise<{ items?: number; bytes?: number }>
  /** The item's own representations besides `json`. */
  content(item: Present, signal: AbortSignal): Promise<ContentOutcome>
  /**
   * The versions before the present one that the policy asks for, each an item of its own in a
   * container that only they stand in (and that is its own `cursorOf`). Asked for before the content of a new
   * version is stored. `held`: the marker of the version that we hold as the item's own, which need
   * not be among them. `unread`: the service does not say which there are; that holds no content back.
   * Absent: this workload has none.
   */
  earlier?(
    item: Present,
    held: Marker | undefined,
    signal: AbortSignal,
  ): Promise<Present[] | 'unread'>
  /**
   * Who may see an item or container whose marker has `sharing`: parts named `permissions`, short.
   * Trouble of the item is an answer. Absent: this workload has none.
   */
  permissions?(item: Present, signal: AbortSignal): Promise<ContentOutcome>
  /**
   * One item as it is now, for ledger retries and comparisons; undefined where it is gone. Of
   * workloads with `cursorOf` also a container that has no cursor of its own.
   */
  item(id: GraphId, signal: AbortSignal): Promise<Present | undefined>
  /** Long content, piece by piece over many slices; absent: `content` serves whatever the size. */
  readonly long?: LongReader
  /** At most so many content calls at once for this owner (Outlook: 4 for each mailbox). */
  readonly concurrency: number
  /** Requests sent by this reader so far. */
  requests(): number
  /**
   * Resource units charged to this reader so far, where the service charges them; those for
   * permissions, which are in `all` too, also by themselves.
   */
  units?(): Units
}

/** Of files: how many of the versions that the service keeps are captured, the newest first. */
export type EarlierVersions = 'none' | 'all' | number

export interface OwnerIdentity {
  /** Graph id of the user, site ... */
  graphId: GraphId
  /** By policy; default: none. */
  earlierVersions?: EarlierVersions
}

export interface Workload {
  readonly name: WorkloadName
  /** How long the service keeps a link of changes, where it says so. */
  readonly linkLifetimeMs?: number
  /**
   * Markers know content by a hash that whoever writes it can forge: of what they call unchanged a
   * sample is fetched nevertheless, once in a while.
   */
  readonly isForgeable?: true
  /** Pure: from Graph markers alone. */
  compare(before: Marker, now: Marker): Comparison
  /**
   * Whose cursor tells the changes of what stands in this container: its own id, or that of the
   * container whose changes speak of everything below it (a drive, of its folders). Absent: every
   * container has its own. Pure, from the id alone.
   */
  cursorOf?(container: GraphId): GraphId
  reader(owner: OwnerIdentity): StreamReader
}

/** A representation that is too long to be held in memory. */
export interface HeldStream {
  readonly bytes: number
  /**
   * Pieces of the plaintext from this offset to its end, each checked. Read from the beginning, the
   * whole is checked too. Throws what the vault throws for damaged content.
   */
  read(offset: number, signal: AbortSignal): AsyncIterable<Uint8Array>
}

/** A version as the vault holds it, opened. */
export interface HeldVersion {
  item: GraphId
  place: Place
  display: Display
  /** The whole plaintext of each representation that the version has, but for the streamed ones. */
  representations: ReadonlyMap<RepresentationName, Uint8Array>
  /** Those that the workload streams. */
  streams: ReadonlyMap<RepresentationName, HeldStream>
  /** What was noted when the content was captured. */
  note?: Readonly<Record<string, unknown>>
}

export interface TargetContainer {
  id: GraphId
  /** Undefined for a child of the root. */
  parent?: GraphId
  name: string
  wellKnownName?: string
  /** What has no place of its own in the target goes into this container (drive: the library). */
  isHome?: true
  /** Characters of the path up to and with its name, where paths have a limit. */
  pathLength?: number
}

/** An item that is in the target now, as far as conflicts need it. */
export interface TargetItem {
  id: GraphId
  /** Equal for an item and its copies (mail: Message-ID and sent time; drive: the name). */
  identity: string
  /** The service's change key, as `Marker.change` has it. Empty: the service has none. */
  change: string
  /** Where names are unique in a container. */
  name?: string
  /** Takes a name and is nothing to compare with. */
  kind?: 'container'
}

/** What was seen of an item at one moment: enough to tell later whether somebody touched it. */
export interface Seen {
  container: GraphId
  marker: Marker
}

/** One item of the target as it is now. */
export interface PresentItem extends Seen {
  /** Thrown away by somebody, and not purged yet (mail: in Deleted Items). */
  discarded: boolean
  /**
   * The fields in the marker are its whole content (mail: it has no attachments), so that a new
   * change key that no field explains hides nothing.
   */
  shownWhole: boolean
  /** Where names are unique in a container. */
  name?: string
}

/** What to do with an item that is in the target with other content. */
export const CONFLICT_POLICIES = ['skip', 'copy', 'replace', 'version'] as const
export type ConflictPolicy = (typeof CONFLICT_POLICIES)[number]

/** Names, where a container cannot hold two of one name. Pure. */
export interface NameRules {
  /** Equal for names that cannot stand side by side. */
  key(name: string): string
  /** Why nothing can have that name in a container whose path is so long; undefined: it can. */
  problem(name: string, pathLength: number): { code: string; message: string } | undefined
  /** The n-th choice, from 1, for a copy that is restored on this day (2026-11-21). */
  copy(name: string, day: string, n: number): string
}

/** What a restore costs, for estimates: what the service's limits and our own allow one owner. */
export interface RestorePace {
  /** For one item, its read-back included; long content takes more. */
  requestsPerItem: number
  /** For the permissions of one item; absent: there are none. */
  requestsPerPermissions?: number
  /** Bytes of content that one more request takes; absent: any content goes with the item. */
  bytesPerRequest?: number
  requestsPerMinute: number
  uploadBytesPerMinute: number
}

/** Where a restored item goes, as the plan fixed it. */
export interface Spot {
  container: GraphId
  /** Free there when the plan was made. Workloads whose names are free ignore it. */
  name: string
  /** The item that gets a new version; absent: a new item is made, and never over another one. */
  onto?: GraphId
}

export interface Creation extends Spot {
  mark: string
  /** Ms since 1970: nothing was sent for this item earlier. */
  since: number
  /** Where an earlier attempt stopped, as `keep` was given it. A secret. */
  upload?: string
  /** Resolves when it is persisted, so that not more than what follows is lost by a crash. */
  keep(upload: string): Promise<void>
  /** Asked between pieces of a long upload; false: the slice ends, answer `paused`. */
  goesOn(): boolean
}

export interface Search extends Spot {
  mark: string
  since: number
  /** Opens what was sent, for workloads whose items carry no mark. */
  version(): Promise<HeldVersion>
}

export type CreateOutcome =
  | { outcome: 'created'; id: GraphId; requests: number }
  /** Nothing is in the target yet, and no send is under way; `keep` has what is needed to go on. */
  | { outcome: 'paused' }
  /** The service will never take it, or only in a way that we do not do; nothing was made. */
  | { outcome: 'refused'; code: string; message: string }

/**
 * Read back and compared, field by field; names of fields only, never values (P9). `seen` is the
 * item as this read found it: what an undo tells later edits by.
 */
export type CheckOutcome =
  | { outcome: 'verified'; seen?: Seen }
  /** `isWhole`: nothing of the content is missing, so it may take the place of another one. */
  | { outcome: 'differs'; fields: string[]; isWhole?: boolean; seen?: Seen }
  | { outcome: 'could-not-check'; code: string }

export type Match = 'same' | 'other' | 'gone'

export type ContainerRemoval = 'removed' | 'not-empty' | 'gone'

/** One held permission that is not in force, and why. Names people: for the report alone. */
export interface NotPermitted {
  /** Who, or which link, as people know it. */
  what: string
  code: string
  message: string
}

/** A sharing link that was made anew, under another address than the one that was held. */
export interface NewLink {
  type: string
  scope: string
  /** Absent where it lets in whoever has it. */
  address?: string
}

export interface PermitOutcome {
  /** Held permissions that are in force now. */
  restored: number
  notRestored: NotPermitted[]
  links: NewLink[]
  /** The kinds of those that were held and are not in force, never whom they are for (P9). */
  missing: string[]
}

/** Puts items back. Bound to one target owner for the length of one slice. */
export interface StreamWriter {
  /** The whole container tree of the target. */
  containers(signal: AbortSignal): Promise<TargetContainer[]>
  /** Makes a container, at the top where no parent is given; if one of that name came meanwhile, that one. */
  createContainer(name: string, parent: GraphId | undefined, signal: AbortSignal): Promise<GraphId>
  /** All items of one target container, for the conflict plan. */
  existing(container: GraphId, signal: AbortSignal): AsyncIterable<TargetItem>
  /** What `existing` would say of this version. Pure. */
  identity(version: Pick<HeldVersion, 'representations' | 'display'>): string
  /**
   * Creates the item so that `find` knows it again (a hidden mark, or its name and content), in
   * one call that is never repeated; of a long upload the one with the last byte. Throws
   * `AnswerLost` where it cannot be known whether it was made: then only `find` tells.
   */
  create(version: HeldVersion, creation: Creation, signal: AbortSignal): Promise<CreateOutcome>
  /** What `create` made of this version at this place. Normally none or one. */
  find(search: Search, signal: AbortSignal): Promise<GraphId[]>
  /** In the way that a user's deletion goes, never for good. One that is gone is no error. */
  remove(id: GraphId, signal: AbortSignal): Promise<void>
  /**
   * Gives it that name; one that has it already is no error. Throws `NameTaken`, `ItemGone`.
   * Absent where nothing is replaced.
   */
  rename?(id: GraphId, name: string, signal: AbortSignal): Promise<void>
  /**
   * Moves it into that container and, where names are unique, gives it that name; one that stands
   * so already is no error, so it may be repeated. Throws `NameTaken`, `ItemGone`.
   */
  place(
    id: GraphId,
    spot: { container: GraphId; name?: string },
    signal: AbortSignal,
  ): Promise<void>
  check(id: GraphId, version: HeldVersion, spot: Spot, signal: AbortSignal): Promise<CheckOutcome>
  /** Undefined where it is gone for the mailbox's user. */
  present(id: GraphId, signal: AbortSignal): Promise<PresentItem | undefined>
  /**
   * Whether the item has the content of this version, every byte of it; flags, read state and
   * the like do not count. `gone`: it is not there.
   */
  matches(id: GraphId, version: HeldVersion, signal: AbortSignal): Promise<Match>
  /** Removes a container, recoverably, if nothing is in it. */
  removeEmptyContainer(id: GraphId, signal: AbortSignal): Promise<ContainerRemoval>
  /**
   * Gives a new item or container the permissions that its version held (the representation
   * `permissions`). Nobody is told by mail, and nothing is taken away. Looks first and gives only
   * what is not in force, so it may be called again after any failure. Trouble with one permission
   * is an answer. Absent: this workload has none.
   */
  permit?(id: GraphId, permissions: Uint8Array, signal: AbortSignal): Promise<PermitOutcome>
  readonly concurrency: number
  requests(): number
  /** Resource units that went to permissions, where the service charges them. */
  permissionUnits?(): number
}

/** The half of a workload that the restore role uses. */
export interface RestorableWorkload {
  readonly name: WorkloadName
  /** Pure: from markers alone. */
  compare(before: Marker, now: Marker): Comparison
  /** Never held whole in memory. */
  readonly streamed?: readonly RepresentationName[]
  /** Which answers to a conflict it has, and why not the others: one sentence, for people. */
  readonly conflicts: { policies: readonly ConflictPolicy[]; others?: string }
  /** Absent: names are free, and items of one name may stand side by side. */
  readonly names?: NameRules
  /** Its items may have permissions of their own, and its writers `permit`. */
  readonly permissions?: true
  readonly pace: RestorePace
  /**
   * The item that this one is an earlier version of: it is restored where that one stood. Undefined:
   * it is an item of its own; absent: all are. Pure.
   */
  versionOf?(item: GraphId): GraphId | undefined
  /** The fixed name of the container above all others, whose children count as parentless. */
  readonly rootName?: string
  writer(owner: OwnerIdentity): StreamWriter
}
