/**
 * What a restore of files had to bring back, worked out from the states before and after the damage
 * and from what was asked for; the restore's own report is not looked at.
 */
import type { SiteSnapshot } from '../../tenant/index.ts'
import { below, nameKey, type Places } from '../places.ts'
import { filePlacesOf, filesOf, foldersOf, type SiteFile } from './places.ts'

/** One restore to the original place, in the tenant's own ids. */
export interface FileRestoreAsked {
  /** Everything, folders (libraries too) with what is below them, or single files. */
  readonly scope:
    | 'all'
    | { readonly folders: readonly string[] }
    | { readonly files: readonly string[] }
  /**
   * Where the place holds other content: leave it alone, put the original beside it, put it in its
   * place (the other one goes to the recycle bin), or make it a new version of it.
   */
  readonly conflict: 'skip' | 'copy' | 'replace' | 'version'
}

/** A file that had to come back. */
export interface ExpectedFile {
  readonly original: SiteFile
  /** What stood in its place with other content, and what had to become of it. */
  readonly conflict?: {
    readonly there: SiteFile
    readonly how: Exclude<FileRestoreAsked['conflict'], 'skip'>
  }
}

export interface FileExpectation {
  readonly copies: readonly ExpectedFile[]
  /** Originals that were in place and whole, so nothing was to be done. */
  readonly untouched: readonly SiteFile[]
  /** Originals whose place holds other content, which had to stay. */
  readonly newer: readonly SiteFile[]
  /** Folders that must be there: those in scope. */
  readonly folders: ReadonlySet<string>
}

export interface FileExpectInput {
  readonly before: SiteSnapshot
  readonly damaged: SiteSnapshot
  readonly restores: readonly FileRestoreAsked[]
  /** Originals that the backup could not store; the ledger says why. */
  readonly notStored: ReadonlySet<string>
}

/** System libraries are no person's. */
export function protectedLibraries(site: SiteSnapshot): SiteSnapshot {
  return { ...site, drives: site.drives.filter(({ drive }) => !drive.system) }
}

export function expectFiles(input: FileExpectInput): FileExpectation {
  const before = protectedLibraries(input.before)
  const covers = input.restores.map((asked) => ({ asked, covered: coverage(before, asked) }))
  const places = filePlacesOf(before, input.damaged)
  const originals = filesOf(before)
  const present = presence(originals, filesOf(input.damaged), places)
  const copies: ExpectedFile[] = []
  const untouched: SiteFile[] = []
  const newer: SiteFile[] = []
  for (const original of originals) {
    const asked = covers.filter(({ covered }) => covered.file(original)).map((each) => each.asked)
    if (asked.length === 0 || input.notStored.has(original.id)) continue
    const there = present.get(original)
    const how = asked.map(({ conflict }) => conflict).find((conflict) => conflict !== 'skip')
    if (!there) copies.push({ original })
    else if (there.sha256 === original.sha256) untouched.push(original)
    else if (how === undefined) newer.push(original)
    else copies.push({ original, conflict: { there, how } })
  }
  const folders = [...foldersOf(before).keys()].filter((id) =>
    covers.some(({ covered }) => covered.folder(id)),
  )
  return { copies, untouched, newer, folders: new Set(folders) }
}

interface Coverage {
  file(file: SiteFile): boolean
  folder(id: string): boolean
}

function coverage(before: SiteSnapshot, { scope }: FileRestoreAsked): Coverage {
  if (scope === 'all') return { file: () => true, folder: () => true }
  if ('folders' in scope) {
    const ids = below(foldersOf(before).values(), scope.folders)
    return { file: ({ folderId }) => ids.has(folderId), folder: (id) => ids.has(id) }
  }
  const ids = new Set(scope.files)
  const chosen = filesOf(before).filter(({ id }) => ids.has(id))
  const homes = new Set(chosen.map(({ folderId }) => folderId))
  return { file: ({ id }) => ids.has(id), folder: (id) => homes.has(id) }
}

/**
 * What stands in the place of each original after the damage: the file itself, under whatever
 * name, or else one of its name. A file that is there answers for one original only.
 */
function presence(
  originals: readonly SiteFile[],
  damaged: readonly SiteFile[],
  places: Places,
): Map<SiteFile, SiteFile> {
  const unclaimed = new Map(damaged.map((file) => [file.id, file]))
  const found = new Map<SiteFile, SiteFile>()
  for (const original of originals) {
    const itself = unclaimed.get(original.id)
    if (!itself || !places.homes(original.folderId).has(itself.folderId)) continue
    unclaimed.delete(itself.id)
    found.set(original, itself)
  }
  const byName = new Map(
    [...unclaimed.values()].map((file) => [placeKey(file.folderId, file), file]),
  )
  for (const original of originals) {
    if (found.has(original)) continue
    const keys = [...places.homes(original.folderId)].map((home) => placeKey(home, original))
    const key = keys.find((each) => byName.has(each))
    const namesake = key === undefined ? undefined : byName.get(key)
    if (!namesake || key === undefined) continue
    byName.delete(key)
    found.set(original, namesake)
  }
  return found
}

/** Names are unique in a folder, in any case. */
export function placeKey(folderId: string, { name }: { readonly name: string }): string {
  return `${folderId} ${nameKey(name)}`
}
