/**
 * One slice of an undo: the items first, then, when all of them have ended, the folders.
 *
 * Folders come children first and one after the other, and go only where they are empty: one in
 * which somebody put something stays, as does one that was renamed or moved.
 */
import { invariant } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import type { TargetContainer } from '../workloads/workload.ts'
import {
  type ClearingPlan,
  isClearing,
  isFinal,
  isPlacement,
  isRemoval,
  type OpenSlot,
  type PlacementPlan,
  type RemovalPlan,
} from './documents.ts'
import { Pass } from './pass.ts'
import { replayPlacement } from './placement.ts'
import { removeItem } from './removal.ts'
import { begin } from './runner.ts'
import type { Worked } from './slot-work.ts'
import { type StepContext, type StepOutcome, targetOf } from './step-context.ts'
import { troubleOf } from './trouble.ts'

/** Where the service puts what a user deletes. */
const BIN = 'deleteditems'

/** Works an undo in state `queued` or `running`. */
export async function undoStep(context: StepContext): Promise<StepOutcome> {
  const { writer, graphId } = await targetOf(context, context.signal)
  if (context.lease.job.state === 'queued') await begin(context, graphId)
  const pass = new Pass(context, writer)
  const cancelled = () => pass.cancelled
  const atEnd = await pass.pages({
    takes: isItemOfUndo,
    work: (slot): Promise<Worked> => {
      if (isRemoval(slot)) return removeItem(slot, { context, writer, cancelled })
      invariant(isPlacement(slot), 'no other kind is worked')
      const { to } = slot.plan
      const folder = 'target' in to ? to.target : undefined
      return replayPlacement(slot, { context, writer, cancelled, folder })
    },
  })
  if (atEnd && !pass.waiting && !pass.cancelled) await clearFolders(pass)
  await pass.save({})
  return pass.conclude(atEnd)
}

function isItemOfUndo(slot: OpenSlot): slot is OpenSlot<RemovalPlan | PlacementPlan> {
  return isRemoval(slot) || isPlacement(slot)
}

async function clearFolders(pass: Pass): Promise<void> {
  const { slots, signal, sendSignal } = pass.context
  let tree: ReadonlyMap<GraphId, TargetContainer> | undefined
  for await (const slot of slots.all(signal)) {
    if (!isClearing(slot) || isFinal(slot.state)) continue
    if (pass.stopped || pass.cancelled) return
    try {
      tree ??= new Map(
        (await pass.writer.containers(sendSignal)).map((folder) => [folder.id, folder]),
      )
      await clearFolder(pass, slot, standing(slot.plan, tree))
    } catch (error) {
      if (sendSignal.aborted) return pass.note({ why: 'slice' })
      const trouble = troubleOf(error)
      if (trouble.kind === 'wait') return pass.note({ ...trouble, why: 'wait' })
      await end(pass, slot, { state: 'refused', code: trouble.code, message: trouble.message })
    }
  }
}

/** The folder as it is; undefined where it is gone, or thrown away as a deletion may do it. */
function standing(
  plan: ClearingPlan,
  tree: ReadonlyMap<GraphId, TargetContainer>,
): TargetContainer | undefined {
  const now = tree.get(plan.folder)
  if (now?.parent === undefined || now.parent === plan.parent) return now
  return tree.get(now.parent)?.wellKnownName === BIN ? undefined : now
}

async function clearFolder(
  pass: Pass,
  slot: OpenSlot<ClearingPlan>,
  now: TargetContainer | undefined,
): Promise<void> {
  const { folder } = slot.plan
  if (!now) {
    // An answer that was lost: then it went by this undo.
    if (slot.run.attempt > 0) return end(pass, slot, { state: 'done' })
    return end(pass, slot, {
      state: 'gone',
      code: 'AlreadyGone',
      message: 'It is not there any more.',
    })
  }
  if (!isAsMade(slot.plan, now)) {
    const message = 'It was renamed or moved after the restore.'
    return end(pass, slot, { state: 'left', code: 'FolderChanged', message })
  }
  const { slots, signal, sendSignal } = pass.context
  const tried = await slots.replace(
    { ...slot, run: { ...slot.run, attempt: slot.run.attempt + 1 } },
    signal,
  )
  if (!tried) return pass.note({ why: 'taken' })
  const sent = { ...slot, run: tried.run, etag: tried.etag }
  const outcome = await pass.writer.removeEmptyContainer(folder, sendSignal)
  if (outcome !== 'not-empty') return end(pass, sent, { state: 'done' })
  const message = 'Something is in it, so it stays.'
  await end(pass, sent, { state: 'left', code: 'FolderNotEmpty', message })
}

/** Names compare as Exchange does: without case. */
function isAsMade(plan: ClearingPlan, now: TargetContainer): boolean {
  const plain = (name: string) => name.normalize('NFC').trim().toLowerCase()
  return plain(plan.name) === plain(now.name) && plan.parent === now.parent
}

async function end(
  pass: Pass,
  slot: OpenSlot<ClearingPlan>,
  how: { state: OpenSlot['state']; code?: string; message?: string },
): Promise<void> {
  const { state, ...why } = how
  const { slots, signal } = pass.context
  const written = await slots.replace({ ...slot, state, run: { ...slot.run, ...why } }, signal)
  if (written) pass.counted(slot, written)
  else pass.note({ why: 'taken' })
}
