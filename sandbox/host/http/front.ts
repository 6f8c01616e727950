/**
 * The public listener: HTTP functions, the durable webhooks and the pages below /admin.
 *
 * The request reaches the function as raw bytes, the answer leaves as bytes, and a body that the
 * app streams arrives whole, unless the app enabled HTTP streaming (streaming.ts). `authLevel` is
 * held by the keys of keys.ts. While no worker is ready, functions answer 500.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { errorText, HostError, WorkerExitError } from '../errors.ts'
import type { AppFunction } from '../functions.ts'
import type { HostLog } from '../log.ts'
import type { RunFunction } from '../run-function.ts'
import { authLevelOf, methodsOf, routeOf } from '../summaries.ts'
import type { RpcHttpData, RpcNullableString } from '../worker/protocol.ts'
import { type HostKeys, keyOf } from './keys.ts'
import {
  BodyTooLargeError,
  headersOf,
  pathSegments,
  type RpcAnswer,
  type RpcRequest,
  readBytes,
  writeAnswer,
} from './plain.ts'
import { writeFunctionAnswer } from './response.ts'
import { matchRoute, parseRoute, type Route, type RouteMatch, sortRoutes } from './routes.ts'
import { forward, streamMetadata } from './streaming.ts'

export interface FrontOptions {
  readonly functions: readonly AppFunction[]
  readonly routePrefix: string
  readonly env: Readonly<Record<string, string>>
  readonly run: RunFunction
  readonly log: HostLog
  /** The worker's own HTTP server; undefined unless the app enabled HTTP streaming. */
  readonly streaming: () => { readonly target: string; readonly ready: boolean } | undefined
  readonly keys: HostKeys
  /** Without it, HTTP functions take every request, whatever their level. */
  readonly keysEnforced: boolean
  readonly customHeaders: Readonly<Record<string, string>>
  /** Base path of the durable API, without a slash at the end. */
  readonly webhookPath: string
  readonly manage: (request: RpcRequest, segments: readonly string[]) => Promise<RpcAnswer>
  /** Serves what is below /admin, by its decoded path. */
  readonly admin: AdminHandler
}

export type AdminHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  segments: readonly string[],
) => Promise<void>

export class HttpFront {
  readonly #options: FrontOptions
  readonly #routes: readonly Route<AppFunction>[]

  /** Throws `bad-setting` when a route cannot be served. */
  constructor(options: FrontOptions) {
    this.#options = options
    checkConflicts(options)
    const routes = options.functions.map((appFunction) => {
      const methods = methodsOf(appFunction.trigger.binding)
      return parseRoute(routeOf(appFunction, options), methods, appFunction)
    })
    this.#routes = sortRoutes(routes)
  }

  /** Never rejects: what goes wrong becomes a status code and a log line. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#dispatch(request, response)
    } catch (error) {
      if (error instanceof BodyTooLargeError) {
        response.writeHead(413, { connection: 'close' }).end()
        return
      }
      this.#options.log('error', `${request.method} ${request.url}: ${errorText(error)}`)
      if (!response.headersSent) response.writeHead(500)
      response.end()
    }
  }

  async #dispatch(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${request.headers.host ?? '127.0.0.1'}`)
    const method = request.method ?? 'GET'
    const { webhookPath } = this.#options
    if (url.pathname.startsWith(`${webhookPath}/`)) {
      const key = keyOf(request, url.searchParams)
      if (!this.#options.keys.opensWebhooks(key)) return writeAnswer(response, { status: 401 })
      const path = url.pathname.slice(webhookPath.length + 1)
      return await handleManagement(this.#options.manage, request, response, path)
    }
    if (url.pathname.startsWith('/admin/')) {
      const path = pathSegments(url.pathname.slice('/admin/'.length))
      if (path === undefined) return writeAnswer(response, { status: 404 })
      return await this.#options.admin(request, response, url, path)
    }
    const segments = pathSegments(url.pathname.slice(1), true)
    const match = segments && matchRoute(this.#routes, method, segments)
    if (match === undefined) {
      response.writeHead(404).end()
      return
    }
    if (!this.#mayCall(request, url, match.target)) return writeAnswer(response, { status: 401 })
    for (const [name, value] of Object.entries(this.#options.customHeaders)) {
      response.setHeader(name, value)
    }
    const streaming = this.#options.streaming()
    if (streaming === undefined) return await this.#invoke(request, response, url, match)
    if (!streaming.ready) return writeAnswer(response, { status: 500 })
    await this.#stream(request, response, url, { match, target: streaming.target })
  }

  #mayCall(request: IncomingMessage, url: URL, appFunction: AppFunction): boolean {
    const { keys, keysEnforced } = this.#options
    if (!keysEnforced) return true
    const level = authLevelOf(appFunction.trigger.binding)
    return keys.opensFunction(level, appFunction.name, keyOf(request, url.searchParams))
  }

  async #invoke(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    match: RouteMatch<AppFunction>,
  ): Promise<void> {
    const http = await toRpcRequest(request, url, match.params)
    const appFunction = match.target
    try {
      const trigger = { value: { http }, metadata: {} }
      const answer = await this.#options.run(appFunction, trigger, { onlyIfReady: true })
      writeFunctionAnswer(response, answer)
    } catch (error) {
      this.#options.log('error', errorText(error), appFunction.name)
      // The real host drops the connection when its worker dies under a call.
      if (error instanceof WorkerExitError) response.destroy()
      else response.writeHead(500).end()
    }
  }

  async #stream(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    { match, target }: { match: RouteMatch<AppFunction>; target: string },
  ): Promise<void> {
    const { run, log } = this.#options
    const { name } = match.target
    const invocationId = randomUUID()
    const metadata = streamMetadata(headersOf(request), url.searchParams, match.params)
    const trigger = { value: { http: {} }, metadata, invocationId }
    const invocation = run(match.target, trigger).catch((error: unknown) => {
      log('error', `${errorText(error)}; with HTTP streaming the caller gets no answer`, name)
    })
    await forward({ request, response, target, invocationId }).catch((error: unknown) => {
      log('warning', `a streamed call broke off: ${errorText(error)}`, name)
      response.destroy()
    })
    await invocation
  }
}

/** Serves the durable API under any listener; `path` starts behind the API's base. */
export async function handleManagement(
  manage: FrontOptions['manage'],
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
): Promise<void> {
  const segments = pathSegments(path)
  if (segments === undefined) return writeAnswer(response, { status: 404 })
  const url = new URL(request.url ?? '/', 'http://localhost')
  const body = await readBytes(request)
  const plain: RpcRequest = {
    method: request.method ?? 'GET',
    query: url.searchParams,
    headers: headersOf(request),
    body: body.toString('utf8'),
  }
  writeAnswer(response, await manage(plain, segments))
}

/** As the real host: `admin` is its own, and two functions cannot share a route and a method. */
function checkConflicts(options: FrontOptions): void {
  const taken = new Map<string, string>()
  for (const appFunction of options.functions) {
    const { name, trigger } = appFunction
    const route = routeOf(appFunction, { ...options, routePrefix: '' }).toLowerCase()
    if (route.startsWith('admin')) {
      const text = `the route of "${name}" conflicts with one or more built in routes`
      throw new HostError('bad-setting', text)
    }
    for (const method of methodsOf(trigger.binding)) {
      const other = taken.get(`${method} ${route}`)
      if (other !== undefined) {
        const text = `the route of "${name}" conflicts with the route defined by function "${other}"`
        throw new HostError('bad-setting', text)
      }
      taken.set(`${method} ${route}`, name)
    }
  }
}

async function toRpcRequest(
  request: IncomingMessage,
  url: URL,
  params: Readonly<Record<string, string>>,
): Promise<RpcHttpData> {
  const bytes = await readBytes(request)
  const query: Record<string, string> = {}
  for (const name of new Set(url.searchParams.keys())) {
    // Repeated keys arrive joined, as the real host sends them.
    query[name] = url.searchParams.getAll(name).join(',')
  }
  return {
    method: request.method ?? 'GET',
    url: url.href,
    nullableHeaders: nullable(headersOf(request)),
    nullableQuery: nullable(query),
    nullableParams: nullable(params),
    body: bytes.length === 0 ? null : { bytes },
  }
}

function nullable(values: Readonly<Record<string, string>>): Record<string, RpcNullableString> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]))
}
