/**
 * For tests: a clock that runs when nothing else does, a scripted service, and a client on it.
 */
import type { Clock, GraphTransport, Randomness } from '../../ports.ts'
import { createGraph, type Graph } from '../client.ts'
import { createGovernor, type Governor, type Service, type ServiceLimits } from '../governor.ts'

interface Timer {
  at: number
  wake: () => void
}

/** Time passes only while everybody sleeps; then it jumps to the next who wakes. */
export class IdleClock implements Clock {
  #now: number
  #timers: Timer[] = []
  #scheduled = false

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#now = startMs
  }

  now(): number {
    return this.#now
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason)
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = { at: this.#now + Math.max(0, ms), wake: resolve }
    this.#timers.push(timer)
    signal.addEventListener('abort', () => {
      this.#timers = this.#timers.filter((other) => other !== timer)
      reject(signal.reason)
    })
    this.#schedule()
    return promise
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    // Bodies of answers take a few turns of the loop; time must not jump meanwhile.
    let turns = 5
    const turn = (): void => {
      turns -= 1
      if (turns > 0) {
        setImmediate(turn)
        return
      }
      this.#scheduled = false
      this.#advance()
    }
    setImmediate(turn)
  }

  #advance(): void {
    const [next] = this.#timers.sort((a, b) => a.at - b.at)
    if (next === undefined) return
    this.#timers = this.#timers.filter((other) => other !== next)
    this.#now = Math.max(this.#now, next.at)
    next.wake()
    if (this.#timers.length > 0) this.#schedule()
  }
}

/** The same bytes every time: tests do not depend on jitter. */
export const fixedRandom: Randomness = { bytes: (count) => new Uint8Array(count).fill(7) }

export const BASE_URL = 'http://127.0.0.1:9'

export type Step = (request: Request) => Response | Promise<Response>

/** Answers request after request by the steps; fails when it is asked for more. */
export function scripted(...steps: Step[]): { transport: GraphTransport; seen: Request[] } {
  const seen: Request[] = []
  return {
    seen,
    transport: async (request) => {
      seen.push(request)
      const step = steps[seen.length - 1]
      if (step === undefined) throw new Error(`request ${seen.length} is not in the script`)
      return await step(request)
    },
  }
}

export function json(body: unknown, init: ResponseInit = {}): Response {
  return new Response(JSON.stringify(body), { status: 200, ...init })
}

export function graphError(
  status: number,
  code: string,
  headers: Record<string, string> = {},
): Response {
  return json({ error: { code, message: 'x', innerError: null } }, { status, headers })
}

export function networkError(code: string): Error {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) })
}

export interface TestGraph {
  graph: Graph
  clock: IdleClock
  governor: Governor
}

export function graphOn(
  transport: GraphTransport,
  limits?: Readonly<Record<Service, ServiceLimits>>,
): TestGraph {
  const clock = new IdleClock()
  const random = fixedRandom
  const governor = createGovernor({ clock, random, ...(limits === undefined ? {} : { limits }) })
  const graph = createGraph({
    baseUrl: BASE_URL,
    scope: 'scope',
    app: 'app',
    tokens: { token: () => Promise.resolve({ token: 'secret-token', expiresAt: 0 }) },
    transport,
    governor,
    clock,
    random,
  })
  return { graph, clock, governor }
}
