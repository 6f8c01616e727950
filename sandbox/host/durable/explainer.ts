/**
 * Says in plain words, once per instance and reason, why an instance will not go on.
 *
 * The real host says nothing in most of these cases; this one behaves alike and explains.
 */
import type { HostLog } from '../log.ts'

/** Beyond it everything may be said again: the memory is for long runs, not for ever. */
const rememberedMax = 100_000

export class Explainer {
  readonly #log: HostLog
  readonly #enabled: boolean
  readonly #said = new Set<string>()

  constructor(log: HostLog, enabled: boolean) {
    this.#log = log
    this.#enabled = enabled
  }

  /** `functionName` is for the log's column only. */
  say(instanceId: string, functionName: string, text: string): void {
    const key = JSON.stringify([instanceId, text])
    if (!this.#enabled || this.#said.has(key)) return
    if (this.#said.size >= rememberedMax) this.#said.clear()
    this.#said.add(key)
    this.#log('error', `instance ${instanceId}: ${text}`, functionName)
  }
}
