/**
 * Planning a roll back: what changed for the worse between two points comes back, and what somebody
 * changed later stays (docs/decisions/017-three-states.md).
 *
 * First every item that was held at the first point, folder by folder; then, folder by folder of the
 * second point, what appeared in between. Pages and cursor are those of every plan (planner.ts): a
 * step may die anywhere. Reads only.
 */
import type { HeldItem, StreamTables } from '../catalogue/types.ts'
import { mapBounded } from '../concurrency/index.ts'
import { invariant } from '../model/errors.ts'
import { type GraphId, keyHash } from '../model/ids.ts'
import type { StreamWriter } from '../workloads/workload.ts'
import { type FolderPlan, isItem, leftFor, type OpenSlot, type SlotPlan } from './documents.ts'
import { planFolders, withPathLengths } from './folders.ts'
import {
  type FolderTree,
  findItems,
  type HeldFolder,
  type ItemSource,
  readTree,
  selectFolders,
  singleItems,
  wholeFolders,
  withAncestors,
  withLostFolders,
} from './held.ts'
import type { PlanCursor, PlanTotals } from './job-document.ts'
import { LOOKUPS_MAX, NAME_MAX, SLOTS_MAX } from './limits.ts'
import { addItems, cancelled, restoreTooLarge, seal } from './planner.ts'
import { RollBackFolder } from './roll-back-folder.ts'
import { withPermissions } from './sharing.ts'
import type { ItemPlan, RemovalPlan } from './slot-plans.ts'
import { nearEnd, type StepContext, type StepOutcome, targetOf } from './step-context.ts'
import { plannedSeen, ThreeWay } from './three-way.ts'

/** What both points hold of the selection. */
interface Points {
  until: number
  first: ItemSource
  second: ItemSource
  /** Of a selection of items: the folders in which they stood at either point. */
  homes?: { first: GraphId[]; second: GraphId[] }
}

/** Works a roll back in state `planning` until it is `planned` or the slice ends. Throws trouble. */
export async function planRollBackStep(context: StepContext): Promise<StepOutcome> {
  const { lease, signal } = context
  const { writer, graphId } = await targetOf(context, signal)
  const points = await pointsOf(context)
  if (!lease.plan.cursor) await planFolderSlots(context, { writer, graphId, points })
  const planner = new RollBackPlanner(context, writer, points)
  for (;;) {
    const cursor = lease.plan.cursor
    if (lease.job.flags.cancel) return cancelled(context)
    invariant(cursor !== undefined, 'the folder slots were planned before the items')
    if (nearEnd(context)) return { state: 'more' }
    if (cursor.folder < cursor.folders) await planner.page(cursor)
    else if (!(await planner.appearedPage(cursor))) break
  }
  return seal(context)
}

async function pointsOf(context: StepContext): Promise<Points> {
  const { request, stream, signal } = context
  const { rollBack, seq, selection } = request
  invariant(rollBack !== undefined, 'a roll back has two points')
  const { until } = rollBack
  if (!selection.items) {
    return { until, first: wholeFolders(stream, seq), second: wholeFolders(stream, until) }
  }
  const heldAt = async (at: number) => {
    const found = await findItems(stream, at, selection.items ?? [], signal)
    return found.filter((item) => item !== undefined)
  }
  const first = await heldAt(seq)
  const second = await heldAt(until)
  const containers = (items: readonly HeldItem[]) => items.map((item) => item.place.container)
  return {
    until,
    first: singleItems(first),
    second: singleItems(second),
    homes: { first: containers(first), second: containers(second) },
  }
}

async function planFolderSlots(
  context: StepContext,
  of: { writer: StreamWriter; graphId: GraphId; points: Points },
): Promise<void> {
  const { lease, request, stream, signal } = context
  const { until, homes } = of.points
  const held = await readTree(stream, request.seq, signal)
  const tree = homes ? withLostFolders(held, homes.first) : held
  const selected = homes ? new Set(homes.first) : selectFolders(tree, request.selection)
  const folders = withAncestors(tree, selected)
  const there = await of.writer.containers(context.sendSignal)
  const { names, rootName } = context.deps.workloads(request.workload)
  const rules = { byId: true, ...(rootName === undefined ? {} : { rootName }) }
  const located = planFolders(folders, selected, there, rules)
  const after = await readTree(stream, until, signal)
  const standing = new Set(there.map(({ id }) => id))
  const gone = await goneLater({ stream, until, signal }, folders, { after, standing })
  const plans = located.map((plan) => (isIn(gone, plan) ? left(plan) : plan))
  const measured = names ? withPathLengths(plans, there) : plans
  const whole = await withPermissions(context, measured)
  const rows = { fresh: false, confirm: () => lease.save({}, signal) }
  await context.slots.plan(0, whole, rows, signal)
  const cursor = { folders: plans.length, folder: 0, next: plans.length }
  const made = plans.filter((plan) => plan.action === 'make').length
  const own = { unchanged: 0, changedLater: 0, place: 0, appeared: 0, remove: 0 }
  const permissions = whole.filter((plan) => plan.permissions !== undefined).length
  const totals = { ...lease.plan.totals, ...own, folders: made, permissions }
  await lease.save({ plan: { cursor, totals, target: of.graphId } }, signal)
}

/** Folders that the second point holds and the target does not, and what stood below them. */
async function goneLater(
  of: { stream: StreamTables; until: number; signal: AbortSignal },
  folders: readonly HeldFolder[],
  { after, standing }: { after: FolderTree; standing: ReadonlySet<GraphId> },
): Promise<ReadonlySet<GraphId>> {
  const gone = new Set<GraphId>()
  // Parents come first.
  for (const { id, key, parent, wellKnownName } of folders) {
    // The fixed ones are always there, whatever id they have.
    if (standing.has(id) || wellKnownName !== undefined) continue
    const isBelow = parent !== undefined && gone.has(parent)
    const isHeld = after.has(id) && !(await of.stream.hadLeft(key, of.until, of.signal))
    if (isBelow || isHeld) gone.add(id)
  }
  return gone
}

function isIn(gone: ReadonlySet<GraphId>, { source }: FolderPlan): boolean {
  return source !== undefined && gone.has(source)
}

function left({ kind, name, source, selected }: FolderPlan): FolderPlan {
  const from = source === undefined ? {} : { source }
  return { kind, name, selected, action: 'none', goneLater: true, ...from }
}

class RollBackPlanner {
  readonly #context: StepContext
  readonly #writer: StreamWriter
  readonly #points: Points
  readonly #states: ThreeWay
  #folders: OpenSlot<FolderPlan>[] | undefined
  #folder: RollBackFolder | undefined
  /** Those of the second point in which something may have appeared, in order. */
  #after: HeldFolder[] | undefined
  /** What the plan takes for what it was to bring back. */
  #answers: ReadonlySet<GraphId> | undefined
  /** Only the first page of a step can meet rows of a step that died. */
  #fresh = false

  constructor(context: StepContext, writer: StreamWriter, points: Points) {
    this.#context = context
    this.#writer = writer
    this.#points = points
    this.#states = new ThreeWay(context, writer)
  }

  /** Plans a page of what was held at the first point. */
  async page(cursor: PlanCursor): Promise<void> {
    const { signal, slots } = this.#context
    this.#folders ??= await slots.folders(signal)
    const plan = this.#folders[cursor.folder]?.plan
    if (!plan?.selected || plan.source === undefined) {
      return this.#save(cursor, { ...cursor, folder: cursor.folder + 1 }, [])
    }
    const page = await this.#points.first.page(plan.source, cursor.continuation, signal)
    if (this.#folder?.at !== cursor.folder) {
      this.#folder = new RollBackFolder({
        context: this.#context,
        writer: this.#writer,
        states: this.#states,
        folders: this.#folders,
        at: cursor.folder,
        cursor,
      })
    }
    const after = await this.#heldAfter(page.items.flatMap(({ held }) => (held ? [held] : [])))
    const plans = await this.#folder.plan(page.items, { until: this.#points.until, after })
    const { continuation } = page
    const folder = continuation === undefined ? cursor.folder + 1 : cursor.folder
    await this.#save(cursor, next({ ...cursor, folder }, continuation), plans)
  }

  /** What is held at the second point, and had not left by then. */
  async #heldAfter(items: readonly HeldItem[]): Promise<ReadonlyMap<GraphId, HeldItem>> {
    const { stream, signal } = this.#context
    const { until } = this.#points
    const ids = items.map(({ item }) => item)
    const held = await stream.current(ids, until, signal)
    const there = await this.#notLeft([...held.values()])
    return new Map(there.map((item) => [item.item, item]))
  }

  async #notLeft(held: readonly HeldItem[]): Promise<HeldItem[]> {
    const { stream, signal } = this.#context
    const { until } = this.#points
    const standing = held.filter(({ deleted }) => !deleted)
    const left = await mapBounded(standing, LOOKUPS_MAX, ({ key }) =>
      stream.hadLeft(key, until, signal),
    )
    return standing.filter((_, at) => left[at] !== true)
  }

  /** Plans a page of what appeared; false where nothing is left to plan. */
  async appearedPage(cursor: PlanCursor): Promise<boolean> {
    const { signal, stream, request } = this.#context
    this.#after ??= await this.#foldersAfter()
    const at = cursor.appeared ?? 0
    const folder = this.#after[at]
    if (folder === undefined) return false
    const page = await this.#points.second.page(folder.id, cursor.continuation, signal)
    const held = page.items.flatMap((item) => (item.held ? [item.held] : []))
    const ids = held.map(({ item }) => item)
    const then = await stream.current(ids, request.seq, signal)
    const isNew = ({ item }: HeldItem) => then.get(item)?.deleted ?? true
    const appeared = await this.#notLeft(held.filter(isNew))
    const plans = await mapBounded(appeared, this.#writer.concurrency, (item) =>
      this.#appeared(item, folder),
    )
    const { continuation } = page
    const gone = { ...cursor, appeared: continuation === undefined ? at + 1 : at }
    await this.#save(cursor, next(gone, continuation), plans)
    return true
  }

  async #foldersAfter(): Promise<HeldFolder[]> {
    const { request, stream, slots, signal } = this.#context
    const { until, homes } = this.#points
    const held = await readTree(stream, until, signal)
    const tree = homes ? withLostFolders(held, homes.second) : held
    if (homes) return [...new Set(homes.second)].flatMap((id) => tree.get(id) ?? [])
    const selected = selectFolders(tree, request.selection)
    this.#folders ??= await slots.folders(signal)
    // Also those that were moved away from the selected ones.
    for (const { plan } of this.#folders) {
      if (plan.selected && plan.source !== undefined) selected.add(plan.source)
    }
    return [...tree.values()].filter(({ id }) => selected.has(id))
  }

  async #appeared(held: HeldItem, folder: HeldFolder): Promise<RemovalPlan> {
    const { rollBack } = this.#context.request
    const common = {
      kind: 'removal' as const,
      name: held.display.name.slice(0, NAME_MAX),
      folderName: folder.name,
    }
    const now = await this.#states.now(held.item)
    const differs = await this.#states.since(held, this.#points.until, now)
    if (now === undefined || differs.length > 0) {
      return { ...common, action: 'leave', targets: [], code: 'ChangedLater', differs }
    }
    this.#answers ??= await this.#answersOfPlan()
    if (rollBack?.appeared !== 'remove' || this.#answers.has(held.item)) {
      return { ...common, action: 'leave', targets: [], code: 'Appeared' }
    }
    const { seen } = plannedSeen(now)
    return { ...common, action: 'remove', targets: [{ item: held.item, seen }] }
  }

  /** A copy that an earlier restore made appeared as well, and is no rubbish. */
  async #answersOfPlan(): Promise<ReadonlySet<GraphId>> {
    const { slots, signal } = this.#context
    const answers = new Set<GraphId>()
    for await (const slot of slots.all(signal)) {
      if (!isItem(slot)) continue
      const { action, there, key } = slot.plan
      if (action === 'there' && there !== undefined && keyHash(there) !== key) answers.add(there)
    }
    return answers
  }

  async #save(
    before: PlanCursor,
    cursor: PlanCursor,
    plans: readonly (SlotPlan & { kind: PlannedKind })[],
  ): Promise<void> {
    const { slots, lease, signal } = this.#context
    if (before.next + plans.length > SLOTS_MAX) throw restoreTooLarge()
    const rows = { fresh: this.#fresh, confirm: () => lease.save({}, signal) }
    if (plans.length > 0) {
      await slots.plan(before.next, plans, rows, signal)
      this.#fresh = true
    }
    const totals = add(lease.plan.totals, plans)
    await lease.save(
      { plan: { cursor: { ...cursor, next: before.next + plans.length }, totals } },
      signal,
    )
  }
}

type PlannedKind = 'item' | 'placement' | 'removal'

function next(cursor: PlanCursor, continuation: string | undefined): PlanCursor {
  const { continuation: _, ...rest } = cursor
  return { ...rest, ...(continuation === undefined ? {} : { continuation }) }
}

function add(totals: PlanTotals, plans: readonly SlotPlan[]): PlanTotals {
  const items = plans.filter((plan) => plan.kind === 'item')
  const removals = plans.filter((plan) => plan.kind === 'removal')
  const is = (action: ItemPlan['action']) => items.filter((plan) => plan.action === action).length
  const leaves = (state: string) =>
    removals.filter(({ code }) => code !== undefined && leftFor(code).state === state).length
  const { unchanged = 0, changedLater = 0, place = 0, appeared = 0, remove = 0 } = totals
  return {
    ...addItems(totals, items),
    items: totals.items + plans.length,
    unchanged: unchanged + is('unchanged'),
    changedLater: changedLater + is('later') + leaves('later'),
    place: place + plans.filter(({ kind }) => kind === 'placement').length,
    appeared: appeared + leaves('appeared'),
    remove: remove + removals.filter(({ action }) => action === 'remove').length,
  }
}
