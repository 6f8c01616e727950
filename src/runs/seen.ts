/**
 * What the directory says of a user becomes the state of a resource, and a protected one gets an
 * owner.
 *
 * Crash-safe in this order: the resource row names the new owner id, then keys and owner record
 * are made, then the owner row. Whatever is missing of a protected resource is made good at the
 * next discovery, because `ensureOwner` looks at what is there. An owner id stays with its
 * resource for good: a mailbox that goes away and comes back goes on where its copy ended.
 */
import type { Catalogue, Owner, Resource } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import { type GraphId, type KeyHash, keyHash, type OwnerId, parseOwnerId } from '../model/ids.ts'
import { type Policy, protects } from '../policy/index.ts'
import type { Clock, Randomness } from '../ports.ts'
import type { VaultApi } from '../vault/types.ts'
import type { Directory, DirectoryUser, MailboxAnswer } from './directory.ts'

export interface SeeingDeps {
  catalogue: Catalogue
  vault: VaultApi
  mailboxes: Directory['mailbox']
  policy: Policy
  clock: Clock
  random: Randomness
}

/** Bytes of an owner id (model/ids.ts). */
const OWNER_ID_BYTES = 16
/** Users in a row whose mailbox may be unavailable by itself; the next one means the service. */
const UNAVAILABLE_RUN_MAX = 3

/**
 * One mailbox that cannot be asked for must not keep everybody else from being found: it counts
 * as unreachable and is asked again later. Several in a row are the service's trouble.
 */
export function mailboxCheck(directory: Pick<Directory, 'mailbox'>): Directory['mailbox'] {
  let unavailableRun = 0
  return async (user, signal) => {
    try {
      const mailbox = await directory.mailbox(user, signal)
      unavailableRun = 0
      return mailbox
    } catch (error) {
      if (!isOneUsers(error)) throw error
      unavailableRun += 1
      if (error.code === 'Throttled' || unavailableRun > UNAVAILABLE_RUN_MAX) throw error
      return { state: 'unreachable', reason: error.code }
    }
  }
}

/**
 * `reading`: the number of the full reading of the directory that showed the user; absent where
 * something else brings the user up.
 */
export async function seen(
  deps: SeeingDeps,
  user: DirectoryUser,
  reading: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const key = keyHash(user.id)
  const now = await deps.catalogue.resources.get(key, signal)
  const wanted = protects(deps.policy, { key, address: user.address })
  if (wanted && !now?.owner) await refuseLost(deps.catalogue, signal)
  const asks = wanted && (!now?.owner || now.state !== 'protected')
  const mailbox = asks ? await deps.mailboxes(user.id, signal) : undefined
  const at = new Date(deps.clock.now()).toISOString()
  const resource = await deps.catalogue.resources.update(
    key,
    (held) =>
      nextResource({
        ...{ user, held, wanted, mailbox, workloads: deps.policy.workloads, at, reading },
        newOwnerId: () => newOwnerId(deps.random),
      }),
    signal,
  )
  if (resource) await ensureOwner(deps, resource, signal)
}

/** Tables that were lost under a discovery would make every resource a new one. */
async function refuseLost(catalogue: Catalogue, signal: AbortSignal): Promise<void> {
  if (await catalogue.ready(signal)) return
  throw new AppError({
    code: 'CatalogueNotReady',
    kind: 'permanent',
    message: 'The catalogue is not ready, so no owner may be made.',
    hint: 'Where the tables were lost they are rebuilt from the vault; then it goes on by itself.',
  })
}

interface Sighting {
  user: DirectoryUser
  held: Resource | undefined
  wanted: boolean
  /** Absent where it was not asked for, because it is protected already. */
  mailbox: MailboxAnswer | undefined
  workloads: Policy['workloads']
  at: string
  reading: number | undefined
  newOwnerId: () => OwnerId
}

function nextResource(given: Sighting): Resource {
  const { wanted, mailbox, held } = given
  const base = { ...kept(given), ...whatItIs(given) }
  if (!wanted) return { ...base, state: 'unprotected', reason: 'policy' }
  if (mailbox?.state === 'none') return { ...base, state: 'no-content', reason: mailbox.reason }
  if (mailbox?.state === 'unreachable') {
    return { ...base, state: 'unreachable', reason: mailbox.reason }
  }
  if (held?.owner) return { ...base, state: 'protected', reason: '' }
  const owner = given.newOwnerId()
  return { ...base, state: 'protected', reason: '', owner, protectedSince: given.at }
}

/** What a sighting leaves as it is, and what every one of them says. */
function kept({ user, held, workloads, at, reading }: Sighting) {
  const seenIn = reading ?? held?.seenIn
  return {
    key: keyHash(user.id),
    kind: 'user' as const,
    graphId: user.id,
    // A page of changes may name only what changed.
    name: user.name || (held?.name ?? ''),
    address: user.address || (held?.address ?? ''),
    workloads,
    seenAt: at,
    ...(seenIn !== undefined && { seenIn }),
    ...(held?.owner && { owner: held.owner }),
    ...(held?.protectedSince && { protectedSince: held.protectedSince }),
  }
}

function whatItIs({ user, held, mailbox }: Sighting): Pick<Resource, 'purpose' | 'enabled'> {
  const purpose = mailbox?.state === 'ready' ? mailbox.purpose : held?.purpose
  const enabled = user.enabled ?? held?.enabled
  return { ...(purpose !== undefined && { purpose }), ...(enabled !== undefined && { enabled }) }
}

function newOwnerId(random: Randomness): OwnerId {
  return parseOwnerId(Buffer.from(random.bytes(OWNER_ID_BYTES)).toString('hex'))
}

/** What we hold of a user who left stays; nothing more is read. */
export async function gone(
  { catalogue }: { catalogue: Catalogue },
  user: GraphId,
  signal: AbortSignal,
): Promise<void> {
  await catalogue.resources.update(
    keyHash(user),
    (held) => (held ? { ...held, state: 'gone', reason: 'directory' } : undefined),
    signal,
  )
}

/**
 * A slice found no mailbox any more. The directory is asked, because it knows why; where it says
 * that the mailbox is there, the resource stays as it is and the next slice tries again.
 */
export async function sourceLost(
  deps: { catalogue: Catalogue; directory: Directory; clock: Clock },
  key: KeyHash,
  signal: AbortSignal,
): Promise<void> {
  const { resources } = deps.catalogue
  const resource = await resources.get(key, signal)
  if (resource?.state !== 'protected') return
  const mailbox = await asked(deps.directory, resource.graphId, signal)
  if (mailbox.state !== 'none') return
  const seenAt = new Date(deps.clock.now()).toISOString()
  const { reason } = mailbox
  await resources.update(
    key,
    (held) =>
      held?.state === 'protected' ? { ...held, state: 'no-content', reason, seenAt } : undefined,
    signal,
  )
}

/** An answer that does not come is none: whoever asked goes on without it. */
async function asked(
  directory: Directory,
  user: GraphId,
  signal: AbortSignal,
): Promise<MailboxAnswer> {
  try {
    return await directory.mailbox(user, signal)
  } catch (error) {
    if (!isOneUsers(error)) throw error
    return { state: 'unreachable', reason: error.code }
  }
}

/** Also a request of ours that the service does not take: of one mailbox it may be, and no other. */
function isOneUsers(error: unknown): error is AppError {
  if (!(error instanceof AppError)) return false
  return error.kind !== 'bug' || error.code === 'RequestNotUnderstood'
}

/** Makes keys, owner record and owner row of a protected resource where they are missing. */
async function ensureOwner(
  deps: Pick<SeeingDeps, 'catalogue' | 'vault' | 'clock'>,
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

function newOwner(resource: Resource, owner: OwnerId, at: string): Owner {
  return {
    owner,
    resource: resource.key,
    graphId: resource.graphId,
    workloads: resource.workloads,
    dueAt: at,
    coverage: 'waiting',
    trouble: '',
    attempts: 0,
    ledgerOpen: 0,
  }
}
