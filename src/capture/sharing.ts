/**
 * Who may see an item: read apart from its content, only where it has permissions of its own, and
 * carried from version to version as long as they are the same.
 *
 * Permissions that cannot be read keep no content from being stored: the version says that they
 * are missing (`display.unread`), and the slow cycle asks again.
 */
import type { Representation, Unread } from '../model/events.ts'
import type { VersionPart } from '../vault/types.ts'
import type { Present } from '../workloads/workload.ts'
import { mayCarry } from './carry.ts'
import { heldPermissions } from './decide.ts'
import type { ContentJob } from './page.ts'
import type { StreamCapture } from './stream-capture.ts'

export interface Sharing {
  carried: readonly Representation[]
  parts: readonly VersionPart[]
  isUnread: boolean
}

const NONE: Sharing = { carried: [], parts: [], isUnread: false }
const UNREAD: Sharing = { ...NONE, isUnread: true }

/** Throws what is the trouble of the owner. */
export async function sharingOf(capture: StreamCapture, job: ContentJob): Promise<Sharing> {
  const { change, known, permissions } = job
  if (permissions === 'none') return NONE
  const held = heldPermissions(known)
  if (permissions === 'carry' && (await mayCarry(capture, change, held))) {
    return { ...NONE, carried: held }
  }
  const { reader, signal } = capture.context
  // A folder is stored at once, because what stands in it must find it: its permissions can wait.
  if (capture.outOfTime) return UNREAD
  const answer = await reader.permissions?.(change, signal)
  // Of what is gone its content will tell.
  return answer?.outcome === 'content' ? { ...NONE, parts: answer.parts } : UNREAD
}

/** The same job, whose version says what of it is missing. */
export function withUnread(job: ContentJob, { isUnread }: Sharing): ContentJob {
  return isUnread ? { ...job, change: unread(job.change, 'permissions') } : job
}

/** The same item, which says that this could not be read. */
export function unread(change: Present, what: Unread): Present {
  const { display } = change
  return { ...change, display: { ...display, unread: [...(display.unread ?? []), what] } }
}
