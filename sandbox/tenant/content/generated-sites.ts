/** Sites that the generator and the control interface make alike. */
import type { Drive, Site } from '../drive-model.ts'
import type { User } from '../model.ts'
import { ONEDRIVE_HOST } from '../state/sites.ts'
import type { TenantState } from '../state/tenant-state.ts'

/** Somebody's OneDrive, with its owner's permission on the root. */
export function createPersonalSite(state: TenantState, user: User): { site: Site; drive: Drive } {
  const nowMs = state.nowMs()
  const { userPrincipalName, displayName } = user.profile
  const path = `/personal/${userPrincipalName.replace(/[^\w]/g, '_').toLowerCase()}`
  const site = state.sites.create(
    { parent: null, host: ONEDRIVE_HOST, path, displayName, owner: user.pk },
    nowMs,
  )
  const library = { name: 'OneDrive', folder: 'Documents', type: 'business' } as const
  const drive = state.sites.createDrive(site, library, nowMs)
  state.sharing.add(state.items.byPk(drive.root), {
    roles: ['owner'],
    grantees: [{ kind: 'user', id: user.id, displayName }],
    link: null,
    hasPassword: false,
    expiresMs: null,
  })
  return { site, drive }
}
