/**
 * The words of sites and drives: what a site, a library, a folder and a file are inside the
 * tenant, before Graph gives them its JSON shape.
 *
 * Invariants: times are epoch milliseconds in whole seconds, as SharePoint keeps them; `seq` is
 * the tenant-wide counter of `model.ts`, new at each change. A OneDrive is a library of a personal
 * site, a group's files are a library of its site: there is no other kind of drive.
 */

/** Archived ones are listed and their content cannot be read; locked ones answer 423. */
export const SITE_STATES = [
  'live',
  'locked',
  'recentlyArchived',
  'fullyArchived',
  'reactivating',
] as const

export type SiteState = (typeof SITE_STATES)[number]

export interface Site {
  readonly pk: number
  /** `host,collection,web`. */
  readonly id: string
  readonly seq: number
  readonly deleted: boolean
  /** The web above a subsite; null: the root of a site collection. */
  readonly parent: number | null
  readonly host: string
  readonly collection: string
  readonly web: string
  /** Server-relative, for example `/sites/finance/audit`. */
  readonly path: string
  readonly displayName: string
  /** Whose OneDrive it is, a user's pk; null: nobody's. */
  readonly owner: number | null
  /** Guid of the group whose site it is. */
  readonly group: string | null
  readonly state: SiteState
  readonly createdMs: number
  readonly modifiedMs: number
}

export interface Drive {
  readonly pk: number
  /** `b!` and the guids of its site and list. */
  readonly id: string
  readonly site: number
  readonly seq: number
  readonly deleted: boolean
  readonly list: string
  readonly name: string
  /** Its name in URLs, for example `Shared Documents`. */
  readonly folder: string
  readonly type: 'business' | 'documentLibrary'
  /** Hidden and system libraries are listed to those only who select `system`. */
  readonly system: boolean
  /** The item that is its root folder. */
  readonly root: number
  readonly quotaBytes: number
  readonly createdMs: number
  readonly modifiedMs: number
}

export interface Actor {
  readonly id: string
  readonly displayName: string
  readonly kind: 'user' | 'application'
}

export type ItemKind = 'root' | 'folder' | 'notebook' | 'file' | 'shortcut'

/** Where a shortcut points: an item of another drive, perhaps one that nobody can see. */
export interface RemoteTarget {
  readonly driveId: string
  readonly itemId: string
  readonly siteId: string
  readonly name: string
  readonly isFolder: boolean
}

export interface DriveItem {
  readonly pk: number
  readonly drive: number
  readonly id: string
  readonly guid: string
  /** Id of the list item. */
  readonly serial: number
  readonly seq: number
  /** Of the last change of its permissions; 0: they never changed. */
  readonly sharedSeq: number
  /** null: the root of the drive. */
  readonly parent: number | null
  readonly name: string
  readonly kind: ItemKind
  readonly deleted: boolean
  /** Counts every change. */
  readonly eTag: number
  /** Counts the changes of content. */
  readonly cTag: number
  /** As Graph shows it; of folders, the sum of what is inside. */
  readonly size: number
  readonly mimeType: string | null
  /** The content of the current version; null where there is none. */
  readonly content: number | null
  /** As Graph shows it; null: it shows none. */
  readonly quickXorHash: string | null
  /** Number of the current version: its id is `${version}.0`. */
  readonly version: number
  readonly createdMs: number
  readonly modifiedMs: number
  /** What clients say of the file; the two above are the server's. */
  readonly fsCreatedMs: number
  readonly fsModifiedMs: number
  readonly createdBy: Actor
  readonly modifiedBy: Actor
  /** What the scanner calls it; null: clean. */
  readonly malware: string | null
  readonly remote: RemoteTarget | null
  /** Its permissions are its own, not those of its folder. */
  readonly unique: boolean
}

export interface ItemVersion {
  readonly item: number
  readonly number: number
  readonly content: number
  readonly size: number
  readonly quickXorHash: string | null
  readonly modifiedMs: number
  readonly modifiedBy: Actor
}

export interface Content {
  readonly pk: number
  readonly size: number
  readonly sha256: string
  readonly quickXorHash: string
}

export const GRANTEE_KINDS = [
  'user',
  'group',
  'application',
  'device',
  'siteUser',
  'siteGroup',
  'sharePointGroup',
] as const

/** One identity of a permission, in any of the forms that Graph knows. */
export interface Grantee {
  readonly kind: (typeof GRANTEE_KINDS)[number]
  readonly id: string
  readonly displayName: string
  readonly loginName?: string
}

export interface SharingLink {
  readonly type: 'view' | 'edit' | 'embed' | 'blocksDownload'
  readonly scope: 'anonymous' | 'organization' | 'users'
  readonly preventsDownload: boolean
}

/** What a caller decides about a permission; the state adds ids. */
export interface NewPermission {
  readonly roles: readonly string[]
  /** Exactly one identity, for a grant; several for a link to certain people. */
  readonly grantees: readonly Grantee[]
  /** null: a plain grant. */
  readonly link: SharingLink | null
  readonly hasPassword: boolean
  readonly expiresMs: number | null
}

export interface ItemPermission extends NewPermission {
  readonly pk: number
  readonly id: string
  /** The item whose own permission it is. */
  readonly item: number
}

/** How the bytes of a file that nobody stored are made again. */
export interface GeneratedContent {
  readonly seed: number
  readonly size: number
  /** `text` can be compressed, `binary` cannot. */
  readonly kind: 'binary' | 'text'
}
