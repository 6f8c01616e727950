/**
 * The way to Microsoft Graph: the SDK's client with our own middleware chain.
 *
 * retry -> sign-in -> governor -> HTTP. Retry is outermost, because each attempt needs a fresh
 * token, a slot and its place in the window, and must hold nothing while it waits. Answers come
 * back raw and only if they are successes; everything else is an AppError of errors.ts. Nothing
 * is logged, and no error holds an address, a token or a part of a body (P9).
 */
import { Client, ResponseType } from '@microsoft/microsoft-graph-client'
import { AppError } from '../model/errors.ts'
import type { Clock, GraphTransport, Randomness, TokenSource } from '../ports.ts'
import { deadlineReached, errorInside, type Failure } from './errors.ts'
import { asMiddleware, Exchange, type GraphCall, type Meter, type Ring } from './exchange.ts'
import type { BudgetKey, Governor, Service } from './governor.ts'
import { createHttpRing } from './http.ts'
import { type JsonObject, parseAnswer } from './json.ts'
import { createRetryRing, isGoverned } from './retry.ts'

/** Microsoft prioritises traffic that says who it is. */
const USER_AGENT = 'ISV|Holdfast|Holdfast/0.1'
/** Requests for one JSON answer that cannot be read: most of them broke off by chance (7.29). */
const READINGS_MAX = 3

export interface GraphOptions {
  /** `https://graph.microsoft.com`; in a sandbox http on a loopback port. Without a version. */
  baseUrl: string
  /** Scope for which tokens are asked. */
  scope: string
  /** Client id of the app that calls: its budgets are its own. */
  app: string
  tokens: TokenSource
  transport: GraphTransport
  governor: Governor
  clock: Clock
  random: Randomness
  /** One attempt; see http.ts. */
  attemptMs?: number
}

/** One call. Exactly one of `path` and `link`. */
export interface GraphRequest {
  /** Names the kind of call in errors, for example `messages.delta`. */
  name: string
  method?: GraphCall['method']
  /** Segments below the version; each is encoded. */
  path?: readonly string[]
  query?: Readonly<Record<string, string>>
  /** A nextLink or deltaLink, followed verbatim. */
  link?: string
  headers?: Readonly<Record<string, string>>
  /** JSON text. */
  body?: string
  service: Service
  /** What the budget is for: a mailbox's user, or the tenant. */
  budgetScope: string
  answer?: GraphCall['answer']
  meter: Meter
}

export interface Graph {
  /** The raw answer of a success. Throws the codes of errors.ts. */
  send(request: GraphRequest, signal: AbortSignal): Promise<Response>
  /** The same, read as a JSON object. Throws `UnreadableAnswer` too. */
  json(request: GraphRequest, signal: AbortSignal): Promise<JsonObject>
}

export function createGraph(options: GraphOptions): Graph {
  const { clock, random, transport, governor, attemptMs } = options
  const rings = [
    createRetryRing({ clock, random }),
    createSignInRing(options),
    createGovernorRing(governor),
    createHttpRing({ transport, clock, ...(attemptMs === undefined ? {} : { attemptMs }) }),
  ]
  const client = Client.initWithMiddleware({
    baseUrl: options.baseUrl,
    middleware: rings.map(asMiddleware),
  })

  async function send(request: GraphRequest, signal: AbortSignal): Promise<Response> {
    if (signal.aborted) throw deadlineReached(request.name)
    const exchange = new Exchange(callOf(request, options, signal))
    try {
      // The SDK's own address and options are not used: the exchange carries the call.
      await client.api('').middlewareOptions([exchange]).responseType(ResponseType.RAW).get()
    } catch (error) {
      throw exchange.thrown ?? error
    }
    if (exchange.response === undefined) throw exchange.thrown
    return exchange.response
  }

  async function readable(request: GraphRequest, signal: AbortSignal): Promise<JsonObject> {
    for (let reading = 1; ; reading += 1) {
      const response = await send(request, signal)
      try {
        return parseAnswer(await response.text(), request.name)
      } catch (error) {
        // What an answer to a create was, nobody can ask again.
        const isRead = (request.method ?? 'GET') === 'GET'
        if (!isRead || reading >= READINGS_MAX) throw error
      }
    }
  }

  return {
    send,
    async json(request, signal) {
      const answer = await readable(request, signal)
      const inside = errorInside(answer, { name: request.name, method: request.method ?? 'GET' })
      if (inside !== undefined) throw inside
      return answer
    },
  }
}

function callOf(request: GraphRequest, options: GraphOptions, signal: AbortSignal): GraphCall {
  const { body, service, budgetScope } = request
  const budget: BudgetKey = { app: options.app, service, scope: budgetScope }
  return {
    name: request.name,
    method: request.method ?? 'GET',
    url: urlOf(request, options.baseUrl),
    headers: {
      Accept: 'application/json',
      'User-Agent': USER_AGENT,
      'client-request-id': requestId(options.random),
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...request.headers,
    },
    ...(body === undefined ? {} : { body }),
    budget,
    answer: request.answer ?? 'buffered',
    meter: request.meter,
    signal,
  }
}

function urlOf(request: GraphRequest, baseUrl: string): string {
  if (request.link !== undefined) {
    // A token goes with every request: a link to another host must not carry it away.
    if (URL.parse(request.link)?.origin !== new URL(baseUrl).origin) {
      throw new AppError({
        code: 'ForeignLink',
        kind: 'denied',
        message: `The link for ${request.name} does not point to the configured Graph service.`,
        hint: 'Compare HOLDFAST_GRAPH_URL with the cloud of the tenant.',
        context: { call: request.name },
      })
    }
    return request.link
  }
  // `$value` and the like are literal segments; no Graph id holds a dollar sign.
  const path = (request.path ?? []).map((s) => encodeURIComponent(s).replaceAll('%24', '$'))
  const query = Object.entries(request.query ?? {})
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&')
  return `${baseUrl.replace(/\/$/, '')}/v1.0/${path.join('/')}${query && `?${query}`}`
}

function requestId(random: Randomness): string {
  const hex = Buffer.from(random.bytes(16)).toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function createSignInRing(options: GraphOptions): Ring {
  return async (exchange, next) => {
    const { token } = await options.tokens.token(options.scope, exchange.call.signal)
    exchange.authorization = `Bearer ${token}`
    await next()
  }
}

/** A single 503 that names a wait is a pause as well, and says nothing of the mailbox. */
function reasonOf(failure: Failure): string {
  return failure.class === 'wait' ? failure.code : 'Throttled'
}

/** Gives the slot back when the answer is there; of a streamed body, when that has ended. */
function createGovernorRing(governor: Governor): Ring {
  return async (exchange, next) => {
    const { budget, name, signal } = exchange.call
    const permit = await governor.enter(budget, name, signal)
    try {
      await next()
      // Before the slot is free, so that whoever gets it next waits as well.
      const { failure } = exchange
      if (failure === undefined) governor.succeeded(budget)
      else if (isGoverned(failure)) {
        governor.pause(budget, failure.retryAfterMs, reasonOf(failure))
      }
    } finally {
      if (exchange.bodyEnded === undefined) permit.release()
      else void exchange.bodyEnded.then(() => permit.release())
    }
  }
}
