/**
 * How slots are counted: one mapping from states to outcomes, for counts and report alike.
 *
 * Every item is counted once as one of the outcomes, so these always add up to the items of the plan; every restored item is counted once by its check.
 */
import type { OpenSlot, SlotState } from './documents.ts'

export const OUTCOMES = [
  'restored',
  'skipped',
  'alreadyThere',
  'refused',
  'failed',
  'unknown',
  'pending',
] as const
export type Outcome = (typeof OUTCOMES)[number]

export const COUNT_NAMES = [
  ...OUTCOMES,
  'verified',
  'differs',
  'couldNotCheck',
  'foldersMade',
  'foldersFailed',
  'foldersPending',
  /** Plain bytes of restored items. */
  'bytes',
  /** Copies of one send that were found beside the one that was kept. */
  'doubles',
] as const
export type CountName = (typeof COUNT_NAMES)[number]
export type RestoreCounts = Record<CountName, number>

const OUTCOME_OF = {
  pending: 'pending',
  doing: 'pending',
  created: 'pending',
  settling: 'pending',
  done: 'restored',
  skipped: 'skipped',
  there: 'alreadyThere',
  refused: 'refused',
  failed: 'failed',
  unknown: 'unknown',
} as const satisfies Record<SlotState, Outcome>

export function outcomeOf(state: SlotState): Outcome {
  return OUTCOME_OF[state]
}

/** Names that are missing in the row are zero. */
export function readCounts(row: Readonly<Record<string, number>>): RestoreCounts {
  const entries = COUNT_NAMES.map((name) => [name, row[name] ?? 0])
  return Object.fromEntries(entries) as RestoreCounts
}

export function countSlot(slot: OpenSlot): RestoreCounts {
  const counts = readCounts({})
  const { plan, run, state } = slot
  if (plan.kind === 'folder') {
    if (plan.action !== 'make') return counts
    if (state === 'done') counts.foldersMade = 1
    else if (state === 'failed') counts.foldersFailed = 1
    else counts.foldersPending = 1
    return counts
  }
  counts[outcomeOf(state)] = 1
  counts.doubles = run.doubles ?? 0
  if (state !== 'done') return counts
  counts.bytes = plan.contents.reduce((sum, c) => sum + c.bytes, 0)
  if (run.check === 'verified') counts.verified = 1
  else if (run.check === 'differs') counts.differs = 1
  else counts.couldNotCheck = 1
  return counts
}

export function addCounts(a: RestoreCounts, b: RestoreCounts): RestoreCounts {
  const entries = COUNT_NAMES.map((name) => [name, a[name] + b[name]])
  return Object.fromEntries(entries) as RestoreCounts
}

/** What a slot's change adds to the counts; sums to zero over the outcomes. */
export function countChange(before: OpenSlot, after: OpenSlot): RestoreCounts {
  const was = countSlot(before)
  const is = countSlot(after)
  const entries = COUNT_NAMES.map((name) => [name, is[name] - was[name]])
  return Object.fromEntries(entries) as RestoreCounts
}
