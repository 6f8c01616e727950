/**
 * May a version share segments with an earlier one? Only if their packs stay locked for at least
 * the protection window R, so that a shared segment is never the first to go (DESIGN 5).
 */
import type { PackTable } from '../catalogue/types.ts'
import type { Representation } from '../model/events.ts'
import type { OwnerId, PackId } from '../model/ids.ts'
import { packsOf } from '../model/representation.ts'
import type { Clock } from '../ports.ts'

const DAY_MS = 86_400_000

/** Caches what it learnt for one slice: locks only ever get longer. */
export class PackLocks {
  readonly #known = new Map<PackId, number>()
  readonly #packs: PackTable
  readonly #owner: OwnerId
  readonly #clock: Clock
  readonly #protectionMs: number

  constructor(packs: PackTable, owner: OwnerId, clock: Clock, protectionDays: number) {
    this.#packs = packs
    this.#owner = owner
    this.#clock = clock
    this.#protectionMs = protectionDays * DAY_MS
  }

  /** False where any pack is unknown to the tables or its lock runs out too soon. */
  async allow(representations: readonly Representation[], signal: AbortSignal): Promise<boolean> {
    const packs = packsOf(representations)
    const asked = packs.filter((p) => !this.#known.has(p))
    if (asked.length > 0) {
      for (const [pack, until] of await this.#packs.lockedUntil(this.#owner, asked, signal)) {
        this.#known.set(pack, Date.parse(until))
      }
    }
    const needed = this.#clock.now() + this.#protectionMs
    return packs.every((p) => (this.#known.get(p) ?? 0) >= needed)
  }
}
