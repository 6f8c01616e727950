/**
 * One budget of buffer memory for a worker (DESIGN 4): a slice claims its whole need at once, and
 * while it waits it holds nothing, so slices can never wait for each other's memory.
 */
import { invariant } from '../model/errors.ts'

export class MemoryPool {
  readonly #total: number
  #free: number
  readonly #waiting: { bytes: number; wake: () => void }[] = []

  constructor(totalBytes: number) {
    this.#total = totalBytes
    this.#free = totalBytes
  }

  /** Who claims all of it works alone. */
  get totalBytes(): number {
    return this.#total
  }

  /** First come, first served. Release exactly once, in `finally`. Rejects when the signal fires. */
  async claim(bytes: number, signal: AbortSignal): Promise<() => void> {
    invariant(bytes <= this.#total, 'a slice needs no more memory than the worker has')
    signal.throwIfAborted()
    if (this.#waiting.length > 0 || bytes > this.#free) await this.#wait(bytes, signal)
    else this.#free -= bytes
    return () => {
      this.#free += bytes
      this.#serve()
    }
  }

  /** Resolves with the claim already taken out of the free bytes. */
  async #wait(bytes: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1)
        reject(signal.reason)
        this.#serve()
      }
      const entry = {
        bytes,
        wake: () => {
          signal.removeEventListener('abort', leave)
          resolve()
        },
      }
      this.#waiting.push(entry)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  #serve(): void {
    let first = this.#waiting[0]
    while (first && first.bytes <= this.#free) {
      this.#free -= first.bytes
      this.#waiting.shift()
      first.wake()
      first = this.#waiting[0]
    }
  }
}
