/**
 * What one change means, given what is held: pure, so that it can be tested by property.
 *
 * An item's own id decides, not the folder that speaks of it: `@removed` ends membership in that
 * container only, and a message that stands elsewhere already is none of its business (DESIGN 4).
 */
import { invariant } from '../model/errors.ts'
import type {
  ItemKind,
  LeftEvent,
  Marker,
  PastPlace,
  Place,
  PutEvent,
  Representation,
} from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import type { Comparison, Present } from '../workloads/workload.ts'

/** The newest version that we know of, committed or on its way into the next commit. */
export interface Known {
  kind: ItemKind
  marker: Marker
  place: Place
  representations: Representation[]
  /** It left its place, or its newest version could not be stored: an entry is open for it. */
  hasOpenEntry: boolean
  /** The list row that is open for it; absent where its first version is not committed yet. */
  row?: PastPlace
}

/** Something is not a member of this container any more. */
export interface Departure {
  kind: ItemKind
  id: GraphId
  container: GraphId
}

/** Permissions are read apart from content, and carried over as long as they are the same. */
export type PermissionsDecision = 'none' | 'carry' | 'read'

export type Decision =
  | { decide: 'unchanged' }
  /** Content must be fetched. */
  | { decide: 'content'; why: PutEvent['why']; permissions: PermissionsDecision }
  /** A new version that shares the content of the one before. */
  | {
      decide: 'restate'
      why: PutEvent['why']
      carried: Representation[]
      permissions: PermissionsDecision
    }

function samePlace(a: Place, b: Place): boolean {
  return a.container === b.container && a.sortKey === b.sortKey
}

/**
 * Representations that a version shares with its successor: all but Graph's own JSON, and the
 * permissions where they changed.
 */
function carriedOver(known: Known, permissions: PermissionsDecision): Representation[] {
  return known.representations.filter(
    ({ name }) => name !== 'json' && (name !== 'permissions' || permissions === 'carry'),
  )
}

/** What is held of the permissions, where it may be carried over. */
export function heldPermissions(known: Known | undefined): Representation[] {
  return known?.representations.filter(({ name }) => name === 'permissions') ?? []
}

export function decidePermissions(now: Marker, known: Known | undefined): PermissionsDecision {
  if (now.sharing === undefined) return 'none'
  const isHeld = known?.marker.sharing === now.sharing && heldPermissions(known).length > 0
  return isHeld ? 'carry' : 'read'
}

export function decidePresent(
  change: Present,
  known: Known | undefined,
  compare: (before: Marker, now: Marker) => Comparison,
): Decision {
  const permissions = decidePermissions(change.marker, known)
  if (!known) return { decide: 'content', why: 'new', permissions }
  const comparison = compare(known.marker, change.marker)
  const moved = known.place.container !== change.place.container
  const replaced = !samePlace(known.place, change.place)
  if (comparison === 'content') return { decide: 'content', why: 'content', permissions }
  if (comparison === 'same' && !replaced && !known.hasOpenEntry) return { decide: 'unchanged' }
  return {
    decide: 'restate',
    why: moved ? 'moved' : 'decoration',
    carried: carriedOver(known, permissions),
    permissions,
  }
}

/**
 * Stored in the commit that is being collected, and gone again. One item has one event in a
 * commit, and what was stored stays stored: that commit is written first, then it has left.
 */
export function needsCommitFirst(change: Departure, known: Known | undefined): boolean {
  return known !== undefined && known.place.container === change.container && !known.row
}

/**
 * `ignore`: the change says nothing new about what is held. An item with an open entry is the
 * entry's business: what could not be stored elsewhere must not be lost to an older place's end.
 */
export function decideRemoved(
  change: Departure,
  known: Known | undefined,
  told: { at: string; round: number },
): LeftEvent | 'ignore' {
  if (!known || known.hasOpenEntry) return 'ignore'
  if (known.place.container !== change.container) return 'ignore'
  invariant(known.row, 'what a commit stores leaves only after that commit')
  return { op: 'left', kind: change.kind, item: change.id, place: known.row, ...told }
}
