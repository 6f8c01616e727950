/** The whole true state of a site: that of each of its libraries. */
import type { Site } from '../drive-model.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { type DriveSnapshot, snapshotDrive } from './drive-snapshot.ts'

export interface SiteSnapshot {
  readonly site: Pick<Site, 'id' | 'displayName' | 'path'> & { readonly url: string }
  /** In the order in which they were made, system ones too. */
  readonly drives: readonly DriveSnapshot[]
}

export function snapshotSite(state: TenantState, site: Site): SiteSnapshot {
  const { id, displayName, path, host } = site
  return {
    site: { id, displayName, path, url: `https://${host}${encodeURI(path)}` },
    drives: state.sites.drives(site).map((drive) => snapshotDrive(state, drive)),
  }
}
