/**
 * What goes wrong in single drives: deltas that never end, that fail whatever one does, that lag,
 * and that tell older states. In memory; all of it off until an operation turns it on.
 */
import type { DriveItem } from '../drive-model.ts'
import type { ItemWatch } from '../state/drive-items.ts'
import { EndlessLinks } from './endless-links.ts'
import { RecentPast } from './recent-past.ts'

const FORMER_MAX = 50_000

export class DriveTrouble implements ItemWatch {
  /** By the pk of the drive. */
  readonly loops = new EndlessLinks()
  /** By the pk of the drive: a move stays in it. */
  readonly past: RecentPast<DriveItem>
  readonly #failing = new Set<number>()
  readonly #former = new Map<number, DriveItem>()

  constructor(options: { readonly lastSeq: () => number; readonly nowMs: () => number }) {
    this.past = new RecentPast({ ...options, placeOf: ({ drive }) => drive })
  }

  /** Whether the delta of this drive answers 500 for ever (facts/graph.md 7, no. 12). */
  isFailing(drivePk: number): boolean {
    return this.#failing.has(drivePk)
  }

  setFailing(drivePk: number, failing: boolean): void {
    if (failing) this.#failing.add(drivePk)
    else this.#failing.delete(drivePk)
  }

  changing(before: DriveItem): void {
    this.past.changing(before)
    this.#former.delete(before.pk)
    this.#former.set(before.pk, before)
    const oldest = this.#former.keys().next()
    if (this.#former.size > FORMER_MAX && !oldest.done) this.#former.delete(oldest.value)
  }

  /** The state that the item had before its last change, as far as it is remembered. */
  former(item: DriveItem): DriveItem | undefined {
    const before = this.#former.get(item.pk)
    return before && before.seq < item.seq ? before : undefined
  }
}
