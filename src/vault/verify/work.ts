/** What every check works with. */
import { createHash } from 'node:crypto'
import type { OwnerId } from '../../model/ids.ts'
import type { BlobStore, BlobVersions, OwnerKeys } from '../../ports.ts'
import type { VerifyPlan } from './progress.ts'
import type { Tally } from './tally.ts'

export interface Work {
  store: BlobStore
  /** Undefined: only what needs no key is checked. */
  keys: OwnerKeys | undefined
  /** Undefined: versions and locks are not looked at, or the account keeps none. */
  versions: BlobVersions | undefined
  plan: VerifyPlan
  tally: Tally
  /** Content of items after which progress is told. */
  everyBytes: number
  signal: AbortSignal
}

/** What can be opened of one owner. */
export interface Access {
  owner: OwnerId
  /** Undefined: commits are checked by hash only. */
  secret: Uint8Array | undefined
  /** The key opens what was wrapped for it. */
  canUnwrap: boolean
}

/** Whether the sample has this one. */
export function isSampled({ openPercent, seed }: VerifyPlan, id: string): boolean {
  if (openPercent <= 0 || openPercent >= 100) return openPercent >= 100
  const drawn = createHash('sha256').update(`${seed}/${id}`).digest().readUInt32BE(0)
  return drawn < (openPercent / 100) * 2 ** 32
}
