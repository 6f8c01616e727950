/**
 * What a source says of a user or site becomes the state of a resource, and a protected one gets
 * an owner.
 *
 * Crash-safe in this order: the resource row names the new owner id, then keys and owner record
 * are made, then the owner row. Whatever is missing of a protected resource is made good at the
 * next discovery, because `ensureOwner` looks at what is there. An owner id stays with its
 * resource for good: what goes away and comes back goes on where its copy ended.
 */
import type { Catalogue, Owner, Resource, ResourceGroup } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import {
  type GraphId,
  type KeyHash,
  keyHash,
  type OwnerId,
  parseOwnerId,
  WORKLOADS_OF,
  type WorkloadName,
} from '../model/ids.ts'
import { excludes, type Policy, protects } from '../policy/index.ts'
import type { Clock, Randomness } from '../ports.ts'
import type { VaultApi } from '../vault/types.ts'
import type { ContentAnswer, Found, ResourceSource } from './sources.ts'

export interface SeeingDeps {
  catalogue: Catalogue
  vault: VaultApi
  kind: ResourceSource['kind']
  /** As `contentCheck` asks. */
  content: ResourceSource['content']
  policy: Policy
  clock: Clock
  random: Randomness
}

/** Bytes of an owner id (model/ids.ts). */
const OWNER_ID_BYTES = 16
/** Resources in a row that may be unavailable by themselves; the next one means the service. */
const UNAVAILABLE_RUN_MAX = 3

/**
 * One mailbox or site that cannot be asked for must not keep all others from being found: it
 * counts as unreachable and is asked again later. Several in a row are the service's trouble.
 */
export function contentCheck(source: Pick<ResourceSource, 'content'>): ResourceSource['content'] {
  let unavailableRun = 0
  return async (id, signal) => {
    try {
      const content = await source.content(id, signal)
      unavailableRun = 0
      return content
    } catch (error) {
      if (!isOnes(error)) throw error
      unavailableRun += 1
      if (error.code === 'Throttled' || unavailableRun > UNAVAILABLE_RUN_MAX) throw error
      return { state: 'unreachable', reason: error.code }
    }
  }
}

export interface Brought {
  /** Number of the full reading of the source that showed it; absent where something else did. */
  reading?: number | undefined
  /** The source tells of changes, so that it is due. */
  isNews?: true
}

export async function seen(
  deps: SeeingDeps,
  found: Found,
  { reading, isNews }: Brought,
  signal: AbortSignal,
): Promise<void> {
  const { kind, policy } = deps
  const key = keyHash(found.id)
  const now = await deps.catalogue.resources.get(key, signal)
  const workloads = WORKLOADS_OF[kind].filter((name) => policy.workloads.includes(name))
  const mayBe = workloads.length > 0 && protects(policy, { key, addresses: [found.address] })
  if (mayBe && !now?.owner) await refuseLost(deps.catalogue, signal)
  const asks = mayBe && (!now?.owner || now.state !== 'protected')
  const content = asks ? await deps.content(found.id, signal) : undefined
  const belongsTo = belongsToOf(content, now)
  const group = content?.state === 'ready' ? content.group : now?.group
  const wanted = mayBe && !(await isExcludedWith(deps, { belongsTo, group }, signal))
  const at = new Date(deps.clock.now()).toISOString()
  const resource = await deps.catalogue.resources.update(
    key,
    (held) =>
      nextResource({
        ...{ kind, found, held, wanted, content, belongsTo, group, workloads, at, reading },
        newOwnerId: () => newOwnerId(deps.random),
      }),
    signal,
  )
  if (!resource) return
  await pointToOneDrive(deps.catalogue, resource, signal)
  await ensureOwner(deps, resource, signal)
  if (isNews && now?.state === 'protected') await makeDue(deps, resource, signal)
}

async function makeDue(
  { catalogue, clock }: SeeingDeps,
  { owner }: Resource,
  signal: AbortSignal,
): Promise<void> {
  if (owner === undefined) return
  const at = new Date(clock.now()).toISOString()
  const soonest = (now: Owner) => (now.dueAt > at ? { ...now, dueAt: at } : now)
  await catalogue.owners.update(owner, soonest, signal)
}

/** A OneDrive is captured as a site; its user points to it. */
async function pointToOneDrive(
  { resources }: Catalogue,
  { key: oneDrive, belongsTo }: Resource,
  signal: AbortSignal,
): Promise<void> {
  if (belongsTo === undefined) return
  await resources.update(
    belongsTo,
    (held) => (held && held.oneDrive !== oneDrive ? { ...held, oneDrive } : undefined),
    signal,
  )
}

function belongsToOf(content: ContentAnswer | undefined, held: Resource | undefined) {
  const user = content?.state === 'ready' ? content.belongsTo : undefined
  return user === undefined ? held?.belongsTo : keyHash(user)
}

/** Who is excluded is excluded with the OneDrive, and a group with its site. */
async function isExcludedWith(
  { catalogue, policy }: SeeingDeps,
  { belongsTo: user, group }: Pick<Sighting, 'belongsTo' | 'group'>,
  signal: AbortSignal,
): Promise<boolean> {
  if (policy.exclude.length === 0) return false
  if (group && excludes(policy, { key: keyHash(group.id), addresses: [group.address] })) return true
  if (user === undefined) return false
  const address = (await catalogue.resources.get(user, signal))?.address ?? ''
  return excludes(policy, { key: user, addresses: [address] })
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
  kind: ResourceSource['kind']
  found: Found
  held: Resource | undefined
  wanted: boolean
  /** Absent where it was not asked for, because it is protected already. */
  content: ContentAnswer | undefined
  belongsTo: KeyHash | undefined
  group: ResourceGroup | undefined
  workloads: readonly WorkloadName[]
  at: string
  reading: number | undefined
  newOwnerId: () => OwnerId
}

function nextResource(given: Sighting): Resource {
  const { wanted, content, held } = given
  const base = { ...kept(given), ...whatItIs(given) }
  if (!wanted) return { ...base, state: 'unprotected', reason: 'policy' }
  if (content?.state === 'none') return { ...base, state: 'no-content', reason: content.reason }
  if (content?.state === 'unreachable') {
    return { ...base, state: 'unreachable', reason: content.reason }
  }
  if (held?.owner) return { ...base, state: 'protected', reason: '' }
  const owner = given.newOwnerId()
  return { ...base, state: 'protected', reason: '', owner, protectedSince: given.at }
}

/** What a sighting leaves as it is, and what every one of them says. */
function kept({ kind, found, held, workloads, at, reading }: Sighting) {
  const seenIn = reading ?? held?.seenIn
  return {
    kind,
    key: keyHash(found.id),
    graphId: found.id,
    // A page of changes may name only what changed.
    name: found.name || (held?.name ?? ''),
    address: found.address || (held?.address ?? ''),
    workloads: [...workloads],
    seenAt: at,
    ...(seenIn !== undefined && { seenIn }),
    ...(held?.owner && { owner: held.owner }),
    ...(held?.protectedSince && { protectedSince: held.protectedSince }),
  }
}

type Nature = Pick<Resource, 'purpose' | 'enabled' | 'belongsTo' | 'group' | 'oneDrive'>

function whatItIs({ found, held, content, belongsTo, group }: Sighting): Nature {
  const purpose = content?.state === 'ready' ? content.purpose : held?.purpose
  const enabled = found.enabled ?? held?.enabled
  return {
    ...(purpose !== undefined && { purpose }),
    ...(enabled !== undefined && { enabled }),
    ...(belongsTo !== undefined && { belongsTo }),
    ...(group !== undefined && { group }),
    ...(held?.oneDrive !== undefined && { oneDrive: held.oneDrive }),
  }
}

function newOwnerId(random: Randomness): OwnerId {
  return parseOwnerId(Buffer.from(random.bytes(OWNER_ID_BYTES)).toString('hex'))
}

/** What we hold of something that is gone stays; nothing more is read. */
export async function gone(
  { catalogue }: { catalogue: Catalogue },
  id: GraphId,
  signal: AbortSignal,
): Promise<void> {
  await catalogue.resources.update(
    keyHash(id),
    (held) => (held ? { ...held, state: 'gone', reason: 'directory' } : undefined),
    signal,
  )
}

/**
 * A slice found nothing to read any more. The source is asked, because it knows why; where it says
 * that all is there, the resource stays as it is and the next slice tries again.
 */
export async function sourceLost(
  deps: { catalogue: Catalogue; sources: readonly ResourceSource[]; clock: Clock },
  key: KeyHash,
  signal: AbortSignal,
): Promise<void> {
  const { resources } = deps.catalogue
  const resource = await resources.get(key, signal)
  const source = deps.sources.find(({ kind }) => kind === resource?.kind)
  if (resource?.state !== 'protected' || !source) return
  const content = await asked(source, resource.graphId, signal)
  if (content.state === 'ready' || !(content.state === 'none' || source.kind === 'site')) return
  const seenAt = new Date(deps.clock.now()).toISOString()
  const { reason } = content
  const state = content.state === 'none' ? 'no-content' : 'unreachable'
  await resources.update(
    key,
    (held) => (held?.state === 'protected' ? { ...held, state, reason, seenAt } : undefined),
    signal,
  )
}

/** An answer that does not come is none: whoever asked goes on without it. */
async function asked(
  source: ResourceSource,
  id: GraphId,
  signal: AbortSignal,
): Promise<ContentAnswer> {
  try {
    return await source.content(id, signal)
  } catch (error) {
    if (!isOnes(error)) throw error
    return { state: 'ready', purpose: '' }
  }
}

/** Also a request of ours that the service does not take: of one resource it may be, and no other. */
function isOnes(error: unknown): error is AppError {
  if (!(error instanceof AppError)) return false
  return error.kind !== 'bug' || error.code === 'RequestNotUnderstood'
}

/**
 * Makes keys, owner record and owner row of a protected resource where they are missing. What an
 * owner holds follows the policy; a workload that is new to it is due at once.
 */
async function ensureOwner(
  deps: Pick<SeeingDeps, 'catalogue' | 'vault' | 'clock' | 'policy'>,
  resource: Resource,
  signal: AbortSignal,
): Promise<void> {
  const { owner } = resource
  if (resource.state !== 'protected' || !owner) return
  const at = new Date(deps.clock.now()).toISOString()
  const scope = scopeOf(resource, deps.policy)
  const held = await deps.catalogue.owners.get(owner, signal)
  if (held) {
    if (!isIn(held, scope)) await follow(deps.catalogue, { owner, scope, at }, signal)
    return
  }
  const { graphId, kind, name } = resource
  await deps.vault.registerOwner({ owner, graphId, kind, name }, signal)
  await deps.catalogue.owners.insert(newOwner({ ...resource, owner }, scope, at), signal)
}

/** What the policy asks for of an owner. */
type Scope = Pick<Owner, 'workloads' | 'earlierVersions'>

function scopeOf({ workloads, kind }: Resource, { fileVersions }: Policy): Scope {
  const hasEarlier = kind === 'site' && fileVersions !== 'none'
  return { workloads, ...(hasEarlier && { earlierVersions: fileVersions }) }
}

function isIn(owner: Owner, { workloads, earlierVersions }: Scope): boolean {
  const isSame = workloads.length === owner.workloads.length
  return (
    isSame &&
    workloads.every((name) => owner.workloads.includes(name)) &&
    owner.earlierVersions === earlierVersions
  )
}

async function follow(
  catalogue: Catalogue,
  { owner, scope, at }: { owner: OwnerId; scope: Scope; at: string },
  signal: AbortSignal,
): Promise<void> {
  await catalogue.owners.update(
    owner,
    ({ earlierVersions: _, ...now }) => {
      const isNew = scope.workloads.some((name) => !now.workloads.includes(name))
      return { ...now, ...scope, ...(isNew && { dueAt: at }) }
    },
    signal,
  )
}

function newOwner(
  { owner, key, graphId }: Resource & { owner: OwnerId },
  scope: Scope,
  at: string,
): Owner {
  return {
    owner,
    resource: key,
    graphId,
    ...scope,
    dueAt: at,
    coverage: 'waiting',
    trouble: '',
    attempts: 0,
    ledgerOpen: 0,
  }
}
