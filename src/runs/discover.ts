/**
 * Discovery: the directory's users become resources, and the policy decides which have an owner.
 *
 * Crash-safe in this order: the resource row names the new owner id, then keys and owner record
 * are made, then the owner row. Whatever is missing of a protected resource is made good at the
 * next discovery, because `ensureOwner` looks at what is there.
 */
import type { Catalogue, Owner, Resource } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import { type GraphId, type KeyHash, keyHash, type OwnerId, parseOwnerId } from '../model/ids.ts'
import { type Policy, type PolicyStore, protects } from '../policy/index.ts'
import type { Clock, Randomness } from '../ports.ts'
import type { VaultApi } from '../vault/types.ts'

/** A user as the directory says it. */
export interface DirectoryUser {
  id: GraphId
  name: string
  /** Mail address, or the sign-in name where there is none. */
  address: string
}

export interface DirectoryPage {
  users: DirectoryUser[]
  /** Users that are gone from the directory. */
  removed: GraphId[]
  next?: string
  delta?: string
}

export interface Directory {
  /** One page of `/users/delta`; null: from the beginning. Throws `ResyncNeeded`. */
  users(link: string | null, signal: AbortSignal): Promise<DirectoryPage>
  /** Has this user a mailbox that Graph can read? The code says why not. */
  mailbox(user: GraphId, signal: AbortSignal): Promise<{ available: boolean; reason: string }>
}

export interface DiscoverDeps {
  catalogue: Catalogue
  vault: VaultApi
  directory: Directory
  policies: PolicyStore
  clock: Clock
  random: Randomness
}

/** Bytes of an owner id (model/ids.ts). */
const OWNER_ID_BYTES = 16
const LINK_NOTE = 'directory-users-link'
/** Number of the policy that the resources' states were last decided by. */
const POLICY_NOTE = 'policy-applied'
const RESOURCES_PAGE = 500
/** How often a user without a mailbox is looked at again. */
const RECHECK_MS = 2 * 3_600_000
/** Users in a row whose mailbox may be unavailable by itself; the next one means the service. */
const UNAVAILABLE_RUN_MAX = 3
/** A directory whose pages never end is an error of the service, not a large company. */
const PAGES_MAX = 5000

/** Reads what changed in the directory. False: the deadline came first; call again. */
export async function discover(
  deps: DiscoverDeps,
  deadline: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { n, policy } = await deps.policies.read(signal)
  const seeing = { ...deps, mailboxes: mailboxCheck(deps.directory) }
  await applyPolicy(seeing, { n, policy }, signal)
  if (!(await readDirectory(seeing, policy, deadline, signal))) return false
  return await recheckEmpty(seeing, policy, deadline, signal)
}

async function readDirectory(
  deps: SeeingDeps,
  policy: Policy,
  deadline: number,
  signal: AbortSignal,
): Promise<boolean> {
  let link = (await deps.catalogue.note(LINK_NOTE, signal)) ?? null
  for (let page = 0; page < PAGES_MAX; page += 1) {
    const read = await readPage(deps, link, signal)
    for (const user of read.users) await seen(deps, user, policy, signal)
    for (const user of read.removed) await gone(deps, user, signal)
    link = read.next ?? read.delta ?? null
    if (link !== null) await deps.catalogue.saveNote(LINK_NOTE, link, signal)
    if (read.next === undefined) return true
    if (deps.clock.now() >= deadline) return false
  }
  return false
}

/** A new policy decides anew about everybody: the directory's delta only tells who changed. */
async function applyPolicy(
  deps: SeeingDeps,
  stored: { n: number; policy: Policy },
  signal: AbortSignal,
): Promise<void> {
  if ((await deps.catalogue.note(POLICY_NOTE, signal)) === String(stored.n)) return
  let continuation: string | undefined
  do {
    const query = { max: RESOURCES_PAGE, ...(continuation !== undefined && { continuation }) }
    const page = await deps.catalogue.resources.list(query, signal)
    for (const resource of page.items) {
      if (resource.state === 'gone') continue
      const { graphId: id, name, address } = resource
      await seen(deps, { id, name, address }, stored.policy, signal)
    }
    continuation = page.continuation
  } while (continuation !== undefined)
  await deps.catalogue.saveNote(POLICY_NOTE, String(stored.n), signal)
}

/**
 * A mailbox may come later than its user (a licence takes effect within hours), and the directory
 * does not tell; so those that had none are asked again.
 */
async function recheckEmpty(
  deps: SeeingDeps,
  policy: Policy,
  deadline: number,
  signal: AbortSignal,
): Promise<boolean> {
  const before = new Date(deps.clock.now() - RECHECK_MS).toISOString()
  let continuation: string | undefined
  do {
    const query = { max: RESOURCES_PAGE, ...(continuation !== undefined && { continuation }) }
    const page = await deps.catalogue.resources.list(query, signal)
    for (const { state, seenAt, graphId: id, name, address } of page.items) {
      if (state !== 'no-content' || seenAt > before) continue
      if (deps.clock.now() >= deadline) return false
      await seen(deps, { id, name, address }, policy, signal)
    }
    continuation = page.continuation
  } while (continuation !== undefined)
  return true
}

type MailboxCheck = Directory['mailbox']

interface SeeingDeps extends DiscoverDeps {
  mailboxes: MailboxCheck
}

/**
 * One mailbox that cannot be asked for must not keep everybody else from being found: it counts
 * as unavailable and is asked again later. Several in a row are the service's trouble.
 */
function mailboxCheck(directory: Directory): MailboxCheck {
  let unavailableRun = 0
  return async (user, signal) => {
    try {
      const mailbox = await directory.mailbox(user, signal)
      unavailableRun = 0
      return mailbox
    } catch (error) {
      if (!(error instanceof AppError) || error.kind === 'bug') throw error
      unavailableRun += 1
      if (error.kind === 'throttled' || unavailableRun > UNAVAILABLE_RUN_MAX) throw error
      return { available: false, reason: error.code }
    }
  }
}

async function readPage(
  deps: DiscoverDeps,
  link: string | null,
  signal: AbortSignal,
): Promise<DirectoryPage> {
  try {
    return await deps.directory.users(link, signal)
  } catch (error) {
    const lost = error instanceof AppError && error.code === 'ResyncNeeded' && link !== null
    if (!lost) throw error
    return await deps.directory.users(null, signal)
  }
}

async function seen(
  deps: SeeingDeps,
  user: DirectoryUser,
  policy: Policy,
  signal: AbortSignal,
): Promise<void> {
  const key = keyHash(user.id)
  const now = await deps.catalogue.resources.get(key, signal)
  const wanted = protects(policy, { key, address: user.address })
  const mailbox =
    wanted && !now?.owner ? await deps.mailboxes(user.id, signal) : { available: true, reason: '' }
  const at = new Date(deps.clock.now()).toISOString()
  const resource = await deps.catalogue.resources.update(
    key,
    (held) =>
      nextResource({
        ...{ user, held, wanted, mailbox, workloads: policy.workloads, at },
        newOwnerId: () => newOwnerId(deps.random),
      }),
    signal,
  )
  if (resource) await ensureOwner(deps, resource, signal)
}

function nextResource(given: {
  user: DirectoryUser
  held: Resource | undefined
  wanted: boolean
  mailbox: { available: boolean; reason: string }
  workloads: Policy['workloads']
  at: string
  newOwnerId: () => OwnerId
}): Resource {
  const { user, held, wanted, mailbox, at } = given
  const base = {
    key: keyHash(user.id),
    kind: 'user' as const,
    graphId: user.id,
    // A page of changes may name only what changed.
    name: user.name || (held?.name ?? ''),
    address: user.address || (held?.address ?? ''),
    workloads: given.workloads,
    seenAt: at,
    ...(held?.owner && { owner: held.owner }),
    ...(held?.protectedSince && { protectedSince: held.protectedSince }),
  }
  if (!wanted) return { ...base, state: 'unprotected', reason: 'policy' }
  if (held?.owner) return { ...base, state: 'protected', reason: '' }
  if (!mailbox.available) return { ...base, state: 'no-content', reason: mailbox.reason }
  const owner = given.newOwnerId()
  return { ...base, state: 'protected', reason: '', owner, protectedSince: at }
}

function newOwnerId(random: Randomness): OwnerId {
  return parseOwnerId(Buffer.from(random.bytes(OWNER_ID_BYTES)).toString('hex'))
}

/** What we hold of a user who left stays; nothing more is read. */
async function gone(deps: DiscoverDeps, user: GraphId, signal: AbortSignal): Promise<void> {
  await deps.catalogue.resources.update(
    keyHash(user),
    (held) => (held ? { ...held, state: 'gone', reason: 'directory' } : undefined),
    signal,
  )
}

/** Makes keys, owner record and owner row of a protected resource where they are missing. */
export async function ensureOwner(
  deps: Pick<DiscoverDeps, 'catalogue' | 'vault' | 'clock'>,
  resource: Resource,
  signal: AbortSignal,
): Promise<void> {
  const { owner } = resource
  if (resource.state !== 'protected' || !owner) return
  if (await deps.catalogue.owners.get(owner, signal)) return
  const { graphId, kind, name } = resource
  await deps.vault.registerOwner({ owner, graphId, kind, name }, signal)
  const at = new Date(deps.clock.now()).toISOString()
  await deps.catalogue.owners.insert(newOwner(resource, owner, at), signal)
}

function newOwner(resource: Resource, owner: Owner['owner'], at: string): Owner {
  return {
    owner,
    resource: resource.key as KeyHash,
    graphId: resource.graphId,
    workloads: resource.workloads,
    dueAt: at,
    coverage: 'waiting',
    trouble: '',
    attempts: 0,
    ledgerOpen: 0,
  }
}
