/** What a step of a verification works with. */
import type { Catalogue, Verification } from '../../catalogue/types.ts'
import type { OwnerId } from '../../model/ids.ts'
import type { BlobStore, BlobVersions, Clock, OwnerKeys, Randomness } from '../../ports.ts'
import type { RunLog } from '../activities.ts'

export interface VerifyRunDeps {
  catalogue: Pick<Catalogue, 'ready' | 'owners' | 'verifications'>
  /** The container `vault`. */
  store: BlobStore
  /** Absent: versions and locks are not looked at. */
  versions?: BlobVersions
  keys: OwnerKeys
  /** Where reports are written, under `verify/`, and records of erasure are read. */
  ops: BlobStore
  clock: Pick<Clock, 'now'>
  random: Randomness
  log: RunLog
  /** Length of one step, ms. */
  sliceMs: number
  /** A step has ended so long after its deadline, or has vanished, ms. */
  slackMs: number
}

export interface Step {
  id: string
  worker: string
  /** Ms. */
  deadline: number
  deps: VerifyRunDeps
  signal: AbortSignal
  /** Listed once. */
  owners?: OwnerId[]
}

export function change(
  { id, deps, signal }: Step,
  next: (now: Verification) => Verification,
): Promise<Verification | undefined> {
  return deps.catalogue.verifications.update(id, next, signal)
}

/** Versions and locks are looked at, and the account keeps versions, as far as is known. */
export function versionsOf(
  { deps }: Step,
  { locks, found }: Verification,
): BlobVersions | undefined {
  return locks && found['VersionsNotKept'] === undefined ? deps.versions : undefined
}
