/**
 * An item goes back to a folder and a name: in a roll back, and in the undo of one.
 *
 * It is read right before, and stays where it is if somebody touched it since the plan. Moving it
 * twice is moving it once, so a lost answer is no danger: the item is read again, and moved again
 * where it does not stand there.
 */
import type { GraphId } from '../model/ids.ts'
import type { PresentItem, StreamWriter } from '../workloads/workload.ts'
import { isFinal, leftFor, type OpenSlot, type PlacementPlan } from './documents.ts'
import { CREATE_ATTEMPTS_MAX } from './limits.ts'
import { reasonToLeave } from './removal.ts'
import { SlotWork, type Worked, type WorkOptions, workSlot } from './slot-work.ts'
import { isAsPlanned, plannedSeen, standsAt } from './three-way.ts'

export interface PlacementOptions extends WorkOptions {
  writer: StreamWriter
  /** Where it goes; undefined where that could not be made. */
  folder: GraphId | undefined
}

/** It is not as the plan saw it any more. */
export const CHANGED_SINCE = {
  code: 'ChangedSince',
  message: 'It was changed after the plan was made, so it stays as it is.',
} as const

/** Works the slot as far as it goes now. Throws only bugs and what the host aborts. */
export function replayPlacement(
  slot: OpenSlot<PlacementPlan>,
  options: PlacementOptions,
): Promise<Worked<PlacementPlan>> {
  return workSlot(new Placement(slot, options))
}

class Placement extends SlotWork<PlacementPlan> {
  readonly #writer: StreamWriter
  readonly #folder: GraphId | undefined

  constructor(slot: OpenSlot<PlacementPlan>, options: PlacementOptions) {
    super(slot, options)
    this.#writer = options.writer
    this.#folder = options.folder
  }

  /** Each turn writes the slot or stops, so a slot takes few turns. */
  async run(): Promise<void> {
    while (!isFinal(this.slot.state)) {
      if (this.slot.state === 'pending') await this.#begin()
      else await this.#examine()
    }
  }

  async #begin(): Promise<void> {
    const container = this.#folder
    if (container === undefined) {
      const message = 'The folder of the item could not be made.'
      return this.write('failed', { code: 'FolderNotMade', message })
    }
    this.stopAtEnd()
    const look = await this.#look()
    if (look === undefined) return
    if (this.#standsRight(look.now)) return this.#done(look.now)
    if (!isAsPlanned(this.slot.plan.from, look.now, this.context)) return this.#leave(look.now)
    this.stopAtEnd()
    const { attempt } = this.slot.run
    await this.declare()
    try {
      const name = this.#name === undefined ? {} : { name: this.#name }
      const { item } = this.slot.plan
      await this.#writer.place(item, { container, ...name }, this.context.sendSignal)
    } catch (error) {
      return this.afterFailedCall(error, attempt)
    }
    await this.#readBack()
  }

  async #readBack(): Promise<void> {
    let now: PresentItem | undefined
    try {
      now = await this.#writer.present(this.slot.plan.item, this.context.sendSignal)
    } catch (error) {
      const { code } = this.troubleOf(error)
      const { item } = this.slot.plan
      return this.write('done', { newId: item, check: 'could-not-check', code })
    }
    await this.#done(now)
  }

  /** Undefined: names do not count. */
  get #name(): string | undefined {
    const { from, name } = this.slot.plan
    return from.name === undefined ? undefined : name
  }

  #standsRight(now: PresentItem | undefined): boolean {
    return now !== undefined && standsAt(now, this.#folder, this.#name)
  }

  /** Undefined where it cannot be read: then the slot has ended. */
  async #look(): Promise<{ now: PresentItem | undefined } | undefined> {
    try {
      return { now: await this.#writer.present(this.slot.plan.item, this.context.sendSignal) }
    } catch (error) {
      const { code, message } = this.troubleOf(error)
      await this.write('refused', { code, message })
      return undefined
    }
  }

  /** `doing`: a call whose answer nobody knows, and which is over. */
  async #examine(): Promise<void> {
    this.stopUntil(this.dueAt())
    this.stopAtEnd({ evenCancelled: true })
    const look = await this.#look()
    if (look === undefined) return
    if (this.#standsRight(look.now)) return this.#done(look.now)
    if (this.slot.run.attempt < CREATE_ATTEMPTS_MAX) return this.write('pending', {})
    const message = 'The service never answered, and the item was not moved.'
    await this.write('refused', { code: 'PlacementUnanswered', message })
  }

  async #done(now: PresentItem | undefined): Promise<void> {
    const { item } = this.slot.plan
    const { seen } = now === undefined ? {} : plannedSeen(now)
    const check = this.#standsRight(now) ? 'verified' : 'could-not-check'
    await this.write('done', { newId: item, check, ...(seen === undefined ? {} : { seen }) })
  }

  async #leave(now: PresentItem | undefined): Promise<void> {
    const { made, from } = this.slot.plan
    if (made === undefined) return this.write('later', CHANGED_SINCE)
    // Of an undo: in its words. What only has another name now was moved, as people see it.
    const { state, code, message } = leftFor(
      reasonToLeave(from.seen, now, this.context) ?? 'MovedSince',
    )
    await this.write(state, { code, message })
  }
}
