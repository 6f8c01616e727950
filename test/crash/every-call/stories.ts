/** What happens in the mailboxes of the crash scenarios. */
import { type ScriptedMailbox, TROUBLES } from '../../../src/capture/testing/scripted-mailbox.ts'
import type { GraphId } from '../../../src/model/ids.ts'

export const id = (text: string): GraphId => text as GraphId

export const INBOX = id('inbox')
export const WORK = id('work')
export const OLD = id('old')
export const NOISE = id('noise')

/** Less two, they are more than leave without being asked for. */
const MANY = 24

/** Text that a pack of the harness holds a few of. */
export const body = (text: string): string => `${text} `.repeat(40)

/** Four folders, eight messages, one of them corrupt. */
export function firstMails(box: ScriptedMailbox): void {
  box.createContainer(INBOX, 'Inbox')
  box.createContainer(WORK, 'Work')
  box.createContainer(OLD, 'Old')
  for (const n of [1, 2, 3, 4]) {
    box.put(id(`m${n}`), { container: INBOX, content: body(`mail ${n}`) })
  }
  for (const n of [5, 6]) box.put(id(`m${n}`), { container: WORK, content: body(`mail ${n}`) })
  box.put(id('m7'), { container: OLD, content: body('mail 7') })
  box.createContainer(NOISE, 'Noise')
  box.put(id('m12'), { container: NOISE, content: body('mail 12') })
  box.corrupt.add(id('m4'))
}

/**
 * A move, a flag, an edit, new ones, a deletion, a folder that goes, one that is no longer to be
 * read, a repaired message and a corrupt one.
 */
export function aDayLater(box: ScriptedMailbox): void {
  box.put(id('m1'), { container: WORK })
  box.put(id('m2'), { container: INBOX, flags: 'read' })
  box.put(id('m5'), { container: WORK, content: body('mail 5, edited') })
  box.remove(id('m6'))
  box.deleteContainer(OLD)
  box.excluded.add(NOISE)
  box.renameContainer(NOISE, 'Sync Issues')
  box.corrupt.delete(id('m4'))
  box.put(id('m8'), { container: INBOX, content: body('mail 8') })
  box.put(id('m9'), { container: INBOX, content: body('mail 9') })
  box.corrupt.add(id('m9'))
}

/** Happens between calls of the reader, while a round runs: there and back, and gone again. */
export function whileItIsRead(box: ScriptedMailbox): void {
  box.meanwhile.push(
    () => undefined,
    () => box.put(id('m3'), { container: WORK }),
    () => box.put(id('m10'), { container: INBOX, content: body('mail 10') }),
    () => box.remove(id('m8')),
    () => box.put(id('m1'), { container: INBOX }),
  )
}

/** No link is good any more, and nobody will tell what happened meanwhile. */
export function linksAreLost(box: ScriptedMailbox): void {
  box.put(id('m1'), { container: WORK })
  box.put(id('m3'), { container: INBOX, content: body('mail 3, edited') })
  box.remove(id('m2'))
  box.remove(id('m6'))
  box.remove(id('m4'))
  box.deleteContainer(OLD)
  box.put(id('m8'), { container: INBOX, content: body('mail 8') })
  box.expire({ kinds: ['position', 'start'], of: 'all', form: 410 })
}

/** A message that takes several slices, and some that do not. */
export function longMail(box: ScriptedMailbox): void {
  box.createContainer(INBOX, 'Inbox')
  box.createContainer(WORK, 'Work')
  const content = Array.from({ length: 40 }, (_, n) => body(`line ${n}`).slice(0, 100)).join('')
  box.longFrom = content.length
  box.put(id('m1'), { container: INBOX, content, expectedBytes: content.length })
  for (const n of [2, 3]) box.put(id(`m${n}`), { container: INBOX, content: body(`mail ${n}`) })
}

/** A folder with more mail than leaves without being asked for. */
export function manyMails(box: ScriptedMailbox): void {
  box.createContainer(INBOX, 'Inbox')
  box.createContainer(WORK, 'Work')
  box.put(id('m1'), { container: INBOX, content: body('mail 1') })
  for (let n = 1; n <= MANY; n += 1) box.put(id(`w${n}`), { container: WORK, content: `work ${n}` })
}

/** Most of the folder goes while its links are lost; one moves, one is edited. */
export function mostGoes(box: ScriptedMailbox): void {
  for (let n = 3; n <= MANY; n += 1) box.remove(id(`w${n}`))
  box.put(id('w1'), { container: INBOX })
  box.put(id('w2'), { container: WORK, content: 'edited' })
  box.expire({ kinds: ['position', 'start'], of: 'containers', form: 404 })
}

export function fiveMails(box: ScriptedMailbox): void {
  box.createContainer(INBOX, 'Inbox')
  box.createContainer(WORK, 'Work')
  for (const n of [1, 2, 3]) box.put(id(`m${n}`), { container: INBOX, content: body(`mail ${n}`) })
  for (const n of [4, 5]) box.put(id(`m${n}`), { container: WORK, content: body(`mail ${n}`) })
}

export function twoFolders(box: ScriptedMailbox): void {
  box.createContainer(INBOX, 'Inbox')
  box.createContainer(WORK, 'Work')
  box.put(id('m1'), { container: INBOX, content: body('mail 1') })
  box.put(id('m2'), { container: WORK, content: body('mail 2') })
}

/** Whichever folder is read first, one of them is seen to leave before it is seen to arrive. */
export function bothMove(box: ScriptedMailbox): void {
  box.put(id('m1'), { container: WORK })
  box.put(id('m2'), { container: INBOX })
}

/** A folder that cannot be read any more; one message moved there, another is really gone. */
export function closedFolder(box: ScriptedMailbox): void {
  box.unreadable.set(WORK, TROUBLES.denied)
  box.put(id('m1'), { container: WORK })
  box.remove(id('m2'))
}

/** The service repairs what was corrupt or closed, so that every ledger entry can end. */
export function repaired(box: ScriptedMailbox): void {
  box.corrupt.clear()
  box.unreadable.clear()
}

/** Happens while one worker sleeps and another works: what its late rows would say is past. */
export function whileOneSleeps(box: ScriptedMailbox): void {
  box.put(id('m1'), { container: INBOX, flags: 'flagged' })
  box.put(id('m3'), { container: WORK })
  box.remove(id('m2'))
  box.put(id('m11'), { container: WORK, content: body('mail 11') })
}
