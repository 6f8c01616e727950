/**
 * What happens to files between backup and restore, and what is asked back afterwards.
 *
 * Three places: a OneDrive whose owner loses files (deleted, moved away by mistake), a library in
 * which somebody tidies up (a folder renamed, one in it deleted with its files) and meddles (texts
 * overwritten), and a library that is deleted as a whole. Everything follows from the snapshots, in
 * their order. New files come in meanwhile; a restore must leave them alone.
 */
import type { ControlClient, SiteSnapshot } from '../tenant/index.ts'
import {
  type FileRestoreAsked,
  filesOf,
  foldersOf,
  protectedLibraries,
  type SiteFile,
  type SiteFolder,
} from '../verdict/index.ts'
import { plural } from './progress.ts'
import type { SiteSnapshots } from './sites.ts'
import { Trouble } from './trouble.ts'

/** What is wanted back of one site, in the tenant's words. */
export interface FileWish {
  /** Where the site is on the web. */
  site: string
  asked: FileRestoreAsked
  /** For people. */
  text: string
}

export interface FileStory {
  events: string[]
  wishes: FileWish[]
}

const SHARE_DELETED = 0.15
const SHARE_MOVED = 0.08
const MOVED_TO = 'Moved by mistake'
const EDITED = 3
const NEWS = 'Came in after the backup.txt'
const SECOND_LIBRARY = 'Contracts'
const SECOND_LIBRARY_FILES = 6

/** A team site needs a second library that can be lost: makes one where there is none. */
export async function addSecondLibrary(control: ControlClient): Promise<void> {
  const teams = (await control.sites({})).sites.filter(({ isPersonal }) => !isPersonal)
  const team = teams.at(-1)
  if (!team || teams.flatMap(({ drives }) => drives).length > teams.length) return
  const { id: drive } = await control.createLibrary({ site: team.id, name: SECOND_LIBRARY })
  for (let n = 1; n <= SECOND_LIBRARY_FILES; n += 1) {
    const path = n % 2 === 0 ? `Contract ${n}.txt` : `Signed/2025/Contract ${n}.txt`
    const dates = { created: '2025-02-03T08:00:00Z', modified: `2025-03-0${n}T09:30:00Z` }
    await control.putFile({ drive, path, text: `The ${n}. contract.\n`, ...dates })
  }
}

/** Makes it happen. Needs a OneDrive, and libraries of two kinds: one that stays, one that goes. */
export async function tellFileStory(
  control: ControlClient,
  sites: SiteSnapshots,
): Promise<FileStory> {
  const all = [...sites.values()].map(protectedLibraries)
  const own = all.find(({ site }) => isPersonal(site))
  const teams = all.filter(({ site }) => !isPersonal(site))
  const libraries = teams.flatMap((site) => site.drives.map((library) => ({ site, library })))
  const lost = libraries.at(-1)
  const kept = libraries.find(({ library }) => library !== lost?.library && hasTree(library))
  if (!own || !lost || !kept) {
    throw new Trouble('The story of files needs a OneDrive and two libraries with folders.', {
      hint: 'Import more files, or use the generated tenant.',
    })
  }
  const chapters = [
    await lose(control, own),
    await tidy(control, { site: kept.site, drives: [kept.library] }),
    await loseLibrary(control, lost),
    await newFiles(control, [own, { ...kept.site, drives: [kept.library] }]),
  ]
  return {
    events: chapters.flatMap(({ events }) => events),
    wishes: chapters.flatMap(({ wishes }) => wishes),
  }
}

type Library = SiteSnapshot['drives'][number]

function isPersonal({ path }: SiteSnapshot['site']): boolean {
  return path.startsWith('/personal/')
}

function hasTree(library: Library): boolean {
  return branchOf({ drives: [library] }) !== undefined
}

/** Files that a person would act on, the newest first. */
export function ordinaryFiles(site: Pick<SiteSnapshot, 'drives'>): SiteFile[] {
  const notebooks = new Set(
    site.drives.flatMap(({ items }) =>
      items.filter(({ kind }) => kind === 'notebook').map(({ id }) => id),
    ),
  )
  return filesOf(site)
    .filter(
      ({ kind, malware, folderId }) => kind === 'file' && !malware && !notebooks.has(folderId),
    )
    .toSorted((a, b) => b.fsModifiedMs - a.fsModifiedMs || a.path.localeCompare(b.path))
}

async function lose(control: ControlClient, site: SiteSnapshot): Promise<FileStory> {
  const [library] = site.drives
  const drive = library?.drive.id ?? ''
  const files = ordinaryFiles(site)
  const deleted = files.slice(0, Math.max(2, Math.ceil(files.length * SHARE_DELETED)))
  for (const { id } of deleted) await control.deleteItem({ drive, item: id })
  const rest = files.slice(deleted.length)
  const moved = rest.slice(0, Math.ceil(files.length * SHARE_MOVED))
  await control.makeFolder({ drive, path: MOVED_TO })
  // Names are unique in a folder, and files of several folders come together here.
  for (const [n, { id, name }] of moved.entries()) {
    await control.moveItem({ drive, item: id, target: MOVED_TO, name: `${n + 1} ${name}` })
  }
  const who = site.site.displayName
  return {
    events: [
      `${who} deleted ${plural(deleted.length, 'file')} in OneDrive`,
      `${who} moved ${plural(moved.length, 'file')} to the folder "${MOVED_TO}"`,
    ],
    wishes: [
      {
        site: site.site.url,
        asked: { scope: 'all', conflict: 'skip' },
        text: 'the whole OneDrive',
      },
    ],
  }
}

interface Branch {
  parent: SiteFolder
  child: SiteFolder
}

/** A folder with another one in it, in which files stand. */
function branchOf(site: Pick<SiteSnapshot, 'drives'>): Branch | undefined {
  const folders = foldersOf(site)
  const filled = new Set(ordinaryFiles(site).map(({ folderId }) => folderId))
  for (const child of folders.values()) {
    const parent = child.parentId === null ? undefined : folders.get(child.parentId)
    if (parent && parent.parentId !== null && filled.has(child.id)) return { parent, child }
  }
  return undefined
}

async function tidy(
  control: ControlClient,
  { site, drives }: { site: SiteSnapshot; drives: readonly Library[] },
): Promise<FileStory> {
  const [library] = drives
  const branch = branchOf({ drives })
  if (!library || !branch) throw new Error('the library was chosen because it has a branch')
  const { parent, child } = branch
  const drive = library.drive.id
  const newName = `${parent.name} (done)`
  await control.deleteItem({ drive, item: child.id })
  await control.renameItem({ drive, item: parent.id, name: newName })
  const below = `${child.path}/`
  const edited = ordinaryFiles({ drives })
    .filter(({ path }) => !path.startsWith(below))
    .slice(0, EDITED)
  for (const { path } of edited) {
    const now = path.startsWith(`${parent.path}/`)
      ? [...parent.path.split('/').slice(0, -1), newName, path.slice(parent.path.length + 1)]
      : [path]
    await control.putFile({ drive, path: now.join('/'), text: 'Overwritten after the backup.\n' })
  }
  const { url, displayName: where } = site.site
  const files = edited.map(({ id }) => id)
  return {
    events: [
      `in ${where} somebody renamed the folder ${parent.path} to "${newName}"`,
      `in ${where} somebody deleted the folder ${child.path} with everything in it`,
      `in ${where} somebody overwrote ${plural(files.length, 'file')}`,
    ],
    wishes: [
      {
        site: url,
        asked: { scope: { folders: [child.id] }, conflict: 'skip' },
        text: `the folder ${child.path}`,
      },
      {
        site: url,
        asked: { scope: { files }, conflict: 'version' },
        text: 'the overwritten files (as new versions)',
      },
    ],
  }
}

async function loseLibrary(
  control: ControlClient,
  { site, library }: { site: SiteSnapshot; library: Library },
): Promise<FileStory> {
  const { id: drive, name } = library.drive
  await control.deleteLibrary({ drive })
  return {
    events: [`the library ${name} of ${site.site.displayName} was deleted`],
    wishes: [
      {
        site: site.site.url,
        asked: { scope: { folders: [drive] }, conflict: 'skip' },
        text: `the library ${name}`,
      },
    ],
  }
}

async function newFiles(
  control: ControlClient,
  sites: readonly { readonly drives: readonly Library[] }[],
): Promise<FileStory> {
  for (const { drives } of sites) {
    const drive = drives[0]?.drive.id
    if (drive === undefined) continue
    await control.putFile({ drive, path: NEWS, text: 'A restore must not touch this.\n' })
  }
  return {
    events: [`${plural(sites.length, 'new file')} came in that no restore may touch`],
    wishes: [],
  }
}

const ATTACK_SEED = 11
/** Of the files that are hit. */
const SHARE_LOST = 0.15
const LATER = 'Came in after the attack.txt'

export interface FileAttack extends FileStory {
  encrypted: number
  deleted: number
}

/** Ids of all libraries that a backup reads. */
export function librariesOf(sites: SiteSnapshots): Set<string> {
  const all = [...sites.values()].flatMap((site) => protectedLibraries(site).drives)
  return new Set(all.map(({ drive }) => drive.id))
}

/**
 * These libraries are reached, as they are by a computer that syncs them; `share` of each is hit.
 * A library that is new is not among them: Holdfast looks for new ones every few hours.
 */
export async function attackFiles(
  control: ControlClient,
  given: { sites: SiteSnapshots; libraries: ReadonlySet<string>; share: number },
): Promise<FileAttack> {
  const { sites, libraries, share } = given
  const done = { encrypted: 0, deleted: 0 }
  const wishes: FileWish[] = []
  for (const [url, snapshot] of sites) {
    for (const { drive } of snapshot.drives.filter((each) => libraries.has(each.drive.id))) {
      const hit = await control.ransomDrive({
        ...{ drive: drive.id, seed: ATTACK_SEED, share, deletedShare: SHARE_LOST },
      })
      done.encrypted += hit.encrypted.length
      done.deleted += hit.deleted.length
      await control.putFile({ drive: drive.id, path: LATER, text: 'Not yours to touch.\n' })
    }
    const { displayName: name } = snapshot.site
    wishes.push({
      site: url,
      asked: { scope: 'all', conflict: 'replace' },
      text: `all libraries of ${name} (as they were just before the attack)`,
    })
  }
  return {
    ...done,
    events: [
      `ransomware overwrote and renamed ${plural(done.encrypted, 'file')} in ` +
        `${plural(sites.size, 'site')}, deleted ${plural(done.deleted, 'file')}, and left notes`,
      'in each library one more file came in after it, and a backup ran over all of it',
    ],
    wishes,
  }
}
