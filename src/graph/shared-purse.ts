/**
 * A purse that many workers fill from one row (catalogue, budgets): it takes chunks, so that the
 * row is asked once for many calls, and lets go of what it does not spend soon, because the row
 * counts a chunk as spent when it was claimed.
 *
 * A pause that the service asked of one worker is told to the row before the next chunk is taken.
 */
import type { Purse } from './purse.ts'

export interface ChunkSource {
  /** Takes at most `units`; nothing granted: none before `waitMs`. Few: each is a call to a table. */
  claim(units: number, signal: AbortSignal): Promise<{ granted: number; waitMs: number }>
  /** Nobody is granted anything before `until` (ms since 1970). */
  pause(until: number, signal: AbortSignal): Promise<void>
}

export interface SharedPurseOptions {
  source: ChunkSource
  /** Units claimed at once. */
  chunkUnits: number
  /** A chunk is spent within so long, or not at all. */
  chunkMs: number
}

const CALL_MS = 30_000
/** Asked again at once where a chunk was too small: others have taken the rest. */
const RETRY_MS = 250

export function sharedPurse(options: SharedPurseOptions): Purse {
  return new SharedPurse(options)
}

class SharedPurse implements Purse {
  readonly #options: SharedPurseOptions
  #left = 0
  #goodUntil = 0
  #pauseUntil = 0
  /** One claim at a time: whoever comes meanwhile waits for the same one. */
  #claiming: Promise<number> | undefined

  constructor(options: SharedPurseOptions) {
    this.#options = options
  }

  async take(units: number, now: number): Promise<number> {
    if (this.#spend(units, now)) return 0
    this.#claiming ??= this.#claim(units, now).finally(() => {
      this.#claiming = undefined
    })
    const waitMs = await this.#claiming
    if (this.#spend(units, now)) return 0
    return Math.max(waitMs, RETRY_MS)
  }

  correct(units: number): void {
    this.#left -= units
  }

  pause(until: number): void {
    this.#pauseUntil = Math.max(this.#pauseUntil, until)
    this.#left = 0
  }

  isEmpty(now: number): boolean {
    return this.#left <= 0 || now >= this.#goodUntil
  }

  #spend(units: number, now: number): boolean {
    if (now >= this.#goodUntil || this.#left < units) return false
    this.#left -= units
    return true
  }

  /** Milliseconds to wait; 0 where something was granted. */
  async #claim(units: number, now: number): Promise<number> {
    const { source, chunkUnits, chunkMs } = this.#options
    const signal = AbortSignal.timeout(CALL_MS)
    const until = this.#pauseUntil
    if (until > now) {
      await source.pause(until, signal)
      this.#pauseUntil = 0
    }
    const { granted, waitMs } = await source.claim(Math.max(units, chunkUnits), signal)
    if (granted === 0) return waitMs
    // What is left of an older chunk has been counted as long ago as that was claimed.
    this.#left = (now < this.#goodUntil ? this.#left : Math.min(this.#left, 0)) + granted
    this.#goodUntil = now + chunkMs
    return 0
  }
}
