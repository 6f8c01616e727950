/** What bodies may say of an item that is written, and who it is written by. */
import { z } from 'zod'
import type { Actor } from '../../drive-model.ts'
import { DEFAULT_APPS } from '../../identities.ts'
import type { FileDates } from '../../state/file-uploads.ts'
import { CONFLICT_BEHAVIORS } from '../query.ts'
import type { GraphRequest } from '../request.ts'

export const FileSystemInfo = z.strictObject({
  '@odata.type': z.string().optional(),
  createdDateTime: z.iso.datetime({ offset: true }).optional(),
  lastModifiedDateTime: z.iso.datetime({ offset: true }).optional(),
  lastAccessedDateTime: z.iso.datetime({ offset: true }).optional(),
})

export const CONFLICT_BEHAVIOR = {
  '@microsoft.graph.conflictBehavior': z.enum(CONFLICT_BEHAVIORS).optional(),
} as const

/** Whole seconds: SharePoint keeps no more. */
function secondsOf(time: string): number {
  return Math.floor(Date.parse(time) / 1_000) * 1_000
}

export function datesOf(info: z.output<typeof FileSystemInfo> | undefined): FileDates {
  const { createdDateTime, lastModifiedDateTime } = info ?? {}
  return {
    ...(createdDateTime === undefined ? {} : { fsCreatedMs: secondsOf(createdDateTime) }),
    ...(lastModifiedDateTime === undefined
      ? {}
      : { fsModifiedMs: secondsOf(lastModifiedDateTime) }),
  }
}

/** What an app makes is made by the app: nobody can write in another name. */
export function actorOf({ appId }: Pick<GraphRequest, 'appId'>): Actor {
  const app = DEFAULT_APPS.find(({ clientId }) => clientId === appId)
  return { id: appId, displayName: app?.displayName ?? appId, kind: 'application' }
}
