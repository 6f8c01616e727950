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

/** One call. Exactly one of `path`, `link` and `preauthenticated`. */
export interface GraphRequest {
  /** Names the kind of call in errors, for example `messages.delta`. */
  name: string
  method?: GraphCall['method']
  /** Segments below the version; each is encoded. */
  path?: readonly string[]
  /** Only for what has no v1.0. */
  version?: 'beta'
  query?: Readonly<Record<string, string>>
  /** A nextLink or deltaLink, followed verbatim. */
  link?: string
  /**
   * An address that lets in whoever has it (a secret): sent as it is, wherever it points, and
   * never with a token. The service would refuse both a token and a query of another order.
   */
  preauthenticated?: string
  headers?: Readonly<Record<string, string>>
  /** JSON text; or bytes, whose `Content-Type` stands in the headers. */
  body?: string | Uint8Array<ArrayBuffer>
  service: Service
  /** What the budget is for: a mailbox's user, or the tenant. */
  budgetScope: string
  /** What it costs by rule, where the service charges units. */
  units?: number
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
      ...(typeof body === 'string' ? { 'Content-Type': 'application/json' } : {}),
      ...request.headers,
    },
    ...(body === undefined ? {} : { body }),
    signsIn: request.preauthenticated === undefined,
    budget,
    ...(request.units === undefined ? {} : { units: request.units }),
    answer: request.answer ?? 'buffered',
    meter: request.meter,
    signal,
  }
}

function urlOf(request: GraphRequest, baseUrl: string): string {
  if (request.preauthenticated !== undefined) return preauthenticated(request, baseUrl)
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
  const path = (request.path ?? []).map(segment)
  const query = Object.entries(request.query ?? {})
    .map(([name, value]) => `${name}=${encodeURIComponent(value)}`)
    .join('&')
  return `${baseUrl.replace(/\/$/, '')}/${request.version ?? 'v1.0'}/${path.join('/')}${query && `?${query}`}`
}

/**
 * `$value` and the like are literal segments, and `items/{id}:` begins a path below an item; no
 * Graph id holds a dollar sign, and no file's name a colon.
 */
function segment(text: string): string {
  return encodeURIComponent(text).replaceAll('%24', '$').replaceAll('%3A', ':')
}

/** Content must not go over an open line: only https, or http where Graph itself is reached so. */
function preauthenticated(request: GraphRequest, baseUrl: string): string {
  const url = request.preauthenticated ?? ''
  const at = URL.parse(url)
  const base = new URL(baseUrl)
  const isLocal = base.protocol === 'http:' && at?.hostname === base.hostname
  if (at?.protocol === 'https:' || (at?.protocol === 'http:' && isLocal)) return url
  throw new AppError({
    code: 'ForeignLink',
    kind: 'denied',
    message: `The address for ${request.name} is not one that content may come from.`,
    hint: 'Compare HOLDFAST_GRAPH_URL with the cloud of the tenant.',
    context: { call: request.name },
  })
}

function requestId(random: Randomness): string {
  const hex = Buffer.from(random.bytes(16)).toString('hex')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function createSignInRing(options: GraphOptions): Ring {
  return async (exchange, next) => {
    if (!exchange.call.signsIn) return await next()
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
    const { budget, name, signal, units } = exchange.call
    const permit = await governor.enter(budget, name, signal, units)
    try {
      await next()
      governor.correct(budget, exchange.surcharge)
      if (exchange.rateLimit !== undefined) governor.limited(budget, exchange.rateLimit)
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
