/**
 * The replay of one slot (DESIGN 8): at most one item in the target, whatever happens.
 *
 * The order is the guarantee. The version is opened, then `doing` is written by etag, then one
 * create is sent, then `created` with the new id is written, then the item is read back. A lost
 * answer leaves `doing`; such a slot is examined only after the last possible send plus the lag,
 * and only a search that finds nothing allows another send, under the same mark. Where the
 * search cannot tell, the slot ends as `unknown` and nothing is created again. A slot never goes
 * on after another one wrote it.
 *
 * Of a long upload nothing is in the target before its last byte: how far it is is written after
 * each piece, and the next slice goes on from there. What replaces another item is made and read
 * back first; only then is the other one thrown away, and only if it is as the plan saw it.
 */
import { invariant } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import type {
  CheckOutcome,
  CreateOutcome,
  Creation,
  HeldVersion,
  Spot,
  StreamWriter,
} from '../workloads/workload.ts'
import { type ItemPlan, isFinal, markOf, type OpenSlot, type SlotRun } from './documents.ts'
import { CREATE_ATTEMPTS_MAX } from './limits.ts'
import { PermittingWork } from './permitting.ts'
import { CHANGED_SINCE } from './placement.ts'
import { StopSign, type Worked, type WorkOptions, waitFor, workSlot } from './slot-work.ts'
import { nearEnd } from './step-context.ts'
import { isAsPlanned, standsAt } from './three-way.ts'
import { nothingWasMade, troubleOf } from './trouble.ts'
import { openUpload, sealUpload } from './upload-seal.ts'
import { openVersion } from './versions.ts'

type ItemSlot = OpenSlot<ItemPlan>

export interface ReplayOptions extends WorkOptions {
  writer: StreamWriter
  /** The target folder of the slot; undefined where it could not be made. */
  folder: GraphId | undefined
}

const LEFT_BESIDE = {
  NotReplaced: 'The item there stays, because what was restored could not be shown to be whole.',
  ChangedSince: 'The item there was changed after the plan was made, so it stays.',
} as const

/** Its content is back, and it does not stand where it was. */
const NOT_PLACED = { check: 'differs', fields: ['name or folder'] } satisfies Partial<SlotRun>

/** Works the slot as far as it goes now. Throws only bugs and what the host aborts. */
export function replayItem(slot: ItemSlot, options: ReplayOptions): Promise<Worked<ItemPlan>> {
  return workSlot(new ItemReplay(slot, options))
}

class ItemReplay extends PermittingWork<ItemPlan> {
  readonly #options: ReplayOptions
  readonly #mark: string
  #version: HeldVersion | undefined
  /** The present attempt has brought a long upload further. */
  #gotFurther = false

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
      else if (this.slot.state === 'replacing') await this.#replace()
      else if (this.slot.state === 'renaming') await this.#rename()
      else if (this.slot.state === 'permitting') await this.#permit()
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
    if (!(await this.#mayGoOnto())) return
    const version = await this.#open()
    if (version) await this.#create(folder, version)
  }

  /** Of a roll back: what gets a version is as the plan saw it. False: then the slot has ended. */
  async #mayGoOnto(): Promise<boolean> {
    const { onto, there } = this.slot.plan
    if (onto === undefined || there === undefined) return true
    const { context, writer } = this.#options
    try {
      const now = await writer.present(there, context.sendSignal)
      if (isAsPlanned(onto, now, context)) return true
      await this.write('later', CHANGED_SINCE)
    } catch (error) {
      if (error instanceof StopSign) throw error
      await this.#end('failed', this.troubleOf(error))
    }
    return false
  }

  /** Undefined where the version cannot be opened: then the slot has ended. */
  async #open(): Promise<HeldVersion | undefined> {
    try {
      return await this.#opened()
    } catch (error) {
      const trouble = this.troubleOf(error)
      await this.#end('failed', trouble)
      return undefined
    }
  }

  async #create(folder: GraphId, version: HeldVersion): Promise<void> {
    const { context, writer } = this.#options
    const { attempt, since = this.now() } = this.slot.run
    // Opening may have taken long: nothing is begun that the slice could cut in two.
    this.stopAtEnd()
    const upload = await this.#uploadSoFar()
    await this.declare({ mark: this.#mark, since })
    const creation: Creation = {
      ...this.#spot(folder),
      mark: this.#mark,
      since,
      ...(upload === undefined ? {} : { upload }),
      keep: (text) => this.#keep(text),
      goesOn: () => !nearEnd(context) && !this.cancelled(),
    }
    let outcome: CreateOutcome
    try {
      outcome = await writer.create(version, creation, context.sendSignal)
    } catch (error) {
      return this.#afterFailedCreate(error, attempt)
    }
    if (outcome.outcome === 'paused') {
      await this.write('pending', { attempt: this.#unsent(attempt) })
      throw new StopSign({ why: 'slice' })
    }
    if (outcome.outcome === 'refused') {
      const { code, message } = outcome
      return this.#end('refused', { code, message })
    }
    // The answer is here, so no send of this slot is under way any more.
    const now = this.now()
    await this.write('created', { newId: outcome.id, createdAt: now, sentBefore: now })
  }

  /** Where the item goes; one that replaces another has a name of its own until that is gone. */
  #spot(container: GraphId): Spot {
    const { name, via, action, there } = this.slot.plan
    const onto = action === 'version' && there !== undefined ? { onto: there } : {}
    return { container, name: via ?? name, ...onto }
  }

  async #uploadSoFar(): Promise<string | undefined> {
    const { upload } = this.slot.run
    return upload === undefined ? undefined : openUpload(this.context, this.slot.n, upload)
  }

  /** An attempt that got further counts as the first: a long upload outlives many workers. */
  async #keep(text: string): Promise<void> {
    const upload = await sealUpload(this.context, this.slot.n, text)
    await this.write('doing', { upload, attempt: 1 })
    this.#gotFurther = true
  }

  /** Attempts, where the present one has certainly made nothing. */
  #unsent(attempt: number): number {
    return this.#gotFurther ? 0 : attempt
  }

  async #afterFailedCreate(error: unknown, attempt: number): Promise<void> {
    if (error instanceof StopSign) throw error
    // Aborted in flight: the slot stays `doing` with the deadline as its last possible send.
    if (this.context.sendSignal.aborted) throw new StopSign({ why: 'slice' })
    if (!nothingWasMade(error)) return this.lost(error)
    const trouble = troubleOf(error)
    if (trouble.kind === 'item') return this.#end('failed', trouble)
    await this.write('pending', { attempt: this.#unsent(attempt) })
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
    const { folder } = this.#options
    if (folder === undefined) {
      const message = 'The folder in which the item was being made is not known.'
      await this.#end('unknown', { code: 'FolderNotMade', message })
      return undefined
    }
    this.stopAtEnd({ evenCancelled: true })
    try {
      return await this.#search(folder)
    } catch (error) {
      await this.#end('unknown', this.troubleOf(error))
      return undefined
    }
  }

  #permit(): Promise<void> {
    const { writer } = this.#options
    return this.permit({ writer, id: this.slot.run.newId, open: () => this.#opened() })
  }

  #search(folder: GraphId): Promise<GraphId[]> {
    const { writer, context } = this.#options
    const { since = 0 } = this.slot.run
    const version = () => this.#opened()
    const search = { ...this.#spot(folder), mark: this.#mark, since, version }
    return writer.find(search, context.sendSignal)
  }

  async #opened(): Promise<HeldVersion> {
    const { source, sendSignal } = this.#options.context
    this.#version ??= await openVersion(source, this.slot.plan, sendSignal)
    return this.#version
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
    const { outcome: check } = outcome
    const isWhole = check === 'verified' || (check === 'differs' && outcome.isWhole === true)
    const run = { check, ...foundBy(outcome) }
    if (this.slot.plan.action === 'replace') {
      return isWhole ? this.write('replacing', run) : this.#leaveBoth('NotReplaced', run)
    }
    // It is the item that was there, so there are no doubles.
    if (this.slot.plan.placed) return this.write('renaming', run)
    // Sent more than once: an earlier send may become visible late, so look once more.
    const next = this.slot.run.attempt > 1 ? 'settling' : this.lastState
    await this.write(next, run)
  }

  /** Throws away what the new one takes the place of, unless somebody touched it since. */
  async #replace(): Promise<void> {
    const { writer, context } = this.#options
    const { there, thereChange } = this.slot.plan
    this.stopAtEnd({ evenCancelled: true })
    try {
      invariant(there !== undefined, 'the plan names what is replaced')
      const now = await writer.present(there, context.sendSignal)
      const isThere = now !== undefined && !now.discarded
      if (isThere && thereChange !== undefined && now.marker.change !== thereChange) {
        return await this.#leaveBoth('ChangedSince')
      }
      if (isThere) await writer.remove(there, context.sendSignal)
    } catch (error) {
      if (error instanceof StopSign) throw error
      return this.#leaveBoth('NotReplaced', { message: this.troubleOf(error).message })
    }
    await this.write('renaming', { replaced: true })
  }

  async #rename(): Promise<void> {
    const { writer, context } = this.#options
    const { newId } = this.slot.run
    this.stopAtEnd({ evenCancelled: true })
    try {
      if (this.slot.plan.placed) return await this.#putBack()
      invariant(newId !== undefined && writer.rename !== undefined, 'what replaces can be renamed')
      await writer.rename(newId, this.slot.plan.name, context.sendSignal)
    } catch (error) {
      if (error instanceof StopSign) throw error
      const { code, message } = this.troubleOf(error)
      const placed = this.slot.plan.placed ? NOT_PLACED : {}
      const told = `${message} ${this.#standsAs()}`.trimEnd()
      return this.write(this.lastState, { code, message: told, ...placed })
    }
    await this.write(this.lastState, {})
  }

  /** To its name and folder, unless somebody moved it since the plan; its content is back. */
  async #putBack(): Promise<void> {
    const { writer, folder, context } = this.#options
    const { onto, there, name } = this.slot.plan
    invariant(onto !== undefined && there !== undefined, 'the plan names what is put back')
    const now = await writer.present(there, context.sendSignal)
    const named = onto.name === undefined ? {} : { name }
    const stands = (found: typeof now) => found !== undefined && standsAt(found, folder, named.name)
    const isAsSeen = now !== undefined && standsAt(now, onto.seen.container, onto.name)
    if (folder === undefined || !(stands(now) || isAsSeen)) {
      const message = 'Its content is back; its name and folder were changed since, so they stay.'
      return this.write(this.lastState, { code: CHANGED_SINCE.code, message, ...NOT_PLACED })
    }
    if (!stands(now)) await writer.place(there, { container: folder, ...named }, context.sendSignal)
    const after = await writer.present(there, context.sendSignal)
    await this.write(this.lastState, stands(after) ? {} : NOT_PLACED)
  }

  /** The new one stays beside the other one, under the name that it was made with. */
  #leaveBoth(code: keyof typeof LEFT_BESIDE, run: Partial<SlotRun> = {}): Promise<void> {
    const message = `${run.message ?? LEFT_BESIDE[code]} ${this.#standsAs()}`
    return this.write(this.lastState, { ...run, code, message })
  }

  #standsAs(): string {
    const { via } = this.slot.plan
    return via === undefined ? '' : `What was restored stands as ${JSON.stringify(via)}.`
  }

  async #readBack(newId: GraphId | undefined): Promise<CheckOutcome> {
    const { writer, folder, context } = this.#options
    if (newId === undefined) return { outcome: 'could-not-check', code: 'NoNewId' }
    // A folder that was made is known for ever; without one there was nothing to make.
    if (folder === undefined) return { outcome: 'could-not-check', code: 'FolderNotMade' }
    try {
      const version = await this.#opened()
      return await writer.check(newId, version, this.#spot(folder), context.sendSignal)
    } catch (error) {
      return { outcome: 'could-not-check', code: this.troubleOf(error).code }
    }
  }

  async #settle(): Promise<void> {
    const { newId, createdAt = 0, sentBefore = 0 } = this.slot.run
    const { lagMs } = this.#options.context.deps.settings
    this.stopUntil(Math.max(createdAt, sentBefore) + lagMs)
    const { folder } = this.#options
    this.stopAtEnd({ evenCancelled: true })
    let found: GraphId[] = []
    try {
      if (folder !== undefined) found = await this.#search(folder)
    } catch (error) {
      const { code } = this.troubleOf(error)
      return this.write(this.lastState, { code: `DoublesNotChecked:${code}` })
    }
    await this.#removeDoubles(
      'settling',
      found.filter((id) => id !== newId),
    )
    await this.write(this.lastState, {})
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

/** What the slot keeps of a read-back. */
function foundBy(outcome: CheckOutcome): Partial<SlotRun> {
  if (outcome.outcome === 'could-not-check') return { code: outcome.code }
  const { seen } = outcome
  const fields = outcome.outcome === 'differs' ? { fields: outcome.fields } : {}
  return { ...fields, ...(seen === undefined ? {} : { seen }) }
}
