/**
 * Erasure of one owner (DESIGN 5, promise P8): its keys go, so that nothing of it can be read, even
 * under a lock; its rows go; and a receipt says from when on that is for ever.
 *
 * Each step is safe to repeat, and where an erasure stands is read from `ops`. From the first record
 * on nobody writes for the owner any more; whoever wrote already has stopped an hour later, and then
 * the rows are swept once more.
 */
import { z } from 'zod'
import { type OwnerId, parseOwnerId } from '../../model/ids.ts'
import type { OwnerKeyRemoval } from '../../ports.ts'
import { DAY_MS } from './days.ts'
import { ERASED } from './erased.ts'
import {
  createRecord,
  datedRecords,
  fixedName,
  type RecordKind,
  readRecord,
} from './ops-records.ts'
import { RECEIPT, type Receipt } from './receipt.ts'
import { isHeld, readRules } from './rules.ts'
import { type StorageTimeDeps, storageNow } from './storage-time.ts'

const ownerSchema = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .transform(parseOwnerId)
/** Asked for by people; counts only after the time in which it can be taken back. */
export const ERASE: RecordKind<{ owner: OwnerId }> = {
  ...{ service: 'access', kind: 'erase', schema: z.object({ owner: ownerSchema }) },
}
/** Takes back the request with the same id. */
export const SPARE: RecordKind<Record<string, never>> = {
  ...{ service: 'access', kind: 'spare', schema: z.object({}).strict() },
}

/**
 * No slice writes rows later than an hour after its start (DESIGN 6); clocks differ by less than
 * five minutes.
 */
const SWEPT_AGAIN_AFTER_MS = 70 * 60_000

export interface EraserDeps extends StorageTimeDeps {
  keys: OwnerKeyRemoval
  /** Removes every row of the owner, wherever it stands. Idempotent. */
  sweep(owner: OwnerId, signal: AbortSignal): Promise<void>
  /** For so many days a request can be taken back. */
  coolingOffDays: number
  delayDays: number
}

export type Erasure =
  /** Nobody asked, or it was taken back. */
  | { state: 'not-asked' }
  /** Go on at this time (ms since 1970). */
  | { state: 'waiting'; until: number }
  | { state: 'held' }
  | { state: 'done'; receipt: Receipt }

/**
 * Goes as far as it may now. To be called every day as long as anything of the owner is left in the
 * vault, because it sweeps each time. Throws `ClockWrong`, `RulesMissing`, and what storage and keys throw.
 */
export async function eraseOwner(
  deps: EraserDeps,
  owner: OwnerId,
  signal: AbortSignal,
): Promise<Erasure> {
  const { ops, clock } = deps
  const receipt = await readRecord(ops, RECEIPT, owner, signal)
  if (receipt) {
    // A machine that was asleep amid a call sends it whenever it wakes.
    await deps.sweep(owner, signal)
    return { state: 'done', receipt: receipt.document }
  }
  const begun = await begin(deps, owner, signal)
  if ('state' in begun) return begun
  // A hold may have come since: until the keys are gone it still counts.
  if (await isHeldNow(deps, owner, signal)) return { state: 'held' }
  const { purgedAt, otherRecipients } = await deps.keys.erase(owner, signal)
  await deps.sweep(owner, signal)
  const until = begun.at + SWEPT_AGAIN_AFTER_MS
  if (clock.now() < until) return { state: 'waiting', until }
  const said: Receipt = {
    ...{ owner, request: begun.request, otherRecipients },
    purgedAt: purgedAt.toISOString(),
  }
  await createRecord(ops, fixedName(RECEIPT, owner), said, signal)
  return { state: 'done', receipt: said }
}

/** By storage's clock: a machine that is ahead of it would be too early with all that follows. */
async function isHeldNow(deps: EraserDeps, owner: OwnerId, signal: AbortSignal): Promise<boolean> {
  const { ops, delayDays } = deps
  const now = await storageNow(deps, 'expirer', signal)
  return isHeld(await readRules({ ops, now, delayDays }, signal), owner)
}

/** When storage noted that the erasure began; or why it does not. */
async function begin(
  deps: EraserDeps,
  owner: OwnerId,
  signal: AbortSignal,
): Promise<{ request: string; at: number } | Exclude<Erasure, { state: 'done' }>> {
  const { ops, clock } = deps
  const there = await readRecord(ops, ERASED, owner, signal)
  if (there) return { request: there.document.request, at: there.createdAt }
  const asked = await requestFor(deps, owner, signal)
  if (asked === undefined) return { state: 'not-asked' }
  const from = asked.createdAt + deps.coolingOffDays * DAY_MS
  if (clock.now() < from) return { state: 'waiting', until: from }
  if (await isHeldNow(deps, owner, signal)) return { state: 'held' }
  const record = { owner, request: asked.id }
  const at = await createRecord(ops, fixedName(ERASED, owner), record, signal)
  return { request: asked.id, at }
}

/** The oldest request that was not taken back. */
async function requestFor(
  { ops }: EraserDeps,
  owner: OwnerId,
  signal: AbortSignal,
): Promise<{ id: string; createdAt: number } | undefined> {
  const spared = new Set<string>()
  for await (const { id } of datedRecords(ops, SPARE, signal)) spared.add(id)
  let oldest: { id: string; createdAt: number } | undefined
  for await (const { id, createdAt, document } of datedRecords(ops, ERASE, signal)) {
    if (document.owner !== owner || spared.has(id)) continue
    if (oldest === undefined || createdAt < oldest.createdAt) oldest = { id, createdAt }
  }
  return oldest
}
