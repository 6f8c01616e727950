/**
 * Planning: from a stored request to slot rows, totals and the plan's hash.
 *
 * Reads the catalogue, the target's folders and what stands in them; writes nothing to the
 * service. Works in pages and saves a cursor after each, so memory stays bounded and a step may
 * die anywhere: the next one comes to the same slot numbers and overwrites what was half done.
 */
import type { HeldItem } from '../catalogue/types.ts'
import { AppError, invariant } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import type { StreamWriter } from '../workloads/workload.ts'
import { Conflicts, type Verdict } from './conflicts.ts'
import { type FolderPlan, type ItemPlan, isItem, type OpenSlot } from './documents.ts'
import { estimate } from './estimate.ts'
import { ExistingItems } from './existing.ts'
import { planFolders } from './folders.ts'
import {
  findItems,
  type ItemSource,
  type ListedVersion,
  readTree,
  selectFolders,
  selectionUnknown,
  singleItems,
  wholeFolders,
  withAncestors,
  withLostFolders,
} from './held.ts'
import type { PlanCursor, PlanTotals } from './job-document.ts'
import { NAME_MAX, SLOTS_MAX } from './limits.ts'
import { nearEnd, type StepContext, type StepOutcome, targetOf } from './step-context.ts'
import { contentsOf } from './versions.ts'

/** Works a job in state `planning` until it is `planned` or the slice ends. Throws trouble. */
export async function planStep(context: StepContext): Promise<StepOutcome> {
  const { lease, signal } = context
  const { writer, graphId } = await targetOf(context, signal)
  const chosen = await chosenItems(context)
  if (!lease.plan.cursor) await planFolderSlots(context, { writer, graphId, chosen })
  const source = chosen ? singleItems(chosen) : wholeFolders(context.stream, context.request.seq)
  const items = new ItemPlanner(context, writer, source)
  for (;;) {
    const cursor = lease.plan.cursor
    if (lease.job.flags.cancel) return cancelled(context)
    if (!cursor || cursor.folder >= cursor.folders) break
    if (nearEnd(context)) return { state: 'more' }
    await items.page(cursor)
  }
  return seal(context)
}

async function cancelled(context: StepContext): Promise<StepOutcome> {
  await context.lease.save({ state: 'cancelled' }, context.signal)
  return { state: 'done' }
}

/** The items of a selection of items; undefined for a selection of folders. */
async function chosenItems(context: StepContext): Promise<HeldItem[] | undefined> {
  const { request, stream, signal } = context
  const keys = request.selection.items
  if (!keys) return undefined
  const found = await findItems(stream, request.seq, keys, signal)
  const held = found.filter((item) => item !== undefined)
  if (held.length < found.length) throw selectionUnknown(found.length - held.length, 'items')
  return held
}

async function planFolderSlots(
  context: StepContext,
  of: { writer: StreamWriter; graphId: GraphId; chosen: readonly HeldItem[] | undefined },
): Promise<void> {
  const { lease, request, stream, signal } = context
  const held = await readTree(stream, request.seq, signal)
  const homes = of.chosen?.map((item) => item.place.container)
  const tree = homes ? withLostFolders(held, homes) : held
  const selected = homes ? new Set(homes) : selectFolders(tree, request.selection)
  const folders = withAncestors(tree, selected)
  const there = await of.writer.containers(context.sendSignal)
  const { destination } = request
  const under = destination.kind === 'resource' ? destination.folder : undefined
  const rules = {
    byId: destination.kind === 'original',
    ...(under === undefined ? {} : { under }),
  }
  const plans = planFolders(folders, selected, there, rules)
  await context.slots.plan(
    0,
    plans,
    { fresh: false, confirm: () => lease.save({}, signal) },
    signal,
  )
  const cursor = { folders: plans.length, folder: 0, next: plans.length }
  const made = plans.filter((plan) => plan.action === 'make').length
  const totals = { ...lease.plan.totals, folders: made }
  await lease.save({ plan: { cursor, totals, target: of.graphId } }, signal)
}

/** Plans the items, page by page. Remembers what the current target folder holds. */
class ItemPlanner {
  readonly #context: StepContext
  readonly #writer: StreamWriter
  readonly #source: ItemSource
  #folders: OpenSlot<FolderPlan>[] | undefined
  #conflicts: { folder: number; of: Conflicts } | undefined
  /** Only the first page of a step can meet rows of a step that died. */
  #fresh = false

  constructor(context: StepContext, writer: StreamWriter, source: ItemSource) {
    this.#context = context
    this.#writer = writer
    this.#source = source
  }

  async page(cursor: PlanCursor): Promise<void> {
    const { signal, slots, lease } = this.#context
    this.#folders ??= await slots.folders(signal)
    const folder = this.#folders[cursor.folder]?.plan
    if (!folder?.selected || folder.source === undefined) {
      const { continuation: _, ...rest } = cursor
      await lease.save({ plan: { cursor: { ...rest, folder: cursor.folder + 1 } } }, signal)
      return
    }
    const page = await this.#source.page(folder.source, cursor.continuation, signal)
    const conflicts = await this.#conflictsOf({ folder, source: folder.source }, cursor)
    const verdicts = await conflicts.judge(page.items.map((item) => item.held))
    const plans = page.items.map((item, at) =>
      this.#plan(item, { folder, at: cursor.folder, verdict: verdicts[at] }),
    )
    if (cursor.next + plans.length > SLOTS_MAX) throw restoreTooLarge()
    const rows = { fresh: this.#fresh, confirm: () => lease.save({}, signal) }
    await slots.plan(cursor.next, plans, rows, signal)
    this.#fresh = true
    const ended = page.continuation === undefined
    const next: PlanCursor = {
      folders: cursor.folders,
      folder: ended ? cursor.folder + 1 : cursor.folder,
      next: cursor.next + plans.length,
      ...(page.continuation === undefined ? {} : { continuation: page.continuation }),
    }
    await lease.save({ plan: { cursor: next, totals: add(lease.plan.totals, plans) } }, signal)
  }

  #plan(
    item: ListedVersion,
    to: { folder: FolderPlan; at: number; verdict: Verdict | undefined },
  ): ItemPlan {
    const { held, key, display } = item
    const { verdict = { verdict: 'missing' } } = to
    return {
      kind: 'item',
      name: display.name.slice(0, NAME_MAX),
      key,
      seq: held?.seq ?? 0,
      folder: to.at,
      folderName: to.folder.name,
      action: held ? this.#actionOf(verdict) : 'none',
      contents: held ? contentsOf(held) : [],
      ...(verdict.verdict === 'missing' ? {} : { there: verdict.there }),
    }
  }

  #actionOf({ verdict }: Verdict): ItemPlan['action'] {
    if (verdict === 'missing') return 'restore'
    return verdict === 'there' ? 'there' : this.#context.request.conflict
  }

  /**
   * The target folder is read once for a folder and step. Where a former step planned a part of
   * the folder already, what answered for its slots answers for nothing else.
   */
  async #conflictsOf(
    { folder, source }: { folder: FolderPlan; source: GraphId },
    cursor: PlanCursor,
  ): Promise<Conflicts> {
    if (this.#conflicts?.folder === cursor.folder) return this.#conflicts.of
    const { signal, slots, sendSignal } = this.#context
    const existing =
      folder.target === undefined
        ? ExistingItems.none()
        : await ExistingItems.read(this.#writer, folder.target, sendSignal)
    const of = new Conflicts({ context: this.#context, writer: this.#writer, existing, source })
    if (cursor.continuation !== undefined && !existing.empty) {
      for await (const slot of slots.all(signal)) {
        if (slot.n >= cursor.next) break
        if (isItem(slot) && slot.plan.folder === cursor.folder) of.answered(slot.plan)
      }
    }
    this.#conflicts = { folder: cursor.folder, of }
    return of
  }
}

function add(totals: PlanTotals, plans: readonly ItemPlan[]): PlanTotals {
  const of = (action: ItemPlan['action']) => plans.filter((p) => p.action === action).length
  const written = plans.filter((p) => p.action === 'restore' || p.action === 'copy')
  return {
    ...totals,
    items: totals.items + plans.length,
    create: totals.create + written.length,
    restore: totals.restore + of('restore'),
    copy: totals.copy + of('copy'),
    skip: totals.skip + of('skip'),
    alreadyThere: totals.alreadyThere + of('there'),
    missing: totals.missing + of('none'),
    conflicts: totals.conflicts + of('skip') + of('copy'),
    bytes: totals.bytes + written.flatMap((p) => p.contents).reduce((sum, c) => sum + c.bytes, 0),
  }
}

/** Hashes what the rows say, and makes the job `planned`. */
async function seal(context: StepContext): Promise<StepOutcome> {
  const { lease, request, signal, slots } = context
  const { target, totals } = lease.plan
  invariant(target !== undefined, 'the folder slots were planned before the items')
  const { hash, slots: written } = await slots.hash({ request, target }, signal)
  const counts = {
    pending: totals.create,
    skipped: totals.skip,
    alreadyThere: totals.alreadyThere,
    failed: totals.missing,
    foldersPending: totals.folders,
  }
  const plan = { hash, slots: written, totals: { ...totals, ...estimate(totals) } }
  await lease.save({ state: 'planned', counts, plan }, signal)
  return { state: 'done' }
}

function restoreTooLarge(): AppError {
  return new AppError({
    code: 'RestoreTooLarge',
    kind: 'permanent',
    message: `One restore can hold at most ${SLOTS_MAX} folders and items.`,
    hint: 'Restore the mailbox in parts: select folders, one after the other.',
  })
}
