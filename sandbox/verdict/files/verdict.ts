/**
 * The verdict over files: did everything come back, and was nothing else touched?
 *
 * It looks at the tenant's own state only: before the damage, after it, and after the restore. The
 * same three questions as for mail (../verdict.ts), answered file by file: bytes by SHA-256, names,
 * folders, dates, and every other member of a file. A difference is allowed only where
 * docs/fidelity.md lists its field.
 */
import type { SiteSnapshot } from '../../tenant/index.ts'
import { type Fidelity, isListed } from '../fidelity.ts'
import type { FieldDifference } from '../fields.ts'
import {
  type Difference,
  explainMissing,
  type Problem,
  type ProblemKind,
  type Refusal,
  together,
  type Verdict,
  verdictOf,
} from '../findings.ts'
import { nameKey, type Places } from '../places.ts'
import {
  type ExpectedFile,
  expectFiles,
  type FileExpectation,
  type FileRestoreAsked,
  placeKey,
  protectedLibraries,
} from './expect.ts'
import { differencesOfFiles } from './fields.ts'
import { filePlacesOf, filesOf, foldersOf, type SiteFile } from './places.ts'

export interface SiteCase {
  readonly before: SiteSnapshot
  /** Just before the restores began. */
  readonly damaged: SiteSnapshot
  readonly after: SiteSnapshot
  readonly restores: readonly FileRestoreAsked[]
  readonly notStored: ReadonlySet<string>
  /** What the restore said it would not write; each may explain one missing original. */
  readonly refused: readonly Refusal[]
}

interface Pair extends ExpectedFile {
  readonly copy: SiteFile
}

export function judgeSites(cases: readonly SiteCase[], fidelity: Fidelity): Verdict {
  return together(cases.map((site) => judgeSite(site, fidelity)))
}

export function judgeSite(site: SiteCase, fidelity: Fidelity): Verdict {
  const expectation = expectFiles(site)
  const places = filePlacesOf(protectedLibraries(site.before), site.after)
  const found = pairUp(site, expectation, places)
  const { unexplained, refusals } = explainMissing(found.missing, {
    refused: site.refused,
    folders: foldersOf(site.before),
    nameOf: ({ name }) => name,
  })
  const problems = [
    ...harmed(site, expectation),
    ...missingFolders(site, expectation, places),
    ...unexplained.map((file) => problem(site, 'missing', file, 'it was not restored')),
    ...found.pairs.flatMap((pair) => misplaced(site, pair, places)),
    ...found.extra.map((file) => extraProblem(site, file)),
  ]
  const differences = found.pairs.flatMap((pair) => differencesOfPair(site, pair, fidelity))
  return verdictOf({
    expectation,
    restored: found.pairs.length,
    missing: unexplained.length,
    problems,
    differences,
    refusals,
  })
}

interface Pairing {
  readonly pairs: readonly Pair[]
  readonly missing: readonly SiteFile[]
  /** New, and the copy of nothing that was expected. */
  readonly extra: readonly SiteFile[]
}

/** By place first, then by content: a copy with another name, or in another folder. */
function pairUp(site: SiteCase, { copies }: FileExpectation, places: Places): Pairing {
  const after = filesOf(site.after)
  const old = new Set(filesOf(site.damaged).map(({ id }) => id))
  const fresh = new Map(after.filter(({ id }) => !old.has(id)).map((file) => [file.id, file]))
  const pairs: Pair[] = []
  let open: ExpectedFile[] = []
  for (const expected of copies) {
    if (expected.conflict?.how !== 'version') {
      open.push(expected)
      continue
    }
    const { there } = expected.conflict
    const copy = after.find(({ id }) => id === there.id)
    if (copy && copy.sha256 !== there.sha256) pairs.push({ ...expected, copy })
    else open.push(expected)
  }
  for (const find of [inPlace(fresh, places), ofContent(fresh, places), ofContent(fresh)]) {
    open = open.filter((expected) => {
      const copy = find(expected.original)
      if (!copy) return true
      fresh.delete(copy.id)
      pairs.push({ ...expected, copy })
      return false
    })
  }
  return { pairs, missing: open.map(({ original }) => original), extra: [...fresh.values()] }
}

type Find = (original: SiteFile) => SiteFile | undefined

function inPlace(fresh: ReadonlyMap<string, SiteFile>, places: Places): Find {
  const byPlace = new Map([...fresh.values()].map((file) => [placeKey(file.folderId, file), file]))
  return (original) => {
    const homes = [...places.homes(original.folderId)]
    const found = homes.map((home) => byPlace.get(placeKey(home, original)))
    return found.find((file) => file !== undefined && fresh.has(file.id))
  }
}

/** Without places: anywhere. */
function ofContent(fresh: ReadonlyMap<string, SiteFile>, places?: Places): Find {
  return (original) => {
    const homes = places?.homes(original.folderId)
    const alike = [...fresh.values()].filter(
      (file) => file.sha256 === original.sha256 && (homes?.has(file.folderId) ?? true),
    )
    const named = alike.find(({ name }) => nameKey(name) === nameKey(original.name))
    return named ?? alike[0]
  }
}

function harmed(site: SiteCase, { copies }: FileExpectation): Problem[] {
  const after = new Map(filesOf(site.after).map((file) => [file.id, file]))
  const conflicts = new Map(
    copies.flatMap(({ conflict }) =>
      conflict ? [[conflict.there.id, conflict.how] as const] : [],
    ),
  )
  const files = filesOf(site.damaged).flatMap((was) => {
    const is = after.get(was.id)
    const how = conflicts.get(was.id)
    if (how === 'replace') {
      const detail = 'it had to make room for the original'
      return is ? [problem(site, 'double', was, detail)] : []
    }
    if (!is) return [problem(site, 'harmed', was, 'it is gone')]
    if (is.folderId !== was.folderId) return [problem(site, 'harmed', was, 'it was moved')]
    if (how === 'version') {
      const detail = 'what it held is in no version of it any more'
      const isKept = is.versions.some(({ sha256 }) => sha256 === was.sha256)
      return isKept ? [] : [problem(site, 'harmed', was, detail)]
    }
    const fields = differencesOfFiles(was, is).map(({ field }) => field)
    if (fields.length === 0) return []
    return [problem(site, 'harmed', was, `changed: ${fields.join(', ')}`)]
  })
  return [...files, ...harmedFolders(site)]
}

function harmedFolders(site: SiteCase): Problem[] {
  const after = foldersOf(site.after)
  return [...foldersOf(site.damaged).values()].flatMap((was) => {
    const is = after.get(was.id)
    if (is && is.name === was.name && is.parentId === was.parentId) return []
    const detail = is ? 'it was renamed or moved' : 'it is gone'
    return [{ ...placeOf(site, was), kind: 'folder-harmed' as const, detail }]
  })
}

function missingFolders(site: SiteCase, { folders }: FileExpectation, places: Places): Problem[] {
  return [...foldersOf(site.before).values()]
    .filter((folder) => folders.has(folder.id) && places.homes(folder.id).size === 0)
    .map((folder) => ({
      ...placeOf(site, folder),
      kind: 'folder-missing' as const,
      detail: 'it was not made again',
    }))
}

function misplaced(site: SiteCase, { original, copy }: Pair, places: Places): Problem[] {
  if (places.homes(original.folderId).has(copy.folderId)) return []
  return [problem(site, 'wrong-folder', original, `it came back as ${copy.path}`)]
}

function extraProblem(site: SiteCase, file: SiteFile): Problem {
  const known = filesOf(site.before).some(({ sha256 }) => sha256 === file.sha256)
  return known
    ? problem(site, 'double', file, 'one more copy than was asked for')
    : problem(site, 'unexpected', file, 'new, and no copy of an original')
}

function differencesOfPair(site: SiteCase, pair: Pair, fidelity: Fidelity): Difference[] {
  const { original, copy } = pair
  const place: FieldDifference[] =
    original.folderId === copy.folderId
      ? []
      : [{ field: 'parentReference', before: original.folderId, after: copy.folderId }]
  return [...differencesOfFiles(original, copy), ...place]
    .filter(({ field }) => field !== 'name' || !mayBear(site, pair))
    .map((difference) => ({
      ...difference,
      user: nameOf(site),
      name: original.name,
      listed: isListed(fidelity, difference),
    }))
}

/**
 * Whether the copy may have another name than the original: a copy beside what has the name, a
 * version of what was renamed, and what takes the place of a renamed one whose name is taken.
 */
function mayBear(site: SiteCase, { original, copy, conflict }: Pair): boolean {
  if (!conflict) return false
  if (conflict.how === 'version') return copy.name === conflict.there.name
  const taken = filesOf(site.damaged).some(
    (file) =>
      file.folderId === conflict.there.folderId && nameKey(file.name) === nameKey(original.name),
  )
  if (!taken) return false
  return conflict.how === 'copy' || copy.name === conflict.there.name
}

function problem(site: SiteCase, kind: ProblemKind, file: SiteFile, detail: string): Problem {
  const folder = file.path.split('/').slice(0, -1).join('/')
  return { kind, user: nameOf(site), name: file.name, folder, detail }
}

function placeOf(site: SiteCase, folder: { name: string; path: string }) {
  return { user: nameOf(site), name: folder.name, folder: folder.path }
}

function nameOf({ before }: SiteCase): string {
  return before.site.path
}
