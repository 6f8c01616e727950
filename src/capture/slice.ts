/**
 * A slice: the work of one activity call for one owner, until its deadline.
 *
 * It takes the owner's lease (the attempt is counted before any work), works the owner's streams
 * one after the other, and gives the lease back with what was learnt. Expected trouble becomes an
 * answer; only defects are thrown. A slice that vanishes leaves the attempt counted, which is how
 * poison shows (DESIGN 4, lease and poison).
 */
import { ROWS_WITHIN_MS } from '../catalogue/index.ts'
import type { Catalogue, Lease, Owner, SourceSize } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import { addUnits, type Counts, NO_COUNTS, NO_UNITS, type Units } from '../model/events.ts'
import type { OwnerId, WorkloadName } from '../model/ids.ts'
import type { Clock } from '../ports.ts'
import type { VaultApi } from '../vault/types.ts'
import type { Workload } from '../workloads/workload.ts'
import { captureStream } from './capture-stream.ts'
import { unlessErased } from './erasure-guard.ts'
import { learnt } from './learnt.ts'
import { PackLocks } from './pack-locks.ts'
import { addCounts } from './pending.ts'
import { SourceSizes } from './source-sizes.ts'
import type { CaptureLimits, StreamProgress } from './stream-capture.ts'
import { POISON_ATTEMPTS, Suspects } from './suspects.ts'

export interface SliceSettings extends CaptureLimits {
  /** Length of a slice. */
  sliceMs: number
  /** The lease outlives the deadline by this, for the last commit and its rows. */
  leaseSlackMs: number
  /** An owner is read so long after its cursors were last read, whatever a hint says. */
  fullReadMs: number
  protectionDays: number
}

export interface SliceDeps {
  vault: VaultApi
  catalogue: Catalogue
  workload(name: WorkloadName): Workload
  clock: Clock
  settings: SliceSettings
}

export interface SliceResult {
  /**
   * `absent`: there is no mailbox (site ...) to read now, which is no failure. `busy`: another
   * holds the lease, or a rebuild keeps slices off (`OwnerFenced`). `poison`: too many attempts vanished.
   */
  state: 'done' | 'more' | 'wait' | 'absent' | 'failed' | 'busy' | 'poison'
  counts: Counts
  requests: number
  units: Units
  bytes: number
  /** Stable code; empty where all went well. */
  trouble: string
  /** With `done`: no stream changed behind its reader (StreamResult). */
  isSettled?: boolean
}

/** A slice's answer, and what its owner row needs besides. */
export interface Worked {
  result: SliceResult
  /** Ms since 1970; nothing was read before. */
  startedAt: number
  retryAfterMs: number
  /** Ms since 1970 at which a base or a commit of cursors falls due. */
  nextAt: number
  /** False where a slice did nothing that the next one could go on from. */
  hasProgress: boolean
  /** With `more`: every round is complete, and only long content is still on its way. */
  isRead?: boolean
  /** What its sources said of their size, where they were asked. */
  source?: SourceSize
}

const NOTHING_DONE: StreamProgress = {
  counts: NO_COUNTS,
  bytes: 0,
  requests: 0,
  units: NO_UNITS,
}

/** Attempts that vanished, after which an owner is worked alone on its worker. */
export const ALONE_ATTEMPTS = 2
const POISON_PAUSE_MS = 24 * 3_600_000
/** What is asked for when the service names no time. */
const WAIT_MS = 60_000
/** Plain pieces, the compressor and the HTTP client, beside the pack itself. */
const BUFFERS_BESIDE_PACK_BYTES = 8 * 1024 * 1024

export interface SliceInput {
  owner: OwnerId
  /** Names this slice, and no other, in the lease. */
  holder: string
  /** Called after each commit and at the end. */
  progress(done: StreamProgress): Promise<void>
}

export async function runSlice(
  input: SliceInput,
  deps: SliceDeps,
  signal: AbortSignal,
): Promise<SliceResult> {
  const leaseMs = deps.settings.sliceMs + deps.settings.leaseSlackMs
  // Taken before the claim: a rebuild counts on it that no row is written an hour after the claim.
  const startedAt = deps.clock.now()
  const lease = await deps.catalogue.owners.claim(
    input.owner,
    { holder: input.holder, leaseMs },
    signal,
  )
  if (!lease) {
    const owner = await deps.catalogue.owners.get(input.owner, signal)
    const trouble = owner?.isFenced ? 'OwnerFenced' : ''
    return { state: 'busy', ...NOTHING_DONE, trouble }
  }
  return await workLease({ ...input, startedAt }, lease, deps, signal)
}

/** Memory that one slice needs; claimed as a whole before the slice begins (DESIGN 4). */
export function sliceBytes({ packBytes }: Pick<SliceSettings, 'packBytes'>): number {
  return packBytes + BUFFERS_BESIDE_PACK_BYTES
}

interface StartedSlice extends SliceInput {
  startedAt: number
}

async function workLease(
  input: StartedSlice,
  lease: Lease,
  deps: SliceDeps,
  signal: AbortSignal,
): Promise<SliceResult> {
  const { owners } = deps.catalogue
  if (lease.owner.attempts > POISON_ATTEMPTS) {
    const dueAt = new Date(deps.clock.now() + POISON_PAUSE_MS).toISOString()
    const changes = { coverage: 'poison', dueAt, hintAt: dueAt, trouble: 'Poison' } as const
    await owners.release(lease, changes, signal)
    return { state: 'poison', ...NOTHING_DONE, trouble: 'Poison' }
  }
  const worked = await workStreams(input, lease.owner, deps, NOTHING_DONE, signal)
  const changes = await learnt(lease.owner, worked, deps, signal)
  await owners.release(lease, changes, signal)
  return worked.result
}

async function workStreams(
  input: StartedSlice,
  owner: Owner,
  deps: SliceDeps,
  total: StreamProgress,
  signal: AbortSignal,
): Promise<Worked> {
  const { startedAt } = input
  let sum = total
  let nextAt = Number.POSITIVE_INFINITY
  let beside = ''
  let isSettled = true
  const sizes = new SourceSizes(owner)
  const answer = (state: SliceResult['state'], trouble = '', more: Partial<Worked> = {}) => ({
    result: { state, trouble, ...sum },
    ...{
      startedAt,
      retryAfterMs: WAIT_MS,
      nextAt,
      hasProgress: sum.counts.seen > 0,
      ...sizes.found,
      ...more,
    },
  })
  try {
    for (const name of owner.workloads) {
      const before = sum
      const stream = await openStream(owner, name, deps, signal)
      await sizes.ask(stream.reader, signal)
      const outcome = await captureStream({
        ...stream,
        rowsNotAfter: startedAt + ROWS_WITHIN_MS,
        deadline: startedAt + deps.settings.sliceMs,
        signal,
        progress: async (done) => {
          sum = {
            counts: addCounts(before.counts, done.counts),
            bytes: before.bytes + done.bytes,
            requests: before.requests + done.requests,
            units: addUnits(before.units, done.units),
          }
          await input.progress(sum)
        },
      })
      await stream.suspects.settle()
      if (outcome.state === 'more') {
        const isRead = outcome.isRead === true && name === owner.workloads.at(-1)
        return answer('more', '', { ...(outcome.hasProgress && { hasProgress: true }), isRead })
      }
      nextAt = Math.min(nextAt, outcome.nextAt)
      beside ||= outcome.trouble
      isSettled &&= outcome.isSettled
    }
    const done = answer('done', beside)
    return { ...done, result: { ...done.result, isSettled } }
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'bug') throw error
    if (error.code === 'TooLate') return answer('more', error.code)
    const { code, retryAfterMs = WAIT_MS } = error
    return answer(stateAfter(error), code, { retryAfterMs })
  }
}

/** The owner's source is not there, or has nothing in it for us. */
const ABSENT: ReadonlySet<string> = new Set([
  ...['MailboxNotAvailable', 'ContentNotAvailable', 'OwnerGone'],
])

function stateAfter(error: AppError): SliceResult['state'] {
  if (ABSENT.has(error.code)) return 'absent'
  return error.kind === 'throttled' || error.kind === 'transient' ? 'wait' : 'failed'
}

async function openStream(owner: Owner, name: WorkloadName, deps: SliceDeps, signal: AbortSignal) {
  const workload = deps.workload(name)
  const { catalogue, clock, settings } = deps
  return {
    stream: await deps.vault.stream(owner.owner, name, signal),
    tables: unlessErased(catalogue.stream(owner.owner, name), owner.owner, () =>
      deps.vault.isErased(owner.owner, signal),
    ),
    workload,
    reader: workload.reader({
      graphId: owner.graphId,
      ...(owner.earlierVersions && { earlierVersions: owner.earlierVersions }),
    }),
    suspects: await Suspects.open(catalogue, { ...owner, workload: name }, signal),
    locks: new PackLocks(catalogue.packs, owner.owner, clock, settings.protectionDays),
    clock,
    limits: settings,
  }
}
