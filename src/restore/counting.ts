/**
 * How slots are counted: one mapping from states to outcomes, for counts and report alike.
 *
 * Every item is counted once as one of the outcomes of its kind of job, so these always add up to
 * the items of the plan; every restored item is counted once by its check.
 */
import type { Job } from '../catalogue/types.ts'
import type { OpenSlot, SlotState } from './documents.ts'

const RESTORE_OUTCOMES = [
  'restored',
  'skipped',
  'alreadyThere',
  'refused',
  'failed',
  'unknown',
  'pending',
] as const
const UNDO_OUTCOMES = ['removed', 'left', 'gone', 'refused', 'unknown', 'pending'] as const
/** Of a roll back, and of its undo. */
const ROLL_BACK_OUTCOMES = [
  'unchanged',
  'changedLater',
  'appeared',
  'removed',
  'left',
  'gone',
] as const
const UNDONE_OUTCOMES = ['putBack'] as const
export type Outcome =
  | (typeof RESTORE_OUTCOMES)[number]
  | (typeof UNDO_OUTCOMES)[number]
  | (typeof ROLL_BACK_OUTCOMES)[number]
  | (typeof UNDONE_OUTCOMES)[number]

const RESTORE_COUNTS = [
  ...RESTORE_OUTCOMES,
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
  /** Of items and folders that were made anew. */
  'permissionsRestored',
  'permissionsNotRestored',
] as const
const UNDO_COUNTS = [
  ...UNDO_OUTCOMES,
  'foldersRemoved',
  'foldersLeft',
  'foldersGone',
  'foldersPending',
] as const
export type CountName = (typeof RESTORE_COUNTS)[number] | (typeof UNDO_COUNTS)[number] | Outcome
export type RestoreCounts = Record<CountName, number>

const COUNT_NAMES: readonly CountName[] = [
  ...new Set([...RESTORE_COUNTS, ...UNDO_COUNTS, ...ROLL_BACK_OUTCOMES, ...UNDONE_OUTCOMES]),
]

/**
 * Those that mean something for this kind of job; a name that is missing in the row is zero. Those of
 * roll backs are shown where there are any.
 */
export function shownCounts(
  kind: Job['kind'],
  row: Readonly<Record<string, number>>,
): Record<string, number> {
  const names: readonly CountName[] = kind === 'undo' ? UNDO_COUNTS : RESTORE_COUNTS
  const others = kind === 'undo' ? UNDONE_OUTCOMES : ROLL_BACK_OUTCOMES
  const shown = [...names, ...others.filter((name) => (row[name] ?? 0) > 0)]
  return Object.fromEntries(shown.map((name) => [name, row[name] ?? 0]))
}

const RESTORE_OUTCOME_OF = {
  pending: 'pending',
  doing: 'pending',
  created: 'pending',
  settling: 'pending',
  replacing: 'pending',
  renaming: 'pending',
  permitting: 'pending',
  done: 'restored',
  skipped: 'skipped',
  there: 'alreadyThere',
  left: 'left',
  gone: 'gone',
  refused: 'refused',
  failed: 'failed',
  unknown: 'unknown',
  unchanged: 'unchanged',
  later: 'changedLater',
  appeared: 'appeared',
} as const satisfies Record<SlotState, Outcome>

/** What became of the item or folder of this slot. */
export function outcomeOf({ plan, state }: OpenSlot): Outcome {
  if (state !== 'done') return RESTORE_OUTCOME_OF[state]
  if (plan.kind === 'removal' || plan.kind === 'clearing') return 'removed'
  return plan.kind === 'placement' && plan.made !== undefined ? 'putBack' : 'restored'
}

/** Names that are missing in the row are zero. */
export function readCounts(row: Readonly<Record<string, number>>): RestoreCounts {
  const entries = COUNT_NAMES.map((name) => [name, row[name] ?? 0])
  return Object.fromEntries(entries) as RestoreCounts
}

const FOLDER_COUNT_OF: Readonly<Partial<Record<Outcome, CountName>>> = {
  restored: 'foldersMade',
  failed: 'foldersFailed',
  removed: 'foldersRemoved',
  left: 'foldersLeft',
  refused: 'foldersLeft',
  gone: 'foldersGone',
}

export function countSlot(slot: OpenSlot): RestoreCounts {
  const counts = readCounts({})
  const { plan, run } = slot
  const outcome = outcomeOf(slot)
  const { restored = 0, notRestored = [], more = 0 } = run.permissions ?? {}
  counts.permissionsRestored = restored
  counts.permissionsNotRestored = notRestored.length + more
  if (plan.kind === 'folder' || plan.kind === 'clearing') {
    if (plan.kind === 'clearing' || plan.action === 'make') {
      counts[FOLDER_COUNT_OF[outcome] ?? 'foldersPending'] = 1
    }
    return counts
  }
  counts[outcome] = 1
  if (plan.kind === 'removal') return counts
  counts.doubles = run.doubles ?? 0
  if (outcome !== 'restored') return counts
  if (plan.kind === 'item') counts.bytes = plan.contents.reduce((sum, c) => sum + c.bytes, 0)
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
