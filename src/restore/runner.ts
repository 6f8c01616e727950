/**
 * One slice of replay: folders first, then page after page of items.
 */
import { invariant } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import {
  type FolderPlan,
  type ItemPlan,
  isItem,
  isPlacement,
  isRemoval,
  type OpenSlot,
  type PlacementPlan,
  type RemovalPlan,
} from './documents.ts'
import { Pass } from './pass.ts'
import { permitFolder } from './permitting.ts'
import { replayPlacement } from './placement.ts'
import { removeItem } from './removal.ts'
import { replayItem } from './replay.ts'
import type { Worked } from './slot-work.ts'
import { planChanged } from './slots.ts'
import { type StepContext, type StepOutcome, targetOf } from './step-context.ts'
import { troubleOf } from './trouble.ts'

/** Works a restore in state `queued` or `running`. */
export async function runStep(context: StepContext): Promise<StepOutcome> {
  const { writer, graphId } = await targetOf(context, context.signal)
  if (context.lease.job.state === 'queued') await begin(context, graphId)
  const pass = new Pass(context, writer)
  const places = await new FolderMaker(pass).run()
  const cancelled = () => pass.cancelled
  const placeOf = (to: PlacementPlan['to']) => ('slot' in to ? places.get(to.slot) : to.target)
  const atEnd = await pass.pages({
    takes: isWorked,
    work: (slot): Promise<Worked> => {
      const options = { context, writer, cancelled }
      if (isItem(slot)) {
        return replayItem(slot, { ...options, folder: places.get(slot.plan.folder) })
      }
      if (isPlacement(slot)) {
        return replayPlacement(slot, { ...options, folder: placeOf(slot.plan.to) })
      }
      invariant(isRemoval(slot), 'no other kind is worked')
      return removeItem(slot, options)
    },
  })
  await pass.save({})
  return pass.conclude(atEnd)
}

/** Items; of a roll back also what goes back to its place, and what appeared. */
function isWorked(slot: OpenSlot): slot is OpenSlot<ItemPlan | PlacementPlan | RemovalPlan> {
  return isItem(slot) || isPlacement(slot) || isRemoval(slot)
}

/** The last look before anything is sent: the rows are still the plan that was started. */
export async function begin(context: StepContext, target: GraphId): Promise<void> {
  const { lease, request, slots, signal } = context
  const { hash, slots: planned } = await slots.hash({ request, target }, signal)
  if (hash !== lease.plan.hash || planned !== lease.plan.slots) throw planChanged(lease.job.id)
  await lease.save({ state: 'running' }, signal)
}

class FolderMaker {
  readonly #pass: Pass
  /** Target container of each folder slot; missing: it could not be made. */
  readonly #places = new Map<number, GraphId>()

  constructor(pass: Pass) {
    this.#pass = pass
  }

  async run(): Promise<ReadonlyMap<number, GraphId>> {
    const { slots, signal } = this.#pass.context
    for (const slot of await slots.folders(signal)) {
      const made = slot.run.newId ?? slot.plan.target
      if (made !== undefined) {
        this.#places.set(slot.n, made)
        if (slot.state === 'permitting' && !this.#pass.stopped) await this.#permit(slot)
      } else if (slot.state === 'pending' && !this.#pass.stopped && !this.#pass.cancelled) {
        await this.#makeFolder(slot)
      }
    }
    return this.#places
  }

  /** Making is idempotent: a lost answer, or a folder of that name, gives the one that is there. */
  async #makeFolder(slot: OpenSlot<FolderPlan>): Promise<void> {
    const { slots, signal, sendSignal } = this.#pass.context
    const parent = this.#parentOf(slot.plan)
    let run = slot.run
    if (parent === 'missing') {
      run = { ...run, code: 'FolderNotMade', message: 'The folder above it could not be made.' }
    } else {
      try {
        const newId = await this.#pass.writer.createContainer(slot.plan.name, parent, sendSignal)
        run = { attempt: run.attempt + 1, newId }
      } catch (error) {
        if (sendSignal.aborted) return this.#pass.note({ why: 'slice' })
        const trouble = troubleOf(error)
        if (trouble.kind === 'wait')
          return this.#pass.note({ why: 'wait', waitMs: trouble.waitMs, code: trouble.code })
        run = { ...run, code: trouble.code, message: trouble.message }
      }
    }
    const made = slot.plan.permissions === undefined ? 'done' : 'permitting'
    const state = run.newId === undefined ? 'failed' : made
    const written = await slots.replace({ ...slot, state, run }, signal)
    if (!written) return this.#pass.note({ why: 'taken' })
    this.#pass.counted(slot, written)
    if (run.newId !== undefined) this.#places.set(slot.n, run.newId)
    if (state === 'permitting') await this.#permit({ ...slot, ...written, plan: slot.plan })
  }

  /** What stands in it need not wait for it. */
  async #permit(slot: OpenSlot<FolderPlan>): Promise<void> {
    const { context, writer } = this.#pass
    const cancelled = () => this.#pass.cancelled
    const worked = await permitFolder(slot, { context, writer, cancelled })
    this.#pass.counted(slot, worked.slot)
    if (worked.stop) this.#pass.note(worked.stop)
  }

  #parentOf(plan: FolderPlan): GraphId | undefined | 'missing' {
    if (!plan.parent) return undefined
    if ('target' in plan.parent) return plan.parent.target
    return this.#places.get(plan.parent.slot) ?? 'missing'
  }
}
