/**
 * Counts the requests of a sliding window, in a fixed number of buckets.
 *
 * A bucket leaves the window as a whole, with its youngest request: the count is never too low,
 * and a window that is full opens at most one bucket (a sixtieth of it) late.
 */
const BUCKETS = 60

export class RequestWindow {
  readonly #max: number
  readonly #bucketMs: number
  readonly #counts = new Map<number, number>()

  constructor(options: { requestsMax: number; windowMs: number }) {
    this.#max = options.requestsMax
    this.#bucketMs = options.windowMs / BUCKETS
  }

  count(now: number): void {
    const bucket = Math.floor(now / this.#bucketMs)
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + 1)
  }

  /** Milliseconds until one more request fits; 0 where one fits now. */
  waitMs(now: number): number {
    this.#forget(now)
    let total = 0
    for (const count of this.#counts.values()) total += count
    const [oldest] = this.#counts.keys()
    if (total < this.#max || oldest === undefined) return 0
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
