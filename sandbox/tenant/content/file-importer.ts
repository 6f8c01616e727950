/**
 * Imports a folder of real files into a OneDrive and into libraries of sites: bytes, folders and
 * dates stay as they are, and the place of each follows from its name, so that two imports agree.
 */
import { createReadStream } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Drive, DriveItem } from '../drive-model.ts'
import { stableNumber } from '../ids.ts'
import { IMPORT_FILES_MAX } from '../limits.ts'
import type { FileContent } from '../state/drive-items.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { createPersonalSite } from './generated-sites.ts'
import type { ImportResult } from './importer.ts'
import { mimeTypeOf } from './mime-types.ts'

const FOLDER_DEPTH_MAX = 50
const SITES = [
  {
    path: '/sites/imports',
    displayName: 'Imports',
    library: 'Documents',
    folder: 'Shared Documents',
  },
  { path: '/sites/archive', displayName: 'Archive', library: 'Old Files', folder: 'Old Files' },
] as const
/** Where a file goes that stands in no folder of its own. */
const FOLDERS = ['', 'Projects', 'Projects/Alpha', 'Received', 'Received/2025'] as const

/** Paths of all files below the folder, parts joined by `/`, in a fixed order. */
async function listFiles(directory: string): Promise<string[]> {
  const found: string[] = []
  const open: { path: string; depth: number }[] = [{ path: '', depth: 0 }]
  for (let at = open.pop(); at; at = open.pop()) {
    if (at.depth > FOLDER_DEPTH_MAX) throw new Error('the folders to import are too deep')
    for (const entry of await readdir(join(directory, at.path), { withFileTypes: true })) {
      const path = at.path === '' ? entry.name : `${at.path}/${entry.name}`
      if (entry.isDirectory()) open.push({ path, depth: at.depth + 1 })
      else if (entry.isFile()) found.push(path)
    }
    if (found.length > IMPORT_FILES_MAX) throw new Error(`more than ${IMPORT_FILES_MAX} files`)
  }
  return found.toSorted()
}

/** Of the first person with a OneDrive, or else of the first person; and of two sites. */
function importDrives(state: TenantState): Drive[] {
  return state.db.transaction(() => {
    const people = state.users.all().filter(({ mailbox }) => mailbox !== null)
    const owner = people.find(({ pk }) => state.sites.personal(pk)) ?? people[0]
    if (!owner) throw new Error('there is nobody whose OneDrive could take files')
    const personal = state.sites.personal(owner.pk)
    const own = personal ? state.sites.drives(personal)[0] : createPersonalSite(state, owner).drive
    return [...(own ? [own] : []), ...SITES.map((site) => libraryOf(state, site))]
  })
}

function libraryOf(
  state: TenantState,
  { path, displayName, library, folder }: (typeof SITES)[number],
) {
  const nowMs = state.nowMs()
  const site =
    state.sites.findByPath(path) ?? state.sites.create({ parent: null, path, displayName }, nowMs)
  const known = state.sites.drives(site).find(({ name }) => name === library)
  return known ?? state.sites.createDrive(site, { name: library, folder }, nowMs)
}

async function readContent(state: TenantState, file: string): Promise<FileContent> {
  const writer = state.contents.writer()
  try {
    for await (const bytes of createReadStream(file)) writer.append(bytes)
  } catch (error) {
    writer.discard()
    throw error
  }
  return { content: writer.finish(), mimeType: mimeTypeOf(file) }
}

/** Whole seconds: SharePoint keeps no more. */
async function datesOf(file: string) {
  const { birthtimeMs, mtimeMs } = await stat(file)
  const seconds = (ms: number) => Math.floor(ms / 1_000) * 1_000
  const createdMs = birthtimeMs > 0 ? Math.min(birthtimeMs, mtimeMs) : mtimeMs
  return { fsCreatedMs: seconds(createdMs), fsModifiedMs: seconds(mtimeMs) }
}

const FORBIDDEN = /["*:<>?\\|]|[. ]$|^[ ~]/

/** The folder of this path, made where it is missing. */
function folderAt(state: TenantState, drive: Drive, names: readonly string[]): DriveItem {
  return names.reduce(
    (at, name) =>
      state.items.childNamed(at, name) ?? state.items.createFolder(at, { name }, state.nowMs()),
    state.items.byPk(drive.root),
  )
}

function placeOf(path: string): { folders: string[]; name: string } {
  const names = path.split('/')
  const name = names.pop() ?? ''
  const own = FOLDERS[stableNumber('folder', path) % FOLDERS.length] ?? ''
  const folders = names.length > 0 ? names : own.split('/').filter((part) => part !== '')
  return { folders, name }
}

export async function importFiles(state: TenantState, directory: string): Promise<ImportResult> {
  const paths = await listFiles(directory)
  const drives = importDrives(state)
  const refused: { file: string; reason: string }[] = []
  let imported = 0
  for (const path of paths) {
    const drive = drives[stableNumber('drive', path) % drives.length]
    if (!drive) throw new Error('there is no drive to import into')
    const { folders, name } = placeOf(path)
    if ([...folders, name].some((part) => FORBIDDEN.test(part))) {
      refused.push({ file: path, reason: 'SharePoint takes no such name' })
      continue
    }
    const file = join(directory, path)
    const [dates, content] = [await datesOf(file), await readContent(state, file)]
    const isTaken = state.db.transaction(() => {
      const folder = folderAt(state, drive, folders)
      if (state.items.childNamed(folder, name)) return true
      state.items.createFile(folder, { name, ...dates }, content, state.nowMs())
      return false
    })
    if (isTaken) refused.push({ file: path, reason: 'a file of that name is there, in any case' })
    else imported += 1
  }
  return { imported, refused }
}
