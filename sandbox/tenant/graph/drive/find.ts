/**
 * How calls find the site, drive and item that their path names, and what keeps them out.
 *
 * Invariant: a site that is locked or archived can be looked at and nothing in it can.
 */
import type { Drive, DriveItem, Site } from '../../drive-model.ts'
import { directoryNotFound, findUser, type GraphRequest } from '../request.ts'
import { noMysite, noSharePoint, notFound, siteLocked } from './refusals.ts'

export function checkSharePoint({ state }: GraphRequest): void {
  if (!state.settings.sharePoint) throw noSharePoint()
}

export function findSite(request: GraphRequest): Site {
  checkSharePoint(request)
  const site = request.state.sites.find(request.param('site'))
  if (!site) throw notFound('Requested site could not be found')
  return site
}

export function checkOpen({ state }: Site): void {
  if (state === 'live') return
  if (state === 'locked') throw siteLocked('Access to this site has been blocked.')
  throw siteLocked('This site is archived and its content cannot be accessed.')
}

/** A site and the right to look into it. */
export function openSite(request: GraphRequest): Site {
  const site = findSite(request)
  checkOpen(site)
  return site
}

export interface DrivePlace {
  readonly site: Site
  readonly drive: Drive
}

export interface ItemPlace extends DrivePlace {
  readonly item: DriveItem
}

export function findDrive(request: GraphRequest): DrivePlace {
  checkSharePoint(request)
  const { sites } = request.state
  const drive = sites.findDrive(request.param('drive'))
  if (!drive) throw notFound()
  const site = sites.byPk(drive.site)
  checkOpen(site)
  return { site, drive }
}

export function rootOf(request: GraphRequest): ItemPlace {
  const place = findDrive(request)
  return { ...place, item: request.state.items.byPk(place.drive.root) }
}

/** By id; `root` names the root folder, as it does in the real service. */
export function findItem(request: GraphRequest): ItemPlace {
  const place = findDrive(request)
  const { items } = request.state
  const id = request.param('item')
  const item =
    id.toLowerCase() === 'root' ? items.byPk(place.drive.root) : items.find(place.drive.pk, id)
  if (!item) throw notFound()
  return { ...place, item }
}

/** Below the root, or below the item that the path names; names in any case. */
export function findByPath(request: GraphRequest, from: ItemPlace): ItemPlace {
  const item = request.state.items.findByPath(from.item, request.param('path'))
  if (!item) throw notFound()
  return { ...from, item }
}

/** The site of a group. There are no groups here but those that have one. */
export function groupSite(request: GraphRequest): Site {
  checkSharePoint(request)
  const site = request.state.sites.ofGroup(request.param('group'))
  if (!site) throw directoryNotFound(request.param('group'))
  checkOpen(site)
  return site
}

/** The site of somebody's OneDrive, which not everybody has. */
export function personalSite(request: GraphRequest): Site {
  checkSharePoint(request)
  const user = findUser(request)
  const site = request.state.sites.personal(user.pk)
  if (!site) throw noMysite()
  checkOpen(site)
  return site
}
