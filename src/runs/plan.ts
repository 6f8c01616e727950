/**
 * Which owners a run works, and in which order (DESIGN 4, tick): asked for by a person first, then
 * those that have a copy and are due, then first copies by who has waited longest.
 */
import type { Owner, PlanEntry, Run } from '../catalogue/types.ts'
import { NO_COUNTS } from '../model/events.ts'
import type { KeyHash } from '../model/ids.ts'
import { isDue } from './due.ts'

/** Owners in one run; what is left is due at the next tick and goes first there. */
export const PLAN_OWNERS_MAX = 2000

export interface PlanInput {
  run: Pick<Run, 'kind' | 'resources'>
  owners: readonly Owner[]
  /** Resources that are protected now. */
  protectedResources: ReadonlySet<KeyHash>
  now: number
}

/** Pure. A person's run takes what it names, due or not; without names, everything. */
export function planOwners(input: PlanInput): PlanEntry[] {
  const { run, owners, protectedResources, now } = input
  const asked = new Set(run.resources)
  const chosen = owners.filter((owner) => {
    if (!protectedResources.has(owner.resource)) return false
    if (run.kind === 'asked') return asked.size === 0 || asked.has(owner.resource)
    return isDue(owner, now)
  })
  return chosen.toSorted(byUrgency).slice(0, PLAN_OWNERS_MAX).map(entryOf)
}

function byUrgency(a: Owner, b: Owner): number {
  const first = Number(a.completeAt === undefined) - Number(b.completeAt === undefined)
  if (first !== 0) return first
  // By the due time, not by the last reading: who cannot be read now must not keep the first place.
  return a.dueAt.localeCompare(b.dueAt) || a.owner.localeCompare(b.owner)
}

function entryOf(owner: Owner): PlanEntry {
  return {
    owner: owner.owner,
    resource: owner.resource,
    state: 'queued',
    counts: NO_COUNTS,
    requests: 0,
    bytes: 0,
    trouble: '',
    claimedUntil: 0,
  }
}
