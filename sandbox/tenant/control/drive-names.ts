/**
 * How control operations name sites, drives and items: a site by path, id or whose OneDrive it
 * is; a drive by id, or as a site (its own library), or as `site#library`; an item by path or id.
 */
import type { Drive, DriveItem, Site } from '../drive-model.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { ControlError } from './operation.ts'

export function siteNamed(state: TenantState, name: string): Site {
  const user = state.users.find(name)
  const site =
    state.sites.findByPath(name) ??
    state.sites.find(name) ??
    (user && state.sites.personal(user.pk))
  if (!site) throw new ControlError(`there is no site ${name}`)
  return site
}

export function driveNamed(state: TenantState, name: string): Drive {
  const byId = state.sites.findDrive(name)
  if (byId) return byId
  const [site = '', library] = name.split('#')
  const drives = state.sites.drives(siteNamed(state, site))
  const drive = drives.find((each) =>
    library === undefined ? !each.system : each.name === library,
  )
  if (!drive) throw new ControlError(`there is no drive ${name}`)
  return drive
}

/** Empty: the root of the drive. */
export function itemNamed(state: TenantState, drive: Drive, name: string): DriveItem {
  const root = state.items.byPk(drive.root)
  const item = state.items.find(drive.pk, name) ?? state.items.findByPath(root, name)
  if (!item) throw new ControlError(`the drive has no item ${name}`)
  return item
}
