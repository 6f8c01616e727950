/** What the judges of mail and of files find, and how a verdict is made of it. */
import type { FieldDifference } from './fields.ts'

export interface Refusal {
  readonly name: string
  readonly folderName: string
  readonly code: string
}

export const PROBLEMS = [
  /** It had to come back and did not. */
  'missing',
  /** There is one more copy than was asked for. */
  'double',
  /** Something new that is no copy of an original. */
  'unexpected',
  /** It came back somewhere else. */
  'wrong-folder',
  /** It was there before the restore, and is gone or changed after it. */
  'harmed',
  'folder-missing',
  'folder-harmed',
] as const
export type ProblemKind = (typeof PROBLEMS)[number]

/** Subjects and names are the simulated tenant's: no real person's, unless mail was imported. */
export interface Problem {
  readonly kind: ProblemKind
  readonly user: string
  readonly name: string
  readonly folder: string
  readonly detail: string
}

export interface Difference extends FieldDifference {
  readonly user: string
  readonly name: string
  /** In the table of docs/fidelity.md. */
  readonly listed: boolean
}

export interface Verdict {
  /** No problem, no difference that is not listed, no refusal without a type. */
  readonly ok: boolean
  /** Copies that had to come back; the sum of the next three. */
  readonly expected: number
  readonly restored: number
  readonly refused: number
  readonly missing: number
  readonly untouched: number
  readonly keptNewer: number
  readonly foldersExpected: number
  readonly problems: readonly Problem[]
  readonly differences: readonly Difference[]
  readonly refusals: readonly Refusal[]
}

/** What a judge of one owner found. */
export interface Findings extends Pick<Verdict, 'problems' | 'differences' | 'refusals'> {
  readonly expectation: {
    readonly copies: readonly unknown[]
    readonly untouched: readonly unknown[]
    readonly newer: readonly unknown[]
    readonly folders: ReadonlySet<string>
  }
  readonly restored: number
  readonly missing: number
}

export function verdictOf(findings: Findings): Verdict {
  const { expectation, restored, missing, problems, differences, refusals } = findings
  const typed = refusals.every(({ code }) => code !== '')
  return {
    ok: problems.length === 0 && differences.every(({ listed }) => listed) && typed,
    expected: expectation.copies.length,
    restored,
    refused: refusals.length,
    missing,
    untouched: expectation.untouched.length,
    keptNewer: expectation.newer.length,
    foldersExpected: expectation.folders.size,
    problems,
    differences,
    refusals,
  }
}

/** One verdict of several. */
export function together(each: readonly Verdict[]): Verdict {
  const sum = (count: (part: Verdict) => number) =>
    each.reduce((total, part) => total + count(part), 0)
  return {
    ok: each.every((part) => part.ok),
    expected: sum((part) => part.expected),
    restored: sum((part) => part.restored),
    refused: sum((part) => part.refused),
    missing: sum((part) => part.missing),
    untouched: sum((part) => part.untouched),
    keptNewer: sum((part) => part.keptNewer),
    foldersExpected: sum((part) => part.foldersExpected),
    problems: each.flatMap((part) => part.problems),
    differences: each.flatMap((part) => part.differences),
    refusals: each.flatMap((part) => part.refusals),
  }
}

/** A refusal explains one missing original of the same name in a folder of the same name. */
export function explainMissing<T extends { readonly folderId: string }>(
  missing: readonly T[],
  given: {
    refused: readonly Refusal[]
    folders: ReadonlyMap<string, { readonly name: string }>
    nameOf: (original: T) => string
  },
): { unexplained: T[]; refusals: Refusal[] } {
  const open = [...given.refused]
  const refusals: Refusal[] = []
  const unexplained = missing.filter((original) => {
    const folderName = given.folders.get(original.folderId)?.name
    const at = open.findIndex(
      (r) => given.nameOf(original).startsWith(r.name) && r.folderName === folderName,
    )
    if (at < 0) return true
    refusals.push(...open.splice(at, 1))
    return false
  })
  return { unexplained, refusals }
}

/** How often each field differs, the listed ones last. */
export function countDifferences(
  differences: readonly Difference[],
): { field: string; count: number; listed: boolean }[] {
  const groups = Map.groupBy(differences, ({ field }) => field)
  return [...groups]
    .map(([field, list]) => {
      return { field, count: list.length, listed: list.every(({ listed }) => listed) }
    })
    .toSorted((a, b) => Number(a.listed) - Number(b.listed) || b.count - a.count)
}
