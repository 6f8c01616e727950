/**
 * Counts what was spent in a sliding window, in a fixed number of buckets.
 *
 * A bucket leaves the window as a whole, with its youngest unit: the count is never too low, and
 * a window that is full opens at most one bucket (a sixtieth of it) late.
 */
const BUCKETS = 60

export interface WindowLimit {
  /** Units in any window: requests, where the service counts nothing else. */
  unitsMax: number
  windowMs: number
}

export class UnitWindow {
  readonly #max: number
  readonly #bucketMs: number
  readonly #counts = new Map<number, number>()

  constructor(limit: WindowLimit) {
    this.#max = limit.unitsMax
    this.#bucketMs = limit.windowMs / BUCKETS
  }

  /** Fewer than none where less was charged than was counted before. */
  count(units: number, now: number): void {
    const bucket = Math.floor(now / this.#bucketMs)
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + units)
  }

  /** Milliseconds until so much more may fit; 0 where it fits now. More than a window fits alone. */
  waitMs(units: number, now: number): number {
    this.#forget(now)
    let total = 0
    for (const count of this.#counts.values()) total += count
    const [oldest] = this.#counts.keys()
    if (total <= 0 || total + units <= this.#max || oldest === undefined) return 0
    return Math.max(1, Math.ceil((oldest + BUCKETS + 1) * this.#bucketMs - now))
  }

  isEmpty(now: number): boolean {
    this.#forget(now)
    return this.#counts.size === 0
  }

  // Buckets were counted in the order of time, so the first key is the oldest.
  #forget(now: number): void {
    for (const bucket of this.#counts.keys()) {
      if ((bucket + BUCKETS + 1) * this.#bucketMs > now) return
      this.#counts.delete(bucket)
    }
  }
}
