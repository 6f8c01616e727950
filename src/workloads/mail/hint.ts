/**
 * The hint of a mailbox: has its list of folders anything to tell?
 *
 * A folder's counters change when mail comes, goes, moves or is read, and then the list tells the
 * folder again. It does not tell that a body was edited in place or a flag was set: for these the
 * mailbox is read whole every few hours, whatever the hint says.
 */
import { type Mailbox, WalkGuard } from '../../graph/index.ts'
import { FOLDERS_CALL, readFolderPage } from './changes.ts'
import { decodeFolderCursor } from './folders.ts'

/** Empty pages that are not the last one; after these the mailbox is read. */
const PAGES_MAX = 3

/** `text`: the link of the folder list, as `changes` gave it. Throws `ResyncNeeded`. */
export async function foldersChangedSince(
  mailbox: Mailbox,
  text: string,
  signal: AbortSignal,
): Promise<boolean> {
  let link = decodeFolderCursor(text)?.link
  const guard = new WalkGuard(FOLDERS_CALL)
  for (let pages = 0; pages < PAGES_MAX && link !== undefined; pages += 1) {
    const page = await readFolderPage({ mailbox, guard, link, signal })
    if (page.items.length + page.removed.length > 0) return true
    if (page.delta !== undefined) return false
    link = page.next
  }
  return true
}
