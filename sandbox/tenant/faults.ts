/**
 * Scripted trouble for tests: the n-th matching Graph request is held, failed or cut off.
 *
 * Invariants: a fault fires once; what a `hold` or `drop-after` answers has taken effect already;
 * `fail` and `drop-before` have no effect on the tenant. Faults live in memory only. Faults by
 * rate are not here.
 */

const FAULTS_MAX = 1_000

export type FaultAction = 'hold' | 'fail' | 'drop-before' | 'drop-after'

export interface FaultSpec {
  readonly method?: string
  /** A regular expression on the decoded path below the version, without the query. */
  readonly path: string
  /** 1 (default): the next matching request. */
  readonly nth?: number
  readonly action: FaultAction
  readonly status?: number
  readonly code?: string
  readonly message?: string
  readonly headers?: Readonly<Record<string, string>>
}

export interface FaultState {
  readonly id: number
  readonly spec: FaultSpec
  readonly hit: boolean
  /** A held answer waits for `release`. */
  readonly holding: boolean
}

interface Fault {
  readonly id: number
  readonly spec: FaultSpec
  readonly pattern: RegExp
  remaining: number
  hit: boolean
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
  take(method: string, path: string): TakenFault | null
}

export interface TakenFault {
  readonly spec: FaultSpec
  /** Waits until a held answer is released. */
  hold(): Promise<void>
}

export function createFaultBoard(): FaultBoard {
  let faults: Fault[] = []
  let nextId = 1

  function toTaken(fault: Fault): TakenFault {
    return {
      spec: fault.spec,
      hold: async () => {
        fault.holding = true
        await fault.released.promise
        fault.holding = false
      },
    }
  }

  return {
    add(spec) {
      if (faults.length >= FAULTS_MAX) throw new Error(`more than ${FAULTS_MAX} faults`)
      const id = nextId
      nextId += 1
      faults.push({
        id,
        spec,
        pattern: new RegExp(spec.path),
        remaining: spec.nth ?? 1,
        hit: false,
        holding: false,
        released: Promise.withResolvers(),
      })
      return id
    },
    list: () => faults.map(({ id, spec, hit, holding }) => ({ id, spec, hit, holding })),
    release(id) {
      const fault = faults.find((each) => each.id === id)
      fault?.released.resolve()
      return fault !== undefined
    },
    clear() {
      for (const fault of faults) fault.released.resolve()
      faults = []
    },
    take(method, path) {
      let taken: Fault | null = null
      for (const fault of faults) {
        if (fault.hit || !fault.pattern.test(path)) continue
        if (fault.spec.method !== undefined && fault.spec.method !== method) continue
        fault.remaining -= 1
        if (fault.remaining > 0 || taken) continue
        fault.hit = true
        taken = fault
      }
      return taken ? toTaken(taken) : null
    },
  }
}
