/** Control operations that tell the truth about drives, for tests and verdicts. */
import { z } from 'zod'
import type { TenantState } from '../state/tenant-state.ts'
import { siteNamed } from './drive-names.ts'
import { operation } from './operation.ts'
import { snapshotSite } from './site-snapshot.ts'

export function driveTruthOperations(state: TenantState) {
  return {
    siteSnapshot: operation(z.strictObject({ site: z.string() }), ({ site }) =>
      snapshotSite(state, siteNamed(state, site)),
    ),
    /** Mails that the service sent because something was shared. */
    invitations: operation(z.strictObject({}), () => ({ invitations: state.invitations.all() })),
  }
}
