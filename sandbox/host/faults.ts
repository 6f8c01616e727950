/**
 * Fault switches: what can be made to go wrong, from the command line and from tests.
 *
 * `name:n[=ms][@function]` strikes once, at the n-th occasion from now (of that function); `=ms`
 * says how late, where something is late. `name:value` of the second kind holds from the start on.
 * A switch that ends the host sends SIGKILL to its own process; a test that embeds the host in its
 * own process must not use those (start main.ts instead).
 */
import { HostError } from './errors.ts'

/** Those that strike once, and what they do at the n-th occasion. */
export const strikes = {
  'host-crash-before-commit': 'SIGKILL of the host: the episode ran, nothing is stored',
  'host-crash-in-episode': 'SIGKILL of the host while the orchestrator runs',
  'worker-kill-in-episode': 'SIGKILL of the worker while the orchestrator runs',
  'worker-kill-in-activity': 'SIGKILL of the worker while the activity runs',
  'activity-after-effect': 'SIGKILL of the host: the activity answered, nothing is stored',
  'duplicate-activity': 'the activity runs twice, both answers are delivered',
  'duplicate-completion': 'the activity runs once, its answer is delivered twice',
  'late-completion': "the activity's answer is delivered late, by 3 s or by =ms",
  'late-timer': 'the durable timer fires late, by 3 s or by =ms',
} as const

/** Those that hold from the start on, and what their number means. */
export const conditions = {
  shuffle: 'messages and activities come in an order of chance; the number is the seed',
  'slow-rpc': 'answers to the client inside the app come this many ms late',
  'status-lag': 'the status of an instance is told as it was, for this many ms after a change',
  'start-delay': 'a new instance does nothing for this many ms',
} as const

export type FaultName = keyof typeof strikes
export type ConditionName = keyof typeof conditions

export const faultNames: readonly string[] = [...Object.keys(strikes), ...Object.keys(conditions)]

const lateMsDefault = 3000

interface Strike {
  readonly name: string
  readonly functionName: string | undefined
  readonly lateMs: number
  remaining: number
}

export class FaultSwitches {
  readonly #strikes: Strike[] = []
  readonly #conditions = new Map<string, number>()
  #random: number

  /** Throws `bad-fault` when a text is no switch. */
  constructor(texts: readonly string[]) {
    for (const text of texts) this.#read(text)
    this.#random = this.#conditions.get('shuffle') ?? 0
  }

  /** Counts one occasion; true when a switch strikes on it. */
  fires(name: FaultName, functionName: string): boolean {
    return this.lateMs(name, functionName) > 0
  }

  /** Counts one occasion; how late a switch makes it, 0 when none strikes. */
  lateMs(name: FaultName, functionName: string): number {
    let lateMs = 0
    for (const strike of this.#strikes) {
      if (strike.name !== name || strike.remaining === 0) continue
      if (strike.functionName !== undefined && strike.functionName !== functionName) continue
      strike.remaining--
      if (strike.remaining === 0) lateMs = Math.max(lateMs, strike.lateMs)
    }
    return lateMs
  }

  /** The number of a condition; 0 where it does not hold. */
  condition(name: Exclude<ConditionName, 'shuffle'>): number {
    return this.#conditions.get(name) ?? 0
  }

  /** As it is, or, with `shuffle`, in an order that follows from the seed and the calls so far. */
  shuffled<T>(items: readonly T[]): readonly T[] {
    if (!this.#conditions.has('shuffle')) return items
    return items
      .map((item) => ({ item, place: this.#nextRandom() }))
      .sort((left, right) => left.place - right.place)
      .map(({ item }) => item)
  }

  /** mulberry32: small, and the same everywhere. */
  #nextRandom(): number {
    this.#random = (this.#random + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#random ^ (this.#random >>> 15), 1 | this.#random)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  #read(text: string): void {
    const match = /^([a-z-]+):([1-9]\d{0,5})(?:=([1-9]\d{0,5}))?(?:@([\w-]+))?$/.exec(text.trim())
    const [, name = '', number, ms, functionName] = match ?? []
    if (Object.hasOwn(conditions, name) && ms === undefined && functionName === undefined) {
      this.#conditions.set(name, Number(number))
    } else if (Object.hasOwn(strikes, name) && (ms === undefined || name.startsWith('late-'))) {
      const lateMs = Number(ms ?? lateMsDefault)
      this.#strikes.push({ name, functionName, lateMs, remaining: Number(number) })
    } else {
      throw new HostError(
        'bad-fault',
        `fault "${text}" is neither name:n[=ms][@function] with one of ` +
          `${Object.keys(strikes).join(', ')} nor name:number with one of ` +
          `${Object.keys(conditions).join(', ')}`,
      )
    }
  }
}

/** Ends this process the way a power cut does: no handler runs, no buffer is written. */
export function crashHost(): never {
  process.kill(process.pid, 'SIGKILL')
  throw new Error('unreachable: the process was killed')
}
