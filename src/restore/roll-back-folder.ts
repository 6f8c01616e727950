/**
 * What a roll back does with the items of one folder of the first point.
 *
 * What the two points have alike is not asked for. Of the rest the target is asked: what is as at
 * the second point comes back, what is as at the first is back already, and everything else was
 * changed later and stays. Content goes onto the file that is there, as a new version; where the
 * workload has no versions it is made beside. What is gone is made anew.
 */
import type { HeldItem } from '../catalogue/types.ts'
import { mapBounded } from '../concurrency/index.ts'
import { invariant } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import type { PresentItem, StreamWriter } from '../workloads/workload.ts'
import { Conflicts, type Verdict } from './conflicts.ts'
import { type FolderPlan, isItem, isPlacement, type OpenSlot } from './documents.ts'
import { ExistingItems } from './existing.ts'
import type { ListedVersion } from './held.ts'
import type { PlanCursor } from './job-document.ts'
import { NAME_MAX } from './limits.ts'
import { foldersMade, namedFolder } from './named-folders.ts'
import { type NamedFolder, placeItem } from './placing.ts'
import { permissionsOf } from './sharing.ts'
import type { Aspect, ItemPlan, PlacementPlan } from './slot-plans.ts'
import type { StepContext } from './step-context.ts'
import { plannedSeen, type ThreeWay } from './three-way.ts'
import { contentsOf } from './versions.ts'

/** What the three states of one item say. */
type Finding =
  | { is: 'none' }
  | { is: 'unchanged' }
  | { is: 'there'; there: GraphId }
  | { is: 'later'; differs: Aspect[] }
  /** It is as at the second point: these aspects come back. */
  | { is: 'worse'; now: PresentItem | undefined; aspects: readonly Aspect[] }

interface Target {
  conflicts: Conflicts
  existing: ExistingItems
  named: NamedFolder | undefined
}

export interface RollBackFolderOptions {
  context: StepContext
  writer: StreamWriter
  states: ThreeWay
  folders: readonly OpenSlot<FolderPlan>[]
  /** Slot of the folder. */
  at: number
  /** As this step found it. */
  cursor: PlanCursor
}

export class RollBackFolder {
  readonly at: number
  readonly #options: RollBackFolderOptions
  readonly #folder: FolderPlan
  #target: Target | undefined

  constructor(options: RollBackFolderOptions) {
    this.#options = options
    this.at = options.at
    const folder = options.folders[options.at]?.plan
    invariant(folder !== undefined, 'the folder has a slot')
    this.#folder = folder
  }

  /** In the order of the items. `after`: what the second point holds of them. */
  async plan(
    items: readonly ListedVersion[],
    second: { until: number; after: ReadonlyMap<GraphId, HeldItem> },
  ): Promise<(ItemPlan | PlacementPlan)[]> {
    const { concurrency } = this.#options.writer
    const findings = await mapBounded(items, concurrency, ({ held }) => this.#find(held, second))
    const judged = await this.#judge(items, findings)
    const plans: (ItemPlan | PlacementPlan)[] = []
    for (const [at, item] of items.entries()) {
      const finding = findings[at] ?? { is: 'none' }
      plans.push(await this.#plan(item, finding, judged.get(at)))
    }
    return plans
  }

  async #find(
    then: HeldItem | undefined,
    { until, after: all }: { until: number; after: ReadonlyMap<GraphId, HeldItem> },
  ): Promise<Finding> {
    if (then === undefined) return { is: 'none' }
    const { states, context } = this.#options
    const after = all.get(then.item)
    const aspects = states.between(then, after)
    if (aspects.length === 0) return { is: 'unchanged' }
    const now = await states.now(then.item)
    const differs = await states.since(after, until, now)
    if (differs.length === 0) {
      // Its folder is gone by somebody's later doing, and nobody else makes it anew.
      const isHomeless = this.#folder.goneLater === true
      return isHomeless ? { is: 'later', differs: ['folder gone'] } : { is: 'worse', now, aspects }
    }
    const isBack = (await states.since(then, context.request.seq, now)).length === 0
    return isBack ? { is: 'there', there: then.item } : { is: 'later', differs }
  }

  /** Of what is made anew or beside: whether something in the folder answers for it already. */
  async #judge(
    items: readonly ListedVersion[],
    findings: readonly Finding[],
  ): Promise<ReadonlyMap<number, Verdict>> {
    const made = [...findings.keys()].filter((at) => this.#isMade(findings[at]))
    if (made.length === 0) return new Map()
    const { conflicts } = await this.#targetFolder()
    const verdicts = await conflicts.judge(made.map((at) => items[at]?.held))
    return new Map(made.map((at, n) => [at, verdicts[n] ?? { verdict: 'missing' }]))
  }

  #isMade(finding: Finding | undefined): boolean {
    if (finding?.is !== 'worse') return false
    const { aspects } = finding
    return aspects.includes('gone') || (aspects.includes('content') && !this.#hasVersions)
  }

  get #hasVersions(): boolean {
    const { deps, request } = this.#options.context
    return deps.workloads(request.workload).conflicts.policies.includes('version')
  }

  async #plan(
    { held, key, display }: ListedVersion,
    finding: Finding,
    verdict: Verdict | undefined,
  ): Promise<ItemPlan | PlacementPlan> {
    const common = {
      kind: 'item' as const,
      name: display.name.slice(0, NAME_MAX),
      key,
      seq: held?.seq ?? 0,
      folder: this.at,
      folderName: this.#folder.name,
      contents: held ? contentsOf(held) : [],
    }
    if (held === undefined || finding.is === 'none') return { ...common, action: 'none' }
    if (finding.is === 'unchanged') return { ...common, action: 'unchanged' }
    if (finding.is === 'there') return { ...common, action: 'there', there: finding.there }
    if (finding.is === 'later') return { ...common, action: 'later', differs: finding.differs }
    const { context } = this.#options
    const { now, aspects } = finding
    if (now === undefined || verdict !== undefined) {
      const { existing, named } = await this.#targetFolder()
      const options = { conflict: 'copy', existing, named } as const
      const placed = placeItem(display.name, verdict ?? { verdict: 'missing' }, options)
      return { ...common, ...permissionsOf(context, placed.action, held), ...placed }
    }
    const isMoved = aspects.includes('name') || aspects.includes('folder')
    const name = isMoved ? await this.#nameFor(display.name, now) : common.name
    const from = plannedSeen(now)
    if (aspects.includes('content')) {
      const placed = isMoved ? { placed: true as const } : {}
      return { ...common, name, action: 'version', there: held.item, onto: from, ...placed }
    }
    return {
      kind: 'placement',
      name,
      folderName: this.#folder.name,
      action: 'place',
      item: held.item,
      to: { slot: this.at },
      from,
    }
  }

  /** Its own, or where somebody has that by now, the next free one for a copy. */
  async #nameFor(name: string, now: PresentItem): Promise<string> {
    const { named } = await this.#targetFolder()
    if (named === undefined) return name.slice(0, NAME_MAX)
    const isHere = this.#folder.target === now.container
    const isOwn = isHere && named.names.isSame(name, now.name ?? '')
    return isOwn ? name : named.names.give(name)
  }

  /** Read once for a folder and step, and only where something of it comes back. */
  async #targetFolder(): Promise<Target> {
    if (this.#target) return this.#target
    const { context, writer, folders, cursor } = this.#options
    const { target, source } = this.#folder
    invariant(source !== undefined, 'items stand in held folders')
    const { sendSignal } = context
    const existing =
      target === undefined
        ? ExistingItems.none()
        : await ExistingItems.read(writer, target, sendSignal)
    const conflicts = new Conflicts({ context, writer, existing, source })
    const madeIn = foldersMade(folders)
    const named = namedFolder(context, madeIn, { folder: this.#folder, at: this.at, existing })
    this.#target = { conflicts, existing, named }
    if (cursor.continuation !== undefined) await this.#learn(this.#target)
    return this.#target
  }

  /** What a former step planned of this folder has its names, and what answers for it. */
  async #learn({ conflicts, named }: Target): Promise<void> {
    const { context, cursor } = this.#options
    for await (const slot of context.slots.all(context.signal)) {
      if (slot.n >= cursor.next) return
      if (isItem(slot) && slot.plan.folder === this.at) {
        conflicts.answered(slot.plan)
        const isGiven = slot.plan.action !== 'unchanged' && slot.plan.action !== 'later'
        if (isGiven) named?.names.take(slot.plan.name)
      } else if (isPlacement(slot) && 'slot' in slot.plan.to && slot.plan.to.slot === this.at) {
        named?.names.take(slot.plan.name)
      }
    }
  }
}
