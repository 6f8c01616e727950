/** Control operations that let the service lag, repeat itself, forget links, refuse mailboxes. */
import { z } from 'zod'
import { MAILBOX_CONDITIONS } from '../model.ts'
import { EXPIRED_LINK_FORMS } from '../state/settings.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { UNRENDERABLE_FORMS } from '../trouble/unrenderable.ts'
import { folderNamed, messageNamed } from './mailbox-operations.ts'
import { ControlError, operation } from './operation.ts'
import { userNamed } from './user-operations.ts'

const LAG_MS_MAX = 86_400_000
const FolderRef = { user: z.string(), folder: z.string() }

const LINK_KINDS = {
  position: ['skip'],
  delta: ['delta'],
  all: ['skip', 'delta'],
} as const

/** Whether a link's path is one of this folder, by id or by well-known name. */
function folderPath(names: readonly (string | null)[]): (path: string) => boolean {
  return (path) => {
    const named = /\/mailFolders\/([^/]+)\//i.exec(path)?.[1]
    if (named === undefined) return false
    const name = decodeURIComponent(named)
    return names.includes(name) || names.includes(name.toLowerCase())
  }
}

function mailboxTrouble(state: TenantState) {
  return {
    /** `condition` null: an ordinary mailbox again. Nothing in it changes. */
    setMailboxCondition: operation(
      z.strictObject({ user: z.string(), condition: z.enum(MAILBOX_CONDITIONS).nullable() }),
      ({ user: name, condition }) =>
        state.db.transaction(() => {
          const user = userNamed(state, name)
          if (!user.mailbox) throw new ControlError('the user has no mailbox')
          const { condition: _former, ...mailbox } = user.mailbox
          state.users.setMailbox(user, condition === null ? mailbox : { ...mailbox, condition })
          return {}
        }),
    ),
  }
}

export function troubleOperations(state: TenantState) {
  return {
    ...mailboxTrouble(state),
    /** Message deltas of this folder show what was so long ago; null: as the setting says. */
    setFolderLag: operation(
      z.strictObject({ ...FolderRef, lagMs: z.number().min(0).max(LAG_MS_MAX).nullable() }),
      ({ user, folder, lagMs }) => {
        state.trouble.setFolderLag(folderNamed(state, userNamed(state, user), folder), lagMs)
        return {}
      },
    ),
    /**
     * Makes links given so far useless, of one folder or of the whole mailbox; `position` links
     * alone leave the one that their round began with. `user` null: the directory.
     */
    expireLinks: operation(
      z.strictObject({
        user: z.string().nullable(),
        folder: z.string().optional(),
        kind: z.enum(['position', 'delta', 'all']).default('all'),
        form: z.enum(EXPIRED_LINK_FORMS).default('gone'),
      }),
      ({ user: name, folder: folderName, kind, form }) => {
        const user = name === null ? null : userNamed(state, name)
        const folder =
          user && folderName !== undefined ? folderNamed(state, user, folderName) : null
        state.trouble.links.expire(user?.id ?? 'directory', {
          kinds: LINK_KINDS[kind],
          concerns: folder ? folderPath([folder.id, folder.wellKnown]) : () => true,
          form,
        })
        return {}
      },
    ),
    /**
     * The next pages of this folder's delta lead nowhere: `repeat` names the same link again,
     * `endless` ever new ones. After `pages` of them (missing: never) the round goes on.
     */
    loopLinks: operation(
      z.strictObject({
        ...FolderRef,
        kind: z.enum(['repeat', 'endless']),
        pages: z.number().int().min(1).optional(),
      }),
      ({ user, folder, kind, pages }) => {
        const { pk } = folderNamed(state, userNamed(state, user), folder)
        state.trouble.loops.start(pk, kind, pages ?? null)
        return {}
      },
    ),
    /** Pages that hold this message break off; `form` null: no more. Single reads are fine. */
    setUnrenderable: operation(
      z.strictObject({
        user: z.string(),
        message: z.string(),
        form: z.enum(UNRENDERABLE_FORMS).nullable(),
      }),
      ({ user, message, form }) => {
        const { immutableId } = messageNamed(state, userNamed(state, user), message)
        state.trouble.unrenderable.set(immutableId, form)
        return {}
      },
    ),
    /** Makes the URLs of all open upload sessions useless. */
    expireUploads: operation(z.strictObject({}), () => ({
      sessions: state.uploads.expireAll() + state.fileUploads.expireAll(),
    })),
    stopLoop: operation(z.strictObject(FolderRef), ({ user, folder }) => {
      state.trouble.loops.stop(folderNamed(state, userNamed(state, user), folder).pk)
      return {}
    }),
  }
}
