/**
 * The front of Graph v1.0: signs in, counts, limits, checks permissions, and calls the route.
 *
 * Order of refusals: token (401), path (400, 405, 501), limits (429; a call that is refused later
 * has cost budget all the same), permission (403), then what the route itself refuses. Every
 * answer carries `request-id` and `client-request-id`.
 */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { Counters } from '../counters.ts'
import type { TokenService } from '../entra/tokens.ts'
import type { FaultBoard, FaultSpec } from '../faults.ts'
import type { Answer, Call } from '../http.ts'
import { REQUEST_BYTES_MAX } from '../limits.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { accessDenied, badRequest, errorAnswer, GraphError, notBuilt } from './errors.ts'
import { parsePrefer, parseQuery } from './query.ts'
import type { GraphRequest } from './request.ts'
import { isKnownPath, matchRoute, type RouteMatch } from './routes.ts'
import type { Throttle } from './throttle.ts'

export interface GraphOptions {
  readonly state: TenantState
  readonly tokens: TokenService
  readonly throttle: Throttle
  readonly counters: Counters
  readonly faults: FaultBoard
  readonly baseUrl: () => string
}

const VERSION_PATH = '/v1.0/'

export function createGraph(options: GraphOptions): (call: Call) => Promise<Answer> {
  return async (call) => {
    const { faults, state, counters } = options
    const ids = requestIds(call)
    const path = decodedPath(call.rawPath)
    const fault = faults.take(call.method, path)
    if (fault?.spec.action === 'drop-before') return { status: 0, drop: true }
    const kind: { name: string } = { name: 'unknown' }
    let answer: Answer
    try {
      if (fault?.spec.action === 'fail') throw faultError(fault.spec)
      answer = await serveCall(options, call, kind)
    } catch (error) {
      if (!(error instanceof GraphError)) throw error
      answer = errorAnswer(error, ids, state.preciseNowMs())
    }
    counters.count(kind.name, answer.status)
    if (fault?.spec.action === 'hold') await fault.hold()
    if (fault?.spec.action === 'drop-after') return { status: 0, drop: true }
    return { ...answer, headers: { ...graphHeaders(ids), ...answer.headers } }
  }
}

function requestIds(call: Call) {
  const sent = call.headers['client-request-id']
  const requestId = randomUUID()
  return { requestId, clientRequestId: typeof sent === 'string' ? sent : requestId }
}

function graphHeaders(ids: { requestId: string; clientRequestId: string }) {
  return {
    'cache-control': 'no-store, no-cache',
    'request-id': ids.requestId,
    'client-request-id': ids.clientRequestId,
    'x-ms-ags-diagnostic': '{"ServerInfo":{"DataCenter":"Sandbox","Slice":"E","Ring":"0"}}',
  }
}

function decodedPath(rawPath: string): string {
  try {
    return decodeURIComponent(rawPath)
  } catch (error) {
    if (error instanceof URIError) return rawPath
    throw error
  }
}

function faultError(spec: FaultSpec): GraphError {
  return new GraphError(
    spec.status ?? 503,
    spec.code ?? 'ServiceUnavailable',
    spec.message ?? 'A fault that a test asked for.',
    spec.headers,
  )
}

async function serveCall(options: GraphOptions, call: Call, kind: { name: string }) {
  const { state } = options
  const match = findRoute(call)
  // Counted under its kind even where it is refused: refused calls cost budget as well.
  if (match) kind.name = match.route.kind
  const claims = await options.tokens.verifyGraph(bearer(call))
  if ('refused' in claims) throw new GraphError(401, 'InvalidAuthenticationToken', claims.refused)
  if (!match) throw unservedPath(call)
  const allowed = match.route.permissions.some((permission) => claims.permissions.has(permission))
  const leave = enterMailbox(options, match, claims.appId)
  try {
    if (!allowed) throw notPermitted(match)
    const request = toRequest(options, call, match, claims)
    const answer = await match.route.handle(request)
    const { latencyMs } = state.settings
    if (latencyMs > 0) await delay(latencyMs)
    const { applied } = request.prefer
    if (applied.length === 0) return answer
    return { ...answer, headers: { ...answer.headers, 'preference-applied': applied.join(', ') } }
  } finally {
    leave()
  }
}

function bearer(call: Call): string {
  const header = call.headers.authorization
  const token = /^Bearer (\S+)$/i.exec(header ?? '')?.[1]
  if (token !== undefined) return token
  throw new GraphError(401, 'InvalidAuthenticationToken', 'Access token is empty.')
}

/** Segments are decoded one by one: ids may hold an encoded slash. */
function segmentsOf(rawPath: string): string[] {
  try {
    return rawPath.slice(VERSION_PATH.length).replace(/\/$/, '').split('/').map(decodeURIComponent)
  } catch (error) {
    if (error instanceof URIError) throw badRequest('The path is not valid percent-encoding.')
    throw error
  }
}

function findRoute(call: Call): RouteMatch | null {
  if (!call.rawPath.startsWith(VERSION_PATH)) return null
  return matchRoute(call.method, segmentsOf(call.rawPath))
}

function unservedPath(call: Call): GraphError {
  if (call.rawPath.startsWith('/beta/')) return notBuilt('the beta version')
  if (!call.rawPath.startsWith(VERSION_PATH)) {
    return badRequest('Invalid version: the path must begin with /v1.0/.')
  }
  const segments = segmentsOf(call.rawPath)
  if (isKnownPath(segments)) {
    return new GraphError(
      405,
      'Request_BadRequest',
      'Specified HTTP method is not allowed for the request target.',
    )
  }
  if (/^(users|groups|sites|drives|teams|\$batch|me|admin|directory)$/i.test(segments[0] ?? '')) {
    return notBuilt(`${call.method} on this path`)
  }
  return badRequest(`Resource not found for the segment '${segments[0] ?? ''}'.`)
}

function notPermitted({ route }: RouteMatch): GraphError {
  if (route.throttled) return accessDenied()
  return new GraphError(
    403,
    'Authorization_RequestDenied',
    'Insufficient privileges to complete the operation.',
  )
}

function enterMailbox(options: GraphOptions, match: RouteMatch, appId: string): () => void {
  const { state, throttle } = options
  const name = match.params['user']
  if (!match.route.throttled || !state.settings.throttling || name === undefined) return () => {}
  return throttle.enter(appId, state.users.find(name)?.id ?? name)
}

function toRequest(
  options: GraphOptions,
  call: Call,
  match: RouteMatch,
  claims: { appId: string; permissions: ReadonlySet<string> },
): GraphRequest {
  const query = parseQuery(call.rawQuery, match.route.options)
  return {
    state: options.state,
    root: `${options.baseUrl()}/v1.0`,
    path: call.rawPath.slice(VERSION_PATH.length - 1),
    appId: claims.appId,
    permissions: claims.permissions,
    options: query.options,
    token: query.token,
    prefer: parsePrefer(call.headers['prefer']),
    contentType: call.headers['content-type'] ?? '',
    param: (name) => {
      const value = match.params[name]
      if (value === undefined) throw new Error(`the route has no parameter ${name}`)
      return value
    },
    body: () => call.readBody(REQUEST_BYTES_MAX),
  }
}
