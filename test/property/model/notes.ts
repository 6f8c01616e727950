/** What a story came to, and what may excuse that something is not held. */
import type { GraphId } from '../../../src/model/ids.ts'

export class Notes {
  /** By kind of step, and by what came of it. */
  readonly counts = new Map<string, number>()
  /** The service shows what was so long ago, from then on. */
  readonly #lags: { at: number; ms: number }[] = []
  readonly #unreadable = new Set<GraphId>()
  readonly #rounds: { startedAt: number; endedAt: number }[] = []
  #hadFaults = false

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  /** From now on any call may have failed. */
  fault(): void {
    this.#hadFaults = true
  }

  get hadFaults(): boolean {
    return this.#hadFaults
  }

  /** Its content cannot be read just now. */
  unreadable(item: GraphId): void {
    this.#unreadable.add(item)
  }

  /** Content could not be read at some time: an entry of the ledger explains what is missing. */
  wasUnreadable(item: GraphId): boolean {
    return this.#hadFaults || this.#unreadable.has(item)
  }

  lag(at: number, ms: number): void {
    this.#lags.push({ at, ms })
  }

  /** All of the source was read, from the one moment to the other. */
  round(startedAt: number, endedAt: number): void {
    this.#rounds.push({ startedAt, endedAt })
  }

  /** A whole round has seen what was there all the time from then to then. */
  wasSeen(from: number, until: number): boolean {
    return this.#rounds.some(
      ({ startedAt, endedAt }) => startedAt - this.lagUntil(startedAt) >= from && endedAt <= until,
    )
  }

  /** The longest lag of anything until then, in ms. */
  lagUntil(at: number): number {
    return Math.max(0, ...this.#lags.filter((lag) => lag.at <= at).map((lag) => lag.ms))
  }
}
