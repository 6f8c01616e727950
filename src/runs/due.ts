/**
 * Is a scheduled run due? Only where there is something for it to do: a protected owner whose time
 * has come (for a round, or for a hint), or a directory that nobody has looked at lately. Owners of
 * people who are gone or excluded keep their rows, and their old times mean nothing.
 */
import type { Catalogue, Owner } from '../catalogue/types.ts'
import type { KeyHash } from '../model/ids.ts'

const DISCOVERY_EVERY_MS = 60 * 60_000
/** Newest runs looked at: a scheduled run that is open is among them. */
const RUNS_MAX = 50
const RESOURCES_PAGE = 500

/**
 * Due for a round, whatever a hint would say. Never behind a fence: each tick would plan the owner
 * in vain, and before everybody else, because nothing reads it. The end of its rebuild makes it due.
 */
export function isDue(owner: Owner, now: number): boolean {
  return !owner.isFenced && Date.parse(owner.dueAt) <= now
}

/** Not due, and to be asked whether it should be. */
export function isHintDue(owner: Owner, now: number): boolean {
  if (owner.isFenced || owner.hintAt === undefined) return false
  return !isDue(owner, now) && Date.parse(owner.hintAt) <= now
}

/**
 * False while a scheduled run is open. One that a person asked for stops nobody: it may go on for
 * a day over one mailbox, and the owner's lease keeps the two apart.
 */
export async function isRunDue(
  catalogue: Catalogue,
  now: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { items: runs } = await catalogue.runs.list({ max: RUNS_MAX }, signal)
  const isOpen = runs.some(
    (r) => r.kind === 'scheduled' && ['queued', 'planning', 'running'].includes(r.state),
  )
  if (isOpen) return false
  const latest = runs[0]
  if (!latest || now - Date.parse(latest.createdAt) > DISCOVERY_EVERY_MS) return true
  let known: ReadonlySet<KeyHash> | undefined
  for await (const owner of catalogue.owners.all(signal)) {
    if (!isDue(owner, now) && !isHintDue(owner, now)) continue
    known ??= await protectedKeys(catalogue, signal)
    if (known.has(owner.resource)) return true
  }
  return false
}

/** Every resource that is protected now. */
export async function protectedKeys(
  catalogue: Catalogue,
  signal: AbortSignal,
): Promise<ReadonlySet<KeyHash>> {
  const keys = new Set<KeyHash>()
  let continuation: string | undefined
  do {
    const query = { max: RESOURCES_PAGE, ...(continuation !== undefined && { continuation }) }
    const page = await catalogue.resources.list(query, signal)
    for (const { key, state } of page.items) if (state === 'protected') keys.add(key)
    continuation = page.continuation
  } while (continuation !== undefined)
  return keys
}
