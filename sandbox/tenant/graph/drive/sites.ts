/**
 * Sites: all of them, their delta, one, its subsites and its libraries (facts/graph.md 3.1).
 *
 * Invariants: lists of all sites have site collections alone, subsites are asked for site by
 * site, and the delta tells of both; libraries that are hidden or the system's are listed to
 * those only who select `system`.
 */
import type { Site } from '../../drive-model.ts'
import type { Answer } from '../../http.ts'
import { DRIVE_PAGE_DEFAULT, DRIVE_PAGE_MAX } from '../../limits.ts'
import { currentCursor } from '../cursor.ts'
import type { Json } from '../json.ts'
import { context, listAnswer, offsetPage, pageSize } from '../lists.ts'
import type { GraphRequest } from '../request.ts'
import { driveCursor, driveLink, roundEnd, SITES } from './cursor.ts'
import { checkSharePoint, findDrive, findSite, groupSite, openSite, personalSite } from './find.ts'
import { driveAnswer, driveJson, siteJson } from './json.ts'
import { invalidRequest, notFound } from './refusals.ts'

const PAGE = { usual: DRIVE_PAGE_DEFAULT, max: DRIVE_PAGE_MAX }

/** What a deleted site still says of itself. */
function siteEntry(site: Site, select: readonly string[] | null): Json {
  return site.deleted ? { id: site.id, deleted: { state: 'Deleted' } } : siteJson(site, select)
}

function listOf(request: GraphRequest, sites: readonly Site[]): Answer {
  const cursor = currentCursor(request, null)
  const { select, top } = cursor.options
  const page = offsetPage(sites, cursor, pageSize(request, top, PAGE))
  return listAnswer(request, {
    contextPath: SITES,
    select,
    value: page.items.map((site) => siteJson(site, select)),
    next: page.next,
  })
}

export function allSites(request: GraphRequest): Answer {
  checkSharePoint(request)
  return listOf(request, request.state.sites.collections())
}

/** Every web below it, and not only the next ones. */
export function subsites(request: GraphRequest): Answer {
  const site = openSite(request)
  return listOf(request, request.state.sites.tree(site).slice(1))
}

export function getSite(request: GraphRequest): Answer {
  const { select } = request.options
  const site = findSite(request)
  return {
    status: 200,
    body: {
      '@odata.context': `${context(request, SITES, select)}/$entity`,
      ...siteJson(site, select),
    },
  }
}

export function deltaSites(request: GraphRequest): Answer {
  checkSharePoint(request)
  const { state } = request
  const cursor = driveCursor(request, SITES, () => {
    throw invalidRequest('The delta of sites takes no points in time.')
  })
  const size = pageSize(request, cursor.top, PAGE)
  const found = state.sites.changedSince(cursor.position, size + 1)
  const sites = found.slice(0, size)
  const more = found.length > size
  const position = sites.at(-1)?.seq ?? cursor.position
  const next = more
    ? ({ ...cursor, kind: 'skip', position, page: cursor.page + 1 } as const)
    : roundEnd(cursor, Math.max(position, state.db.lastSeq()))
  const value = sites
    .filter(({ deleted, seq }) => !deleted || cursor.known > 0 || seq > cursor.began)
    .map((site) => siteEntry(site, cursor.select))
  return {
    status: 200,
    body: {
      '@odata.context': `${request.root}/$metadata#Collection(site)`,
      [more ? '@odata.nextLink' : '@odata.deltaLink']: driveLink(request, next),
      value,
    },
  }
}

function drivesOf(request: GraphRequest, site: Site): Answer {
  const { select } = request.options
  const showsSystem = select?.includes('system') ?? false
  const drives = request.state.sites.drives(site).filter(({ system }) => !system || showsSystem)
  return listAnswer(request, {
    contextPath: 'drives',
    select,
    value: drives.map((drive) => driveJson(request, { site, drive }, select)),
    next: null,
  })
}

export function siteDrives(request: GraphRequest): Answer {
  return drivesOf(request, openSite(request))
}

export function userDrives(request: GraphRequest): Answer {
  return drivesOf(request, personalSite(request))
}

export function groupDrives(request: GraphRequest): Answer {
  return drivesOf(request, groupSite(request))
}

/** The library that a site, a person or a group calls its own: the first that was made. */
function ownDrive(request: GraphRequest, site: Site): Answer {
  const drive = request.state.sites.drives(site).find(({ system }) => !system)
  if (!drive) throw notFound()
  return driveAnswer(request, { site, drive })
}

export function siteDrive(request: GraphRequest): Answer {
  return ownDrive(request, openSite(request))
}

export function userDrive(request: GraphRequest): Answer {
  return ownDrive(request, personalSite(request))
}

export function groupDrive(request: GraphRequest): Answer {
  return ownDrive(request, groupSite(request))
}

export function getDrive(request: GraphRequest): Answer {
  return driveAnswer(request, findDrive(request))
}
