/**
 * One Graph call on its way through the SDK's middleware chain.
 *
 * The SDK re-parses addresses, wraps errors and returns parsed bodies; so the call itself, its
 * answer and its failure travel in this middleware option, and the links of Graph stay verbatim.
 */
import type { Context, Middleware, MiddlewareOptions } from '@microsoft/microsoft-graph-client'
import { invariant } from '../model/errors.ts'
import type { Failure } from './errors.ts'
import type { BudgetKey } from './governor.ts'
import type { RateLimit } from './rate-limit.ts'

/** Counts the requests that left this process, retries included, and what they were charged. */
export interface Meter {
  requests: number
  /** As the answers say, else by rule; 0 where the service counts requests. */
  units: number
}

export const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'] as const
export type Method = (typeof METHODS)[number]

/**
 * Whether sending it twice does no more than sending it once. A PUT of content makes a file or a
 * version of one, and a PATCH of dates makes a version: they are creates as well.
 */
export function isRepeatable(method: string): boolean {
  return method === 'GET' || method === 'DELETE'
}

export interface GraphCall {
  /** What kind of call it is (`messages.delta`): for errors and statistics, never an address. */
  name: string
  method: Method
  /** Whole and absolute; links of Graph as they came. A secret (P9). */
  url: string
  headers: Readonly<Record<string, string>>
  /** JSON as it is sent, or a file's bytes. */
  body?: string | Uint8Array<ArrayBuffer>
  /** False: a pre-authenticated address, to which no token may go. */
  signsIn: boolean
  budget: BudgetKey
  /** What the call costs by rule, where the service charges units. */
  units?: number
  /**
   * `streamed` hands a long body on while it arrives; its slot stays taken until it ended.
   * `redirect`: what is asked for is the address in the answer, which nobody follows here.
   */
  answer: 'buffered' | 'streamed' | 'redirect'
  meter: Meter
  signal: AbortSignal
}

export class Exchange implements MiddlewareOptions {
  readonly call: GraphCall
  /** Set by sign-in, for each attempt. */
  authorization = ''
  /** How the latest attempt ended: exactly one of the two. */
  response: Response | undefined
  failure: Failure | undefined
  /** Units that the latest attempt was charged beyond the rule. */
  surcharge = 0
  /** What its answer said of the budget. */
  rateLimit: RateLimit | undefined
  /** Resolves when a streamed body has ended, in whatever way. */
  bodyEnded: Promise<void> | undefined
  /** What the chain threw; the SDK would wrap it. */
  thrown: unknown

  constructor(call: GraphCall) {
    this.call = call
  }

  beginAttempt(): void {
    this.response = undefined
    this.failure = undefined
    this.bodyEnded = undefined
    this.surcharge = 0
    this.rateLimit = undefined
  }
}

/** One ring of the chain. `next` sends the call on; it may be called again for a new attempt. */
export type Ring = (exchange: Exchange, next: () => Promise<void>) => Promise<void>

/** Dresses a ring as a middleware of the SDK. */
export function asMiddleware(ring: Ring): Middleware {
  let following: Middleware | undefined
  return {
    async execute(context: Context): Promise<void> {
      const exchange = context.middlewareControl?.getMiddlewareOptions(Exchange)
      invariant(exchange instanceof Exchange, 'every Graph call carries its exchange')
      try {
        await ring(exchange, async () => {
          await following?.execute(context)
        })
      } catch (error) {
        exchange.thrown ??= error
        throw error
      }
      if (exchange.response !== undefined) context.response = exchange.response
    },
    setNext(middleware: Middleware): void {
      following = middleware
    },
  }
}
