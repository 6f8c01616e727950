/**
 * What happens to the tenant between backup and restore, and what a person asks back afterwards.
 *
 * Three people: one loses mail (deleted in three ways, moved away), one tidies up (a folder
 * renamed, one deleted with its mail), one meddles (edits, marks, empties a folder). Everything
 * follows from the snapshots, in their order, so a story can be told twice. New mail arrives
 * meanwhile; a restore must leave it alone.
 */
import type {
  ControlClient,
  FolderSnapshot,
  MailboxSnapshot,
  MessageSnapshot,
} from '../tenant/index.ts'
import { protectedFolders, type RestoreAsked } from '../verdict/index.ts'
import { labelOfMessage } from './directory.ts'
import { plural } from './progress.ts'
import { Trouble } from './trouble.ts'

/** What one person wants back, in the tenant's words. */
export interface Wish {
  user: string
  asked: RestoreAsked
  /** For people. */
  text: string
}

export interface Story {
  /** Sentences for the report, in the order of events. */
  events: string[]
  wishes: Wish[]
}

const SHARE_DELETED = 0.15
const SHARE_MOVED = 0.08
const EDITED = 3
const MARKED = 3
const NEWS_SUBJECT = 'Arrived after the backup'

/** Makes it happen. Needs three mailboxes with mail. */
export async function tellStory(
  control: ControlClient,
  mailboxes: readonly MailboxSnapshot[],
): Promise<Story> {
  const [loser, tidier, meddler] = mailboxes
  if (!loser || !tidier || !meddler) {
    throw new Trouble('The story needs three mailboxes.', { hint: 'Use the generated tenant.' })
  }
  const chapters = [
    await lose(control, loser),
    await tidy(control, tidier),
    await meddle(control, meddler),
    await newMail(control, [loser, tidier, meddler]),
  ]
  return {
    events: chapters.flatMap(({ events }) => events),
    wishes: chapters.flatMap(({ wishes }) => wishes),
  }
}

/** Mail that a person would act on, in folders that a backup protects; the newest first. */
function ordinaryMail(mailbox: MailboxSnapshot): MessageSnapshot[] {
  const guarded = protectedFolders(mailbox)
  const deleted = mailbox.folders.find(({ wellKnown }) => wellKnown === 'deleteditems')
  return mailbox.messages
    .filter((m) => guarded.has(m.folderId) && m.folderId !== deleted?.id && !m.isDraft)
    .toSorted((a, b) => b.receivedMs - a.receivedMs)
}

async function lose(control: ControlClient, mailbox: MailboxSnapshot): Promise<Story> {
  const user = addressOf(mailbox)
  const mail = ordinaryMail(mailbox)
  const count = Math.max(3, Math.ceil(mail.length * SHARE_DELETED))
  const deleted = mail.slice(0, count)
  const modes = ['soft', 'recoverable', 'hard'] as const
  for (const [n, { immutableId: message }] of deleted.entries()) {
    await control.delete({ user, message, mode: modes[n % modes.length] ?? 'soft' })
  }
  const archive = mailbox.folders.find(({ wellKnown }) => wellKnown === 'archive')
  const movable = mail.slice(count).filter(({ folderId }) => folderId !== archive?.id)
  const moved = movable.slice(0, Math.ceil(mail.length * SHARE_MOVED))
  for (const { immutableId: message } of moved) {
    await control.move({ user, message, folder: 'archive' })
  }
  return {
    events: [
      `${nameOf(mailbox)} lost ${plural(deleted.length, 'message')} ` +
        '(to Deleted Items, to the recoverable items, and for good)',
      `${nameOf(mailbox)} moved ${plural(moved.length, 'message')} to the archive by mistake`,
    ],
    wishes: [{ user, asked: { scope: 'all', conflict: 'skip' }, text: 'the whole mailbox' }],
  }
}

async function tidy(control: ControlClient, mailbox: MailboxSnapshot): Promise<Story> {
  const user = addressOf(mailbox)
  const { parent, child } = ownFolders(mailbox)
  const newName = `${parent.name} (done)`
  await control.renameFolder({ user, folder: parent.id, name: newName })
  await control.deleteFolder({ user, folder: child.id })
  return {
    events: [
      `${nameOf(mailbox)} renamed the folder ${parent.path} to "${newName}"`,
      `${nameOf(mailbox)} deleted the folder ${child.path} with everything in it`,
    ],
    wishes: [
      {
        user,
        asked: { scope: { folders: [child.id] }, conflict: 'skip' },
        text: `the folder ${child.path}`,
      },
    ],
  }
}

/** A folder that the person made, with another one in it that holds mail. */
function ownFolders(mailbox: MailboxSnapshot): { parent: FolderSnapshot; child: FolderSnapshot } {
  const isOwn = (f: FolderSnapshot) => f.wellKnown === null && !f.hidden && f.search === null
  const own = new Map(mailbox.folders.filter(isOwn).map((folder) => [folder.id, folder]))
  for (const child of own.values()) {
    const parent = child.parentId === null ? undefined : own.get(child.parentId)
    if (parent && child.total > 0) return { parent, child }
  }
  throw new Trouble(`${addressOf(mailbox)} has no folder with a folder of mail in it.`, {
    hint: 'Import more messages, or use the generated tenant.',
  })
}

async function meddle(control: ControlClient, mailbox: MailboxSnapshot): Promise<Story> {
  const user = addressOf(mailbox)
  const mail = ordinaryMail(mailbox)
  const emptied = folderToEmpty(mailbox, mail)
  const rest = singled(mail.filter(({ folderId }) => folderId !== emptied.id))
  const edited = rest.slice(0, EDITED)
  const marked = rest.slice(EDITED, EDITED + MARKED)
  for (const { immutableId: message } of edited) {
    await control.edit({ user, message, body: 'This text was changed after the backup.' })
  }
  for (const { immutableId: message, isRead } of marked) {
    await control.read({ user, message, isRead: !isRead })
    await control.flag({ user, message, flagStatus: 'flagged' })
    await control.categorise({ user, message, categories: ['Marked later'] })
  }
  await control.emptyFolder({ user, folder: emptied.id, mode: 'recoverable' })
  const messages = edited.map(({ immutableId }) => immutableId)
  return {
    events: [
      `${nameOf(mailbox)} changed the text of ${plural(edited.length, 'message')}`,
      `${nameOf(mailbox)} marked ${plural(marked.length, 'message')} (read state, flag, category)`,
      `${nameOf(mailbox)} emptied the folder ${emptied.path} (${plural(emptied.total, 'message')})`,
    ],
    wishes: [
      {
        user,
        asked: { scope: { messages }, conflict: 'copy' },
        text: `${plural(messages.length, 'edited message')}, as copies beside the newer ones`,
      },
      { user, asked: { scope: 'all', conflict: 'skip' }, text: 'the whole mailbox' },
    ],
  }
}

/** Not the fullest one, so that there is mail left to meddle with. */
function folderToEmpty(mailbox: MailboxSnapshot, mail: readonly MessageSnapshot[]): FolderSnapshot {
  const used = new Set(mail.map(({ folderId }) => folderId))
  const folders = mailbox.folders.filter(({ id, hidden }) => used.has(id) && !hidden)
  const byTotal = folders.toSorted((a, b) => b.total - a.total)
  const chosen = byTotal[1] ?? byTotal[0]
  if (chosen) return chosen
  throw new Trouble(`${addressOf(mailbox)} has no mail.`, { hint: 'Import more messages.' })
}

/** Those that nobody can mistake for another one of their folder. */
function singled(mail: readonly MessageSnapshot[]): MessageSnapshot[] {
  const label = (m: MessageSnapshot) => `${m.folderId} ${labelOfMessage(m)}`
  const groups = Map.groupBy(mail, label)
  return mail.filter((m) => groups.get(label(m))?.length === 1)
}

async function newMail(
  control: ControlClient,
  mailboxes: readonly MailboxSnapshot[],
): Promise<Story> {
  for (const mailbox of mailboxes) {
    const user = addressOf(mailbox)
    await control.deliver({ user, subject: NEWS_SUBJECT, body: 'A restore must not touch this.' })
  }
  const who = plural(mailboxes.length, 'mailbox', 'mailboxes')
  return { events: [`new mail arrived in ${who}`], wishes: [] }
}

function addressOf(mailbox: MailboxSnapshot): string {
  return mailbox.user.profile.userPrincipalName
}

function nameOf(mailbox: MailboxSnapshot): string {
  return mailbox.user.profile.displayName
}
