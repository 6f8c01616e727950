/**
 * One pass over everything of a job that has not ended: pages of slots, a few at once.
 *
 * Pages whose slots have all ended are not read again. Counts move by differences that sum to
 * nothing, so they always add up; after a crash they may lag behind the rows until the end, when
 * they are counted anew. Trouble of the whole mailbox stops the pass and becomes a wait; a slot
 * that must wait (a lost answer) holds up nobody else.
 */
import { eachBounded, MemoryPool } from '../concurrency/index.ts'
import type { StreamWriter } from '../workloads/workload.ts'
import { addCounts, countChange, type RestoreCounts, readCounts } from './counting.ts'
import { isFinal, type OpenSlot, type SlotPlan } from './documents.ts'
import { recount } from './ending.ts'
import type { JobPlan } from './job-document.ts'
import { OPEN_BYTES_MAX, SLOT_PAGE, WAIT_DEFAULT_MS } from './limits.ts'
import type { Stop, Worked } from './slot-work.ts'
import { nearEnd, type StepContext, type StepOutcome } from './step-context.ts'
import { waitMs } from './trouble.ts'
import { openBytes } from './versions.ts'

/** The row is written at least so often while slots are worked; then a cancel is seen too. */
const HEARTBEAT_MS = 10_000

/** Which slots a pass works, and how; the others stay as they are. */
export interface PageWork<P extends SlotPlan> {
  takes: (slot: OpenSlot) => slot is OpenSlot<P>
  work: (slot: OpenSlot<P>) => Promise<Worked<P>>
}

export class Pass {
  readonly context: StepContext
  readonly writer: StreamWriter
  readonly #memory = new MemoryPool(OPEN_BYTES_MAX)
  #stop: Stop | undefined
  /** Ms since 1970 of the first slot that waits for itself. */
  #dueAt = Number.POSITIVE_INFINITY
  #savedAt: number
  /** Counts that changed since the last save. */
  #changes: RestoreCounts = readCounts({})
  #requests: number
  #permissionUnits: number

  constructor(context: StepContext, writer: StreamWriter) {
    this.context = context
    this.writer = writer
    this.#savedAt = context.deps.clock.now()
    this.#requests = writer.requests()
    this.#permissionUnits = writer.permissionUnits?.() ?? 0
  }

  /**
   * Goes over the pages from the resume mark, and moves the mark over those that have ended.
   * True if it came to the end of the plan.
   */
  async pages<P extends SlotPlan>(of: PageWork<P>): Promise<boolean> {
    const { slots, lease, signal } = this.context
    let { resume = { end: false } } = lease.plan
    let behindMark = true
    while (!resume.end) {
      if (this.stopped) return false
      const query = resume.continuation === undefined ? {} : { continuation: resume.continuation }
      const page = await slots.page({ max: SLOT_PAGE, ...query }, signal)
      const ended = await this.#work(page.slots, of)
      const next = page.continuation
      resume = { end: next === undefined, ...(next === undefined ? {} : { continuation: next }) }
      behindMark &&= ended
      await this.save(behindMark ? { resume } : {})
    }
    return true
  }

  /** True if every slot of the page has ended. */
  async #work<P extends SlotPlan>(
    slots: readonly OpenSlot[],
    { takes, work }: PageWork<P>,
  ): Promise<boolean> {
    const open = slots.filter((slot) => !isFinal(slot.state))
    const mine = open.filter(takes)
    let ended = mine.length === open.length
    await eachBounded(
      mine,
      this.writer.concurrency,
      async (slot) => {
        // A version above the whole budget waits until it is alone.
        const claim = Math.min(this.#bytesOf(slot.plan), OPEN_BYTES_MAX)
        const release = await this.#memory.claim(claim, this.context.signal)
        try {
          // It may have waited for memory until something else stopped the pass.
          const worked = this.stopped ? { slot } : await work(slot)
          ended &&= isFinal(worked.slot.state)
          this.counted(slot, worked.slot)
          if ('stop' in worked && worked.stop) this.note(worked.stop)
        } finally {
          release()
        }
        await this.#pulse()
      },
      () => this.stopped,
    )
    return ended && !this.stopped
  }

  /** Plain bytes that the work on a slot holds in memory. */
  #bytesOf(plan: SlotPlan): number {
    return plan.kind === 'item' ? openBytes(plan.contents, this.context.source.streamed) : 0
  }

  /** Adds what a slot's change means for the counts. */
  counted(before: OpenSlot, after: OpenSlot): void {
    this.#changes = addCounts(this.#changes, countChange(before, after))
  }

  note(stop: Stop): void {
    if (stop.why === 'due') this.#dueAt = Math.min(this.#dueAt, stop.at)
    // A cancel stops slots one by one, so that those that were sent are still looked after.
    else if (stop.why !== 'slice' || nearEnd(this.context)) this.#stop ??= stop
  }

  /** True when no new piece of work should begin in this pass. */
  get stopped(): boolean {
    if (!this.#stop && nearEnd(this.context)) this.#stop = { why: 'slice' }
    return this.#stop !== undefined
  }

  /** True where a slot waits for itself, so that the pass cannot be the last. */
  get waiting(): boolean {
    return this.#dueAt < Number.POSITIVE_INFINITY
  }

  get cancelled(): boolean {
    return this.context.lease.job.flags.cancel
  }

  async #pulse(): Promise<void> {
    const now = this.context.deps.clock.now()
    if (now - this.#savedAt < HEARTBEAT_MS) return
    this.#savedAt = now
    await this.save({})
  }

  /** Saves what changed since the last save. Only the sum must be right, not its order. */
  async save(plan: Partial<JobPlan>): Promise<void> {
    const { lease, signal } = this.context
    const counts = addCounts(readCounts(lease.job.counts), this.#changes)
    this.#changes = readCounts({})
    const requests = this.writer.requests()
    const requestsSent = lease.plan.requestsSent + requests - this.#requests
    this.#requests = requests
    const units = this.#newPermissionUnits() + (lease.plan.permissionUnits ?? 0)
    const charged = units === 0 ? {} : { permissionUnits: units }
    await lease.save({ counts, plan: { ...plan, requestsSent, ...charged } }, signal)
  }

  #newPermissionUnits(): number {
    const before = this.#permissionUnits
    this.#permissionUnits = this.writer.permissionUnits?.() ?? 0
    return this.#permissionUnits - before
  }

  /** The end of the pass. `atEnd`: it came to the end of the plan. */
  async conclude(atEnd: boolean): Promise<StepOutcome> {
    const stop = this.#stop
    if (stop?.why === 'wait') return { state: 'wait', waitMs: stop.waitMs, code: stop.code }
    if (stop?.why === 'taken') return { state: 'wait', waitMs: WAIT_DEFAULT_MS, code: 'SlotTaken' }
    if (stop || !atEnd) return { state: 'more' }
    const { lease, signal, deps } = this.context
    if (this.waiting) {
      return { state: 'wait', waitMs: waitMs(this.#dueAt - deps.clock.now()), code: 'AnswerLost' }
    }
    const { counts, open } = await recount(this.context)
    const cancelled = this.cancelled
    if (open.sent > 0 || (open.pending > 0 && !cancelled)) return { state: 'more' }
    await lease.save({ counts, state: open.pending > 0 ? 'cancelled' : 'done' }, signal)
    return { state: 'done' }
  }
}
