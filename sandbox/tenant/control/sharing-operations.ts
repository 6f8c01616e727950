/** Control operations on who may see an item, and the truth of a drive. */
import { z } from 'zod'
import { GRANTEE_KINDS } from '../drive-model.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { defined } from './defined.ts'
import { driveNamed, itemNamed } from './drive-names.ts'
import { ItemRef, secondsOf } from './drive-operations.ts'
import { snapshotDrive } from './drive-snapshot.ts'
import { ControlError, operation } from './operation.ts'

const GranteeInput = z.strictObject({
  kind: z.enum(GRANTEE_KINDS).default('user'),
  id: z.string(),
  displayName: z.string(),
  loginName: z.string().optional(),
})

const Sharing = z
  .strictObject({
    ...ItemRef,
    roles: z.array(z.string()).default(['read']),
    grantees: z.array(GranteeInput).default([]),
    link: z
      .strictObject({
        type: z.enum(['view', 'edit', 'embed', 'blocksDownload']),
        scope: z.enum(['anonymous', 'organization', 'users']),
        preventsDownload: z.boolean().default(false),
      })
      .optional(),
    hasPassword: z.boolean().default(false),
    expires: z.iso.datetime().optional(),
  })
  .refine(({ link, grantees }) => link || grantees.length === 1, 'a grant is to one identity')

export function sharingOperations(state: TenantState) {
  return {
    /** A grant to somebody, or a link. The item is uniquely shared from now on. */
    shareItem: operation(Sharing, ({ drive, item, roles, grantees, link, hasPassword, expires }) =>
      state.db.transaction(() => {
        const { id } = state.sharing.add(itemNamed(state, driveNamed(state, drive), item), {
          roles,
          grantees: grantees.map((each) => ({
            ...each,
            ...defined({ loginName: each.loginName }),
          })),
          link: link ?? null,
          hasPassword,
          expiresMs: secondsOf(expires) ?? null,
        })
        return { id }
      }),
    ),
    /** Without `permission` all of its own: it is seen by those who see its folder. */
    unshareItem: operation(
      z.strictObject({ ...ItemRef, permission: z.string().optional() }),
      ({ drive, item: name, permission }) =>
        state.db.transaction(() => {
          const item = itemNamed(state, driveNamed(state, drive), name)
          if (permission === undefined) state.sharing.clear(item)
          else {
            const found = state.sharing.own(item).find(({ id }) => id === permission)
            if (!found) throw new ControlError(`the item has no permission ${permission}`)
            state.sharing.remove(item, found)
          }
          return {}
        }),
    ),
    /** The whole true state of a drive, by none of the code that answers Graph calls. */
    driveSnapshot: operation(z.strictObject({ drive: z.string() }), ({ drive }) =>
      snapshotDrive(state, driveNamed(state, drive)),
    ),
  }
}
