/**
 * One worker process as the storage sees it: the one place that every port call passes.
 *
 * Calls are numbered from 1 in the order in which they are made. A process may die before or
 * after call k: from then on each of its calls rejects with `ProcessDied` and has no effect, and
 * no answer reaches it any more, while what is stored stays. It may be stalled before or after
 * call k, as if the machine slept: nothing of it goes on until `resume`. A call may be faulty:
 * lost, done without an answer, done twice (what a retry inside an SDK does), or throttled.
 *
 * An effect takes place in one step when its call begins; calls of one process that run side by
 * side take place in the order in which they were made. What lands late is covered by a stall.
 */
import { AppError } from '../../src/model/errors.ts'
import type { SeededRandom } from './random.ts'
import type { Trace } from './trace.ts'

/** Thrown into a process that is dead; never part of what the product may expect. */
export class ProcessDied extends Error {
  override readonly name = 'ProcessDied'
}

/**
 * `lost`: nothing happened and an error came back. `applied`: it happened, and an error came back.
 * `twice`: it happened, was sent again, and the answer is that of the second time.
 */
export const FAULTS = ['lost', 'applied', 'twice', 'throttled'] as const
export type Fault = (typeof FAULTS)[number]

export type Moment = 'before' | 'after'

export interface PortCall {
  port: string
  op: string
  target: string
}

/** How a port tells of trouble, in the words of the adapter that it stands in for. */
export interface Trouble {
  unavailable(): AppError
  throttled(): AppError
}

interface Stall {
  k: number
  moment: Moment
  reached: () => void
}

interface Gate {
  opened: Promise<void>
  open: () => void
}

export class SimulatedProcess {
  readonly name: string
  readonly random: SeededRandom
  readonly #trace: Trace
  readonly #tick: () => void
  readonly #stalls: Stall[] = []
  readonly #faults = new Map<number, Fault>()
  #chance: { probability: number; kinds: readonly Fault[] } = { probability: 0, kinds: FAULTS }
  #crash: { k: number; moment: Moment } | undefined
  #gate: Gate | undefined
  #calls = 0
  #dead = false
  #faultsMet = 0

  /** `tick` lets the time pass that a call takes. */
  constructor(options: { name: string; random: SeededRandom; trace: Trace; tick: () => void }) {
    this.name = options.name
    this.random = options.random
    this.#trace = options.trace
    this.#tick = options.tick
  }

  /** Port calls so far. */
  get calls(): number {
    return this.#calls
  }

  get dead(): boolean {
    return this.#dead
  }

  /** Faulty calls so far: a plan that was never met tests nothing. */
  get faultsMet(): number {
    return this.#faultsMet
  }

  /** Call k, counted from 1, never has effect, and none after it. */
  crashBefore(k: number): void {
    this.#crash = { k, moment: 'before' }
  }

  /** Call k has its effect, and its answer never arrives. */
  crashAfter(k: number): void {
    this.#crash = { k, moment: 'after' }
  }

  /** Resolves when the process stands still: before call k takes effect, or before its answer. */
  stallAt(k: number, moment: Moment): Promise<void> {
    return new Promise((resolve) => {
      this.#stalls.push({ k, moment, reached: resolve })
    })
  }

  resume(): void {
    const gate = this.#gate
    this.#gate = undefined
    gate?.open()
  }

  /** Dies at once; a stalled one never wakes to do anything. */
  kill(): void {
    this.#dead = true
    this.resume()
  }

  faultAt(k: number, fault: Fault): void {
    this.#faults.set(k, fault)
  }

  /** Every call may be faulty, by the seed. */
  faultChance(probability: number, kinds: readonly Fault[] = FAULTS): void {
    this.#chance = { probability, kinds }
  }

  /**
   * Passes one call. `effect` runs at most once, or twice for the fault of that name. Without
   * `trouble` the call is never faulty: its port has troubles of its own.
   */
  async call<T>(call: PortCall, effect: () => T | Promise<T>, trouble?: Trouble): Promise<T> {
    await this.#awake()
    this.#calls += 1
    const k = this.#calls
    const note = (outcome: string) => {
      this.#trace.add({ ...call, process: this.name, k, outcome })
    }
    this.#passCrash(k, 'before', note)
    await this.#passStall(k, 'before')
    this.#stopIfDead()
    this.#tick()
    try {
      const fault = trouble && this.#faultOf(k)
      const running = fault ? this.#faulty(fault, effect, trouble) : effect()
      // No gap between an effect that is done at once and a death after it.
      const answer = running instanceof Promise ? await running : running
      note(fault ? `${fault}, ${outcomeOf(answer)}` : outcomeOf(answer))
      return answer
    } catch (error) {
      note(error instanceof AppError ? error.code : String(error))
      throw error
    } finally {
      await this.#passAnswer(k)
    }
  }

  /** Throws where the process dies before it hears: the answer is lost, whatever it was. */
  async #passAnswer(k: number): Promise<void> {
    this.#passCrash(k, 'after', () => {})
    await this.#passStall(k, 'after')
    await this.#awake()
    this.#stopIfDead()
  }

  #faulty<T>(fault: Fault, effect: () => T | Promise<T>, trouble: Trouble): T | Promise<T> {
    this.#faultsMet += 1
    if (fault === 'throttled') throw trouble.throttled()
    if (fault === 'lost') throw trouble.unavailable()
    const first = effect()
    if (fault === 'twice') return first instanceof Promise ? first.then(effect) : effect()
    if (!(first instanceof Promise)) throw trouble.unavailable()
    return first.then(() => {
      throw trouble.unavailable()
    })
  }

  #faultOf(k: number): Fault | undefined {
    const planned = this.#faults.get(k)
    if (planned) return planned
    const { probability, kinds } = this.#chance
    return this.random.chance(probability) ? this.random.pick(kinds) : undefined
  }

  #passCrash(k: number, moment: Moment, note: (outcome: string) => void): void {
    if (this.#crash?.k === k && this.#crash.moment === moment) {
      this.#dead = true
      note(`the process dies ${moment} it`)
    }
    this.#stopIfDead()
  }

  async #passStall(k: number, moment: Moment): Promise<void> {
    const at = this.#stalls.findIndex((stall) => stall.k === k && stall.moment === moment)
    const [stall] = at < 0 ? [] : this.#stalls.splice(at, 1)
    if (!stall) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#gate = { opened: promise, open: resolve }
    stall.reached()
    await promise
  }

  async #awake(): Promise<void> {
    while (this.#gate) await this.#gate.opened
    this.#stopIfDead()
  }

  #stopIfDead(): void {
    if (this.#dead) throw new ProcessDied(`The process ${this.name} is dead.`)
  }
}

function outcomeOf(answer: unknown): string {
  if (answer === undefined) return 'nothing'
  if (typeof answer !== 'object' || answer === null || !('outcome' in answer)) return 'ok'
  return String(answer.outcome)
}
