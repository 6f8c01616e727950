/**
 * Fault switches: `name:n` or `name:n@function` kills or repeats at the n-th occasion from now.
 *
 * Every switch fires once. A switch that ends the host sends SIGKILL to its own process; a test
 * that embeds the host in its own process must not use those (start main.ts instead).
 */
import { HostError } from './errors.ts'

/**
 * host-crash-before-commit: the n-th episode ran, nothing of it is stored.
 * host-crash-in-episode: the n-th orchestrator invocation is in the worker's hands.
 * worker-kill-in-episode: likewise, but the worker dies.
 * activity-after-effect: the n-th activity answered, the answer is not stored.
 * duplicate-activity: the n-th activity runs twice and both answers are delivered.
 */
export const faultNames = [
  'host-crash-before-commit',
  'host-crash-in-episode',
  'worker-kill-in-episode',
  'activity-after-effect',
  'duplicate-activity',
] as const

export type FaultName = (typeof faultNames)[number]

interface Fault {
  readonly name: FaultName
  readonly functionName: string | undefined
  remaining: number
}

export class FaultSwitches {
  readonly #faults: Fault[]

  /** Throws `bad-fault` when a text is not `name:n` or `name:n@function`. */
  constructor(texts: readonly string[]) {
    this.#faults = texts.map(parseFault)
  }

  /** Counts one occasion; true when a switch fires on it. */
  fires(name: FaultName, functionName: string): boolean {
    let fired = false
    for (const fault of this.#faults) {
      if (fault.name !== name || fault.remaining === 0) continue
      if (fault.functionName !== undefined && fault.functionName !== functionName) continue
      fault.remaining--
      fired ||= fault.remaining === 0
    }
    return fired
  }
}

/** Ends this process the way a power cut does: no handler runs, no buffer is written. */
export function crashHost(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable: the process was killed')
}

function parseFault(text: string): Fault {
  const match = /^([a-z-]+):([1-9]\d{0,5})(?:@([\w-]+))?$/.exec(text.trim())
  const name = faultNames.find((known) => known === match?.[1])
  if (match === null || name === undefined) {
    throw new HostError(
      'bad-fault',
      `fault "${text}" is not one of ${faultNames.join(', ')} ` +
        'in the form name:n or name:n@function',
    )
  }
  return { name, functionName: match[3], remaining: Number(match[2]) }
}
