/**
 * Who may see what a restore made: the last thing that is done for an item or folder.
 *
 * It never fails the item. What is in force is looked at before anything is given, so a slot that
 * is left in the middle, or whose answers are lost, is simply begun again; after a few times that
 * came to no end the rest is told as not restored.
 */
import { invariant } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import type { HeldVersion, PermitOutcome, StreamWriter } from '../workloads/workload.ts'
import type { FolderPlan, ItemPlan, OpenSlot, Permitted, SlotRun } from './documents.ts'
import { LINKS_LISTED_MAX, PERMIT_ATTEMPTS_MAX, PERMITS_LISTED_MAX } from './limits.ts'
import { SlotWork, StopSign, type Worked, type WorkOptions, workSlot } from './slot-work.ts'
import { troubleOf } from './trouble.ts'
import { openVersion } from './versions.ts'

/** Characters of a person's or a link's name, of a sentence and of an address that a row keeps. */
const NAME_CHARACTERS_MAX = 100
const MESSAGE_CHARACTERS_MAX = 200
const ADDRESS_CHARACTERS_MAX = 400

type Reason = { code: string; message: string }
type Permitting = ItemPlan | FolderPlan

const ALL = 'its own permissions'
const UNREAD: Reason = {
  code: 'PermissionsNotHeld',
  message: 'They could not be read when this version was backed up.',
}
const CANCELLED: Reason = {
  code: 'Cancelled',
  message: 'The restore was cancelled before they were brought back.',
}

/** None came back, as far as it is known; empty where none was to. */
export function permissionsLost({ plan, run }: OpenSlot, why: Reason): Partial<SlotRun> {
  const had = 'permissions' in plan && plan.permissions !== undefined
  if (!had || run.permissions !== undefined) return {}
  return { permissions: { restored: 0, notRestored: [{ what: ALL, ...why }] } }
}

/** The part of a slot's work that brings permissions back. */
export class PermittingWork<P extends Permitting> extends SlotWork<P> {
  /** The state in which what is otherwise done goes on. */
  protected get lastState(): 'permitting' | 'done' {
    return this.slot.plan.permissions === undefined ? 'done' : 'permitting'
  }

  protected async permit(of: {
    writer: StreamWriter
    id: GraphId | undefined
    open: () => Promise<HeldVersion>
  }): Promise<void> {
    if (this.slot.plan.permissions === 'unread') return this.#lost(UNREAD)
    if (this.cancelled()) return this.#lost(CANCELLED)
    // What was given shows in the look that comes before the next attempt.
    if (this.slot.run.permitAttempts !== undefined) this.stopUntil(this.dueAt())
    this.stopAtEnd()
    try {
      const outcome = await this.#permitted(of)
      const checked = outcome.missing.map((kind) => `permissions (${kind})`)
      await this.write('done', { permissions: listed(outcome), ...this.#differing(checked) })
    } catch (error) {
      if (error instanceof StopSign) throw error
      await this.#afterTrouble(error)
    }
  }

  async #permitted({
    writer,
    id,
    open,
  }: {
    writer: StreamWriter
    id: GraphId | undefined
    open: () => Promise<HeldVersion>
  }): Promise<PermitOutcome> {
    const held = (await open()).representations.get('permissions')
    if (held === undefined || id === undefined || writer.permit === undefined) {
      return { restored: 0, notRestored: [{ what: ALL, ...UNREAD }], links: [], missing: [] }
    }
    return writer.permit(id, held, this.context.sendSignal)
  }

  /** Waiting for the service to grant more calls is no failed attempt. */
  async #afterTrouble(error: unknown): Promise<void> {
    const { permitAttempts = 0 } = this.slot.run
    const aborted = this.context.sendSignal.aborted
    const trouble = aborted ? undefined : troubleOf(error)
    if (trouble?.kind === 'wait' && trouble.code !== 'Throttled') {
      if (permitAttempts + 1 >= PERMIT_ATTEMPTS_MAX) {
        const message = 'The service gave no answer that could be used, again and again.'
        return this.#lost({ code: trouble.code, message })
      }
      await this.write('permitting', { permitAttempts: permitAttempts + 1, sentBefore: this.now() })
      // A lost answer alone stops nobody else.
      if (trouble.code === 'AnswerLost') throw new StopSign({ why: 'due', at: this.dueAt() })
    }
    const { code, message } = this.troubleOf(error)
    await this.#lost({ code, message })
  }

  async #lost(why: Reason): Promise<void> {
    await this.write('done', permissionsLost(this.slot, why))
  }

  /** A folder is not read back, but for its permissions. */
  #differing(fields: string[]): Partial<SlotRun> {
    if (fields.length === 0 || this.slot.run.check === 'could-not-check') return {}
    const all = [...(this.slot.run.fields ?? []), ...fields]
    return { ...(this.slot.plan.kind === 'item' ? { check: 'differs' } : {}), fields: all }
  }
}

/** As much as a row holds. */
function listed({ restored, notRestored, links }: PermitOutcome): Permitted {
  const more = Math.max(0, notRestored.length - PERMITS_LISTED_MAX)
  const shown = notRestored.slice(0, PERMITS_LISTED_MAX).map(({ what, code, message }) => ({
    what: what.slice(0, NAME_CHARACTERS_MAX),
    code,
    message: message.slice(0, MESSAGE_CHARACTERS_MAX),
  }))
  const made = links.slice(0, LINKS_LISTED_MAX).map(({ type, scope, address }) => {
    const isWhole = address !== undefined && address.length <= ADDRESS_CHARACTERS_MAX
    return { type, scope, ...(isWhole ? { address } : {}) }
  })
  return {
    restored,
    notRestored: shown,
    ...(more === 0 ? {} : { more }),
    ...(made.length === 0 ? {} : { links: made }),
  }
}

/** The permissions of a folder that was made. Throws only bugs and what the host aborts. */
export function permitFolder(
  slot: OpenSlot<FolderPlan>,
  options: WorkOptions & { writer: StreamWriter },
): Promise<Worked<FolderPlan>> {
  return workSlot(new FolderPermitting(slot, options))
}

class FolderPermitting extends PermittingWork<FolderPlan> {
  readonly #writer: StreamWriter

  constructor(slot: OpenSlot<FolderPlan>, options: WorkOptions & { writer: StreamWriter }) {
    super(slot, options)
    this.#writer = options.writer
  }

  async run(): Promise<void> {
    await this.permit({
      writer: this.#writer,
      id: this.slot.run.newId,
      open: () => this.#opened(),
    })
  }

  #opened(): Promise<HeldVersion> {
    const { held } = this.slot.plan
    invariant(held !== undefined, 'the plan names the version whose permissions come back')
    return openVersion(this.context.source, held, this.context.sendSignal)
  }
}
