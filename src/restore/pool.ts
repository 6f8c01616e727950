/**
 * Bounded side-by-side work: a fixed number of workers, and a fixed number of bytes.
 *
 * A worker that throws stops the others from taking more; all of them have ended before the
 * error goes on, so that nobody works after the lease is given back.
 */

/** Works every item, at most `concurrency` at once, until all are done or `stopped` says so. */
export async function forEachBounded<T>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<void>,
  stopped: () => boolean = () => false,
): Promise<void> {
  let next = 0
  const failures: unknown[] = []
  const worker = async (): Promise<void> => {
    while (next < items.length && failures.length === 0 && !stopped()) {
      const item = items[next] as T
      next += 1
      try {
        await work(item)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, worker))
  if (failures.length > 0) throw failures[0]
}

/** Like `Array.map` over promises, at most `concurrency` at once, in the order of the items. */
export async function mapBounded<T, R>(
  items: readonly T[],
  concurrency: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Map<number, R>()
  await forEachBounded([...items.entries()], concurrency, async ([at, item]) => {
    results.set(at, await work(item))
  })
  return items.map((_, at) => results.get(at) as R)
}

/** A number of bytes that may be open at once. First come, first served. */
export class ByteGate {
  readonly #total: number
  #free: number
  readonly #queue: { bytes: number; enter: () => void }[] = []

  constructor(totalBytes: number) {
    this.#total = totalBytes
    this.#free = totalBytes
  }

  /** Runs `work` once its bytes are free. A claim above the total waits until it is alone. */
  async hold<T>(bytes: number, work: () => Promise<T>): Promise<T> {
    const claim = Math.min(bytes, this.#total)
    if (this.#queue.length > 0 || claim > this.#free) {
      await new Promise<void>((enter) => this.#queue.push({ bytes: claim, enter }))
    } else {
      this.#free -= claim
    }
    try {
      return await work()
    } finally {
      this.#free += claim
      this.#admit()
    }
  }

  #admit(): void {
    for (let first = this.#queue[0]; first && first.bytes <= this.#free; first = this.#queue[0]) {
      this.#queue.shift()
      this.#free -= first.bytes
      first.enter()
    }
  }
}
