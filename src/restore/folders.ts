/**
 * Where each held folder goes: found in the target, or made anew. Pure.
 *
 * Original place: by id (also renamed or moved since), else the fixed name (`inbox`), else
 * parent and name, else made anew. Another mailbox: fixed name to fixed name, the rest by path
 * under the root. A folder named by the request: everything by path under that folder, so that
 * nothing is mixed with what the target has. Two held folders are never merged: a target folder
 * is given out once, and a second folder of the same name is `Name (2)`, found or made (the service
 * knows localised and duplicate names, facts 7.34). Names compare as the services do: without
 * case. A site holds libraries at its top: what finds none of its name there goes into the default
 * one (`isHome`), and only in its own place is a library that is gone made anew.
 */
import { AppError } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import type { TargetContainer } from '../workloads/workload.ts'
import type { FolderPlan } from './documents.ts'
import type { HeldFolder } from './held.ts'

/** `Name (n)`: more than there can be folders on both sides, so a free name is always found. */
const SUFFIX_MAX = 100_000

export interface FolderRules {
  /** The same mailbox: ids mean something. */
  byId: boolean
  /** The folder that the request names: everything goes below it. */
  under?: string
  /** Fixed name of the root itself: its children count as parentless, on both sides. */
  rootName?: string
}

/** Where something stands: in an existing container, below a folder slot, or in the root. */
type Parent = { target: GraphId } | { slot: number } | 'root'
type Resolved = Pick<FolderPlan, 'name' | 'action' | 'target' | 'parent'>

/**
 * The folder slots, parents first. `folders` are parents first too; the slot of `folders[i]` is
 * `i`, or `i + 1` where `rules.under` takes slot 0.
 */
export function planFolders(
  folders: readonly HeldFolder[],
  selected: ReadonlySet<GraphId>,
  target: readonly TargetContainer[],
  rules: FolderRules,
): FolderPlan[] {
  return new FolderPlanner(folders, selected, target, rules).plan()
}

class FolderPlanner {
  readonly #folders: readonly HeldFolder[]
  readonly #selected: ReadonlySet<GraphId>
  readonly #rules: FolderRules
  readonly #offset: number
  readonly #slots: ReadonlyMap<GraphId, number>
  readonly #byId: ReadonlyMap<GraphId, TargetContainer>
  readonly #byFixedName: ReadonlyMap<string, TargetContainer>
  readonly #byPlace: ReadonlyMap<string, TargetContainer[]>
  readonly #roots: ReadonlySet<GraphId>
  readonly #home: Parent | undefined
  readonly #taken = new Set<GraphId>()
  readonly #madeNames = new Set<string>()
  readonly #resolved = new Map<GraphId, Resolved>()
  #base: Resolved | undefined

  constructor(
    folders: readonly HeldFolder[],
    selected: ReadonlySet<GraphId>,
    target: readonly TargetContainer[],
    rules: FolderRules,
  ) {
    this.#folders = folders
    this.#selected = selected
    this.#rules = rules
    this.#offset = rules.under === undefined ? 0 : 1
    this.#slots = new Map(folders.map((folder, at) => [folder.id, at + this.#offset]))
    this.#byId = new Map(target.map((t) => [t.id, t]))
    this.#byFixedName = new Map(
      target.flatMap((t) => (t.wellKnownName === undefined ? [] : [[t.wellKnownName, t]])),
    )
    const { rootName } = rules
    const roots = target.filter((t) => rootName !== undefined && t.wellKnownName === rootName)
    this.#roots = new Set(roots.map((t) => t.id))
    const home = target.find((t) => t.isHome)
    this.#home = home && { target: home.id }
    this.#byPlace = Map.groupBy(target, (t) => placeKey(this.#parentOf(t), t.name))
  }

  plan(): FolderPlan[] {
    this.#claimCertain()
    const slots: FolderPlan[] = []
    if (this.#rules.under !== undefined) {
      this.#base = this.#place(this.#rules.under, this.#home ?? 'root')
    }
    for (const folder of this.#folders) {
      if (this.#selected.has(folder.id)) this.#resolve(folder)
    }
    if (this.#base) slots.push({ kind: 'folder', selected: false, ...this.#base })
    for (const folder of this.#folders) {
      const none: Resolved = { name: folder.name, action: 'none' }
      const resolved = this.#resolved.get(folder.id) ?? none
      const selected = this.#selected.has(folder.id)
      slots.push({ kind: 'folder', source: folder.id, selected, ...resolved })
    }
    return slots
  }

  /** Matches by id or fixed name come first, so that no name takes a folder away from them. */
  #claimCertain(): void {
    for (const folder of this.#folders) {
      const certain = this.#certain(folder)
      if (certain) this.#taken.add(certain.id)
    }
  }

  #certain(folder: HeldFolder): TargetContainer | undefined {
    if (this.#rules.under !== undefined) return undefined
    const same = this.#rules.byId ? this.#byId.get(folder.id) : undefined
    const { wellKnownName } = folder
    return same ?? (wellKnownName === undefined ? undefined : this.#byFixedName.get(wellKnownName))
  }

  #resolve(folder: HeldFolder): Resolved {
    const known = this.#resolved.get(folder.id)
    if (known) return known
    const resolved = this.#locate(folder)
    this.#resolved.set(folder.id, resolved)
    return resolved
  }

  #locate(folder: HeldFolder): Resolved {
    const certain = this.#certain(folder)
    if (certain) return { name: certain.name, action: 'use', target: certain.id }
    // The root cannot be made; items in it have no place unless the target shows its root.
    if (this.#isRoot(folder) && this.#rules.under === undefined) {
      return { name: folder.name, action: 'none' }
    }
    const parent = this.#parentPlace(folder)
    return parent === 'root' ? this.#atTop(folder) : this.#place(folder.name, parent)
  }

  /**
   * At the top of the target. Where that holds libraries, one is made anew in its own place only:
   * elsewhere, and for what is no library, the target's home takes what finds none of its name.
   */
  #atTop(folder: HeldFolder): Resolved {
    if (this.#home === undefined) return this.#place(folder.name, 'root')
    if (folder.isOrphan) return this.#place(folder.name, this.#home)
    if (this.#rules.byId) return this.#place(folder.name, 'root')
    return this.#found(folder.name, 'root') ?? this.#place(folder.name, this.#home)
  }

  #isRoot({ wellKnownName }: HeldFolder): boolean {
    return wellKnownName !== undefined && wellKnownName === this.#rules.rootName
  }

  /** A folder of that name in that place that nobody else was given. */
  #found(name: string, parent: Parent): Resolved | undefined {
    const there = this.#byPlace.get(placeKey(parent, name))
    const free = there?.find((t) => !this.#taken.has(t.id))
    if (free === undefined) return undefined
    this.#taken.add(free.id)
    return { name: free.name, action: 'use', target: free.id }
  }

  #parentPlace(folder: HeldFolder): Parent {
    const top: Parent = this.#base ? whereIs(this.#base, 0) : 'root'
    const slot = folder.parent === undefined ? undefined : this.#slots.get(folder.parent)
    const parent = slot === undefined ? undefined : this.#folders[slot - this.#offset]
    if (!parent || slot === undefined || this.#isRoot(parent)) return top
    return whereIs(this.#resolve(parent), slot)
  }

  /**
   * A folder of that name in that place: one that nobody else was given, or a new one. A second
   * one is `Name (2)`, also where it is there already: an earlier restore may have made it, and
   * would be repeated in a third.
   */
  #place(name: string, parent: Parent): Resolved {
    for (let n = 1; n <= SUFFIX_MAX; n += 1) {
      const candidate = n === 1 ? name : `${name} (${n})`
      const key = placeKey(parent, candidate)
      const found = this.#found(candidate, parent)
      if (found) return found
      if (this.#byPlace.has(key) || this.#madeNames.has(key)) continue
      this.#madeNames.add(key)
      return { name: candidate, action: 'make', ...(parent === 'root' ? {} : { parent }) }
    }
    throw new AppError({
      code: 'NoFolderName',
      kind: 'permanent',
      message: 'No free folder name could be found in the target.',
      hint: 'Restore into a folder of its own: name one in the destination.',
    })
  }

  #parentOf(container: TargetContainer): Parent {
    const { parent } = container
    return parent === undefined || this.#roots.has(parent) ? 'root' : { target: parent }
  }
}

/** The same plans with the length of each folder's path in the target, as far as it is known. */
export function withPathLengths(
  plans: readonly FolderPlan[],
  target: readonly TargetContainer[],
): FolderPlan[] {
  const there = new Map(target.map(({ id, pathLength }) => [id, pathLength ?? 0]))
  const measured: FolderPlan[] = []
  for (const plan of plans) measured.push({ ...plan, pathLength: lengthOf(plan) })
  return measured

  function lengthOf({ action, target: id, parent, name }: FolderPlan): number {
    if (action === 'none') return 0
    if (id !== undefined) return there.get(id) ?? 0
    if (parent === undefined) return name.length
    // Folders come after their parents, so that one is measured already.
    const above = 'slot' in parent ? measured[parent.slot]?.pathLength : there.get(parent.target)
    return (above ?? 0) + 1 + name.length
  }
}

function whereIs(folder: Resolved, slot: number): Parent {
  if (folder.target !== undefined) return { target: folder.target }
  return folder.action === 'make' ? { slot } : 'root'
}

function placeKey(parent: Parent, name: string): string {
  const where = parent === 'root' ? '' : 'target' in parent ? parent.target : `#${parent.slot}`
  return `${where}\n${name.normalize('NFC').toLowerCase()}`
}
