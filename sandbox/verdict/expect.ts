/**
 * What a restore had to bring back, worked out from the states before and after the damage and
 * from what was asked for; the restore's own report is not looked at.
 */
import type { MailboxSnapshot, MessageSnapshot } from '../tenant/index.ts'
import { differencesOf } from './fields.ts'
import { below, placesOf, protectedFolders } from './places.ts'

/** One restore to the original place, in the tenant's own ids. */
export interface RestoreAsked {
  /** Everything, folders with what is below them, or single messages (immutable ids). */
  readonly scope:
    | 'all'
    | { readonly folders: readonly string[] }
    | { readonly messages: readonly string[] }
  /** Where the place holds other content: leave it alone, or put the original beside it. */
  readonly conflict: 'skip' | 'copy'
}

export interface Expectation {
  /** Originals of which one new copy must stand in their place. */
  readonly copies: readonly MessageSnapshot[]
  /** Originals that were in place and unchanged, so nothing was to be done. */
  readonly untouched: readonly MessageSnapshot[]
  /** Originals whose place holds a newer state, which a restore must not overwrite. */
  readonly newer: readonly MessageSnapshot[]
  /** Folders that must be there: those in scope. */
  readonly folders: ReadonlySet<string>
}

export interface ExpectInput {
  readonly before: MailboxSnapshot
  readonly damaged: MailboxSnapshot
  readonly restores: readonly RestoreAsked[]
  /** Originals that the backup could not store; the ledger says why. Immutable ids. */
  readonly notStored: ReadonlySet<string>
}

export function expect(input: ExpectInput): Expectation {
  const { before, restores } = input
  const guarded = protectedFolders(before)
  const held = before.messages.filter(
    (m) => guarded.has(m.folderId) && !input.notStored.has(m.immutableId),
  )
  const covers = restores.map((asked) => ({ asked, covered: coverage(before, guarded, asked) }))
  const isCovered = (message: MessageSnapshot, conflict: RestoreAsked['conflict']) =>
    covers.some(({ asked, covered }) => asked.conflict === conflict && covered.message(message))
  const present = presence(held, input)
  const copies: MessageSnapshot[] = []
  const untouched: MessageSnapshot[] = []
  const newer: MessageSnapshot[] = []
  for (const original of held) {
    const mayCopy = isCovered(original, 'copy')
    if (!mayCopy && !isCovered(original, 'skip')) continue
    const state = present.get(original) ?? 'gone'
    if (state === 'gone' || (state === 'edited' && mayCopy)) copies.push(original)
    else if (state === 'same') untouched.push(original)
    else newer.push(original)
  }
  const folders = new Set([...guarded].filter((id) => covers.some((c) => c.covered.folder(id))))
  return { copies, untouched, newer, folders }
}

interface Coverage {
  message(message: MessageSnapshot): boolean
  folder(id: string): boolean
}

function coverage(
  before: MailboxSnapshot,
  guarded: ReadonlySet<string>,
  { scope }: RestoreAsked,
): Coverage {
  if (scope === 'all') {
    return { message: (m) => guarded.has(m.folderId), folder: (id) => guarded.has(id) }
  }
  if ('folders' in scope) {
    const ids = below(before.folders, scope.folders)
    return { message: (m) => ids.has(m.folderId), folder: (id) => ids.has(id) }
  }
  const ids = new Set(scope.messages)
  const homes = new Set(
    before.messages.filter((m) => ids.has(m.immutableId)).map((m) => m.folderId),
  )
  return { message: (m) => ids.has(m.immutableId), folder: (id) => homes.has(id) }
}

/** `marked`: the same message, read, flagged or categorised since. `edited`: other content. */
type Presence = 'same' | 'marked' | 'edited' | 'gone'

/** Fields that may change while the message stays the same for a person. */
const MARKS: ReadonlySet<string> = new Set([
  ...['id', 'changeKey', 'createdDateTime', 'lastModifiedDateTime'],
  ...['singleValueExtendedProperties', 'isRead', 'flag', 'categories'],
])

/**
 * For each original: is something with its identity in its place, after the damage? A message
 * that is there answers for one original only; the same message first.
 */
function presence(
  held: readonly MessageSnapshot[],
  { before, damaged }: ExpectInput,
): Map<MessageSnapshot, Presence> {
  const places = placesOf(before, damaged)
  const unclaimed = new Map(damaged.messages.map((m) => [m.immutableId, m]))
  const result = new Map<MessageSnapshot, Presence>()
  for (const original of held) {
    const same = unclaimed.get(original.immutableId)
    if (!same || !places.homes(original.folderId).has(same.folderId)) continue
    unclaimed.delete(original.immutableId)
    if (identityOf(same) !== identityOf(original)) continue
    result.set(original, stateOf(original, same))
  }
  const byIdentity = Map.groupBy(unclaimed.values(), identityOf)
  for (const original of held) {
    if (result.has(original)) continue
    const homes = places.homes(original.folderId)
    const twins = byIdentity.get(identityOf(original)) ?? []
    const at = twins.findIndex((twin) => homes.has(twin.folderId))
    if (at < 0) continue
    const [twin] = twins.splice(at, 1)
    if (twin) result.set(original, stateOf(original, twin))
  }
  return result
}

function stateOf(original: MessageSnapshot, now: MessageSnapshot): Presence {
  if (now.immutableId === original.immutableId && now.seq === original.seq) return 'same'
  const isEdited = differencesOf(original, now).some(({ field }) => !MARKS.has(field))
  return isEdited ? 'edited' : 'marked'
}

/** What tells one mail from another for a person: its Message-ID and when it was sent. */
export function identityOf(message: MessageSnapshot): string {
  return `${message.internetMessageId} ${message.sentMs}`
}
