/**
 * Fills drives with believable folders and files, from one seed: OneDrives of people, and sites
 * with libraries.
 *
 * Invariants: the same options give the same ids, dates and content; contents are descriptions, so
 * 10,000 files take seconds and few bytes. Sizes are as in offices: most are small, few are large.
 */
import type { Actor, Drive, DriveItem, RemoteTarget } from '../drive-model.ts'
import { stableGuid, stableNumber } from '../ids.ts'
import type { User } from '../model.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { createPersonalSite } from './generated-sites.ts'
import { mimeTypeOf } from './mime-types.ts'
import { createRandom, type Random } from './random.ts'
import { VOCABULARIES } from './vocabulary.ts'

const FIRST_MS = Date.UTC(2024, 0, 8, 9)
const SPAN_DAYS = 700
const DAY_MS = 86_400_000
const FOLDERS_IN_ONE = 8
const FILES_MAX = 1_000_000
/** Of files whose size is drawn: two in three between these, some up to the last. */
const SMALL_BYTES = 2_000
const USUAL_BYTES = 120_000
const LARGE_BYTES = 6_000_000
const SHARED_SHARE = 0.03
const VERSIONS_SHARE = 0.1

export interface FileSeedOptions {
  /** In each drive. Missing: there are no sites and no OneDrives at all. */
  readonly files?: number
  /** In each drive, beside its root; missing: one for ten files. */
  readonly folders?: number
  /** Sites with a library each, beside the OneDrives. */
  readonly sites?: number
  /** The size of every file; missing: drawn. For benches. */
  readonly fileBytes?: number
  /** Everything that a backup stumbles over, beside the files above. */
  readonly oddFiles?: boolean
}

export interface FileSeedResult {
  readonly drives: number
  readonly files: number
}

type Plan = Required<Pick<FileSeedOptions, 'files' | 'folders'>> & {
  readonly seed: number
  readonly fileBytes: number | undefined
}

const KINDS = [
  ...(['docx', 'docx', 'docx', 'xlsx', 'xlsx', 'pdf', 'pdf', 'pptx'] as const),
  ...(['jpg', 'png', 'txt', 'csv', 'zip', 'mp4'] as const),
] as const
const TEXT_KINDS: ReadonlySet<string> = new Set(['txt', 'csv'])
const FOLDER_NAMES = [
  ...(['Contracts', 'Invoices', 'Projekte', 'Minutes', 'Photos', 'Drafts', 'Archive'] as const),
  ...(['Übergabe', 'Reports', 'Customers', '提案書', 'R&D #1'] as const),
] as const
const SITE_NAMES = ['Finance', 'Research', 'Sales', 'Projekt Süd', 'Handbook', 'Audit'] as const

/** `people`: who has a OneDrive. */
export function seedFiles(
  state: TenantState,
  people: readonly User[],
  options: FileSeedOptions & { readonly seed: number },
): FileSeedResult {
  const { files, seed, fileBytes, sites = 0, oddFiles = false } = options
  if (files === undefined) return { drives: 0, files: 0 }
  if (files * (people.length + sites) > FILES_MAX) {
    throw new Error(`at most ${FILES_MAX} files can be generated`)
  }
  const folders = options.folders ?? Math.ceil(files / 10)
  const plan = { files, folders, seed, fileBytes }
  const drives = [
    ...people.map((user) => createPersonalSite(state, user).drive),
    ...Array.from({ length: sites }, (_, n) => createTeamSite(state, n)),
  ]
  const authors = people.map(actorOf)
  for (const [n, drive] of drives.entries()) fillDrive(state, { drive, n, authors, plan })
  if (oddFiles) addOddFiles(state, drives, authors)
  return { drives: drives.length, files: files * drives.length }
}

function actorOf({ id, profile }: User): Actor {
  return { id, displayName: profile.displayName, kind: 'user' }
}

function createTeamSite(state: TenantState, n: number): Drive {
  const displayName = `${SITE_NAMES[n % SITE_NAMES.length]}${n < SITE_NAMES.length ? '' : ` ${n}`}`
  const path = `/sites/${displayName.normalize('NFD').replace(/[^\w]/g, '').toLowerCase()}`
  const group = n % 2 === 0 ? { group: stableGuid('group', path) } : {}
  const site = state.sites.create({ parent: null, path, displayName, ...group }, FIRST_MS)
  const library = { name: 'Documents', folder: 'Shared Documents' }
  const drive = state.sites.createDrive(site, library, FIRST_MS)
  const members = { kind: 'siteGroup', id: '5', displayName: `${displayName} Members` } as const
  state.sharing.add(state.items.byPk(drive.root), {
    ...{ roles: ['write'], grantees: [{ ...members, loginName: members.displayName }] },
    ...{ link: null, hasPassword: false, expiresMs: null },
  })
  return drive
}

interface Filling {
  readonly drive: Drive
  readonly n: number
  readonly authors: readonly Actor[]
  readonly plan: Plan
}

function fillDrive(state: TenantState, { drive, n, authors, plan }: Filling): void {
  const random = createRandom(stableNumber('files', plan.seed, n))
  const folders = createFolders(state, state.items.byPk(drive.root), plan.folders)
  for (let file = 0; file < plan.files; file += 1) {
    const parent = folders[file % folders.length]
    if (!parent) throw new Error('a drive has a root')
    createFile(state, { parent, serial: file, random, authors, plan })
  }
}

/** Some in each, so that the tree has levels; the root is the first. */
function createFolders(state: TenantState, root: DriveItem, count: number): DriveItem[] {
  const folders = [root]
  for (let n = 0; n < count; n += 1) {
    const parent = folders[Math.floor(n / FOLDERS_IN_ONE)] ?? root
    const name = `${FOLDER_NAMES[n % FOLDER_NAMES.length]} ${n + 1}`
    folders.push(state.items.createFolder(parent, { name }, FIRST_MS))
  }
  return folders
}

interface NewGeneratedFile {
  readonly parent: DriveItem
  readonly serial: number
  readonly random: Random
  readonly authors: readonly Actor[]
  readonly plan: Plan
}

function sizeOf(random: Random): number {
  if (random.chance(2 / 3)) return random.between(SMALL_BYTES, USUAL_BYTES)
  return random.chance(0.9)
    ? random.between(1, SMALL_BYTES)
    : random.between(USUAL_BYTES, LARGE_BYTES)
}

function createFile(state: TenantState, file: NewGeneratedFile): void {
  const { parent, serial, random, authors, plan } = file
  const kind = random.pick(KINDS)
  const subjects = VOCABULARIES[random.pick(['en', 'de'])]?.subjects ?? ['File']
  const name = `${random.pick(subjects)} ${serial + 1}.${kind}`.replace(/[/\\:*?"<>|]/g, '-')
  const nowMs = FIRST_MS + random.between(0, SPAN_DAYS) * DAY_MS + random.between(0, 30_000) * 1_000
  const by = authors[random.between(0, Math.max(0, authors.length - 1))]
  const content = (revision: number) =>
    state.contents.generated({
      seed: stableNumber('content', plan.seed, parent.id, serial, revision),
      size: plan.fileBytes ?? sizeOf(random),
      kind: TEXT_KINDS.has(kind) ? 'text' : 'binary',
    })
  const mimeType = mimeTypeOf(name)
  const fsCreatedMs = nowMs - random.between(0, 60) * 60_000
  const first = { content: content(1), mimeType }
  const times = { fsCreatedMs, fsModifiedMs: nowMs, ...(by ? { by } : {}) }
  const created = state.items.createFile(parent, { name, ...times }, first, nowMs)
  if (random.chance(VERSIONS_SHARE)) {
    const later = { nowMs: nowMs + DAY_MS, ...(by ? { by } : {}) }
    state.items.replaceContent(created, { content: content(2), mimeType }, later)
  }
  if (random.chance(SHARED_SHARE)) shareFile(state, created, random)
}

function shareFile(state: TenantState, item: DriveItem, random: Random): void {
  const scope = random.pick(['anonymous', 'organization'] as const)
  state.sharing.add(item, {
    ...{ roles: ['read'], grantees: [], hasPassword: false, expiresMs: null },
    link: { type: 'view', scope, preventsDownload: false },
  })
}

/** Legal in SharePoint, and each awkward somewhere. */
const ODD_NAMES = [
  "100 % sure - it's & so #1 + more.txt",
  'a=b;c,d@e!f$g~h^i`j{k}[l](m).txt',
  '日本語 🦊.txt',
  '.hidden',
] as const

/** In the first drive, and around the first site. */
function addOddFiles(
  state: TenantState,
  drives: readonly Drive[],
  authors: readonly Actor[],
): void {
  const [drive] = drives
  if (!drive) return
  const { items, contents } = state
  const root = items.byPk(drive.root)
  const odd = items.createFolder(root, { name: 'Odd' }, FIRST_MS)
  const put = (parent: DriveItem, name: string, text: string) =>
    items.createFile(
      parent,
      { name },
      { content: contents.fromBytes(Buffer.from(text)), mimeType: mimeTypeOf(name) },
      FIRST_MS,
    )
  for (const name of ODD_NAMES) put(odd, name, name)
  put(odd, 'empty.txt', '')
  const infected = put(odd, 'invoice.exe', 'not really evil')
  items.update(infected, { malware: 'Win32/Sandbox.A' }, { nowMs: FIRST_MS })
  const notebook = items.createFolder(odd, { name: 'Notebook' }, FIRST_MS, 'notebook')
  put(notebook, 'Open Notebook.onetoc2', 'table of contents')
  put(notebook, 'First section.one', 'ink')
  const deep = ['one', 'two', 'three', 'four', 'five', 'six', 'seven'].reduce(
    (parent, name) => items.createFolder(parent, { name }, FIRST_MS),
    odd,
  )
  const many = put(deep, 'many versions.txt', 'first')
  for (const text of ['second', 'third', 'fourth']) {
    const content = contents.fromBytes(Buffer.from(text))
    items.replaceContent(
      items.byPk(many.pk),
      { content, mimeType: 'text/plain' },
      { nowMs: FIRST_MS },
    )
  }
  const [author] = authors
  const password = put(odd, 'behind a password.txt', 'secret')
  state.sharing.add(password, {
    roles: ['read'],
    grantees: author ? [{ ...author, kind: 'user' }] : [],
    link: { type: 'view', scope: 'anonymous', preventsDownload: true },
    ...{ hasPassword: true, expiresMs: FIRST_MS + 2_000 * DAY_MS },
  })
  const target = drives.at(-1)
  if (target && target.pk !== drive.pk) addShortcut(state, odd, target)
  addOddSites(state)
}

function addShortcut(state: TenantState, parent: DriveItem, target: Drive): void {
  const remote: RemoteTarget = {
    driveId: target.id,
    itemId: state.items.byPk(target.root).id,
    siteId: state.sites.byPk(target.site).id,
    ...{ name: target.name, isFolder: true },
  }
  state.items.createShortcut(parent, { name: 'Shortcut to a library' }, remote, FIRST_MS)
}

/** A subsite, a hidden library, a second library, an archived and a locked site. */
function addOddSites(state: TenantState): void {
  const library = { name: 'Documents', folder: 'Shared Documents' }
  const make = (path: string, displayName: string) => {
    const site = state.sites.create({ parent: null, path, displayName }, FIRST_MS)
    return { site, drive: state.sites.createDrive(site, library, FIRST_MS) }
  }
  const { site } = make('/sites/records', 'Records')
  const hold = { name: 'Preservation Hold Library', system: true }
  const libraries = [
    state.sites.createDrive(site, { name: 'Scans' }, FIRST_MS),
    state.sites.createDrive(site, hold, FIRST_MS),
  ]
  const subsite = state.sites.create(
    { parent: site, path: 'board', displayName: 'Board' },
    FIRST_MS,
  )
  libraries.push(state.sites.createDrive(subsite, library, FIRST_MS))
  for (const { root, name } of libraries) {
    const content = state.contents.fromBytes(Buffer.from(`kept in ${name}`))
    const file = { content, mimeType: 'text/plain' }
    state.items.createFile(state.items.byPk(root), { name: 'kept.txt' }, file, FIRST_MS)
  }
  state.sites.setState(make('/sites/old', 'Old').site, 'fullyArchived')
  state.sites.setState(make('/sites/frozen', 'Frozen').site, 'locked')
}
