/**
 * Where each held folder goes: found in the target, or made anew. Pure.
 *
 * Original place: by id (also renamed or moved since), else the fixed name (`inbox`), else
 * parent and name, else made anew. Another mailbox: fixed name to fixed name, the rest by path
 * under the root. A folder named by the request: everything by path under that folder, so that
 * nothing is mixed with what the target has. Two held folders are never merged: a target folder
 * is given out once, and a second folder of the same name is `Name (2)`, found or made (the service
 * knows localised and duplicate names, facts 7.34). Names compare as Exchange does: without case.
 */
import { AppError } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import type { TargetContainer } from '../workloads/workload.ts'
import type { FolderPlan } from './documents.ts'
import type { HeldFolder } from './held.ts'

/** The root itself: its children count as parentless, on both sides. */
const ROOT_NAME = 'msgfolderroot'
/** `Name (n)`: more than there can be folders on both sides, so a free name is always found. */
const SUFFIX_MAX = 100_000

export interface FolderRules {
  /** The same mailbox: ids mean something. */
  byId: boolean
  /** The folder that the request names: everything goes below it. */
  under?: string
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
    this.#roots = new Set(target.filter((t) => t.wellKnownName === ROOT_NAME).map((t) => t.id))
    this.#byPlace = Map.groupBy(target, (t) => placeKey(this.#parentOf(t), t.name))
  }

  plan(): FolderPlan[] {
    this.#claimCertain()
    const slots: FolderPlan[] = []
    if (this.#rules.under !== undefined) {
      this.#base = this.#place(this.#rules.under, 'root')
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
    if (folder.wellKnownName === ROOT_NAME && this.#rules.under === undefined) {
      return { name: folder.name, action: 'none' }
    }
    return this.#place(folder.name, this.#parentPlace(folder))
  }

  #parentPlace(folder: HeldFolder): Parent {
    const top: Parent = this.#base ? whereIs(this.#base, 0) : 'root'
    const slot = folder.parent === undefined ? undefined : this.#slots.get(folder.parent)
    const parent = slot === undefined ? undefined : this.#folders[slot - this.#offset]
    if (!parent || slot === undefined || parent.wellKnownName === ROOT_NAME) return top
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
      const there = this.#byPlace.get(key)
      const free = there?.find((t) => !this.#taken.has(t.id))
      if (free) {
        this.#taken.add(free.id)
        return { name: free.name, action: 'use', target: free.id }
      }
      if (there || this.#madeNames.has(key)) continue
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

function whereIs(folder: Resolved, slot: number): Parent {
  if (folder.target !== undefined) return { target: folder.target }
  return folder.action === 'make' ? { slot } : 'root'
}

function placeKey(parent: Parent, name: string): string {
  const where = parent === 'root' ? '' : 'target' in parent ? parent.target : `#${parent.slot}`
  return `${where}\n${name.normalize('NFC').toLowerCase()}`
}
