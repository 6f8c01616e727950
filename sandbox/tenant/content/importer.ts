/**
 * Imports a folder of real `.eml` files: the bytes stay as they are, Graph's fields are read
 * from them, and the place of each follows from its name, so that two imports agree.
 */
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { stableGuid, stableNumber } from '../ids.ts'
import { IMPORT_BYTES_MAX, IMPORT_FILES_MAX } from '../limits.ts'
import { parseMessage } from '../mime/parse.ts'
import type { User } from '../model.ts'
import type { NewMessage } from '../state/messages.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { DEFAULT_DOMAIN } from './generator.ts'

/** Shown as the date of mail whose own date nobody can read. */
const UNDATED_MS = Date.UTC(2020, 0, 1)
const IMPORT_MAILBOXES = 3
const FOLDERS = ['inbox', 'archive', 'sentitems', 'junkemail', 'Imported', 'Imported/Old'] as const

export interface ImportResult {
  readonly imported: number
  readonly refused: readonly { readonly file: string; readonly reason: string }[]
}

/** `directory`: `.eml` files, or a folder `emails/` with them. */
async function listMessages(directory: string): Promise<string[]> {
  const inner = join(directory, 'emails')
  const entries = await readdir(directory)
  const folder = entries.includes('emails') && (await stat(inner)).isDirectory() ? inner : directory
  const names = (await readdir(folder)).filter((name) => name.toLowerCase().endsWith('.eml'))
  if (names.length > IMPORT_FILES_MAX) throw new Error(`more than ${IMPORT_FILES_MAX} files`)
  return names.toSorted().map((name) => join(folder, name))
}

function importMailboxes(state: TenantState): User[] {
  const known = state.users.all().filter(({ mailbox }) => mailbox !== null)
  const missing = Math.max(0, IMPORT_MAILBOXES - known.length)
  const created = Array.from({ length: missing }, (_, n) => {
    const address = `import-${n + 1}@${DEFAULT_DOMAIN}`
    return state.createUser(
      {
        displayName: `Import ${n + 1}`,
        givenName: null,
        surname: null,
        userPrincipalName: address,
        mail: address,
        accountEnabled: true,
        userType: 'Member',
        jobTitle: null,
        department: null,
        officeLocation: null,
        preferredLanguage: null,
        createdDateTime: '2024-01-08T09:00:00Z',
      },
      { guid: stableGuid('import', n), purpose: 'user', timeZone: 'UTC', locale: 'en-US' },
    )
  })
  return [...known, ...created].slice(0, IMPORT_MAILBOXES)
}

/** A well-known name, or a path below the top of the mailbox that is made where it is missing. */
function folderFor(state: TenantState, user: User, place: string) {
  const known = state.folders.find(user, place)
  if (known) return known
  let parent = state.folders.wellKnown(user, 'msgfolderroot')
  for (const name of place.split('/')) {
    parent =
      state.folders.children(parent).find((child) => child.name === name) ??
      state.folders.create(user, { parent: parent.pk, name })
  }
  return parent
}

async function readMessage(file: string): Promise<NewMessage | { readonly refused: string }> {
  const { size } = await stat(file)
  if (size > IMPORT_BYTES_MAX) return { refused: `${size} bytes are more than a mailbox takes` }
  const source = await readFile(file)
  const name = basename(file)
  const parsed = await parseMessage(source, { seed: name, fallbackMs: UNDATED_MS })
  if ('refused' in parsed) return parsed
  const isRead = stableNumber('read', name) % 2 === 0
  return {
    content: { ...parsed.content, isRead },
    attachments: parsed.attachments,
    properties: [],
    source,
  }
}

export async function importMessages(state: TenantState, directory: string): Promise<ImportResult> {
  const files = await listMessages(directory)
  const users = importMailboxes(state)
  const refused: { file: string; reason: string }[] = []
  let imported = 0
  for (const file of files) {
    const name = basename(file)
    const message = await readMessage(file)
    if ('refused' in message) {
      refused.push({ file: name, reason: message.refused })
      continue
    }
    const user = users[stableNumber('mailbox', name) % users.length]
    const place = FOLDERS[stableNumber('folder', name) % FOLDERS.length] ?? 'inbox'
    if (!user) throw new Error('there is no mailbox to import into')
    state.db.transaction(() => {
      const folder = folderFor(state, user, place)
      state.messages.create(user, folder, message, message.content.receivedMs)
    })
    imported += 1
  }
  return { imported, refused }
}
