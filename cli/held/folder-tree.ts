/**
 * The folders of a stream at one point: names, parents, paths.
 *
 * Names and parents are what Graph said and are believed in nothing: a parent may be missing (then
 * the folder stands at the top), and parents may form a ring (then it is cut).
 */
import type { ExclusionReason } from '../../src/model/events.ts'
import type { GraphId, KeyHash } from '../../src/model/ids.ts'

/** No folder stands deeper; what does, is shown at this depth. */
const DEPTH_MAX = 200

export interface Folder {
  id: GraphId
  key: KeyHash
  name: string
  parent?: GraphId
  excluded?: ExclusionReason
}

export class FolderTree {
  readonly #folders = new Map<GraphId, Folder>()
  readonly #below = new Map<GraphId | undefined, Folder[]>()

  constructor(folders: readonly Folder[]) {
    for (const folder of folders) this.#folders.set(folder.id, folder)
    for (const folder of folders) {
      const parent = this.#parentOf(folder)?.id
      const siblings = this.#below.get(parent)
      if (siblings) siblings.push(folder)
      else this.#below.set(parent, [folder])
    }
  }

  get size(): number {
    return this.#folders.size
  }

  get(id: GraphId): Folder | undefined {
    return this.#folders.get(id)
  }

  /** Undefined: at the top. In the order of the state. */
  below(id: GraphId | undefined): readonly Folder[] {
    return this.#below.get(id) ?? []
  }

  /** The folder and those above it, the topmost first. */
  lineOf(folder: Folder): Folder[] {
    const line: Folder[] = []
    for (let at: Folder | undefined = folder; at && line.length < DEPTH_MAX; ) {
      line.unshift(at)
      at = this.#parentOf(at)
    }
    return line
  }

  /** The folders themselves, and everything below them. */
  within(folders: readonly Folder[]): Set<GraphId> {
    const found = new Set<GraphId>()
    const open = [...folders]
    for (let at = open.pop(); at; at = open.pop()) {
      if (found.has(at.id)) continue
      found.add(at.id)
      open.push(...this.below(at.id))
    }
    return found
  }

  /**
   * The folders that a path means: several where folders of one name stand side by side. Each
   * segment is a name, or the id of a folder as `ls` prints it; without regard to case.
   */
  find(path: readonly string[]): Folder[] {
    let found: readonly Folder[] = []
    for (const [depth, segment] of path.entries()) {
      const next = depth === 0 ? this.below(undefined) : found.flatMap(({ id }) => this.below(id))
      found = next.filter((folder) => isMeant(folder, segment))
    }
    return [...found]
  }

  /** Undefined also for one whose line upwards comes back to it. */
  #parentOf({ id, parent }: Folder): Folder | undefined {
    const found = parent === undefined ? undefined : this.#folders.get(parent)
    let above = found
    for (let steps = 0; above && steps < DEPTH_MAX; steps += 1) {
      if (above.id === id) return undefined
      above = above.parent === undefined ? undefined : this.#folders.get(above.parent)
    }
    return found
  }
}

const plain = (name: string): string => name.normalize('NFC').toLowerCase()

function isMeant({ name, key }: Folder, segment: string): boolean {
  return plain(name) === plain(segment) || key === segment
}

/** The segments of a path as it is typed; `/` is the top. */
export function pathSegments(path: string): string[] {
  return path.split('/').filter((segment) => segment !== '')
}
