/**
 * The verdict: did everything come back, and was nothing else touched?
 *
 * It looks at the tenant's own state only: before the damage, after it, and after the restore.
 * Three questions, each answered message by message: (1) is everything that was there just
 * before the restore still there, exactly as it was; (2) does each original that had to come
 * back stand in its place once, and in which fields does it differ; (3) is there anything new
 * that nobody asked for. It imports nothing of src/, so that a wrong idea there cannot be shared
 * here. A difference is allowed only where docs/fidelity.md lists its field.
 */
import type { MailboxSnapshot, MessageSnapshot } from '../tenant/index.ts'
import { type Expectation, expect, identityOf, type RestoreAsked } from './expect.ts'
import { type Fidelity, isListed } from './fidelity.ts'
import { differencesOf, type FieldDifference } from './fields.ts'
import { byId, type Places, placesOf } from './places.ts'

export interface MailboxCase {
  readonly before: MailboxSnapshot
  /** Just before the restores began. */
  readonly damaged: MailboxSnapshot
  readonly after: MailboxSnapshot
  readonly restores: readonly RestoreAsked[]
  readonly notStored: ReadonlySet<string>
  /** What the restore said it would not write; each may explain one missing original. */
  readonly refused: readonly Refusal[]
}

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

export function judge(cases: readonly MailboxCase[], fidelity: Fidelity): Verdict {
  return together(cases.map((mailbox) => judgeMailbox(mailbox, fidelity)))
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

function judgeMailbox(mailbox: MailboxCase, fidelity: Fidelity): Verdict {
  const expectation = expect(mailbox)
  const places = placesOf(mailbox.before, mailbox.after)
  const found = pairUp(mailbox, expectation, places)
  const { unexplained, refusals } = explainMissing(mailbox, found.missing)
  const problems = [
    ...harmed(mailbox),
    ...missingFolders(mailbox, expectation, places),
    ...unexplained.map((m) => problem(mailbox, 'missing', m, 'it was not restored')),
    ...found.pairs.flatMap((pair) => misplaced(mailbox, pair, places)),
    ...found.extra.map((m) => extraProblem(mailbox, m)),
  ]
  const differences = found.pairs.flatMap((pair) => differencesOfPair(mailbox, pair, fidelity))
  const typed = refusals.every(({ code }) => code !== '')
  return {
    ok: problems.length === 0 && differences.every(({ listed }) => listed) && typed,
    expected: expectation.copies.length,
    restored: found.pairs.length,
    refused: refusals.length,
    missing: unexplained.length,
    untouched: expectation.untouched.length,
    keptNewer: expectation.newer.length,
    foldersExpected: expectation.folders.size,
    problems,
    differences,
    refusals,
  }
}

interface Pair {
  readonly original: MessageSnapshot
  readonly copy: MessageSnapshot
}

interface Pairing {
  readonly pairs: readonly Pair[]
  readonly missing: readonly MessageSnapshot[]
  readonly extra: readonly MessageSnapshot[]
}

/** By identity first; then by content, so that a lost Message-ID is a difference, not a loss. */
function pairUp(mailbox: MailboxCase, { copies }: Expectation, places: Places): Pairing {
  const old = new Set(mailbox.damaged.messages.map((m) => m.immutableId))
  const fresh = mailbox.after.messages.filter((m) => !old.has(m.immutableId))
  const byIdentity = pairBy(identityOf, { originals: copies, fresh, places })
  const byContent = pairBy(contentOf, {
    originals: byIdentity.missing,
    fresh: byIdentity.extra,
    places,
  })
  return { ...byContent, pairs: [...byIdentity.pairs, ...byContent.pairs] }
}

function contentOf({ subject, bodySha256 }: MessageSnapshot): string {
  return `${bodySha256} ${subject}`
}

function pairBy(
  keyOf: (message: MessageSnapshot) => string,
  given: {
    originals: readonly MessageSnapshot[]
    fresh: readonly MessageSnapshot[]
    places: Places
  },
): Pairing {
  const candidates = Map.groupBy(given.fresh, keyOf)
  const pairs: Pair[] = []
  const missing: MessageSnapshot[] = []
  for (const original of given.originals) {
    const homes = given.places.homes(original.folderId)
    const list = candidates.get(keyOf(original)) ?? []
    const copy = closest(original, list, homes)
    if (copy === undefined) {
      missing.push(original)
      continue
    }
    list.splice(list.indexOf(copy), 1)
    pairs.push({ original, copy })
  }
  return { pairs, missing, extra: [...candidates.values()].flat() }
}

/** In the right place before elsewhere, with few differences before many. */
function closest(
  original: MessageSnapshot,
  candidates: readonly MessageSnapshot[],
  homes: ReadonlySet<string>,
): MessageSnapshot | undefined {
  const [only, second] = candidates
  if (second === undefined) return only
  const distance = (m: MessageSnapshot) =>
    (homes.has(m.folderId) ? 0 : 1000) + differencesOf(original, m).length
  return candidates.toSorted((a, b) => distance(a) - distance(b))[0]
}

/** A refusal explains one missing original of the same subject in a folder of the same name. */
function explainMissing(
  mailbox: MailboxCase,
  missing: readonly MessageSnapshot[],
): { unexplained: MessageSnapshot[]; refusals: Refusal[] } {
  const open = [...mailbox.refused]
  const folders = byId(mailbox.before)
  const refusals: Refusal[] = []
  const unexplained = missing.filter((message) => {
    const folderName = folders.get(message.folderId)?.name
    const at = open.findIndex(
      (r) => message.subject.startsWith(r.name) && r.folderName === folderName,
    )
    if (at < 0) return true
    refusals.push(...open.splice(at, 1))
    return false
  })
  return { unexplained, refusals }
}

function harmed(mailbox: MailboxCase): Problem[] {
  const after = new Map(mailbox.after.messages.map((m) => [m.immutableId, m]))
  const messages = mailbox.damaged.messages.flatMap((was) => {
    const is = after.get(was.immutableId)
    if (!is) return [problem(mailbox, 'harmed', was, 'it is gone')]
    if (is.folderId !== was.folderId) return [problem(mailbox, 'harmed', was, 'it was moved')]
    const fields = differencesOf(was, is).map(({ field }) => field)
    if (fields.length === 0) return []
    return [problem(mailbox, 'harmed', was, `changed: ${fields.join(', ')}`)]
  })
  return [...messages, ...harmedFolders(mailbox)]
}

function harmedFolders(mailbox: MailboxCase): Problem[] {
  const after = byId(mailbox.after)
  return mailbox.damaged.folders.flatMap((was) => {
    const is = after.get(was.id)
    const same = is && is.name === was.name && is.parentId === was.parentId
    if (same && is.hidden === was.hidden) return []
    const detail = is ? 'it was renamed or moved' : 'it is gone'
    return [{ ...placeOf(mailbox, was), kind: 'folder-harmed' as const, detail }]
  })
}

function missingFolders(mailbox: MailboxCase, { folders }: Expectation, places: Places): Problem[] {
  return mailbox.before.folders
    .filter((folder) => folders.has(folder.id) && places.homes(folder.id).size === 0)
    .map((folder) => ({
      ...placeOf(mailbox, folder),
      kind: 'folder-missing' as const,
      detail: 'it was not made again',
    }))
}

function misplaced(mailbox: MailboxCase, { original, copy }: Pair, places: Places): Problem[] {
  if (places.homes(original.folderId).has(copy.folderId)) return []
  return [problem(mailbox, 'wrong-folder', original, `it came back in ${copy.folderPath}`)]
}

function extraProblem(mailbox: MailboxCase, message: MessageSnapshot): Problem {
  const identity = identityOf(message)
  const known = mailbox.before.messages.some((m) => identityOf(m) === identity)
  return known
    ? problem(mailbox, 'double', message, 'one more copy than was asked for')
    : problem(mailbox, 'unexpected', message, 'new, and no copy of an original')
}

function differencesOfPair(
  mailbox: MailboxCase,
  { original, copy }: Pair,
  fidelity: Fidelity,
): Difference[] {
  const place: FieldDifference[] =
    original.folderId === copy.folderId
      ? []
      : [{ field: 'parentFolderId', before: original.folderId, after: copy.folderId }]
  return [...differencesOf(original, copy), ...place].map((difference) => ({
    ...difference,
    user: userOf(mailbox),
    name: original.subject,
    listed: isListed(fidelity, difference),
  }))
}

function problem(
  mailbox: MailboxCase,
  kind: ProblemKind,
  message: MessageSnapshot,
  detail: string,
): Problem {
  const { subject: name, folderPath: folder } = message
  return { kind, user: userOf(mailbox), name, folder, detail }
}

function placeOf(mailbox: MailboxCase, folder: { name: string; path: string }) {
  return { user: userOf(mailbox), name: folder.name, folder: folder.path }
}

function userOf(mailbox: MailboxCase): string {
  return mailbox.before.user.profile.userPrincipalName
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
