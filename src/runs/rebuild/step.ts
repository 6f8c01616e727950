/**
 * A step of a rebuild: the work of one activity call, until its deadline (decision 012).
 *
 * Where the tables were lost: first every owner of the vault gets its resource row again, so that
 * no discovery can take a resource for a new one; then the rows of each owner's streams; at last
 * the `ready` row. Owners that others may still write wait in the list while the rest goes on. One
 * owner's trouble is counted and keeps nobody else waiting.
 */
import type { Catalogue, Rebuild, RebuildOwner } from '../../catalogue/types.ts'
import { ROWS_WITHIN_MS } from '../../catalogue/types.ts'
import { eachBounded } from '../../concurrency/index.ts'
import { AppError } from '../../model/errors.ts'
import {
  type OwnerId,
  type ResourceKind,
  WORKLOADS,
  WORKLOADS_OF,
  type WorkloadName,
} from '../../model/ids.ts'
import { iso } from '../../model/time.ts'
import type { RebuildAnswer, RebuildRunInput } from '../../orchestrations/names.ts'
import type { PolicyStore } from '../../policy/index.ts'
import type { Clock, Randomness } from '../../ports.ts'
import type { VaultApi } from '../../vault/types.ts'
import type { RunLog } from '../activities.ts'
import { type Erasures, foundOwner, identifyOwner } from './identify.ts'
import { OVER_DAMAGE, rebuildOwner } from './owner.ts'
import {
  type Ending,
  endedOwner,
  identifiedTo,
  OPEN_MAX,
  startRows,
  taken,
  waiting,
  withOwners,
} from './work-list.ts'

export interface RebuildDeps {
  catalogue: Catalogue
  vault: VaultApi
  policies: Pick<PolicyStore, 'read'>
  erasures: Erasures
  clock: Clock
  random: Randomness
  log: RunLog
  /** Length of one step. */
  sliceMs: number
  leaseSlackMs: number
  /** Names this worker in leases. */
  holder: string
  /** True: the step ends as if its time were over, with everything in order. Default: never. */
  isStopping?: () => boolean
}

/** Owners at once: each holds one commit in memory. */
const OWNERS_AT_ONCE = 4
/** Records that are opened at once. */
const RECORDS_AT_ONCE = 8
const WAIT_MS = 60_000
/** After so many tries what denies an owner is taken for lasting: about an hour. */
const DENIED_TRIES_MAX = 60

/** Throws what is a defect, or trouble of the tables: the orchestration calls again. */
export async function rebuildStep(
  input: RebuildRunInput,
  deps: RebuildDeps,
  signal: AbortSignal,
): Promise<RebuildAnswer> {
  const { clock } = deps
  const step: Step = { id: input.rebuild, deadline: clock.now() + deps.sliceMs, deps, signal }
  const rebuild = await change(step, (now) => begun(now, clock.now()))
  if (!rebuild || rebuild.state === 'done') return answer('done', clock.now())
  const isKnown = rebuild.phase === 'rows' || (await identifyAll(step))
  if (!isKnown) return answer('more', clock.now())
  return await rebuildAll(step)
}

interface Step {
  id: string
  deadline: number
  deps: RebuildDeps
  signal: AbortSignal
}

function answer(state: RebuildAnswer['state'], at: number): RebuildAnswer {
  return { state, nextAt: iso(at) }
}

function change(
  { id, deps, signal }: Step,
  next: (now: Rebuild) => Rebuild,
): Promise<Rebuild | undefined> {
  return deps.catalogue.rebuilds.update(id, next, signal)
}

function begun(now: Rebuild, at: number): Rebuild {
  if (now.state === 'done') return now
  return { ...now, state: 'running', startedAt: now.startedAt ?? iso(at), heartbeatAt: iso(at) }
}

function isLate({ deadline, deps }: Step): boolean {
  return deps.clock.now() >= deadline || deps.isStopping?.() === true
}

/** The next owners of the vault after the position; fewer than `max`: there are no more. */
async function nextOwners(
  { deps, signal }: Step,
  position: string,
  max: number,
): Promise<OwnerId[]> {
  const owners: OwnerId[] = []
  for await (const owner of deps.vault.owners(signal)) {
    if (owner <= position) continue
    owners.push(owner)
    if (owners.length >= max) break
  }
  return owners
}

/**
 * Before the first row, so that of several owners of a resource the youngest is found. Whoever
 * cannot be identified now is tried again when its rows are made. False: the deadline came first.
 */
async function identifyAll(step: Step): Promise<boolean> {
  const { deps, signal } = step
  for (;;) {
    const rebuild = await deps.catalogue.rebuilds.get(step.id, signal)
    if (rebuild?.phase !== 'identify') return true
    const owners = await nextOwners(step, rebuild.position, OPEN_MAX)
    const last = owners.at(-1)
    if (last === undefined) {
      await change(step, startRows)
      return true
    }
    await eachBounded(owners, RECORDS_AT_ONCE, (owner) => tryToIdentify(step, owner))
    await change(step, (now) => identifiedTo(now, last))
    if (isLate(step)) return false
  }
}

async function tryToIdentify({ deps, signal }: Step, owner: OwnerId): Promise<void> {
  try {
    await identifyOwner(owner, deps, signal)
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'bug') throw error
    deps.log.error('owner not identified yet', { owner, trouble: error.code })
  }
}

async function rebuildAll(step: Step): Promise<RebuildAnswer> {
  const { clock, log } = step.deps
  for (;;) {
    const rebuild = await filled(step)
    if (!rebuild || rebuild.state === 'done') return answer('done', clock.now())
    if (rebuild.open.length === 0) return await finish(step, rebuild)
    if (isLate(step)) return answer('more', clock.now())
    const due = rebuild.open.filter((entry) => Date.parse(entry.dueAt) <= clock.now())
    if (due.length === 0) return await waitFor(step, rebuild)
    const late = () => isLate(step)
    await eachBounded(due, OWNERS_AT_ONCE, (entry) => workOwner(step, rebuild, entry), late)
    log.info('rebuild step', { rebuild: step.id, owners: rebuild.counts.owners })
  }
}

/** With as many owners under work as may be. */
async function filled(step: Step): Promise<Rebuild | undefined> {
  const { catalogue, clock } = step.deps
  const rebuild = await catalogue.rebuilds.get(step.id, step.signal)
  if (rebuild?.scope !== 'all' || rebuild.state === 'done') return rebuild
  const room = OPEN_MAX - rebuild.open.length
  if (room <= 0) return rebuild
  const owners = await nextOwners(step, rebuild.position, room)
  const at = clock.now()
  return owners.length === 0 ? rebuild : await change(step, (now) => withOwners(now, owners, at))
}

/** A due time, and no sleeping activity. */
async function waitFor(step: Step, rebuild: Rebuild): Promise<RebuildAnswer> {
  const nextAt = Math.min(...rebuild.open.map((entry) => Date.parse(entry.dueAt)))
  await change(step, (now) => ({ ...now, heartbeatAt: iso(nextAt) }))
  return answer('wait', nextAt)
}

async function finish(step: Step, rebuild: Rebuild): Promise<RebuildAnswer> {
  const { catalogue, clock, log } = step.deps
  if (rebuild.scope === 'all' && !(await catalogue.ready(step.signal))) {
    await catalogue.markReady(step.signal)
  }
  const endedAt = iso(clock.now())
  const ended = { state: 'done', endedAt, heartbeatAt: endedAt } as const
  await change(step, (now) => (now.state === 'done' ? now : { ...now, ...ended }))
  const { owners, failed, damaged } = rebuild.counts
  log.info('rebuild done', { rebuild: step.id, owners, failed, damaged })
  return answer('done', clock.now())
}

/** Works one owner and says in the list how it went. */
async function workOwner(step: Step, rebuild: Rebuild, entry: RebuildOwner): Promise<void> {
  const { clock, log } = step.deps
  const { owner } = entry
  const outcome = await outcomeOf(step, rebuild, entry)
  const at = iso(clock.now())
  await change(step, (now) => {
    const next = 'as' in outcome ? endedOwner(now, owner, outcome) : waiting(now, owner, outcome)
    return { ...next, heartbeatAt: at }
  })
  if (outcome.trouble === '') return
  log.error('rebuild of an owner', { rebuild: step.id, owner, trouble: outcome.trouble })
}

type Outcome = Ending | { dueAt: number; trouble: string }

async function outcomeOf(step: Step, rebuild: Rebuild, entry: RebuildOwner): Promise<Outcome> {
  const { clock } = step.deps
  try {
    return (await prepareOwner(step, rebuild, entry.owner)) ?? (await rowsOf(step, rebuild, entry))
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'bug') throw error
    const again = error.kind === 'transient' || error.kind === 'throttled'
    const isLasting = !again && entry.tries + 1 >= DENIED_TRIES_MAX
    if (isLasting) return { as: 'unreadable', trouble: error.code }
    return { dueAt: clock.now() + (error.retryAfterMs ?? WAIT_MS), trouble: error.code }
  }
}

/**
 * Resource and owner row, where the whole catalogue is made anew, or one owner of a lost one. In a
 * catalogue that is in use nobody gets an owner row who has none.
 */
async function prepareOwner(
  step: Step,
  rebuild: Rebuild,
  owner: OwnerId,
): Promise<Ending | undefined> {
  const { deps, signal } = step
  if (rebuild.scope !== 'all' && (await deps.catalogue.ready(signal))) return undefined
  const identity = await identifyOwner(owner, deps, signal)
  if (identity.is !== 'known' && identity.is !== 'unreadable') {
    return { as: identity.is, trouble: '' }
  }
  if (identity.is === 'unreadable') return { as: 'unreadable', trouble: identity.trouble }
  if (await deps.catalogue.owners.get(owner, signal)) return undefined
  const workloads = await workloadsOf(step, owner, identity.resource.kind)
  const row = foundOwner(identity.resource, owner, workloads, iso(deps.clock.now()))
  await deps.catalogue.owners.insertFenced(row, lostWritesUntil(rebuild), signal)
  return undefined
}

/**
 * Leases were lost with the owner rows: a slice that began just before the loss may write for its
 * hour. None begins after the rebuild was asked for, because the catalogue is not ready.
 */
function lostWritesUntil({ createdAt, stoppedBefore }: Rebuild): number {
  return stoppedBefore === undefined ? Date.parse(createdAt) + ROWS_WITHIN_MS : 0
}

/** What the policy asks for of such a resource, and what the vault holds. */
async function workloadsOf(
  { deps, signal }: Step,
  owner: OwnerId,
  kind: ResourceKind,
): Promise<WorkloadName[]> {
  const { policy } = await deps.policies.read(signal)
  const found: WorkloadName[] = []
  for (const name of WORKLOADS) {
    const isAsked = WORKLOADS_OF[kind].includes(name) && policy.workloads.includes(name)
    if (isAsked || (await hasCommits({ deps, signal }, owner, name))) found.push(name)
  }
  return found
}

async function hasCommits(
  { deps, signal }: Pick<Step, 'deps' | 'signal'>,
  owner: OwnerId,
  name: WorkloadName,
): Promise<boolean> {
  const stream = await deps.vault.stream(owner, name, signal)
  for await (const _seq of stream.seqs(signal)) return true
  return false
}

/** True where the owner is still to be done. */
async function take(step: Step, owner: OwnerId, token: string): Promise<boolean> {
  const rebuild = await change(step, (now) => taken(now, owner, token))
  return rebuild?.open.some((entry) => entry.owner === owner) ?? false
}

async function rowsOf(step: Step, rebuild: Rebuild, { owner }: RebuildOwner): Promise<Outcome> {
  const { deps, deadline, signal } = step
  const { stoppedBefore } = rebuild
  const tail = Buffer.from(deps.random.bytes(8)).toString('hex')
  const input = {
    owner,
    holder: `${deps.holder}-${tail}`,
    deadline,
    take: (token: string) => take(step, owner, token),
    ...(stoppedBefore !== undefined && { stoppedBefore: Date.parse(stoppedBefore) }),
    ...(deps.isStopping && { isStopping: deps.isStopping }),
  }
  const done = await rebuildOwner(input, deps, signal)
  switch (done.state) {
    case 'done': {
      const { commits, damaged, worker } = done
      const trouble = damaged > 0 ? OVER_DAMAGE : ''
      return { as: 'rebuilt', worker, commits, isDamaged: damaged > 0, trouble }
    }
    case 'erased':
      return { as: done.state, worker: done.worker, trouble: '' }
    case 'failed': {
      const { state, ...failure } = done
      return { as: state, ...failure }
    }
    case 'more':
      return { dueAt: deps.clock.now(), trouble: '' }
    case 'wait':
      return { dueAt: done.until, trouble: done.trouble }
  }
}
