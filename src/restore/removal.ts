/**
 * The removal of what one slot of a restore made: nothing goes that somebody touched since.
 *
 * The item is read again right before, and removed only while its content and folder are those
 * that were seen after the restore. Flags and read state are no edits. `doing` is written before
 * the call and `done` after it; a call whose answer is lost is looked after once it is certainly
 * over: what is gone then was removed. A deletion is a user's deletion, so what is edited between
 * look and call can still be recovered.
 */
import type { PresentItem, Seen, StreamWriter } from '../workloads/workload.ts'
import { keptContent } from './conflicts.ts'
import { isFinal, leftFor, type OpenSlot, type RemovalPlan } from './documents.ts'
import { REMOVE_ATTEMPTS_MAX } from './limits.ts'
import type { LeaveCode } from './slot-plans.ts'
import { SlotWork, type Worked, type WorkOptions, workSlot } from './slot-work.ts'
import type { StepContext } from './step-context.ts'

type Target = RemovalPlan['targets'][number]

/** Undefined: it may be removed. */
export function reasonToLeave(
  seen: Seen,
  now: PresentItem | undefined,
  { deps, request }: Pick<StepContext, 'deps' | 'request'>,
): LeaveCode | undefined {
  if (!now) return 'AlreadyGone'
  if (now.container !== seen.container) return now.discarded ? 'AlreadyGone' : 'MovedSince'
  const { compare } = deps.workloads(request.workload)
  return keptContent(seen.marker, now, compare) ? undefined : 'EditedSince'
}

/** Works the slot as far as it goes now. Throws only bugs and what the host aborts. */
export function removeItem(
  slot: OpenSlot<RemovalPlan>,
  options: WorkOptions & { writer: StreamWriter },
): Promise<Worked<RemovalPlan>> {
  return workSlot(new Removal(slot, options))
}

/** What a look found of the targets of one slot. */
interface Look {
  removable: Target[]
  /** The most telling reason: of several targets, an edited one counts more than one gone. */
  left: LeaveCode | undefined
}

class Removal extends SlotWork<RemovalPlan> {
  readonly #writer: StreamWriter

  constructor(slot: OpenSlot<RemovalPlan>, options: WorkOptions & { writer: StreamWriter }) {
    super(slot, options)
    this.#writer = options.writer
  }

  /** Each turn writes the slot or stops, so a slot takes few turns. */
  async run(): Promise<void> {
    while (!isFinal(this.slot.state)) {
      if (this.slot.state === 'pending') await this.#begin()
      else await this.#examine()
    }
  }

  async #begin(): Promise<void> {
    this.stopAtEnd()
    const look = await this.#look()
    if (!look) return
    if (look.removable.length === 0) return this.#end(look)
    this.stopAtEnd()
    const { attempt } = this.slot.run
    await this.declare()
    try {
      for (const { item } of look.removable) {
        await this.#writer.remove(item, this.context.sendSignal)
      }
    } catch (error) {
      return this.afterFailedCall(error, attempt)
    }
    await this.#removed(look)
  }

  /** `doing`: a call whose answer nobody knows, and which is over. */
  async #examine(): Promise<void> {
    this.stopUntil(this.dueAt())
    this.stopAtEnd({ evenCancelled: true })
    const look = await this.#look()
    if (!look) return
    if (look.removable.length > 0) {
      if (this.slot.run.attempt < REMOVE_ATTEMPTS_MAX) return this.write('pending', {})
      const message = 'The service never answered, and the item is still there.'
      return this.write('refused', { code: 'RemovalUnanswered', message })
    }
    await this.#removed(look)
  }

  /** Undefined where it cannot be read: then the slot has ended. */
  async #look(): Promise<Look | undefined> {
    const removable: Target[] = []
    let left: LeaveCode | undefined = this.slot.plan.code
    try {
      for (const target of this.slot.plan.targets) {
        const now = await this.#writer.present(target.item, this.context.sendSignal)
        const reason = reasonToLeave(target.seen, now, this.context)
        if (reason === undefined) removable.push(target)
        else if (left === undefined || left === 'AlreadyGone') left = reason
      }
    } catch (error) {
      const { code } = this.troubleOf(error)
      const { state, message } = leftFor('NotReadable')
      await this.write(state, { code, message })
      return undefined
    }
    return { removable, left }
  }

  /** After a call: what is gone was removed; what is there still was touched by somebody. */
  async #removed({ left }: Look): Promise<void> {
    if (left === undefined || left === 'AlreadyGone') return this.write('done', {})
    const { state, code, message } = leftFor(left)
    await this.write(state, { code, message })
  }

  async #end({ left = 'AlreadyGone' }: Look): Promise<void> {
    const { state, code, message } = leftFor(left)
    await this.write(state, { code, message })
  }
}
