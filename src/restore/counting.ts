/**
 * How slots are counted: one mapping from states to outcomes, for counts and report alike.
 *
 * Every item is counted once as restored, skipped, refused, failed, unknown or pending, so these
 * six always add up to the items of the plan; every restored item is counted once by its check.
 */
import type { OpenSlot, SlotState } from './documents.ts'

export const OUTCOMES = ['restored', 'skipped', 'refused', 'failed', 'unknown', 'pending'] as const
export type Outcome = (typeof OUTCOMES)[number]

const OUTCOME_OF = {
  pending: 'pending',
  doing: 'pending',
  created: 'pending',
  settling: 'pending',
  done: 'restored',
  skipped: 'skipped',
  refused: 'refused',
  failed: 'failed',
  unknown: 'unknown',
} as const satisfies Record<SlotState, Outcome>

export function outcomeOf(state: SlotState): Outcome {
  return OUTCOME_OF[state]
}

/** Counts by name; a name that is missing is zero. */
export type RestoreCounts = Record<string, number>

export function countSlot(counts: RestoreCounts, slot: OpenSlot): void {
  const bump = (name: string, by = 1) => {
    counts[name] = (counts[name] ?? 0) + by
  }
  if (slot.plan.kind === 'folder') {
    if (slot.plan.action !== 'make') return
    if (slot.state === 'done') bump('foldersMade')
    else bump(slot.state === 'failed' ? 'foldersFailed' : 'foldersPending')
    return
  }
  const outcome = outcomeOf(slot.state)
  bump(outcome)
  if (slot.run.doubles) bump('doubles', slot.run.doubles)
  if (outcome !== 'restored') return
  bump(
    'bytes',
    slot.plan.contents.reduce((sum, c) => sum + c.bytes, 0),
  )
  if (slot.run.check === 'verified') bump('verified')
  else bump(slot.run.check === 'differs' ? 'differs' : 'couldNotCheck')
}

export function addCounts(a: RestoreCounts, b: RestoreCounts): RestoreCounts {
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return Object.fromEntries([...names].map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)]))
}

/** What a slot's change adds to the counts; sums to zero over the outcomes. */
export function countChange(before: OpenSlot, after: OpenSlot): RestoreCounts {
  const was: RestoreCounts = {}
  const is: RestoreCounts = {}
  countSlot(was, before)
  countSlot(is, after)
  const negative = Object.fromEntries(Object.entries(was).map(([name, n]) => [name, -n]))
  return addCounts(is, negative)
}
