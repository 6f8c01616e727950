/**
 * The replay of one slot (DESIGN 8): at most one item in the target, whatever happens.
 *
 * The order is the guarantee. The version is opened, then `doing` is written by etag, then one
 * create is sent, then `created` with the new id is written, then the item is read back. A lost
 * answer leaves `doing`; such a slot is examined only after the last possible send plus the lag,
 * and only a search that finds nothing allows another send, under the same mark. Where the
 * search cannot tell, the slot ends as `unknown` and nothing is created again. A slot never goes
 * on after another one wrote it.
 */
import type { GraphId } from '../model/ids.ts'
import type {
  CheckOutcome,
  CreateOutcome,
  HeldVersion,
  StreamWriter,
} from '../workloads/workload.ts'
import { type ItemPlan, isFinal, markOf, type OpenSlot } from './documents.ts'
import { CREATE_ATTEMPTS_MAX } from './limits.ts'
import {
  SlotWork,
  StopSign,
  type Worked,
  type WorkOptions,
  waitFor,
  workSlot,
} from './slot-work.ts'
import { nothingWasMade, troubleOf } from './trouble.ts'
import { openVersion } from './versions.ts'

type ItemSlot = OpenSlot<ItemPlan>

export interface ReplayOptions extends WorkOptions {
  writer: StreamWriter
  /** The target folder of the slot; undefined where it could not be made. */
  folder: GraphId | undefined
}

/** Works the slot as far as it goes now. Throws only bugs and what the host aborts. */
export function replayItem(slot: ItemSlot, options: ReplayOptions): Promise<Worked<ItemPlan>> {
  return workSlot(new ItemReplay(slot, options))
}

class ItemReplay extends SlotWork<ItemPlan> {
  readonly #options: ReplayOptions
  readonly #mark: string
  #version: HeldVersion | undefined

  constructor(slot: ItemSlot, options: ReplayOptions) {
    super(slot, options)
    this.#options = options
    this.#mark = markOf(options.context.lease.job.id, slot.n)
  }

  /** Each turn writes the slot once or stops, so a slot takes few turns. */
  async run(): Promise<void> {
    while (!isFinal(this.slot.state)) {
      if (this.slot.state === 'pending') await this.#begin()
      else if (this.slot.state === 'doing') await this.#examine()
      else if (this.slot.state === 'created') await this.#check()
      else await this.#settle()
    }
  }

  async #begin(): Promise<void> {
    const { folder } = this.#options
    if (folder === undefined) {
      const message = 'The folder of the item could not be made.'
      return this.#end('failed', { code: 'FolderNotMade', message })
    }
    this.stopAtEnd()
    const version = await this.#open()
    if (version) await this.#create(folder, version)
  }

  /** Undefined where the version cannot be opened: then the slot has ended. */
  async #open(): Promise<HeldVersion | undefined> {
    if (this.#version) return this.#version
    const { source, sendSignal } = this.#options.context
    try {
      this.#version = await openVersion(source, this.slot.plan, sendSignal)
      return this.#version
    } catch (error) {
      const trouble = this.troubleOf(error)
      await this.#end('failed', trouble)
      return undefined
    }
  }

  async #create(folder: GraphId, version: HeldVersion): Promise<void> {
    const { context, writer } = this.#options
    const { attempt } = this.slot.run
    // Opening may have taken long: nothing is begun that the slice could cut in two.
    this.stopAtEnd()
    await this.declare({ mark: this.#mark })
    let outcome: CreateOutcome
    try {
      outcome = await writer.create(version, folder, this.#mark, context.sendSignal)
    } catch (error) {
      return this.#afterFailedCreate(error, attempt)
    }
    if (outcome.outcome === 'refused') {
      const { code, message } = outcome
      return this.#end('refused', { code, message })
    }
    // The answer is here, so no send of this slot is under way any more.
    const now = this.now()
    await this.write('created', { newId: outcome.id, createdAt: now, sentBefore: now })
  }

  async #afterFailedCreate(error: unknown, attempt: number): Promise<void> {
    // Aborted in flight: the slot stays `doing` with the deadline as its last possible send.
    if (this.context.sendSignal.aborted) throw new StopSign({ why: 'slice' })
    if (!nothingWasMade(error)) return this.lost(error)
    const trouble = troubleOf(error)
    if (trouble.kind === 'item') return this.#end('failed', trouble)
    await this.write('pending', { attempt })
    throw new StopSign(waitFor(trouble))
  }

  /** `doing`: a send whose answer nobody knows. */
  async #examine(): Promise<void> {
    this.stopUntil(this.dueAt())
    const found = await this.#find()
    if (found === undefined) return
    const [kept, ...doubles] = found
    if (kept !== undefined) {
      await this.#removeDoubles('doing', doubles)
      return this.write('created', { newId: kept, createdAt: this.now() })
    }
    if (this.slot.run.attempt >= CREATE_ATTEMPTS_MAX) {
      const message = 'The service never answered, and nothing was made.'
      return this.#end('failed', { code: 'CreateUnanswered', message })
    }
    await this.write('pending', {})
  }

  /** Undefined where it cannot be told: then the slot has ended as unknown. */
  async #find(): Promise<GraphId[] | undefined> {
    const { writer, folder, context } = this.#options
    if (folder === undefined) {
      const message = 'The folder in which the item was being made is not known.'
      await this.#end('unknown', { code: 'FolderNotMade', message })
      return undefined
    }
    this.stopAtEnd({ evenCancelled: true })
    try {
      return await writer.find(folder, this.#mark, context.sendSignal)
    } catch (error) {
      await this.#end('unknown', this.troubleOf(error))
      return undefined
    }
  }

  async #check(): Promise<void> {
    const { newId, createdAt = 0 } = this.slot.run
    const { lagMs } = this.#options.context.deps.settings
    this.stopAtEnd({ evenCancelled: true })
    const outcome = await this.#readBack(newId)
    const visibleAt = createdAt + lagMs
    // It may only not be visible yet; after the lag the answer stands.
    if (outcome.outcome === 'could-not-check' && this.now() < visibleAt) {
      throw new StopSign({ why: 'due', at: visibleAt })
    }
    const { outcome: check, ...detail } = outcome
    // Sent more than once: an earlier send may become visible late, so look once more.
    const next = this.slot.run.attempt > 1 ? 'settling' : 'done'
    await this.write(next, { check, ...detail })
  }

  async #readBack(newId: GraphId | undefined): Promise<CheckOutcome> {
    const { source, sendSignal } = this.#options.context
    if (newId === undefined) return { outcome: 'could-not-check', code: 'NoNewId' }
    try {
      this.#version ??= await openVersion(source, this.slot.plan, sendSignal)
      return await this.#options.writer.check(newId, this.#version, sendSignal)
    } catch (error) {
      return { outcome: 'could-not-check', code: this.troubleOf(error).code }
    }
  }

  async #settle(): Promise<void> {
    const { newId, createdAt = 0, sentBefore = 0 } = this.slot.run
    const { lagMs } = this.#options.context.deps.settings
    this.stopUntil(Math.max(createdAt, sentBefore) + lagMs)
    const { writer, folder, context } = this.#options
    this.stopAtEnd({ evenCancelled: true })
    let found: GraphId[] = []
    try {
      if (folder !== undefined) found = await writer.find(folder, this.#mark, context.sendSignal)
    } catch (error) {
      const { code } = this.troubleOf(error)
      return this.write('done', { code: `DoublesNotChecked:${code}` })
    }
    await this.#removeDoubles(
      'settling',
      found.filter((id) => id !== newId),
    )
    await this.write('done', {})
  }

  /** They are counted before they are removed, so that a crash in between hides none. */
  async #removeDoubles(state: 'doing' | 'settling', ids: readonly GraphId[]): Promise<void> {
    if (ids.length === 0) return
    const { writer, context } = this.#options
    await this.write(state, { doubles: Math.max(this.slot.run.doubles ?? 0, ids.length) })
    for (const id of ids) {
      try {
        await writer.remove(id, context.sendSignal)
      } catch (error) {
        const { code } = this.troubleOf(error)
        await this.write(state, { code: `DoubleNotRemoved:${code}` })
      }
    }
  }

  async #end(
    state: 'refused' | 'failed' | 'unknown',
    why: { code: string; message: string },
  ): Promise<void> {
    await this.write(state, { code: why.code, message: why.message })
  }
}
