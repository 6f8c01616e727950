/**
 * What the service was asked for one mailbox, held against what an unchanged mailbox and an
 * incremental backup may take. Pure; counted by the tenant.
 */
import type { RequestCounts } from '../tenant/index.ts'

/** Beside one request for each folder and one for each message with new content. */
export const INCREMENTAL_BESIDE_MAX = 3

/** The one that asks whether anything changed, and the one that reads what did. */
const LISTS = 2

export interface MailboxRequests {
  total: number
  /** MIME of messages and what else is content. */
  content: number
  /** Lists of folders after the first two: they confirm that a round is complete. */
  confirming: number
  /** Lists that look for hidden folders. */
  hidden: number
  /** Everything else. */
  beside: number
  folders: number
}

const CONTENT = [
  ...['messages.value', 'message.get'],
  ...['attachments.list', 'attachment.get', 'attachment.value'],
]
/** Lists that show hidden folders, which the delta of folders may leave out. */
const HIDDEN = ['mailFolders.list', 'childFolders.list']

/** `folders`: how many are read of each mailbox, by the id of its user; others are left out. */
export function mailboxRequests(
  { mailboxes }: RequestCounts,
  folders: ReadonlyMap<string, number>,
): MailboxRequests[] {
  return [...folders].map(([user, count]) => {
    const kinds = mailboxes[user] ?? {}
    const sum = (names: readonly string[]) =>
      names.reduce((all, name) => all + (kinds[name] ?? 0), 0)
    const [total, content, hidden] = [sum(Object.keys(kinds)), sum(CONTENT), sum(HIDDEN)]
    const confirming = Math.max(0, sum(['mailFolders.delta']) - LISTS)
    const beside = total - content - hidden - confirming
    return { total, content, confirming, hidden, beside, folders: count }
  })
}

/** The most that any of them took; 0 without any. */
export function most(
  mailboxes: readonly MailboxRequests[],
  of: (one: MailboxRequests) => number,
): number {
  return Math.max(0, ...mailboxes.map(of))
}
