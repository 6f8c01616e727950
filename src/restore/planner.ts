/**
 * Planning: from a stored request to slot rows, totals and the plan's hash.
 *
 * Reads the catalogue, the target's folders and what stands in them; writes nothing to the
 * service. Works in pages and saves a cursor after each, so memory stays bounded and a step may
 * die anywhere: the next one comes to the same slot numbers and overwrites what was half done.
 */
import type { HeldItem } from '../catalogue/types.ts'
import { mapBounded } from '../concurrency/index.ts'
import { AppError, invariant } from '../model/errors.ts'
import { type GraphId, keyHash } from '../model/ids.ts'
import type { NameRules, StreamWriter } from '../workloads/workload.ts'
import { Conflicts, type Verdict } from './conflicts.ts'
import { type FolderPlan, type ItemPlan, isItem, type OpenSlot } from './documents.ts'
import { estimate } from './estimate.ts'
import { ExistingItems } from './existing.ts'
import { planFolders, withPathLengths } from './folders.ts'
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
import { LOOKUPS_MAX, SLOTS_MAX } from './limits.ts'
import { foldersMade, type MadeIn, namedFolder } from './named-folders.ts'
import { type NamedFolder, placeItem } from './placing.ts'
import { permissionsOf, withPermissions } from './sharing.ts'
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

export async function cancelled(context: StepContext): Promise<StepOutcome> {
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
  return mapBounded(held, LOOKUPS_MAX, (item) => atHome(context, item))
}

/** An earlier version stands, as far as its restore goes, where the item itself stood then. */
async function atHome(context: StepContext, item: HeldItem): Promise<HeldItem> {
  const { deps, request, stream, signal } = context
  const whole = deps.workloads(request.workload).versionOf?.(item.item)
  if (whole === undefined) return item
  const held = await stream.item(keyHash(whole), request.seq, signal)
  return held ? { ...item, place: { ...item.place, container: held.place.container } } : item
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
  const { names, rootName } = context.deps.workloads(request.workload)
  if (names && under !== undefined) checkFolderName(names, under)
  const rules = {
    byId: destination.kind === 'original',
    ...(under === undefined ? {} : { under }),
    ...(rootName === undefined ? {} : { rootName }),
  }
  const located = planFolders(folders, selected, there, rules)
  const measured = names ? withPathLengths(located, there) : located
  const plans = await withPermissions(context, measured)
  await context.slots.plan(
    0,
    plans,
    { fresh: false, confirm: () => lease.save({}, signal) },
    signal,
  )
  const cursor = { folders: plans.length, folder: 0, next: plans.length }
  const made = plans.filter((plan) => plan.action === 'make').length
  const permissions = plans.filter((plan) => plan.permissions !== undefined).length
  const totals = { ...lease.plan.totals, folders: made, permissions }
  await lease.save({ plan: { cursor, totals, target: of.graphId } }, signal)
}

/** Throws `FolderNameRefused`. */
function checkFolderName(names: NameRules, name: string): void {
  const problem = names.problem(name, 0)
  if (problem === undefined) return
  throw new AppError({
    code: 'FolderNameRefused',
    kind: 'permanent',
    message: `The folder cannot be made: ${problem.message}`,
    hint: 'Give the folder of the destination another name.',
  })
}

interface Target {
  folder: FolderPlan
  /** Slot of the folder. */
  at: number
  conflicts: Conflicts
  existing: ExistingItems
  named: NamedFolder | undefined
}

/** Plans the items, page by page. Remembers what the current target folder holds. */
class ItemPlanner {
  readonly #context: StepContext
  readonly #writer: StreamWriter
  readonly #source: ItemSource
  #folders: OpenSlot<FolderPlan>[] | undefined
  #target: Target | undefined
  /** Names of the folders that the plan makes, by where. */
  #madeIn: MadeIn | undefined
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
    const target = await this.#targetOf({ folder, source: folder.source }, cursor)
    const verdicts = await target.conflicts.judge(page.items.map((item) => item.held))
    const plans = page.items.map((item, at) => this.#plan(item, target, verdicts[at]))
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
    await lease.save({ plan: { cursor: next, totals: addItems(lease.plan.totals, plans) } }, signal)
  }

  #plan(item: ListedVersion, target: Target, verdict: Verdict | undefined): ItemPlan {
    const { held, key, display } = item
    const { folder, at, existing, named } = target
    const { conflict } = this.#context.request
    const judged = held ? (verdict ?? { verdict: 'missing' as const }) : undefined
    const { name, ...placed } = placeItem(display.name, judged, { conflict, existing, named })
    return {
      kind: 'item',
      name,
      key,
      seq: held?.seq ?? 0,
      folder: at,
      folderName: folder.name,
      contents: held ? contentsOf(held) : [],
      ...permissionsOf(this.#context, placed.action, held),
      ...placed,
    }
  }

  /**
   * The target folder is read once for a folder and step. Where a former step planned a part of
   * the folder already, what answered for its slots answers for nothing else, and their names are
   * given out.
   */
  async #targetOf(
    { folder, source }: { folder: FolderPlan; source: GraphId },
    cursor: PlanCursor,
  ): Promise<Target> {
    if (this.#target?.at === cursor.folder) return this.#target
    const { signal, slots, sendSignal } = this.#context
    const existing =
      folder.target === undefined
        ? ExistingItems.none()
        : await ExistingItems.read(this.#writer, folder.target, sendSignal)
    const conflicts = new Conflicts({
      context: this.#context,
      writer: this.#writer,
      existing,
      source,
    })
    this.#madeIn ??= foldersMade(this.#folders ?? [])
    const named = namedFolder(this.#context, this.#madeIn, { folder, at: cursor.folder, existing })
    if (cursor.continuation !== undefined && (named || !existing.empty)) {
      for await (const slot of slots.all(signal)) {
        if (slot.n >= cursor.next) break
        if (!isItem(slot) || slot.plan.folder !== cursor.folder) continue
        conflicts.answered(slot.plan)
        named?.names.take(slot.plan.name)
        if (slot.plan.via !== undefined) named?.names.take(slot.plan.via)
      }
    }
    this.#target = { folder, at: cursor.folder, conflicts, existing, named }
    return this.#target
  }
}

const WRITTEN: readonly ItemPlan['action'][] = ['restore', 'copy', 'replace', 'version']
const CONFLICTS: readonly ItemPlan['action'][] = ['skip', 'copy', 'replace', 'version']

export function addItems(totals: PlanTotals, plans: readonly ItemPlan[]): PlanTotals {
  const of = (action: ItemPlan['action']) => plans.filter((p) => p.action === action).length
  const written = plans.filter(({ action }) => WRITTEN.includes(action))
  return {
    ...totals,
    items: totals.items + plans.length,
    create: totals.create + written.length,
    restore: totals.restore + of('restore'),
    copy: totals.copy + of('copy'),
    replace: totals.replace + of('replace'),
    version: totals.version + of('version'),
    skip: totals.skip + of('skip'),
    alreadyThere: totals.alreadyThere + of('there'),
    missing: totals.missing + of('none'),
    refused: totals.refused + of('refuse'),
    permissions: totals.permissions + plans.filter((p) => p.permissions !== undefined).length,
    conflicts: totals.conflicts + plans.filter(({ action }) => CONFLICTS.includes(action)).length,
    bytes: totals.bytes + written.flatMap((p) => p.contents).reduce((sum, c) => sum + c.bytes, 0),
  }
}

/** Hashes what the rows say, and makes the job `planned`. */
export async function seal(context: StepContext): Promise<StepOutcome> {
  const { lease, request, signal, slots } = context
  const { target, totals } = lease.plan
  invariant(target !== undefined, 'the folder slots were planned before the items')
  const { hash, slots: written } = await slots.hash({ request, target }, signal)
  const moved = totals.place ?? 0
  const counts = {
    pending: totals.create + moved + (totals.remove ?? 0),
    unchanged: totals.unchanged ?? 0,
    changedLater: totals.changedLater ?? 0,
    appeared: totals.appeared ?? 0,
    skipped: totals.skip,
    alreadyThere: totals.alreadyThere,
    failed: totals.missing,
    refused: totals.refused,
    foldersPending: totals.folders,
  }
  const { pace } = context.deps.workloads(request.workload)
  // What is only moved or thrown away is reckoned as if it were made, and so never too low.
  const touched = { ...totals, create: totals.create + moved + (totals.remove ?? 0) }
  const plan = { hash, slots: written, totals: { ...totals, ...estimate(touched, pace) } }
  await lease.save({ state: 'planned', counts, plan }, signal)
  return { state: 'done' }
}

export function restoreTooLarge(): AppError {
  return new AppError({
    code: 'RestoreTooLarge',
    kind: 'permanent',
    message: `One restore can hold at most ${SLOTS_MAX} folders and items.`,
    hint: 'Restore it in parts: select folders, one after the other.',
  })
}
