/**
 * One owner of a rebuild: fence, the rows of its streams, and the owner row as the vault says it.
 *
 * A call works until its deadline and leaves its progress in the fence; the next one goes on. A
 * call that vanishes leaves a lease that runs out. Where the rows cannot be made the fence stays:
 * a slice that went on from half of them would fork the chain.
 */
import { z } from 'zod'
import type { Catalogue, FencedClaim, Lease, Owner } from '../../catalogue/types.ts'
import { AppError } from '../../model/errors.ts'
import type { OwnerId, WorkloadName } from '../../model/ids.ts'
import type { Clock } from '../../ports.ts'
import {
  REBUILD_START,
  type RebuildProgress,
  rebuildProgressSchema,
  rebuildStream,
} from '../../vault/index.ts'
import type { VaultApi } from '../../vault/types.ts'
import type { Erasures } from './identify.ts'

export interface RebuildOwnerDeps {
  catalogue: Pick<Catalogue, 'owners' | 'stream'>
  vault: Pick<VaultApi, 'stream'>
  erasures: Erasures
  clock: Clock
  /** A lease outlives its deadline by this, for the rows of the last commit. */
  leaseSlackMs: number
}

export interface RebuildOwnerInput {
  owner: OwnerId
  /** Names this call, and no other, in the lease. */
  holder: string
  /** Ms: no commit is begun after it. */
  deadline: number
  /** True: as if the deadline had come. */
  isStopping?: () => boolean
  /** Ms: claims made before it are of workers that are known to be stopped. */
  stoppedBefore?: number
  /**
   * Told under which lease the owner is worked, before the first row is taken away. False: nobody
   * asks for it any more.
   */
  take(token: string): Promise<boolean>
}

export type RebuildOwnerAnswer =
  | { state: 'done'; commits: number; damaged: number; worker: string }
  | { state: 'more' }
  | { state: 'erased'; worker: string }
  /** Ask again at `until` (ms). `trouble`: what stands in the way; empty: others may still write. */
  | { state: 'wait'; until: number; trouble: string }
  /** A person must look; the fence stays until a rebuild succeeds. */
  | { state: 'failed'; trouble: string; worker?: string }

/** Said of an owner of which a commit is damaged, until its next whole round. */
export const OVER_DAMAGE = 'RebuiltOverDamage'
const WAIT_MS = 60_000
/** A fenced owner is of no use to any run; whoever looks at it sees the trouble. */
const FAILED_PAUSE_MS = 24 * 3_600_000

/** Every stream that was begun; one that is not in it is not begun yet. */
const progressSchema = z.record(z.string(), rebuildProgressSchema)
type Progress = z.infer<typeof progressSchema>

/** Throws what is a defect; everything else is an answer. */
export async function rebuildOwner(
  input: RebuildOwnerInput,
  deps: RebuildOwnerDeps,
  signal: AbortSignal,
): Promise<RebuildOwnerAnswer> {
  const { owners } = deps.catalogue
  const { owner, holder, deadline, stoppedBefore } = input
  // Before the claim, so that no row is written after the lease that others see.
  const notAfter = Math.max(deadline, deps.clock.now()) + deps.leaseSlackMs
  const leaseMs = notAfter - deps.clock.now()
  const options = { holder, leaseMs, ...(stoppedBefore !== undefined && { stoppedBefore }) }
  const claim = await owners.claimFenced(owner, options, signal)
  if (!claim) return { state: 'failed', trouble: 'OwnerUnknown' }
  if (claim.state === 'wait') return { state: 'wait', until: claim.until, trouble: '' }
  const { lease, isBegun } = claim
  const work = { lease, progress: progressOf(claim.progress), notAfter, input }
  if (!(await input.take(lease.token))) {
    await giveBack(claim, deps, signal)
    return { state: 'more' }
  }
  if (await isErased(claim, deps, signal)) {
    await giveBack(claim, deps, signal)
    return { state: 'erased', worker: lease.token }
  }
  if (!isBegun && !(await owners.beginFenced(lease, signal))) return leaseLost(deps)
  try {
    const isWhole = await rebuildStreams(work, deps, signal)
    if (!isWhole) return await paused(work, deps, signal)
    return await ended(work, deps, signal)
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'bug') throw error
    return await stopped(error, work, deps, signal)
  }
}

type Held = Extract<FencedClaim, { state: 'held' }>

/** As it was found: where rows were taken away already the fence stays, and nobody works the owner. */
async function giveBack(
  { lease, isBegun, progress }: Held,
  { catalogue }: RebuildOwnerDeps,
  signal: AbortSignal,
): Promise<void> {
  if (isBegun) await catalogue.owners.pauseFenced(lease, progress, {}, signal)
  else await catalogue.owners.unfence(lease, {}, signal)
}

/**
 * Asked under the lease, which an erasure takes as well: one that is recorded later meets our rows,
 * and takes them away.
 */
async function isErased(
  claim: Held,
  deps: RebuildOwnerDeps,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return await deps.erasures.isErased(claim.lease.owner.owner, signal)
  } catch (error) {
    await giveBack(claim, deps, signal)
    throw error
  }
}

interface Work {
  lease: Lease
  /** Moves on with every commit. */
  progress: Progress
  notAfter: number
  input: Pick<RebuildOwnerInput, 'deadline' | 'isStopping'>
}

/** What cannot be read was written by another version: then it is begun anew. */
function progressOf(text: string): Progress {
  if (text === '') return {}
  const parsed = progressSchema.safeParse(JSON.parse(text))
  return parsed.success ? parsed.data : {}
}

/** False where the deadline came first. */
async function rebuildStreams(
  { lease, progress, notAfter, input }: Work,
  deps: RebuildOwnerDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const { owner, workloads } = lease.owner
  for (const name of workloads) {
    const stream = await deps.vault.stream(owner, name, signal)
    const tables = deps.catalogue.stream(owner, name)
    const options = {
      notAfter,
      overDamage: true,
      mayGoOn: () => deps.clock.now() < input.deadline && input.isStopping?.() !== true,
      onProgress: (now: RebuildProgress) => {
        progress[name] = now
      },
    }
    const from = progress[name] ?? REBUILD_START
    const { phase } = await rebuildStream(stream, tables, from, options, signal)
    if (phase !== 'done') return false
  }
  return true
}

async function paused(
  { lease, progress }: Work,
  { catalogue }: RebuildOwnerDeps,
  signal: AbortSignal,
): Promise<RebuildOwnerAnswer> {
  await catalogue.owners.pauseFenced(lease, JSON.stringify(progress), {}, signal)
  return { state: 'more' }
}

async function stopped(
  error: AppError,
  work: Work,
  deps: RebuildOwnerDeps,
  signal: AbortSignal,
): Promise<RebuildOwnerAnswer> {
  if (error.code === 'TooLate') return await paused(work, deps, signal)
  const { owners } = deps.catalogue
  const now = deps.clock.now()
  const trouble = error.code
  if (error.kind === 'transient' || error.kind === 'throttled') {
    await owners.pauseFenced(work.lease, JSON.stringify(work.progress), { trouble }, signal)
    return { state: 'wait', until: now + (error.retryAfterMs ?? WAIT_MS), trouble }
  }
  const dueAt = new Date(now + FAILED_PAUSE_MS).toISOString()
  // Before that time no hint is asked either: nobody could follow it.
  const learnt = { trouble, dueAt, hintAt: dueAt, coverage: 'failing' } as const
  await owners.pauseFenced(work.lease, '', learnt, signal)
  return { state: 'failed', trouble, worker: work.lease.token }
}

async function ended(
  { lease, progress }: Work,
  deps: RebuildOwnerDeps,
  signal: AbortSignal,
): Promise<RebuildOwnerAnswer> {
  const streams = Object.values(progress)
  const sum = (of: (p: RebuildProgress) => number) => streams.reduce((n, p) => n + of(p), 0)
  const damaged = sum((p) => p.damaged)
  const learnt = await learntOf(lease.owner, damaged > 0, deps, signal)
  const isOurs = await deps.catalogue.owners.unfence(lease, learnt, signal)
  if (!isOurs) return leaseLost(deps)
  return { state: 'done', commits: sum((p) => p.applied), damaged, worker: lease.token }
}

/** Another call has taken the owner over, and does it again. */
function leaseLost({ clock }: RebuildOwnerDeps): RebuildOwnerAnswer {
  return { state: 'wait', until: clock.now() + WAIT_MS, trouble: 'LeaseLost' }
}

/** What is measured begins anew; what the commits say is taken from the new rows. */
async function learntOf(
  { owner, workloads }: Pick<Owner, 'owner' | 'workloads'>,
  isDamaged: boolean,
  deps: RebuildOwnerDeps,
  signal: AbortSignal,
): Promise<Partial<Owner>> {
  const dueAt = new Date(deps.clock.now()).toISOString()
  // Cursors may be older than before, so a round comes first, and no hint.
  const base = { dueAt, hintAt: dueAt, attempts: 0, trouble: isDamaged ? OVER_DAMAGE : '' }
  const completeAt: string[] = []
  let ledgerOpen = 0
  let containers = 0
  for (const name of workloads as WorkloadName[]) {
    const tables = deps.catalogue.stream(owner, name)
    const newest = await tables.points({ max: 1, completeOnly: true }, signal)
    completeAt.push(...newest.items.map((point) => point.time))
    for await (const { event } of tables.open(signal)) {
      if (event.op !== 'ledger') continue
      ledgerOpen += 1
      if (event.kind === 'container') containers += 1
    }
  }
  const oldest = completeAt.toSorted()[0]
  const isComplete = oldest !== undefined && completeAt.length === workloads.length
  const whole = containers > 0 ? 'partial' : 'covered'
  const coverage = isComplete ? whole : 'first-copy'
  return {
    ...base,
    ledgerOpen,
    coverage: isDamaged ? 'failing' : coverage,
    ...(isComplete && { completeAt: oldest }),
  }
}
