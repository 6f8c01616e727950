/** Control operations on sites and their libraries: what an administrator does. */
import { z } from 'zod'
import { createPersonalSite } from '../content/generated-sites.ts'
import { SITE_STATES } from '../drive-model.ts'
import { stableGuid } from '../ids.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { defined } from './defined.ts'
import { driveNamed, siteNamed } from './drive-names.ts'
import { operation } from './operation.ts'
import { userNamed } from './user-operations.ts'

const SiteRef = z.strictObject({ site: z.string() })

export function siteOperations(state: TenantState) {
  return {
    sites: operation(z.strictObject({}), () => ({
      sites: state.sites.all().map((site) => ({
        ...{ id: site.id, path: site.path, displayName: site.displayName, state: site.state },
        ...{ isPersonal: site.owner !== null, group: site.group },
        isSubsite: site.parent !== null,
        drives: state.sites
          .drives(site)
          .map(({ id, name, type, system }) => ({ id, name, type, system })),
      })),
    })),
    /** With a first library, `Documents`. `parent`: the site that it is a subsite of. */
    createSite: operation(
      z.strictObject({
        path: z.string().min(1),
        displayName: z.string().optional(),
        parent: z.string().optional(),
        group: z.boolean().default(false),
      }),
      ({ path, displayName = path, parent, group }) =>
        state.db.transaction(() => {
          const nowMs = state.nowMs()
          const above = parent === undefined ? null : siteNamed(state, parent)
          const site = state.sites.create(
            {
              parent: above,
              path,
              displayName,
              ...(group ? { group: stableGuid('group', path) } : {}),
            },
            nowMs,
          )
          const library = { name: 'Documents', folder: 'Shared Documents' }
          return { id: site.id, drive: state.sites.createDrive(site, library, nowMs).id }
        }),
    ),
    /** Somebody's OneDrive: until then the person has none. */
    createOneDrive: operation(z.strictObject({ user: z.string() }), ({ user }) =>
      state.db.transaction(() => {
        const { site, drive } = createPersonalSite(state, userNamed(state, user))
        return { id: site.id, drive: drive.id }
      }),
    ),
    /** Of the whole collection. */
    setSiteState: operation(
      z.strictObject({ site: z.string(), state: z.enum(SITE_STATES) }),
      ({ site, state: next }) =>
        state.db.transaction(() => {
          state.sites.setState(siteNamed(state, site), next)
          return {}
        }),
    ),
    renameSite: operation(
      z.strictObject({ site: z.string(), displayName: z.string() }),
      ({ site, displayName }) =>
        state.db.transaction(() => {
          state.sites.rename(siteNamed(state, site), displayName, state.nowMs())
          return {}
        }),
    ),
    deleteSite: operation(SiteRef, ({ site }) =>
      state.db.transaction(() => {
        state.sites.remove(siteNamed(state, site))
        return {}
      }),
    ),
    createLibrary: operation(
      z.strictObject({
        site: z.string(),
        name: z.string().min(1),
        system: z.boolean().default(false),
        quotaBytes: z.number().int().min(0).optional(),
      }),
      ({ site, name, system, quotaBytes }) =>
        state.db.transaction(() => {
          const library = { name, system, ...defined({ quotaBytes }) }
          const drive = state.sites.createDrive(siteNamed(state, site), library, state.nowMs())
          return { id: drive.id }
        }),
    ),
    renameLibrary: operation(
      z.strictObject({ drive: z.string(), name: z.string().min(1) }),
      ({ drive, name }) =>
        state.db.transaction(() => {
          state.sites.renameDrive(driveNamed(state, drive), name)
          return {}
        }),
    ),
    deleteLibrary: operation(z.strictObject({ drive: z.string() }), ({ drive }) =>
      state.db.transaction(() => {
        state.sites.removeDrive(driveNamed(state, drive))
        return {}
      }),
    ),
    setQuota: operation(
      z.strictObject({ drive: z.string(), quotaBytes: z.number().int().min(0) }),
      ({ drive, quotaBytes }) =>
        state.db.transaction(() => {
          state.sites.setQuota(driveNamed(state, drive), quotaBytes)
          return {}
        }),
    ),
  }
}
