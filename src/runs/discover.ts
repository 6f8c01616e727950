/**
 * Discovery: the directory's users become resources, and the policy decides which have an owner.
 *
 * Each call goes on where the last one ended, whatever ended it: the position in the directory,
 * the policy that was applied and the open full reading are notes in the catalogue.
 */
import type { Catalogue } from '../catalogue/types.ts'
import { hasCode } from '../model/errors.ts'
import type { PolicyStore } from '../policy/index.ts'
import type { Clock, Randomness } from '../ports.ts'
import type { VaultApi } from '../vault/types.ts'
import type { Directory, DirectoryPage } from './directory.ts'
import { beginReading, compareReading, endReading, fullReading } from './full-reading.ts'
import { gone, mailboxCheck, type SeeingDeps, seen } from './seen.ts'

export interface DiscoverDeps {
  catalogue: Catalogue
  vault: VaultApi
  directory: Directory
  policies: PolicyStore
  clock: Clock
  random: Randomness
}

interface Discovering extends SeeingDeps {
  directory: Directory
}

const LINK_NOTE = 'directory-users-link'
/** Number of the policy that the resources' states were last decided by. */
const POLICY_NOTE = 'policy-applied'
const RESOURCES_PAGE = 500
/** How often a user without a mailbox, or with one that cannot be looked at, is asked for again. */
const RECHECK_MS = 2 * 3_600_000
/** One discovery asks for them no longer than this. */
const RECHECK_CALL_MS = 30_000
/** Where the next one goes on: a continuation of the resources, empty at their beginning. */
const RECHECK_NOTE = 'recheck-position'
/** A directory whose pages never end is an error of the service, not a large company. */
const PAGES_MAX = 5000

/** Reads what changed in the directory. False: the deadline came first; call again. */
export async function discover(
  deps: DiscoverDeps,
  deadline: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { n, policy } = await deps.policies.read(signal)
  const { catalogue, vault, directory, clock, random } = deps
  const mailboxes = mailboxCheck(directory)
  const seeing = { catalogue, vault, directory, clock, random, mailboxes, policy }
  await applyPolicy(seeing, n, signal)
  if (!(await readDirectory(seeing, deadline, signal))) return false
  if (!(await compareReading(seeing, deadline, signal))) return false
  await recheckEmpty(seeing, deadline, signal)
  return true
}

async function readDirectory(
  deps: Discovering,
  deadline: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { catalogue } = deps
  let link = (await catalogue.note(LINK_NOTE, signal)) ?? null
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const { read, reading } = await readPage(deps, link, signal)
    for (const user of read.users) await seen(deps, user, reading, signal)
    for (const user of read.removed) await gone(deps, user, signal)
    if (read.next === undefined) await endReading(catalogue, signal)
    link = read.next ?? read.delta ?? null
    if (link !== null) await catalogue.saveNote(LINK_NOTE, link, signal)
    if (read.next === undefined) return true
    if (deps.clock.now() >= deadline) return false
  }
  return false
}

/** Without a link that is good, the directory is read as a whole (full-reading.ts). */
async function readPage(
  { directory, catalogue }: Discovering,
  link: string | null,
  signal: AbortSignal,
): Promise<{ read: DirectoryPage; reading: number | undefined }> {
  if (link !== null) {
    try {
      const read = await directory.users(link, signal)
      return { read, reading: (await fullReading(catalogue, signal))?.n }
    } catch (error) {
      if (!hasCode(error, 'ResyncNeeded')) throw error
    }
  }
  const { n } = await beginReading(catalogue, signal)
  return { read: await directory.users(null, signal), reading: n }
}

/** A new policy decides anew about everybody: the directory's delta only tells who changed. */
async function applyPolicy(deps: Discovering, n: number, signal: AbortSignal): Promise<void> {
  if ((await deps.catalogue.note(POLICY_NOTE, signal)) === String(n)) return
  let continuation: string | undefined
  do {
    const query = { max: RESOURCES_PAGE, ...(continuation !== undefined && { continuation }) }
    const page = await deps.catalogue.resources.list(query, signal)
    for (const resource of page.items) {
      if (resource.state === 'gone') continue
      const { graphId: id, name, address } = resource
      await seen(deps, { id, name, address }, undefined, signal)
    }
    continuation = page.continuation
  } while (continuation !== undefined)
  await deps.catalogue.saveNote(POLICY_NOTE, String(n), signal)
}

/**
 * A mailbox may come later than its user (a licence takes effect within hours), and the directory
 * does not tell; so those that had none, or could not be looked at, are asked for again. A tenant
 * may have thousands of them, so each discovery takes some, and the next one goes on behind them:
 * nobody's backup waits for this.
 */
async function recheckEmpty(
  deps: Discovering,
  deadline: number,
  signal: AbortSignal,
): Promise<void> {
  const { catalogue, clock } = deps
  const before = new Date(clock.now() - RECHECK_MS).toISOString()
  const until = Math.min(deadline, clock.now() + RECHECK_CALL_MS)
  let continuation = (await catalogue.note(RECHECK_NOTE, signal)) || undefined
  do {
    const query = { max: RESOURCES_PAGE, ...(continuation !== undefined && { continuation }) }
    const page = await catalogue.resources.list(query, signal)
    for (const { state, seenAt, graphId: id, name, address } of page.items) {
      if (state !== 'no-content' && state !== 'unreachable') continue
      if (seenAt > before) continue
      if (clock.now() >= until) return
      await seen(deps, { id, name, address }, undefined, signal)
    }
    const goesOn = page.continuation !== undefined || continuation !== undefined
    continuation = page.continuation
    if (goesOn) await catalogue.saveNote(RECHECK_NOTE, continuation ?? '', signal)
  } while (continuation !== undefined)
}
