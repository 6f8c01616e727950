/**
 * From the words of a call (resource, workload, time) to the rows that answer it.
 *
 * Everything that is read below a resource is read as of one commit: the newest one at or before
 * the time that was asked for, or the head.
 */
import type { Resource, StreamTables } from '../../catalogue/types.ts'
import { type OwnerId, usualWorkload, type WorkloadName } from '../../model/ids.ts'
import type { HttpDeps } from './deps.ts'
import { keyOf, refuseFuture, workloadOf } from './input.ts'
import { notProtected } from './not-protected.ts'
import { refusal } from './problems.ts'

export interface Stream {
  resource: Resource
  owner: OwnerId
  workload: WorkloadName
  tables: StreamTables
}

/** A stream as of one commit. */
export interface StreamAt extends Stream {
  seq: number
  /** ISO time of that commit. */
  time: string
}

/** Throws `MalformedId`, `ResourceUnknown`. */
export async function resourceOf(
  id: string | undefined,
  deps: HttpDeps,
  signal: AbortSignal,
): Promise<Resource> {
  const resource = await deps.catalogue.resources.get(keyOf(id, 'resource'), signal)
  if (resource !== undefined) return resource
  throw refusal(
    'ResourceUnknown',
    'There is no resource with this id.',
    'GET /api/v1/resources lists all of them; a new one appears after the next run.',
  )
}

/** Also throws `WorkloadUnknown`, `NotProtected`. */
export async function streamOf(
  id: string | undefined,
  workloadText: string | undefined,
  deps: HttpDeps,
  signal: AbortSignal,
): Promise<Stream> {
  const named = workloadText === undefined ? undefined : workloadOf(workloadText, deps.workloads)
  const resource = await resourceOf(id, deps, signal)
  const workload = named ?? usualWorkload(resource.kind)
  const { owner } = resource
  if (owner === undefined || !resource.workloads.includes(workload)) {
    const [why, hint] = notProtected(resource)
    throw refusal(
      'NotProtected',
      `This workload of the resource has never been protected, so nothing of it is held. ${why}`,
      hint,
    )
  }
  return { resource, owner, workload, tables: deps.catalogue.stream(owner, workload) }
}

/**
 * Which commit answers. `pinned` is the seq of a cursor: a list stays as of the commit that its
 * first page was read at. Throws `TimeInFuture`, `BeforeFirstPoint`, `NothingHeld`.
 */
export async function asOf(
  stream: Stream,
  wanted: { at?: string | undefined; pinned?: number | undefined },
  deps: HttpDeps,
  signal: AbortSignal,
): Promise<StreamAt> {
  const { at, pinned } = wanted
  if (at !== undefined) refuseFuture(at, deps.clock.now())
  const point = await (at === undefined
    ? stream.tables.head(signal)
    : stream.tables.pointAt(at, signal))
  if (point === undefined) throw at === undefined ? nothingStored() : noPoint()
  // A cursor cannot show more than the call itself would: never beyond the head.
  return { ...stream, seq: Math.min(pinned ?? point.seq, point.seq), time: point.time }
}

function nothingStored() {
  return refusal(
    'NothingHeld',
    'Nothing of this resource is stored yet.',
    'Wait for the first copy, or start a run (POST /api/v1/runs).',
  )
}

function noPoint() {
  return refusal(
    'BeforeFirstPoint',
    'There is no recovery point at or before this time.',
    'GET /api/v1/resources/{id}/points lists the recovery points.',
  )
}
