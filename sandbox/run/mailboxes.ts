/** What the tenant holds, as its control interface says it: people, and mail that is protected. */
import type { ControlClient, MailboxSnapshot } from '../tenant/index.ts'

export interface MailboxUser {
  id: string
  name: string
  address: string
}

/** Branches that a backup leaves out by default (DESIGN 4), by the name of their root. */
const LEFT_OUT: readonly string[] = ['recoverableitemsroot', 'syncissues', 'searchfolders']

/** A mailbox in one of these states still answers Graph. */
const READABLE: readonly (string | undefined)[] = [undefined, 'over-quota']

/** Everybody with a mailbox that can be read, in the tenant's order. */
export async function mailboxUsers(control: ControlClient): Promise<MailboxUser[]> {
  const { users } = await control.users({})
  return users
    .filter(({ mailbox }) => mailbox !== null && READABLE.includes(mailbox.condition))
    .map(({ id, profile }) => ({
      id,
      name: profile.displayName,
      address: profile.userPrincipalName,
    }))
}

export interface Holdings {
  messages: number
  folders: number
}

/** What a first backup has to read, over all mailboxes. The root is no folder for a backup. */
export async function protectedHoldings(control: ControlClient): Promise<Holdings> {
  const sum: Holdings = { messages: 0, folders: 0 }
  for (const user of await mailboxUsers(control)) {
    const { messages, folders } = await mailboxHoldings(control, user.address)
    sum.messages += messages
    sum.folders += folders
  }
  return sum
}

async function mailboxHoldings(control: ControlClient, user: string): Promise<Holdings> {
  const sum: Holdings = { messages: 0, folders: 0 }
  const { folders } = await control.folders({ user })
  const roots = folders.filter((f) => f.wellKnown !== null && LEFT_OUT.includes(f.wellKnown))
  const isLeftOut = (path: string) =>
    roots.some((root) => path === root.path || path.startsWith(`${root.path}/`))
  for (const folder of folders) {
    if (folder.isSearch || isLeftOut(folder.path)) continue
    if (folder.wellKnown !== 'msgfolderroot') sum.folders += 1
    sum.messages += folder.total
  }
  return sum
}

/** How many folders a backup reads of each mailbox, by the id of its user. */
export async function protectedFolders(
  control: ControlClient,
): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>()
  for (const user of await mailboxUsers(control)) {
    counts.set(user.id, (await mailboxHoldings(control, user.address)).folders)
  }
  return counts
}

export async function snapshots(
  control: ControlClient,
): Promise<ReadonlyMap<string, MailboxSnapshot>> {
  const all = new Map<string, MailboxSnapshot>()
  for (const user of await mailboxUsers(control)) {
    all.set(user.address, await control.snapshot({ user: user.address }))
  }
  return all
}
