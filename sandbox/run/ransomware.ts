/**
 * The ransomware day of the demo: one mailbox is encrypted in place, and a backup runs over it.
 *
 * The victim wants the mailbox as it was just before: what was deleted comes back, and beside each
 * encrypted message stands its clean version. What the attack did not reach must not be doubled,
 * and mail that came in afterwards must be left alone.
 */
import type { ControlClient, MailboxSnapshot } from '../tenant/index.ts'
import { plural } from './progress.ts'
import type { Wish } from './story.ts'

/** Shares of the messages that are reached, and of those that are deleted for good. */
const SHARE_HIT = 0.8
const SHARE_DELETED = 0.15
const SEED = 7
const LATER_SUBJECT = 'Arrived after the attack'

export interface Attack {
  user: string
  /** Just before it began: the time that is asked for. */
  at: string
  encrypted: number
  deleted: number
  /** Sentences for the report. */
  events: string[]
  wish: Wish
}

/** The mailbox with the most mail that can be told to have been hit. */
export function victimOf(mailboxes: readonly MailboxSnapshot[]): MailboxSnapshot {
  const [most] = mailboxes.toSorted((a, b) => b.messages.length - a.messages.length)
  if (most) return most
  throw new Error('a tenant of the demo has mailboxes')
}

/** Makes it happen, and says what it hit. */
export async function attack(control: ControlClient, mailbox: MailboxSnapshot): Promise<Attack> {
  const { userPrincipalName: user, displayName: name } = mailbox.user.profile
  const at = new Date().toISOString()
  const hit = await control.ransom({
    ...{ user, seed: SEED, share: SHARE_HIT, deletedShare: SHARE_DELETED },
  })
  await control.deliver({ user, subject: LATER_SUBJECT, body: 'A restore must not touch this.' })
  const [encrypted, deleted] = [hit.encrypted.length, hit.deleted.length]
  return {
    ...{ user, at, encrypted, deleted },
    events: [
      `ransomware encrypted ${plural(encrypted, 'message')} of ${name} in place, deleted ` +
        `${plural(deleted, 'message')} for good, and left a note`,
      'one more message arrived after the attack, and a backup ran over all of it',
    ],
    wish: {
      user,
      asked: { scope: 'all', conflict: 'copy' },
      text: 'the whole mailbox (as it was just before the attack)',
    },
  }
}
