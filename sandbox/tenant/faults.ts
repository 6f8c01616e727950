/**
 * Trouble for chosen Graph requests: the n-th one, the n-th of each path, or a share of them.
 *
 * Invariants: what a `hold`, `drop-after` or a spoilt answer tells has taken effect already;
 * `fail`, `drop-before` and the refusals have no effect on the tenant. Whether a call is hit by
 * a rate depends on the seed, the fault, and how often this app made this call (method and path)
 * before: not on the order in which different calls arrive, so a run can be repeated. Faults
 * live in memory only.
 */
import { type AnyFaultKind, FAULT_KINDS, type FaultKind, kindsFor } from './fault-kinds.ts'
import { stableNumber } from './ids.ts'

const FAULTS_MAX = 1_000
/** Calls that one fault counts apart; beyond it the oldest are forgotten. */
const COUNTED_CALLS_MAX = 200_000
const CHANCE_STEPS = 2 ** 31

/** `fail`: with the spec's status. `mix`: one of `kinds` (default all), picked by the seed. */
export type FaultAction = 'hold' | 'fail' | 'mix' | AnyFaultKind

export interface FaultSpec {
  readonly method?: string
  /** A regular expression on the decoded path with its version, without the query. */
  readonly path: string
  /** Client id of the one app that is hit; default: every app. */
  readonly app?: string
  /** 1 (default): the next matching request. */
  readonly nth?: number
  /** Counts `nth` for each app, method and path apart: every path has its bad call. */
  readonly perPath?: boolean
  /** 0 to 1, in place of `nth`: this share of the matching requests. */
  readonly rate?: number
  /** How often it fires; default: once with `nth`, always with `perPath` or `rate`. */
  readonly timesMax?: number
  readonly action: FaultAction
  readonly kinds?: readonly FaultKind[]
  /** For the throttling kinds; fractions are sent where the kind has them. */
  readonly retryAfterSeconds?: number
  readonly status?: number
  readonly code?: string
  readonly message?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface FaultState {
  readonly id: number
  readonly spec: FaultSpec
  readonly hit: boolean
  /** Requests that ran into it. */
  readonly hits: number
  /** The same by what happened, for a proof that every kind was met. */
  readonly hitsByAction: Readonly<Record<string, number>>
  /** A held answer waits for `release`. */
  readonly holding: boolean
}

export interface FaultCall {
  /** Client id; empty where the token is not one of ours. */
  readonly app: string
  readonly method: string
  readonly path: string
}

interface Fault {
  readonly id: number
  readonly spec: FaultSpec
  readonly pattern: RegExp
  readonly timesMax: number
  readonly calls: Map<string, number>
  readonly hitsByAction: Map<string, number>
  seen: number
  hits: number
  holding: boolean
  readonly released: PromiseWithResolvers<void>
}

export interface FaultBoard {
  add(spec: FaultSpec): number
  list(): FaultState[]
  /** Lets a held answer go, or takes the hold away beforehand. False: no such fault. */
  release(id: number): boolean
  clear(): void
  /** The fault that this request runs into, if any; it counts as hit from here. */
  take(call: FaultCall): TakenFault | null
}

export interface TakenFault {
  readonly spec: FaultSpec
  readonly action: Exclude<FaultAction, 'mix'>
  /** Waits until a held answer is released. */
  hold(): Promise<void>
  /** The answer could not be spoilt in this way: the hit does not count. */
  missed(): void
}

function toFault(id: number, spec: FaultSpec): Fault {
  const once = spec.rate === undefined && spec.perPath !== true
  return {
    id,
    spec,
    pattern: new RegExp(spec.path),
    timesMax: spec.timesMax ?? (once ? 1 : Number.POSITIVE_INFINITY),
    calls: new Map(),
    hitsByAction: new Map(),
    seen: 0,
    hits: 0,
    holding: false,
    released: Promise.withResolvers(),
  }
}

function concerns({ spec, hits, timesMax, pattern }: Fault, call: FaultCall): boolean {
  if (hits >= timesMax || !pattern.test(call.path)) return false
  if (spec.method !== undefined && spec.method !== call.method) return false
  return spec.app === undefined || spec.app === call.app
}

function keyOf({ app, method, path }: FaultCall): string {
  return `${app} ${method} ${path}`
}

/** How often this very call has been made, this time included. */
function countCall({ calls }: Fault, key: string): number {
  const count = (calls.get(key) ?? 0) + 1
  calls.set(key, count)
  if (calls.size > COUNTED_CALLS_MAX) {
    const oldest = calls.keys().next()
    if (!oldest.done) calls.delete(oldest.value)
  }
  return count
}

function isDue(fault: Fault, call: FaultCall, seed: number): boolean {
  const { spec } = fault
  const nth = spec.nth ?? 1
  if (spec.rate !== undefined) {
    const key = keyOf(call)
    const drawn = stableNumber('fault', seed, fault.id, key, countCall(fault, key))
    return drawn < spec.rate * CHANCE_STEPS
  }
  if (spec.perPath === true) return countCall(fault, keyOf(call)) === nth
  fault.seen += 1
  return fault.seen >= nth
}

function actionOf(fault: Fault, call: FaultCall, seed: number): TakenFault['action'] | null {
  const { action, kinds = FAULT_KINDS } = fault.spec
  if (action !== 'mix') return action
  const fitting = kindsFor(call.method, kinds)
  const key = keyOf(call)
  const drawn = stableNumber('kind', seed, fault.id, key, fault.calls.get(key) ?? fault.seen)
  return fitting[drawn % Math.max(1, fitting.length)] ?? null
}

function toTaken(fault: Fault, action: TakenFault['action']): TakenFault {
  const add = (change: number) => {
    fault.hits += change
    fault.hitsByAction.set(action, (fault.hitsByAction.get(action) ?? 0) + change)
  }
  add(1)
  return {
    spec: fault.spec,
    action,
    hold: async () => {
      fault.holding = true
      await fault.released.promise
      fault.holding = false
    },
    missed: () => add(-1),
  }
}

function toState({ id, spec, hits, hitsByAction, holding }: Fault): FaultState {
  return { id, spec, hit: hits > 0, hits, hitsByAction: Object.fromEntries(hitsByAction), holding }
}

/** `seed`: read at each call, so that a test may change it. */
export function createFaultBoard(seed: () => number = () => 1): FaultBoard {
  let faults: Fault[] = []
  let nextId = 1
  return {
    add(spec) {
      if (faults.length >= FAULTS_MAX) throw new Error(`more than ${FAULTS_MAX} faults`)
      const id = nextId
      nextId += 1
      faults.push(toFault(id, spec))
      return id
    },
    list: () => faults.map(toState),
    release(id) {
      const fault = faults.find((each) => each.id === id)
      fault?.released.resolve()
      return fault !== undefined
    },
    clear() {
      for (const fault of faults) fault.released.resolve()
      faults = []
      nextId = 1
    },
    take(call) {
      let taken: TakenFault | null = null
      for (const fault of faults) {
        // A fault that is due behind another one waits for the next call.
        if (!concerns(fault, call) || !isDue(fault, call, seed()) || taken) continue
        const action = actionOf(fault, call, seed())
        if (action !== null) taken = toTaken(fault, action)
      }
      return taken
    },
  }
}
