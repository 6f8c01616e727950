/**
 * What one slice holds of its worker's buffer memory: its own need, or all of it, which is to be
 * alone on the worker.
 */
import type { MemoryPool } from '../concurrency/index.ts'

export class Share {
  readonly #memory: MemoryPool
  #release: (() => void) | undefined

  private constructor(memory: MemoryPool) {
    this.#memory = memory
  }

  /** Undefined where there was none in time. Throws where the signal fires. */
  static async claim(
    memory: MemoryPool,
    bytes: number,
    patienceMs: number,
    signal: AbortSignal,
  ): Promise<Share | undefined> {
    const share = new Share(memory)
    return (await share.#claim(bytes, patienceMs, signal)) ? share : undefined
  }

  /**
   * Waits until nobody else works here. What is held is given back first: two slices that kept
   * theirs would wait for each other for ever. False: not in time, and nothing is held any more.
   */
  async growToWhole(patienceMs: number, signal: AbortSignal): Promise<boolean> {
    this.release()
    return await this.#claim(this.#memory.totalBytes, patienceMs, signal)
  }

  /** Idempotent. */
  release(): void {
    this.#release?.()
    this.#release = undefined
  }

  async #claim(bytes: number, patienceMs: number, signal: AbortSignal): Promise<boolean> {
    const patience = AbortSignal.timeout(patienceMs)
    try {
      this.#release = await this.#memory.claim(bytes, AbortSignal.any([signal, patience]))
      return true
    } catch (error) {
      if (signal.aborted || !patience.aborted) throw error
      return false
    }
  }
}
