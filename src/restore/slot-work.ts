/**
 * What the work on any slot has in common: writing it by etag, and leaving it where it stands.
 *
 * A slot never goes on after another one wrote it, nothing is sent near the end of a slice, and
 * trouble that concerns more than the slot stops the work.
 */
import type { OpenSlot, SlotPlan, SlotRun } from './documents.ts'
import { WAIT_MIN_MS } from './limits.ts'
import { nearEnd, type StepContext } from './step-context.ts'
import { nothingWasMade, type Trouble, troubleOf } from './trouble.ts'

/** Why a slot is left open. The step decides what follows for the whole job. */
export type Stop =
  /** The slice ends, or the job is being cancelled. */
  | { why: 'slice' }
  /** The mailbox, network or storage is in trouble: nothing else should be tried now. */
  | { why: 'wait'; waitMs: number; code: string }
  /** This slot alone has to wait until then (ms since 1970). */
  | { why: 'due'; at: number }
  /** Another step wrote the slot: this one must not work the job any more. */
  | { why: 'taken' }

export interface Worked<P extends SlotPlan = SlotPlan> {
  /** As last written. */
  slot: OpenSlot<P>
  /** Absent where the slot has ended. */
  stop?: Stop
}

/** Leaves the work from any depth, with the slot as it was last written. */
export class StopSign {
  readonly stop: Stop
  constructor(stop: Stop) {
    this.stop = stop
  }
}

export interface WorkOptions {
  context: StepContext
  /** Read before every send. */
  cancelled: () => boolean
}

/** Runs the work as far as it goes now. Throws only bugs and what the host aborts. */
export async function workSlot<P extends SlotPlan>(
  work: SlotWork<P> & { run(): Promise<void> },
): Promise<Worked<P>> {
  try {
    await work.run()
  } catch (error) {
    if (!(error instanceof StopSign)) throw error
    return { slot: work.slot, stop: error.stop }
  }
  return { slot: work.slot }
}

/** States in which an upload may go on. */
const MAY_SEND: ReadonlySet<OpenSlot['state']> = new Set(['pending', 'doing'])

export class SlotWork<P extends SlotPlan> {
  slot: OpenSlot<P>
  protected readonly context: StepContext
  protected readonly cancelled: () => boolean

  constructor(slot: OpenSlot<P>, { context, cancelled }: WorkOptions) {
    this.slot = slot
    this.context = context
    this.cancelled = cancelled
  }

  protected async write(state: OpenSlot['state'], change: Partial<SlotRun>): Promise<void> {
    const { slots, signal } = this.context
    const { upload, ...run } = { ...this.slot.run, ...change }
    // An address that nobody needs any more is not kept, not even sealed.
    const kept = upload === undefined || !MAY_SEND.has(state) ? run : { ...run, upload }
    const next = { ...this.slot, state, run: kept }
    const written = await slots.replace(next, signal)
    if (!written) throw new StopSign({ why: 'taken' })
    this.slot = { ...next, etag: written.etag }
  }

  /** An error as the end of this slot; stops where it concerns more than the slot. */
  protected troubleOf(error: unknown): Extract<Trouble, { kind: 'item' }> {
    if (this.context.sendSignal.aborted) throw new StopSign({ why: 'slice' })
    const trouble = troubleOf(error)
    if (trouble.kind === 'wait') throw new StopSign(waitFor(trouble))
    return trouble
  }

  /** When the last send, whose answer is lost, must have become visible. */
  protected dueAt(): number {
    const { sentBefore = 0 } = this.slot.run
    return sentBefore + this.context.deps.settings.lagMs
  }

  protected stopUntil(at: number): void {
    if (this.now() < at) throw new StopSign({ why: 'due', at })
  }

  /** A cancelled job sends nothing new, but still finds out what became of what it sent. */
  protected stopAtEnd(options: { evenCancelled?: boolean } = {}): void {
    if (nearEnd(this.context)) throw new StopSign({ why: 'slice' })
    if (!options.evenCancelled && this.cancelled()) throw new StopSign({ why: 'slice' })
  }

  /** `doing` is written before the send, with its last possible time; then one look at the clock. */
  protected async declare(change: Partial<SlotRun> = {}): Promise<void> {
    const { attempt } = this.slot.run
    const { deadline } = this.context
    await this.write('doing', { attempt: attempt + 1, sentBefore: deadline, ...change })
    if (this.now() < deadline && !this.cancelled()) return
    // Written, but certainly not sent.
    await this.write('pending', { attempt })
    throw new StopSign({ why: 'slice' })
  }

  /** After a send whose answer is lost: the slot stays `doing`. Always throws. */
  protected async lost(error: unknown): Promise<never> {
    // The call is over and never repeated, so this is its last possible send.
    await this.write('doing', { sentBefore: this.now() })
    throw new StopSign(stopOfLost(error) ?? { why: 'due', at: this.dueAt() })
  }

  /**
   * After a call on an item that stays where it was: refused, to be made again, or lost. `attempt`
   * is the one before the call.
   */
  protected async afterFailedCall(error: unknown, attempt: number): Promise<void> {
    if (this.context.sendSignal.aborted) throw new StopSign({ why: 'slice' })
    if (!nothingWasMade(error)) return this.lost(error)
    const trouble = troubleOf(error)
    if (trouble.kind === 'item') {
      const { code, message } = trouble
      return this.write('refused', { code, message })
    }
    await this.write('pending', { attempt })
    throw new StopSign(waitFor(trouble))
  }

  protected now(): number {
    return this.context.deps.clock.now()
  }
}

export function waitFor(trouble: Extract<Trouble, { kind: 'wait' }>): Stop {
  return { why: 'wait', waitMs: Math.max(trouble.waitMs, WAIT_MIN_MS), code: trouble.code }
}

/** A lost answer alone stops nobody else; a service that is down stops the step. Throws bugs. */
function stopOfLost(error: unknown): Stop | undefined {
  const trouble = troubleOf(error)
  return trouble.kind === 'wait' && trouble.code !== 'AnswerLost' ? waitFor(trouble) : undefined
}
