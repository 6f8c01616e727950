/**
 * One version of a blob and the rules that protect it: locks, legal holds, tiers, soft delete.
 *
 * Pure: a rule takes a version and the time and gives a new version, or throws what the adapter
 * would throw. The rules are those of version-level immutability, from Microsoft's pages on
 * version-level WORM policies, Set Blob Immutability Policy, blob versioning and access tiers.
 * Rights are the container's business (blobs.ts).
 */
import { blobRefused, blobUnfit } from './troubles.ts'

const SECOND_MS = 1000
export const DAY_MS = 86_400_000
/** Standard priority takes up to so long; here it always does. */
const REHYDRATION_MS = 15 * 3_600_000
/** Azure's longest interval: 400 years. */
const POLICY_DAYS_MAX = 146_000

export type LockMode = 'Unlocked' | 'Locked'

/** A time-based retention policy of one version. */
export interface Lock {
  /** In whole seconds. It stays on the version after its end. */
  readonly untilMs: number
  readonly mode: LockMode
}

/** What a container gives to each new version: `untilMs` counts from its creation. */
export interface DefaultPolicy {
  readonly days: number
  readonly mode: LockMode
}

export const TIERS = ['Hot', 'Cool', 'Cold', 'Archive'] as const
export type Tier = (typeof TIERS)[number]

export interface BlobVersion {
  /** As the service makes them: the time of the write in ticks of 100 ns. */
  readonly id: string
  readonly bytes: Uint8Array
  readonly createdAt: Date
  /** Name of the identity that wrote it. */
  readonly by: string
  readonly lock?: Lock
  readonly held: boolean
  readonly tier: Tier
  /** On its way out of the archive. */
  readonly rehydrating?: { readonly to: Tier; readonly atMs: number }
  /** When it was soft-deleted. */
  readonly deletedMs?: number
}

/** A hold is named before a lock; both are 409 and final until something else changes. */
export function refuseIfProtected(version: BlobVersion, nowMs: number): void {
  if (version.held) throw blobRefused('BlobHeld', 'BlobImmutableDueToLegalHold')
  if (version.lock && version.lock.untilMs > nowMs) {
    throw blobRefused('BlobLocked', 'BlobImmutableDueToPolicy')
  }
}

/** The lock that a version gets at its creation. */
export function inherited(policy: DefaultPolicy, createdAt: Date): Lock {
  return { untilMs: createdAt.getTime() + policy.days * DAY_MS, mode: policy.mode }
}

/**
 * Set Blob Immutability Policy: unlocked, everything goes; locked, the end only moves later and
 * the mode stays, also after the end. Seconds are rounded up.
 */
export function withLock(version: BlobVersion, wanted: Lock, nowMs: number): BlobVersion {
  const untilMs = Math.ceil(wanted.untilMs / SECOND_MS) * SECOND_MS
  if (untilMs <= nowMs) throw blobUnfit('a lock ends in the time to come')
  const { lock } = version
  if (lock?.mode === 'Locked' && (wanted.mode === 'Unlocked' || untilMs < lock.untilMs)) {
    throw blobRefused('LockRefused', 'BlobImmutableDueToPolicy')
  }
  return { ...version, lock: { untilMs, mode: wanted.mode } }
}

/** Delete Blob Immutability Policy. */
export function withoutLock(version: BlobVersion): BlobVersion {
  if (version.lock?.mode === 'Locked') {
    throw blobRefused('LockRefused', 'ImmutabilityPolicyDeleteOnLockedPolicy')
  }
  const { lock: _, ...rest } = version
  return rest
}

/** A container's default changes as a lock does, and never touches the versions that are there. */
export function changedDefault(
  policy: DefaultPolicy | undefined,
  wanted: DefaultPolicy | undefined,
): DefaultPolicy | undefined {
  if (wanted && !(Number.isInteger(wanted.days) && isWithin(wanted.days))) {
    throw blobUnfit('a policy has 1 to 146,000 days')
  }
  const weaker = !wanted || wanted.mode === 'Unlocked' || wanted.days < (policy?.days ?? 0)
  if (policy?.mode === 'Locked' && weaker) {
    throw blobRefused('LockRefused', 'ContainerImmutabilityPolicyFailure')
  }
  return wanted
}

const isWithin = (days: number) => days >= 1 && days <= POLICY_DAYS_MAX

/** The tier that a version is in by now. */
export function tierOf({ tier, rehydrating }: BlobVersion, nowMs: number): Tier {
  return rehydrating && rehydrating.atMs <= nowMs ? rehydrating.to : tier
}

/** Set Blob Tier, which protection does not touch. Out of the archive it takes hours. */
export function inTier(version: BlobVersion, to: Tier, nowMs: number): BlobVersion {
  const { rehydrating, ...rest } = version
  const from = tierOf(version, nowMs)
  if (from !== 'Archive' || to === 'Archive') return { ...rest, tier: to }
  if (rehydrating) throw blobRefused('BlobArchived', 'BlobBeingRehydrated')
  return { ...rest, tier: from, rehydrating: { to, atMs: nowMs + REHYDRATION_MS } }
}

/** What is in the archive can be listed and deleted, but not read. */
export function refuseIfArchived(version: BlobVersion, nowMs: number): void {
  if (tierOf(version, nowMs) === 'Archive') throw blobRefused('BlobArchived', 'BlobArchived')
}

/** Version ids: unique in a container, later ones greater. */
export class VersionIds {
  #ms: number
  #tick: number

  constructor(like?: VersionIds) {
    this.#ms = like ? like.#ms : 0
    this.#tick = like ? like.#tick : 0
  }

  next(nowMs: number): string {
    this.#tick = nowMs === this.#ms ? this.#tick + 1 : 0
    this.#ms = nowMs
    return new Date(nowMs).toISOString().replace('Z', `${String(this.#tick).padStart(4, '0')}Z`)
  }
}
