/**
 * Slot rows of one job, decoded: reading in order, writing by etag, writing a plan.
 */
import type { Catalogue, Slot, SlotTable } from '../catalogue/types.ts'
import { AppError, invariant } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import {
  beginning,
  decodeSlot,
  encodeSlot,
  type FolderPlan,
  isFolder,
  type OpenSlot,
  PlanHash,
  type SlotPlan,
} from './documents.ts'
import { SCAN_PAGE, SLOTS_MAX } from './limits.ts'
import type { StoredRequest } from './request.ts'

export interface SlotPageOf {
  slots: OpenSlot[]
  continuation?: string
}

export class JobSlots {
  readonly #table: SlotTable
  readonly #job: string

  constructor(catalogue: Catalogue, job: string) {
    this.#table = catalogue.slots
    this.#job = job
  }

  async page(
    query: { max: number; continuation?: string },
    signal: AbortSignal,
  ): Promise<SlotPageOf> {
    const page = await this.#table.page(this.#job, query, signal)
    const slots = page.items.map(decodeSlot)
    return {
      slots,
      ...(page.continuation === undefined ? {} : { continuation: page.continuation }),
    }
  }

  /** Every slot in order. At most `SLOTS_MAX` can exist. */
  async *all(signal: AbortSignal): AsyncIterable<OpenSlot> {
    let continuation: string | undefined
    do {
      const query = continuation === undefined ? {} : { continuation }
      const page = await this.page({ max: SCAN_PAGE, ...query }, signal)
      yield* page.slots
      continuation = page.continuation
    } while (continuation !== undefined)
  }

  /** The slot as written, or undefined where another wrote it meanwhile. */
  async replace(slot: OpenSlot, signal: AbortSignal): Promise<OpenSlot | undefined> {
    const written = await this.#table.replace(this.#job, encodeSlot(slot), slot.etag, signal)
    return written && decodeSlot(written)
  }

  /**
   * Writes slots `first`, `first + 1`, ... `fresh: false`: rows may be there from a step that
   * died before it saved its cursor; they are brought to what is planned now. `confirm` throws
   * where another step has the lease.
   *
   * A planner may wake long after another finished the plan and replayed it, and must then change
   * nothing: the lease is confirmed between reading the rows and writing them by etag, and every
   * planner writes each row that it finds, also an equal one, so that an older etag never fits.
   */
  async plan(
    first: number,
    plans: readonly SlotPlan[],
    options: { fresh: boolean; confirm: () => Promise<void> },
    signal: AbortSignal,
  ): Promise<void> {
    invariant(first + plans.length <= SLOTS_MAX, 'a plan has at most SLOTS_MAX slots')
    const missing: Slot[] = []
    const found: { row: Slot; etag: string }[] = []
    for (const [at, plan] of plans.entries()) {
      const row = encodeSlot({ n: first + at, plan, ...beginning(plan) })
      const there = options.fresh ? undefined : await this.#table.get(this.#job, row.n, signal)
      if (there) found.push({ row, etag: there.etag })
      else missing.push(row)
    }
    if (found.length > 0) await options.confirm()
    for (const { row, etag } of found) {
      if (await this.#table.replace(this.#job, row, etag, signal)) continue
      await options.confirm()
      invariant(false, 'only the holder of the lease writes slots')
    }
    if (missing.length > 0) await this.#table.insert(this.#job, missing, signal)
  }

  /**
   * SHA-256 of the plan as its rows stand now, before any of them was worked. Throws
   * `PlanChanged` where a slot does not begin as its plan says.
   */
  async hash(
    header: { request: StoredRequest; target: GraphId },
    signal: AbortSignal,
  ): Promise<{ hash: string; slots: number }> {
    const hash = new PlanHash({ job: this.#job, ...header })
    for await (const slot of this.all(signal)) {
      const { state, run } = beginning(slot.plan)
      const begins = slot.state === state && JSON.stringify(slot.run) === JSON.stringify(run)
      if (!begins) throw planChanged(this.#job)
      hash.add(slot)
    }
    return { hash: hash.digest(), slots: hash.slots }
  }

  /** Folder slots stand before all items. */
  async folders(signal: AbortSignal): Promise<OpenSlot<FolderPlan>[]> {
    const folders: OpenSlot<FolderPlan>[] = []
    for await (const slot of this.all(signal)) {
      if (!isFolder(slot)) break
      folders.push(slot)
    }
    return folders
  }
}

/** What would be restored is not what was planned and, perhaps, approved. */
export function planChanged(job: string): AppError {
  return new AppError({
    code: 'PlanChanged',
    kind: 'permanent',
    message: 'The plan of this restore is not the one that was confirmed.',
    hint: 'Look at the plan again and start it with its present hash, or plan the restore anew.',
    context: { job },
  })
}
