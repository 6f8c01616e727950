/**
 * Sizes of payloads: warnings where Azure Storage leaves the fast path, and the hard limit of
 * Durable Task Scheduler.
 *
 * Above 45 KB a queue message, and above 30,000 characters (60 KB of UTF-16) a table property,
 * goes to a blob in silence: nothing fails, everything is slower and costs more.
 */
import type { HostLog } from '../log.ts'

export const messageBytesMax = 45 * 1024
export const propertyCharsMax = 30_000
/** Beyond it everything may be said again: the memory is for long runs, not for ever. */
const rememberedMax = 100_000

export class Sizes {
  readonly #log: HostLog
  readonly #payloadLimitBytes: number | null
  readonly #said = new Set<string>()

  constructor(log: HostLog, payloadLimitBytes: number | null) {
    this.#log = log
    this.#payloadLimitBytes = payloadLimitBytes
  }

  /**
   * Looks at one payload, a JSON text; `what` names it for people ("the input of activity x").
   * Warns once per instance and kind; answers why it is refused, or undefined.
   */
  refuse(instanceId: string, what: string, payload: string | null): string | undefined {
    if (payload === null) return undefined
    const limitBytes = this.#payloadLimitBytes
    // A UTF-16 unit has at most three bytes: most texts need no counting.
    if (payload.length <= propertyCharsMax && payload.length * 3 <= messageBytesMax) {
      if (limitBytes === null || payload.length * 3 <= limitBytes) return undefined
    }
    const sizeBytes = Buffer.byteLength(payload)
    if (limitBytes !== null && sizeBytes > limitBytes) {
      return `${what} has ${sizeBytes} bytes, more than the ${limitBytes} that a payload may have`
    }
    if (limitBytes !== null) return undefined
    if (payload.length > propertyCharsMax) {
      const kind = `a table property holds ${propertyCharsMax} characters`
      this.#warn(instanceId, 'property', `${what} has ${payload.length} characters; ${kind}`)
    }
    if (sizeBytes > messageBytesMax) {
      const kind = `a queue message holds ${messageBytesMax}`
      this.#warn(instanceId, 'message', `${what} has ${sizeBytes} bytes; ${kind}`)
    }
    return undefined
  }

  #warn(instanceId: string, kind: string, text: string): void {
    const key = `${kind} ${instanceId}`
    if (this.#said.has(key)) return
    if (this.#said.size >= rememberedMax) this.#said.clear()
    this.#said.add(key)
    this.#log('warning', `instance ${instanceId}: ${text}, Azure Storage puts it into a blob`)
  }
}
