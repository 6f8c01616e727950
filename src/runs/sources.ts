/**
 * Where resources come from, as discovery sees it: the directory for users, SharePoint for sites.
 */
import type { ResourceGroup } from '../catalogue/types.ts'
import type { GraphId, ResourceKind } from '../model/ids.ts'

/** A resource as its source says it. */
export interface Found {
  id: GraphId
  name: string
  /** Users: mail address, or the sign-in name where there is none. Sites: where it is on the web. */
  address: string
  /** Users: may sign in. Absent where the page did not say. */
  enabled?: boolean
}

export interface SourcePage {
  found: Found[]
  /** The source tells of changes that no hint shows: whatever it names is read anew. */
  isNews?: true
  /** Resources that are gone. */
  removed: GraphId[]
  next?: string
  delta?: string
}

export type ContentAnswer =
  /**
   * `purpose`: user, shared, room ... as Exchange says; `personal` for a OneDrive, `group` for the
   * site of a group, else `site`.
   */
  | { state: 'ready'; purpose: string; belongsTo?: GraphId; group?: ResourceGroup }
  /** There is nothing to protect; the code says why. */
  | { state: 'none'; reason: string }
  /** We may not look, or could not; the code says why. */
  | { state: 'unreachable'; reason: string }

/** One kind of resource. */
export interface ResourceSource {
  readonly kind: ResourceKind
  /** One page of changes; null: from the beginning, which shows everything. Throws `ResyncNeeded`. */
  page(link: string | null, signal: AbortSignal): Promise<SourcePage>
  /** Is it there? Throws where that is not certain. */
  exists(id: GraphId, signal: AbortSignal): Promise<boolean>
  /** Has it content that Graph can read (a mailbox, a library)? */
  content(id: GraphId, signal: AbortSignal): Promise<ContentAnswer>
}
