/**
 * Switches that tests may turn while the tenant runs; not kept over a restart. All that makes a
 * bad day is off by default. Rates go from 0 to 1 and are drawn from `seed`.
 */

/** What a link that is no longer good is answered with: see `graph/expired-links.ts`. */
export const EXPIRED_LINK_FORMS = [
  'gone',
  'gone-location',
  'gone-bad-location',
  'gone-upload',
  'not-found',
  'sync-folder-not-found',
  'sync-state-not-found',
  'sync-state-invalid',
] as const

export type ExpiredLinkForm = (typeof EXPIRED_LINK_FORMS)[number]

export interface TenantSettings {
  /** Decides everything that happens by a rate: faults, replays, silent changes. */
  seed: number
  /** The rule of 31 December 2026 for non-draft messages (facts/graph.md 1.4). */
  mailAdvanced: boolean
  /** Empty pages and repeated items in delta rounds. */
  deltaNoise: boolean
  /** Refuses what is beyond four calls at once or 10,000 in ten minutes. */
  throttling: boolean
  /** How long each Graph answer takes at least; it makes calls really overlap. */
  latencyMs: number
  /** Lifetime of tokens issued from now on; undefined: as Entra does. */
  tokenSeconds: number | undefined
  /** Deltas show folders and drives as they were so long ago; `setFolderLag` sets one apart. */
  deltaLagMs: number
  /** So long after its creation no `$filter` of a message list finds an item. */
  filterLagMs: number
  /** Share of read, flag and category changes that message deltas never tell (facts 3.2). */
  silentChanges: number
  /** Share of items that deltas show once more: an older state before the present one. */
  replays: number
  /** Share of items that are gone, or elsewhere, right after a delta listed them. */
  vanishing: number
  /** A page with more messages breaks off as too large to be rendered; 0: none does. */
  renderedItemsMax: number
  /** Age at which a next link is refused; 0: never. */
  positionLinkMs: number
  /** Age at which a delta link is refused; 0: never. */
  deltaLinkMs: number
  /** Next and delta links that a mailbox keeps, of each kind; older ones are refused. 0: all. */
  linksKept: number
  /** How links refused for their age or number are answered. */
  expiredLink: ExpiredLinkForm
  /** Life of an upload session's URL. */
  uploadSessionMs: number
  /** Whether the tenant has SharePoint at all. */
  sharePoint: boolean
  /** Resource units that an app may spend (facts/graph.md 2.2: up to 1,000 licences). */
  unitsPerMinute: number
  unitsPerDay: number
  /** Life of a pre-authenticated download URL; about an hour was observed. */
  downloadUrlMs: number
  /** Share of files whose download URL deltas leave out. */
  missingUrls: number
  /** Share of range requests that are answered whole. */
  ignoredRanges: number
  /** Folders with more children cannot be listed (facts/graph.md 7, no. 40). */
  childrenListedMax: number
  /** Whether deltas tell of what was below a deleted folder, or of the folder alone. */
  deletedDescendants: boolean
  /** Whether SharePoint writes properties of its own into Office files (facts/graph.md 7, no. 16). */
  officeRewrites: boolean
  /** Share of Office files that are not found when they are to be replaced or deleted (no. 17). */
  lostOfficeFiles: number
  /** So long after its creation an upload session is not found (no. 19). */
  uploadLagMs: number
  /** Whether something can be shared with people outside. */
  externalSharing: boolean
}

export const DEFAULT_SETTINGS: TenantSettings = {
  seed: 1,
  mailAdvanced: false,
  deltaNoise: true,
  throttling: true,
  latencyMs: 2,
  tokenSeconds: undefined,
  deltaLagMs: 0,
  filterLagMs: 0,
  silentChanges: 0,
  replays: 0,
  vanishing: 0,
  renderedItemsMax: 0,
  positionLinkMs: 0,
  deltaLinkMs: 0,
  linksKept: 0,
  expiredLink: 'gone',
  uploadSessionMs: 10_800_000,
  sharePoint: true,
  unitsPerMinute: 1_250,
  unitsPerDay: 1_200_000,
  downloadUrlMs: 3_600_000,
  missingUrls: 0,
  ignoredRanges: 0,
  childrenListedMax: 100_000,
  deletedDescendants: false,
  officeRewrites: false,
  lostOfficeFiles: 0,
  uploadLagMs: 0,
  externalSharing: true,
}
