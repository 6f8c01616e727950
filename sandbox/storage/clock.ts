/** A clock that moves only when it is told to; sleepers wake in the order of their times. */
import type { Clock } from '../../src/ports.ts'

interface Sleeper {
  at: number
  wake: () => void
}

export class SimulatedClock implements Clock {
  #now: number
  readonly #sleepers = new Set<Sleeper>()

  /** Ms since 1970. */
  constructor(startMs: number) {
    this.#now = startMs
  }

  readonly now = (): number => this.#now

  /** What a storage service puts into its `Date` header: whole seconds. */
  serverTime(): Date {
    return new Date(Math.floor(this.#now / 1000) * 1000)
  }

  advance(ms: number): void {
    this.#now += ms
    const due = [...this.#sleepers].filter((s) => s.at <= this.#now)
    for (const sleeper of due.toSorted((a, b) => a.at - b.at)) {
      this.#sleepers.delete(sleeper)
      sleeper.wake()
    }
  }

  readonly sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason)
        return
      }
      const sleeper: Sleeper = { at: this.#now + ms, wake: resolve }
      this.#sleepers.add(sleeper)
      const abort = () => {
        if (this.#sleepers.delete(sleeper)) reject(signal.reason)
      }
      signal.addEventListener('abort', abort, { once: true })
    })
}
