/** Control operations that let drives misbehave: links, URLs, and deltas that never come right. */
import { z } from 'zod'
import { SITES } from '../graph/drive/cursor.ts'
import { EXPIRED_LINK_FORMS } from '../state/settings.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { driveNamed } from './drive-names.ts'
import { operation } from './operation.ts'

const LINK_KINDS = {
  position: ['skip'],
  delta: ['delta'],
  all: ['skip', 'delta'],
} as const

const DriveRef = { drive: z.string() }

/** null: the delta of sites. */
function ownerOf(state: TenantState, drive: string | null): string {
  return drive === null ? SITES : driveNamed(state, drive).id
}

export function driveTroubleOperations(state: TenantState) {
  return {
    /** Refuses the tokens that were given so far, in the given form; forgotten at a restart. */
    expireTokens: operation(
      z.strictObject({
        drive: z.string().nullable(),
        kind: z.enum(['position', 'delta', 'all']).default('all'),
        form: z.enum(EXPIRED_LINK_FORMS).default('gone'),
      }),
      ({ drive, kind, form }) => {
        const refusal = { kinds: LINK_KINDS[kind], concerns: () => true, form }
        state.trouble.links.expire(ownerOf(state, drive), refusal)
        return {}
      },
    ),
    /** The same for good, over a restart, in the form of the setting `expiredLink`. */
    expireDriveDelta: operation(z.strictObject({ drive: z.string().nullable() }), ({ drive }) => {
      state.expireDriveDelta(ownerOf(state, drive))
      return {}
    }),
    /** No download URL that was given so far is good any more. */
    expireDownloads: operation(z.strictObject({}), () => {
      state.expireDownloads()
      return {}
    }),
    /** The delta of this drive answers 500 whatever is done, until it is told otherwise. */
    failDelta: operation(
      z.strictObject({ ...DriveRef, failing: z.boolean().default(true) }),
      ({ drive, failing }) => {
        state.trouble.drives.setFailing(driveNamed(state, drive).pk, failing)
        return {}
      },
    ),
    /** As `loopLinks` does it to a folder of mail. */
    loopDelta: operation(
      z.strictObject({
        ...DriveRef,
        kind: z.enum(['repeat', 'endless']),
        pages: z.number().int().min(1).optional(),
      }),
      ({ drive, kind, pages }) => {
        state.trouble.drives.loops.start(driveNamed(state, drive).pk, kind, pages ?? null)
        return {}
      },
    ),
    stopDeltaLoop: operation(z.strictObject(DriveRef), ({ drive }) => {
      state.trouble.drives.loops.stop(driveNamed(state, drive).pk)
      return {}
    }),
  }
}
