/**
 * Chance from one seed (mulberry32): the same seed gives the same run for ever. Not for secrets.
 */
import type { Randomness } from '../../src/ports.ts'

export class SeededRandom implements Randomness {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** In [0, 1). */
  next(): number {
    return this.#word() / 4_294_967_296
  }

  /** A whole number in [0, limit). */
  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  chance(probability: number): boolean {
    return probability > 0 && this.next() < probability
  }

  /** Undefined only where there is nothing to pick from. */
  pick<T>(choices: readonly T[]): T | undefined {
    return choices[this.below(choices.length)]
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count)
    for (let at = 0; at < count; at += 1) bytes[at] = this.#word() & 0xff
    return bytes
  }

  /** An independent sequence for each purpose, so that one more draw here moves nothing there. */
  branch(purpose: number): SeededRandom {
    return new SeededRandom(Math.imul(this.#state ^ (purpose + 1), 0x9e3779b1))
  }

  #word(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let t = this.#state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
}
