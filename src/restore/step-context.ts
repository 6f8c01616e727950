/**
 * What one step of a restore works with: its job under lease, its ports, its deadline.
 */
import type { Catalogue, Job, StreamTables } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import type { WorkloadName } from '../model/ids.ts'
import type { BlobStore, Clock, Randomness } from '../ports.ts'
import type { VaultApi } from '../vault/types.ts'
import type { RestorableWorkload, StreamWriter } from '../workloads/workload.ts'
import type { JobLease } from './job-lease.ts'
import { QUIET_END_MS } from './limits.ts'
import type { StoredRequest } from './request.ts'
import type { JobSlots } from './slots.ts'
import type { VersionSource } from './versions.ts'

/** No step works it any more; only one that is in flight may still see to its end. */
export function hasEnded({ state }: Pick<Job, 'state'>): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled'
}

export interface RestoreSettings {
  /** How long a created item may stay invisible to a search, in ms. */
  lagMs: number
  /** Longest slice, in ms: a later deadline is cut to it. */
  sliceMs: number
  /** The lease outlives the slice's deadline by this: for clocks that differ and late writes. */
  leaseMarginMs: number
}

export interface RestoreDeps {
  catalogue: Catalogue
  /** Only `step` opens content. */
  vault: Pick<VaultApi, 'reader' | 'indexSecret'>
  /** The container `ops`. Only `step` creates there, under `restore/` (pinning.ts). */
  pins: BlobStore
  /** Only `step` writes to the service. */
  workloads: (name: WorkloadName) => RestorableWorkload
  clock: Clock
  random: Randomness
  settings: RestoreSettings
}

/**
 * How a step ended. `more`: call again at once; `wait`: after `waitMs`; `done`: nothing left to
 * do in this state (planned, ended, cancelled); `failed`: the job failed, `code` says why.
 */
export type StepOutcome =
  | { state: 'more' }
  | { state: 'wait'; waitMs: number; code?: string }
  | { state: 'done' }
  | { state: 'failed'; code: string }

export interface StepContext {
  readonly deps: RestoreDeps
  readonly lease: JobLease
  readonly request: StoredRequest
  readonly stream: StreamTables
  readonly source: VersionSource
  readonly slots: JobSlots
  /** Ms since 1970: nothing is sent to the service later. */
  readonly deadline: number
  /** For the service and the vault: fires at the deadline. */
  readonly sendSignal: AbortSignal
  /** For our own rows: what came back in time is still written after the deadline. */
  readonly signal: AbortSignal
}

/** True when no new piece of work should begin in this slice. */
export function nearEnd(context: Pick<StepContext, 'deps' | 'deadline'>): boolean {
  const { clock, settings } = context.deps
  const quietMs = Math.min(QUIET_END_MS, settings.sliceMs / 10)
  return clock.now() >= context.deadline - quietMs
}

/** Bound to the target of the job. Throws `DestinationUnknown`. */
export async function targetOf(
  context: Pick<StepContext, 'deps' | 'request'>,
  signal: AbortSignal,
): Promise<{
  writer: StreamWriter
  graphId: Parameters<RestorableWorkload['writer']>[0]['graphId']
}> {
  const { destination, resource, workload } = context.request
  const key = destination.kind === 'original' ? resource : destination.resource
  const found = await context.deps.catalogue.resources.get(key, signal)
  if (!found) throw destinationUnknown()
  const { graphId } = found
  return { writer: context.deps.workloads(workload).writer({ graphId }), graphId }
}

export function destinationUnknown(): AppError {
  return new AppError({
    code: 'DestinationUnknown',
    kind: 'permanent',
    message: 'The destination of this restore is not a known resource.',
    hint: 'Choose a destination from the list of resources.',
  })
}
