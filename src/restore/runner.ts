/**
 * One slice of replay: folders first, then page after page of items, a few at once.
 *
 * A pass goes once over everything that has not ended; pages whose slots have all ended are not
 * read again. Counts move by differences that sum to nothing, so they always add up; after a
 * crash they may lag behind the rows until the end, when they are counted anew. Trouble of the
 * whole mailbox stops the pass and becomes a wait; a slot that must wait (a lost answer) holds
 * up nobody else.
 */
import { eachBounded, MemoryPool } from '../concurrency/index.ts'
import type { GraphId } from '../model/ids.ts'
import type { StreamWriter } from '../workloads/workload.ts'
import { addCounts, countChange, type RestoreCounts, readCounts } from './counting.ts'
import {
  type FolderPlan,
  type ItemPlan,
  isFinal,
  isItem,
  type JobPlan,
  type OpenSlot,
} from './documents.ts'
import { recount } from './ending.ts'
import { OPEN_BYTES_MAX, SLOT_PAGE, WAIT_DEFAULT_MS } from './limits.ts'
import { replayItem, type Stop } from './replay.ts'
import { planChanged } from './slots.ts'
import { nearEnd, type StepContext, type StepOutcome, targetOf } from './step-context.ts'
import { troubleOf, waitMs } from './trouble.ts'

/** The row is written at least so often while slots are worked; then a cancel is seen too. */
const HEARTBEAT_MS = 10_000

/** Works a job in state `queued` or `running`. */
export async function runStep(context: StepContext): Promise<StepOutcome> {
  const { lease, signal } = context
  const { writer, graphId } = await targetOf(context, signal)
  if (lease.job.state === 'queued') await begin(context, graphId)
  return new Pass(context, writer).run()
}

/** The last look before anything is sent: the rows are still the plan that was started. */
async function begin(context: StepContext, target: GraphId): Promise<void> {
  const { lease, request, slots, signal } = context
  const { hash, slots: planned } = await slots.hash({ request, target }, signal)
  if (hash !== lease.plan.hash || planned !== lease.plan.slots) throw planChanged(lease.job.id)
  await lease.save({ state: 'running' }, signal)
}

class Pass {
  readonly #context: StepContext
  readonly #writer: StreamWriter
  readonly #memory = new MemoryPool(OPEN_BYTES_MAX)
  /** Target container of each folder slot; missing: it could not be made. */
  readonly #places = new Map<number, GraphId>()
  #stop: Stop | undefined
  /** Ms since 1970 of the first slot that waits for itself. */
  #dueAt = Number.POSITIVE_INFINITY
  #savedAt: number
  /** Counts that changed since the last save. */
  #changes: RestoreCounts = readCounts({})
  #requests: number

  constructor(context: StepContext, writer: StreamWriter) {
    this.#context = context
    this.#writer = writer
    this.#savedAt = context.deps.clock.now()
    this.#requests = writer.requests()
  }

  async run(): Promise<StepOutcome> {
    await this.#folders()
    const atEnd = await this.#pages()
    await this.#save({})
    return this.#conclude(atEnd)
  }

  async #folders(): Promise<void> {
    const { slots, signal } = this.#context
    for (const slot of await slots.folders(signal)) {
      const made = slot.run.newId ?? slot.plan.target
      if (made !== undefined) this.#places.set(slot.n, made)
      else if (slot.state === 'pending' && !this.#stopped() && !this.#cancelled()) {
        await this.#makeFolder(slot)
      }
    }
  }

  /** Making is idempotent: a lost answer, or a folder of that name, gives the one that is there. */
  async #makeFolder(slot: OpenSlot<FolderPlan>): Promise<void> {
    const { slots, signal, sendSignal } = this.#context
    const parent = this.#parentOf(slot.plan)
    let run = slot.run
    if (parent === 'missing') {
      run = { ...run, code: 'FolderNotMade', message: 'The folder above it could not be made.' }
    } else {
      try {
        const newId = await this.#writer.createContainer(slot.plan.name, parent, sendSignal)
        run = { attempt: run.attempt + 1, newId }
      } catch (error) {
        if (sendSignal.aborted) return this.#note({ why: 'slice' })
        const trouble = troubleOf(error)
        if (trouble.kind === 'wait')
          return this.#note({ why: 'wait', waitMs: trouble.waitMs, code: trouble.code })
        run = { ...run, code: trouble.code, message: trouble.message }
      }
    }
    const state = run.newId === undefined ? 'failed' : 'done'
    const written = await slots.replace({ ...slot, state, run }, signal)
    if (!written) return this.#note({ why: 'taken' })
    this.#changes = addCounts(this.#changes, countChange(slot, written))
    if (run.newId !== undefined) this.#places.set(slot.n, run.newId)
  }

  #parentOf(plan: FolderPlan): GraphId | undefined | 'missing' {
    if (!plan.parent) return undefined
    if ('target' in plan.parent) return plan.parent.target
    return this.#places.get(plan.parent.slot) ?? 'missing'
  }

  /**
   * Goes over the pages from the resume mark, and moves the mark over those that have ended.
   * True if it came to the end of the plan.
   */
  async #pages(): Promise<boolean> {
    const { slots, lease, signal } = this.#context
    let { resume = { end: false } } = lease.plan
    let behindMark = true
    while (!resume.end) {
      if (this.#stopped()) return false
      const query = resume.continuation === undefined ? {} : { continuation: resume.continuation }
      const page = await slots.page({ max: SLOT_PAGE, ...query }, signal)
      const ended = await this.#work(page.slots)
      const next = page.continuation
      resume = { end: next === undefined, ...(next === undefined ? {} : { continuation: next }) }
      behindMark &&= ended
      await this.#save(behindMark ? { resume } : {})
    }
    return true
  }

  /** True if every slot of the page has ended. */
  async #work(slots: readonly OpenSlot[]): Promise<boolean> {
    const open = slots.filter((slot) => !isFinal(slot.state))
    const items = open.filter(isItem)
    let ended = items.length === open.length
    await eachBounded(
      items,
      this.#writer.concurrency,
      async (slot) => {
        const bytes = slot.plan.contents.reduce((sum, c) => sum + c.bytes, 0)
        // A version above the whole budget waits until it is alone.
        const claim = Math.min(bytes, OPEN_BYTES_MAX)
        const release = await this.#memory.claim(claim, this.#context.signal)
        try {
          const worked = await this.#replay(slot)
          ended &&= isFinal(worked.state)
        } finally {
          release()
        }
        await this.#pulse()
      },
      () => this.#stopped(),
    )
    return ended && !this.#stopped()
  }

  async #replay(slot: OpenSlot<ItemPlan>): Promise<OpenSlot> {
    // It may have waited for memory until something else stopped the pass.
    if (this.#stopped()) return slot
    const { slot: worked, stop } = await replayItem(slot, {
      context: this.#context,
      writer: this.#writer,
      folder: this.#places.get(slot.plan.folder),
      cancelled: () => this.#cancelled(),
    })
    this.#changes = addCounts(this.#changes, countChange(slot, worked))
    if (stop) this.#note(stop)
    return worked
  }

  #note(stop: Stop): void {
    if (stop.why === 'due') this.#dueAt = Math.min(this.#dueAt, stop.at)
    // A cancel stops slots one by one, so that those that were sent are still looked after.
    else if (stop.why !== 'slice' || nearEnd(this.#context)) this.#stop ??= stop
  }

  #stopped(): boolean {
    if (!this.#stop && nearEnd(this.#context)) this.#stop = { why: 'slice' }
    return this.#stop !== undefined
  }

  #cancelled(): boolean {
    return this.#context.lease.job.flags.cancel
  }

  async #pulse(): Promise<void> {
    const now = this.#context.deps.clock.now()
    if (now - this.#savedAt < HEARTBEAT_MS) return
    this.#savedAt = now
    await this.#save({})
  }

  /** Saves what changed since the last save. Only the sum must be right, not its order. */
  async #save(plan: Partial<JobPlan>): Promise<void> {
    const { lease, signal } = this.#context
    const counts = addCounts(readCounts(lease.job.counts), this.#changes)
    this.#changes = readCounts({})
    const requests = this.#writer.requests()
    const requestsSent = lease.plan.requestsSent + requests - this.#requests
    this.#requests = requests
    await lease.save({ counts, plan: { ...plan, requestsSent } }, signal)
  }

  async #conclude(atEnd: boolean): Promise<StepOutcome> {
    const stop = this.#stop
    if (stop?.why === 'wait') return { state: 'wait', waitMs: stop.waitMs, code: stop.code }
    if (stop?.why === 'taken') return { state: 'wait', waitMs: WAIT_DEFAULT_MS, code: 'SlotTaken' }
    if (stop || !atEnd) return { state: 'more' }
    const { lease, signal, deps } = this.#context
    if (this.#dueAt < Number.POSITIVE_INFINITY) {
      return { state: 'wait', waitMs: waitMs(this.#dueAt - deps.clock.now()), code: 'AnswerLost' }
    }
    const { counts, open } = await recount(this.#context)
    const cancelled = this.#cancelled()
    if (open.sent > 0 || (open.pending > 0 && !cancelled)) return { state: 'more' }
    await lease.save({ counts, state: open.pending > 0 ? 'cancelled' : 'done' }, signal)
    return { state: 'done' }
  }
}
