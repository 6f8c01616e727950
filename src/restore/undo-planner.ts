/**
 * Planning an undo: from the slots of a restore that has ended to what will be removed.
 *
 * One slot for each slot of the restore that made, or may have made, an item, in the same order;
 * then the folders that it made, children before parents. An item is removed only if it still is
 * as the restore's read-back saw it. Where there is no such fact (the read-back failed, or the
 * answer of the create was lost and the item is found by its mark) it must be, byte for byte, the
 * version that was restored. Reads only; a step may die anywhere and the next one comes to the
 * same slots, because the slots of an ended restore do not change.
 */
import { MemoryPool, mapBounded } from '../concurrency/index.ts'
import { invariant } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import type { Seen, StreamWriter } from '../workloads/workload.ts'
import {
  type FolderPlan,
  type ItemPlan,
  isItem,
  leftFor,
  type OpenSlot,
  type PlacementPlan,
  type RemovalPlan,
} from './documents.ts'
import { estimateUndo } from './estimate.ts'
import type { PlanCursor, UndoTotals } from './job-document.ts'
import { OPEN_BYTES_MAX, PLAN_PAGE } from './limits.ts'
import { reasonToLeave } from './removal.ts'
import type { LeaveCode } from './slot-plans.ts'
import { JobSlots } from './slots.ts'
import { nearEnd, type StepContext, type StepOutcome, targetOf } from './step-context.ts'
import { troubleOf, waitMs } from './trouble.ts'
import { isUndone, type UndoPlan, undoOf } from './undo-roll-back.ts'
import { openBytes, openVersion } from './versions.ts'

const NO_TOTALS = {
  items: 0,
  remove: 0,
  left: 0,
  gone: 0,
  refused: 0,
  unknown: 0,
  folders: 0,
  requests: 0,
  minutes: 0,
} satisfies UndoTotals

/** `folder: 0`: the items are being planned; 1: all is planned. */
const BEGINNING: PlanCursor = { folders: 1, folder: 0, next: 0 }

/** Works an undo in state `planning` until it is `planned` or the slice ends. Throws trouble. */
export async function planUndoStep(context: StepContext): Promise<StepOutcome> {
  const { lease, signal } = context
  const { writer, graphId } = await targetOf(context, signal)
  const planner = new UndoPlanner(context, writer)
  for (;;) {
    const cursor = lease.plan.cursor ?? BEGINNING
    if (lease.job.flags.cancel) {
      await lease.save({ state: 'cancelled' }, signal)
      return { state: 'done' }
    }
    if (cursor.folder > 0) break
    if (nearEnd(context)) return { state: 'more' }
    const dueAt = await planner.page(cursor)
    if (dueAt !== undefined) {
      const wait = waitMs(dueAt - context.deps.clock.now())
      return { state: 'wait', waitMs: wait, code: 'AnswerLost' }
    }
  }
  return seal(context, graphId)
}

class UndoPlanner {
  readonly #context: StepContext
  readonly #writer: StreamWriter
  readonly #made: JobSlots
  readonly #memory = new MemoryPool(OPEN_BYTES_MAX)
  #folders: OpenSlot<FolderPlan>[] | undefined

  constructor(context: StepContext, writer: StreamWriter) {
    const { undoes } = context.request
    invariant(undoes !== undefined, 'an undo names its restore')
    this.#context = context
    this.#writer = writer
    this.#made = new JobSlots(context.deps.catalogue, undoes)
  }

  /** Plans a page; or says when a lost answer may be looked for (ms since 1970). */
  async page(cursor: PlanCursor): Promise<number | undefined> {
    const { signal, slots, lease, deps } = this.#context
    const from = cursor.continuation === undefined ? {} : { continuation: cursor.continuation }
    const page = await this.#made.page({ max: PLAN_PAGE, ...from }, signal)
    const made = page.slots.filter(mayHaveDone)
    const dueAt = Math.max(0, ...made.map((slot) => this.#dueAt(slot)))
    if (dueAt > deps.clock.now()) return dueAt
    const removals = await mapBounded(made, this.#writer.concurrency, (slot) => this.#undo(slot))
    const ended = page.continuation === undefined
    const clearings = ended ? await this.#clearings() : []
    const plans = [...removals, ...clearings]
    await slots.plan(
      cursor.next,
      plans,
      { fresh: false, confirm: () => lease.save({}, signal) },
      signal,
    )
    const next: PlanCursor = {
      folders: 1,
      folder: ended ? 1 : 0,
      next: cursor.next + plans.length,
      ...(page.continuation === undefined ? {} : { continuation: page.continuation }),
    }
    const before: UndoTotals = lease.plan.undoTotals ?? NO_TOTALS
    const undoTotals = add({ ...before, folders: before.folders + clearings.length }, removals)
    await lease.save({ plan: { cursor: next, undoTotals } }, signal)
    return undefined
  }

  /** From when on a search would show what the slot sent; 0 where nothing is to be searched. */
  #dueAt({ run, plan }: Done): number {
    const searched = plan.kind === 'item' && (run.newId === undefined || run.attempt > 1)
    return searched ? (run.sentBefore ?? 0) + this.#context.deps.settings.lagMs : 0
  }

  #undo(slot: Done): Promise<UndoPlan> {
    if (isItem(slot)) return this.#plan(slot)
    invariant(isUndone(slot), 'no other kind has a line')
    return Promise.resolve(undoOf(slot))
  }

  async #plan(slot: OpenSlot<ItemPlan>): Promise<RemovalPlan> {
    const { name, folderName } = slot.plan
    const common = { kind: 'removal' as const, name, folderName, made: slot.n }
    const kept = reasonToKeep(slot)
    if (kept !== undefined) return { ...common, action: 'leave', targets: [], code: kept }
    try {
      const found = await this.#found(slot)
      if (found === undefined) {
        return { ...common, action: 'leave', targets: [], code: 'FolderNotKnown' }
      }
      const { targets, code } = await this.#judge(slot, found)
      if (targets.length === 0) {
        return { ...common, action: 'leave', targets, code: code ?? 'NotFound' }
      }
      return { ...common, action: 'remove', targets, ...(code === undefined ? {} : { code }) }
    } catch (error) {
      if (troubleOf(error).kind === 'wait') throw error
      return { ...common, action: 'leave', targets: [], code: 'NotReadable' }
    }
  }

  /** What the slot made; undefined where it can only be searched, and the folder is not known. */
  async #found(slot: OpenSlot<ItemPlan>): Promise<GraphId[] | undefined> {
    const { newId, mark, attempt } = slot.run
    if (mark === undefined || (newId !== undefined && attempt <= 1)) {
      return newId === undefined ? [] : [newId]
    }
    const folder = await this.#placeOf(slot.plan.folder)
    if (folder === undefined) return newId === undefined ? undefined : [newId]
    const { source, sendSignal } = this.#context
    const { name, via } = slot.plan
    const marked = await this.#writer.find(
      {
        container: folder,
        name: via ?? name,
        mark,
        since: slot.run.since ?? 0,
        version: () => openVersion(source, slot.plan, sendSignal),
      },
      sendSignal,
    )
    return [...new Set(newId === undefined ? marked : [newId, ...marked])]
  }

  async #judge(
    slot: OpenSlot<ItemPlan>,
    items: readonly GraphId[],
  ): Promise<{ targets: RemovalPlan['targets']; code: LeaveCode | undefined }> {
    const targets: RemovalPlan['targets'] = []
    let code: LeaveCode | undefined
    for (const item of items) {
      const now = await this.#writer.present(item, this.#context.sendSignal)
      const fact = item === slot.run.newId ? slot.run.seen : undefined
      const seen = fact ?? (now && (await this.#asRestored(slot.plan, item)) ? now : undefined)
      const reason = seen
        ? reasonToLeave(seen, now, this.#context)
        : now
          ? 'NotAsRestored'
          : 'AlreadyGone'
      if (reason === undefined && seen) targets.push({ item, seen: plainly(seen) })
      else if (code === undefined || code === 'AlreadyGone') code = reason
    }
    // Of several, one that is gone is no reason to say anything of the others.
    return { targets, code: targets.length > 0 && code === 'AlreadyGone' ? undefined : code }
  }

  /** Byte for byte the version that was restored. */
  async #asRestored(plan: ItemPlan, item: GraphId): Promise<boolean> {
    const { source, sendSignal, signal } = this.#context
    const bytes = openBytes(plan.contents, source.streamed)
    const release = await this.#memory.claim(Math.min(bytes, OPEN_BYTES_MAX), signal)
    try {
      const version = await openVersion(source, plan, sendSignal)
      return (await this.#writer.matches(item, version, sendSignal)) === 'same'
    } catch (error) {
      if (troubleOf(error).kind === 'wait') throw error
      return false
    } finally {
      release()
    }
  }

  async #placeOf(folder: number): Promise<GraphId | undefined> {
    this.#folders ??= await this.#made.folders(this.#context.signal)
    const slot = this.#folders[folder]
    return slot?.run.newId ?? slot?.plan.target
  }

  /** The folders that the restore made, children before parents. */
  async #clearings() {
    this.#folders ??= await this.#made.folders(this.#context.signal)
    const clearings = []
    for (const { n, plan, run } of this.#folders.toReversed()) {
      if (plan.action !== 'make' || run.newId === undefined) continue
      const parent =
        plan.parent &&
        ('target' in plan.parent ? plan.parent.target : await this.#placeOf(plan.parent.slot))
      clearings.push({
        kind: 'clearing' as const,
        name: plan.name,
        made: n,
        folder: run.newId,
        ...(parent === undefined ? {} : { parent }),
      })
    }
    return clearings
  }
}

/** What an undo has a line for. */
type Done = OpenSlot<ItemPlan | PlacementPlan | RemovalPlan>

function mayHaveDone(slot: OpenSlot): slot is Done {
  return isItem(slot) ? mayHaveMade(slot) : isUndone(slot)
}

/** True where something may be in the target for this slot of a restore that has ended. */
function mayHaveMade({ state, run }: OpenSlot<ItemPlan>): boolean {
  if (run.newId !== undefined) return true
  if (run.mark === undefined || run.attempt === 0) return false
  // One send that was refused made nothing; a former one of the same slot may have.
  return run.attempt > 1 || (state !== 'refused' && state !== 'failed')
}

/** What the restore made is more than an item beside others: without it something else is lost. */
function reasonToKeep({ plan, run }: OpenSlot<ItemPlan>): LeaveCode | undefined {
  if (plan.action === 'version') return 'NewVersion'
  return run.replaced ? 'Replaced' : undefined
}

/** Without what only the service's answer has besides. */
function plainly({ container, marker }: Seen): Seen {
  const { content, decoration, change } = marker
  return { container, marker: { content, decoration, change } }
}

function add(totals: UndoTotals, plans: readonly UndoPlan[]): UndoTotals {
  const next = { ...totals, items: totals.items + plans.length }
  for (const { action, code } of plans) {
    const state = action === 'leave' ? leftFor(code ?? 'NotFound').state : action
    if (state === 'place') next.place = (next.place ?? 0) + 1
    else if (isCounted(state)) next[state] += 1
  }
  return next
}

function isCounted(state: string): state is keyof typeof NO_TOTALS {
  return state in NO_TOTALS
}

/** Hashes what the rows say, and makes the job `planned`. */
async function seal(context: StepContext, target: GraphId): Promise<StepOutcome> {
  const { lease, request, signal, slots } = context
  const totals: UndoTotals = lease.plan.undoTotals ?? NO_TOTALS
  const { hash, slots: written } = await slots.hash({ request, target }, signal)
  const { left, gone, refused, unknown, remove, folders, place = 0 } = totals
  const pending = remove + place
  const counts = { left, gone, refused, unknown, pending, foldersPending: folders }
  const { pace } = context.deps.workloads(request.workload)
  const undoTotals = { ...totals, ...estimateUndo(totals, pace) }
  const plan = { hash, slots: written, target, undoTotals }
  await lease.save({ state: 'planned', counts, plan }, signal)
  return { state: 'done' }
}
