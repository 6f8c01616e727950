/** The users of the directory as discovery sees them. A user's content is the mailbox. */
import type { Directory } from '../graph/index.ts'
import type { GraphId } from '../model/ids.ts'
import type { ResourceSource } from './sources.ts'

export function userSource(
  directory: Pick<Directory, 'users' | 'mailbox' | 'exists'>,
): ResourceSource {
  return {
    kind: 'user',
    async page(link, signal) {
      const { users, removed, ...links } = await directory.users(link, signal)
      return {
        found: users.map((user) => ({
          id: user.id as GraphId,
          name: user.displayName,
          address: user.mail || user.userPrincipalName,
          ...(user.accountEnabled !== undefined && { enabled: user.accountEnabled }),
        })),
        removed: removed.map(({ id }) => id as GraphId),
        ...links,
      }
    },
    exists: (user, signal) => directory.exists(user, signal),
    async content(user, signal) {
      const mailbox = await directory.mailbox(user, signal)
      if (mailbox.state === 'ready') return mailbox
      const isNone = mailbox.state === 'not-provisioned'
      return { state: isNone ? 'none' : 'unreachable', reason: mailbox.code }
    },
  }
}
