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
import {
  type Difference,
  explainMissing,
  type Problem,
  type ProblemKind,
  type Refusal,
  together,
  type Verdict,
  verdictOf,
} from './findings.ts'
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

export function judge(cases: readonly MailboxCase[], fidelity: Fidelity): Verdict {
  return together(cases.map((mailbox) => judgeMailbox(mailbox, fidelity)))
}

function judgeMailbox(mailbox: MailboxCase, fidelity: Fidelity): Verdict {
  const expectation = expect(mailbox)
  const places = placesOf(mailbox.before, mailbox.after)
  const found = pairUp(mailbox, expectation, places)
  const { unexplained, refusals } = explainMissing(found.missing, {
    refused: mailbox.refused,
    folders: byId(mailbox.before),
    nameOf: ({ subject }) => subject,
  })
  const problems = [
    ...harmed(mailbox),
    ...missingFolders(mailbox, expectation, places),
    ...unexplained.map((m) => problem(mailbox, 'missing', m, 'it was not restored')),
    ...found.pairs.flatMap((pair) => misplaced(mailbox, pair, places)),
    ...found.extra.map((m) => extraProblem(mailbox, m)),
  ]
  const differences = found.pairs.flatMap((pair) => differencesOfPair(mailbox, pair, fidelity))
  return verdictOf({
    expectation,
    restored: found.pairs.length,
    missing: unexplained.length,
    problems,
    differences,
    refusals,
  })
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
