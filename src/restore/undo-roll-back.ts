/**
 * What the undo of a roll back does beside the removal of what was made.
 *
 * What went back to its name and folder returns to where it was before, if nobody touched it since.
 * What was thrown away stays in the recycle bin, because Graph brings nothing back from there; the
 * report says so.
 */
import {
  isPlacement,
  isRemoval,
  type OpenSlot,
  type PlacementPlan,
  type RemovalPlan,
} from './documents.ts'

/** A slot of the undo that stands for an item. */
export type UndoPlan = RemovalPlan | PlacementPlan

/** True where the slot of the roll back changed something, or may have. */
export function isUndone(slot: OpenSlot): slot is OpenSlot<PlacementPlan | RemovalPlan> {
  if (isPlacement(slot)) return slot.run.attempt > 0
  return isRemoval(slot) && slot.state === 'done'
}

export function undoOf({ n, plan, run }: OpenSlot<PlacementPlan | RemovalPlan>): UndoPlan {
  const { name, folderName } = plan
  if (plan.kind === 'removal') {
    const common = { kind: 'removal' as const, name, folderName, made: n, targets: [] }
    return { ...common, action: 'leave', code: 'ThrownAway' }
  }
  const { item, from } = plan
  const common = {
    kind: 'placement' as const,
    name: from.name ?? name,
    folderName,
    made: n,
    item,
    to: { target: from.seen.container },
  }
  if (run.seen === undefined) {
    // It cannot be told whether it is as the roll back left it.
    return { ...common, action: 'leave', from, code: 'NotAsRestored' }
  }
  const named = from.name === undefined ? {} : { name }
  return { ...common, action: 'place', from: { seen: run.seen, ...named } }
}
