/**
 * Which sites there are in the tenant, in which state, and whose they are.
 *
 * A site without content that can be read (archived, locked, deleted) is an expected state: a
 * value, not an error. A OneDrive is a site and a group's drive is its site's library, so users and
 * groups are not asked for their files: their site says whose it is.
 */
import { hasCode } from '../model/errors.ts'
import type { Graph } from './client.ts'
import { type JsonObject, objectOf, textOf } from './json.ts'
import { pageOf, WalkGuard, walkPages } from './paging.ts'
import { type SharePoint, sharePointOf } from './sharepoint.ts'
import { readSharePointDelta } from './sharepoint-delta.ts'

export type SiteState =
  | 'live'
  /** Put to rest: its content cannot be read until it is reactivated. */
  | 'archived'
  /** Nobody is let in; what is in it is still there. */
  | 'locked'
  | 'deleted'

export interface Site {
  /** `host,collection,web`. */
  id: string
  name: string
  webUrl: string
  /** A OneDrive. Undefined where the page did not say. */
  isPersonal?: boolean
  /** As far as a list says it: a locked site looks live until something in it is asked for. */
  state: 'live' | 'archived'
}

/** What asking for a site itself says of it. */
export interface SiteLook {
  state: SiteState
  /** Whose OneDrive it is, a user's id. */
  owner?: string
  /** Whose site it is. */
  group?: SiteGroup
}

export interface SiteGroup {
  id: string
  name: string
  /** Its mail address; empty where it has none. */
  address: string
}

export interface SitePage {
  sites: Site[]
  removed: { id: string }[]
  /** At most one of the links is there; a list without delta ends without one. */
  next?: string
  delta?: string
}

export interface Sites {
  /**
   * One page of all site collections, of all regions; subsites are not among them. Null link: from
   * the beginning.
   */
  all(link: string | null, signal: AbortSignal): Promise<SitePage>
  /** One page of changed and deleted sites. Throws `ResyncNeeded`. */
  changes(link: string | null, signal: AbortSignal): Promise<SitePage>
  /** The sites right below this one. */
  subsites(site: string, signal: AbortSignal): Promise<Site[]>
  /** Three units at most. Throws where it is not certain. */
  look(site: string, signal: AbortSignal): Promise<SiteLook>
  /** Requests sent so far. */
  requests(): number
  /** Resource units charged so far. */
  units(): number
}

const SELECT = 'id,name,displayName,webUrl,isPersonalSite,siteCollection,createdDateTime'
const DELTA_SELECT = `${SELECT},deleted`

export function createSites(graph: Graph, tenant: string): Sites {
  const sharePoint = sharePointOf(graph, tenant)
  const guards = { all: new WalkGuard(ALL), changes: new WalkGuard(CHANGES) }
  return {
    async all(link, signal) {
      if (link === null) guards.all = new WalkGuard(ALL)
      const query = { $select: SELECT }
      const where = link === null ? { path: ['sites', 'getAllSites'], query } : { link }
      const page = pageOf(
        await sharePoint.json({ name: ALL, ...where, charge: 'list' }, signal),
        ALL,
      )
      guards.all.check(link, page)
      const next = page.next === undefined ? {} : { next: page.next }
      return { sites: page.items.flatMap(siteOf), removed: [], ...next }
    },
    async changes(link, signal) {
      if (link === null) guards.changes = new WalkGuard(CHANGES)
      const { items, deleted, ...links } = await readSharePointDelta({
        ...{ call: CHANGES, link, guard: guards.changes },
        read: (at) => sharePoint.json(changesRequest(at), signal),
        // The tenant is always there: a link that is not found is one whose time is over.
        isThere: () => Promise.resolve(true),
      })
      const removed = deleted.map((site) => ({ id: textOf(site, 'id') ?? '' }))
      return { sites: items.flatMap(siteOf), removed, ...links }
    },
    subsites: (site, signal) => subsitesOf(sharePoint, site, signal),
    look: (site, signal) => lookAt(sharePoint, site, signal),
    requests: sharePoint.requests,
    units: sharePoint.units,
  }
}

const ALL = 'sites.getAllSites'
const CHANGES = 'sites.delta'

function changesRequest(link: string | null) {
  const anew = { path: ['sites', 'delta'], query: { $select: DELTA_SELECT } }
  return link === null
    ? { name: CHANGES, ...anew, charge: 'deltaAnew' as const }
    : { name: CHANGES, link, charge: 'deltaOn' as const }
}

/** None where the page leaves out what names it. */
function siteOf(site: JsonObject): Site[] {
  const id = textOf(site, 'id')
  if (id === undefined) return []
  const { isPersonalSite } = site
  return [
    {
      id,
      name: textOf(site, 'displayName') ?? textOf(site, 'name') ?? '',
      webUrl: textOf(site, 'webUrl') ?? '',
      ...(typeof isPersonalSite === 'boolean' ? { isPersonal: isPersonalSite } : {}),
      state: isArchived(site) ? 'archived' : 'live',
    },
  ]
}

/** `recentlyArchived`, `fullyArchived`, `reactivating`: none of them lets its content be read. */
function isArchived(site: JsonObject): boolean {
  const collection = objectOf(site, 'siteCollection')
  const details = collection && objectOf(collection, 'archivalDetails')
  return (details && textOf(details, 'archiveStatus')) !== undefined
}

async function subsitesOf(
  sharePoint: SharePoint,
  site: string,
  signal: AbortSignal,
): Promise<Site[]> {
  const name = 'sites.sites'
  const first = { path: ['sites', site, 'sites'], query: { $select: SELECT } }
  const pages = walkPages(name, (link) =>
    sharePoint.json({ name, ...(link === null ? first : { link }), charge: 'list' }, signal),
  )
  const found: Site[] = []
  for await (const page of pages) found.push(...page.flatMap(siteOf))
  return found
}

async function lookAt(
  sharePoint: SharePoint,
  site: string,
  signal: AbortSignal,
): Promise<SiteLook> {
  const ask = (name: string, path: string[], $select: string) =>
    sharePoint.json({ name, path, query: { $select }, charge: 'item' }, signal)
  try {
    const found = await ask('sites.get', ['sites', site], SELECT)
    if (isArchived(found)) return { state: 'archived' }
    // A lock may show only where something in the site is asked for.
    const drive = await ask('sites.drive', ['sites', site, 'drive'], DRIVE_SELECT).catch(unlessNone)
    const id = drive && textOf(drive, 'id')
    if (id !== undefined) await ask('drives.root', ['drives', id, 'root'], 'id')
    return { state: 'live', ...(drive && whoseIs(drive)) }
  } catch (error) {
    if (hasCode(error, 'ResourceLocked')) return { state: 'locked' }
    if (hasCode(error, 'ItemGone')) return { state: 'deleted' }
    throw error
  }
}

const DRIVE_SELECT = 'id,driveType,owner'

/** The user of a OneDrive, or the group of a team site; other libraries belong to nobody. */
function whoseIs(drive: JsonObject): Pick<SiteLook, 'owner' | 'group'> {
  const all = objectOf(drive, 'owner') ?? {}
  const isPersonal = textOf(drive, 'driveType') === 'business'
  const who = objectOf(all, isPersonal ? 'user' : 'group') ?? {}
  const id = textOf(who, 'id')
  if (id === undefined) return {}
  if (isPersonal) return { owner: id }
  const [name, address] = [textOf(who, 'displayName') ?? '', textOf(who, 'email') ?? '']
  return { group: { id, name, address } }
}

/** A site may have no library of documents. */
function unlessNone(error: unknown): undefined {
  if (!hasCode(error, 'ItemGone') && !hasCode(error, 'ContentNotAvailable')) throw error
  return undefined
}
