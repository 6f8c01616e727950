/**
 * The front of Graph v1.0: signs in, counts, limits, checks permissions, and calls the route.
 *
 * Order of refusals: token (401), path (400, 405, 501), limits (429; a call that is refused later
 * has cost budget all the same), permission (403), then what the route itself refuses. The
 * requests of a batch go the same way one by one; `answering.ts` is around each call.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { TokenService } from '../entra/tokens.ts'
import type { Answer, Call } from '../http.ts'
import { REQUEST_BYTES_MAX, UNITS_ONE } from '../limits.ts'
import { answerWork, type FrontOptions } from './answering.ts'
import { answerBatch, BATCH_PATH } from './batch.ts'
import {
  answerDownload,
  DOWNLOAD_KIND,
  faultPathOf,
  isDownloadPath,
  lookUpDownload,
  openDownload,
} from './drive/content.ts'
import {
  answerFileUpload,
  fileUploadUnits,
  isFileUploadPath,
  sessionOf,
  uploadFaultPath,
} from './drive/upload-sessions.ts'
import { accessDenied, badRequest, GraphError, notBuilt } from './errors.ts'
import { parsePrefer, parseQuery } from './query.ts'
import type { GraphRequest } from './request.ts'
import { isKnownPath, matchRoute, type RouteMatch } from './routes.ts'
import type { Throttle } from './throttle.ts'
import type { UnitMeter } from './units.ts'
import { answerUpload, isUploadPath } from './upload-sessions.ts'

export interface GraphOptions extends FrontOptions {
  readonly tokens: TokenService
  readonly throttle: Throttle
  readonly units: UnitMeter
  readonly baseUrl: () => string
}

const VERSION_PATH = '/v1.0/'
/** Its calls are those of `routes.ts` that begin with `/beta`. */
const BETA_PATH = '/beta/'

type Claims = Awaited<ReturnType<TokenService['verifyGraph']>>

/** A call with what its token and its path say. */
interface SignedCall {
  readonly call: Call
  readonly claims: Claims
  readonly match: RouteMatch | null
}

export function createGraph(options: GraphOptions): (call: Call) => Promise<Answer> {
  return async (call) => {
    if (isUploadPath(call.rawPath)) return answerUploadCall(options, call)
    if (isDownloadPath(call.rawPath)) return answerDownloadCall(options, call)
    if (isFileUploadPath(call.rawPath)) return answerFileUploadCall(options, call)
    const claims = await verifiedClaims(options.tokens, call)
    if (call.method === 'POST' && BATCH_PATH.test(call.rawPath)) {
      return answerBatchCall(options, call, claims)
    }
    return answerRouteCall(options, call, claims)
  }
}

function appOf(claims: Claims): string {
  return 'refused' in claims ? '' : claims.appId
}

function answerRouteCall(options: GraphOptions, call: Call, claims: Claims): Promise<Answer> {
  const match = findRoute(call)
  return answerWork(options, {
    call,
    app: appOf(claims),
    kind: match?.route.kind ?? 'unknown',
    user: match === null ? undefined : mailboxUser(options, match),
    serve: () => serveCall(options, { call, claims, match }),
  })
}

function answerBatchCall(options: GraphOptions, call: Call, claims: Claims): Promise<Answer> {
  const run = (part: Call) => answerRouteCall(options, part, claims)
  return answerWork(options, {
    call,
    app: appOf(claims),
    kind: 'batch',
    serve: async () => {
      if ('refused' in claims) throw notSignedIn(claims.refused)
      return answerBatch(call, run)
    },
  })
}

/** The URL of an upload session is its own authentication: no token is looked at. */
function answerUploadCall(options: GraphOptions, call: Call): Promise<Answer> {
  const { state } = options
  return answerWork(options, {
    call,
    app: '',
    kind: 'attachment.upload',
    serve: async () => {
      const answer = await answerUpload(state, call)
      if (state.settings.latencyMs > 0) await delay(state.settings.latencyMs)
      return answer
    },
  })
}

/** A download URL is its own authentication too, and spends the budget of who asked for it. */
function answerDownloadCall(options: GraphOptions, call: Call): Promise<Answer> {
  const { state, counters, units } = options
  const given = lookUpDownload(state, call)
  const app = given?.ticket.app ?? ''
  return answerWork(options, {
    call,
    app,
    kind: DOWNLOAD_KIND,
    faultPath: given && faultPathOf(state, given),
    serve: async () => {
      const download = openDownload(state, call)
      // A front that knows nothing of Graph: it has no words (facts/graph.md 2.1).
      if (download === null) return { status: 401 }
      counters.charge(app, DOWNLOAD_KIND, UNITS_ONE)
      return underHeaders(units.charge(app, UNITS_ONE), async () => {
        const { latencyMs } = state.settings
        if (latencyMs > 0) await delay(latencyMs)
        return answerDownload(state, call, { download, sent: counters.sent })
      })
    },
  })
}

/** The same of a file's; what it costs is charged to the app that made the session. */
function answerFileUploadCall(options: GraphOptions, call: Call): Promise<Answer> {
  const { state, counters, units } = options
  const app = sessionOf(state, call)?.app ?? ''
  const kind = 'upload.range'
  return answerWork(options, {
    ...{ call, app, kind },
    faultPath: uploadFaultPath(state, call),
    serve: async () => {
      const cost = fileUploadUnits(call)
      counters.charge(app, kind, cost)
      const answer = await underHeaders(units.charge(app, cost), () =>
        answerFileUpload(state, call),
      )
      if (state.settings.latencyMs > 0) await delay(state.settings.latencyMs)
      return answer
    },
  })
}

const notSignedIn = (reason: string) => new GraphError(401, 'InvalidAuthenticationToken', reason)

async function verifiedClaims(tokens: TokenService, call: Call): Promise<Claims> {
  const token = /^Bearer (\S+)$/i.exec(call.headers.authorization ?? '')?.[1]
  return token === undefined ? { refused: 'Access token is empty.' } : tokens.verifyGraph(token)
}

async function serveCall(options: GraphOptions, signedCall: SignedCall): Promise<Answer> {
  const { state } = options
  const { call, claims, match } = signedCall
  if ('refused' in claims) throw notSignedIn(claims.refused)
  if (!match) throw unservedPath(call)
  const allowed = match.route.permissions.some((permission) => claims.permissions.has(permission))
  const leave = enterMailbox(options, match, claims.appId)
  try {
    const charged = chargeUnits(options, call, { match, app: claims.appId })
    return await underHeaders(charged, async () => {
      if (!allowed) throw notPermitted(match)
      const request = toRequest(options, call, match, claims)
      // The slot is held over this await: requests of a batch, begun together, meet their limit.
      const answer = await match.route.handle(request)
      const { latencyMs } = state.settings
      if (latencyMs > 0) await delay(latencyMs)
      const { applied } = request.prefer
      if (applied.length === 0) return answer
      return { ...answer, headers: { ...answer.headers, 'preference-applied': applied.join(', ') } }
    })
  } finally {
    leave()
  }
}

/** What a call of SharePoint's costs, and the headers that say so; a 429 where there is no more. */
function chargeUnits(
  { units: meter, counters }: GraphOptions,
  call: Call,
  { match, app }: { readonly match: RouteMatch; readonly app: string },
): Readonly<Record<string, string>> {
  const { units, kind } = match.route
  if (units === null) return {}
  const hasToken = /(?:^|&)(?:\$skip)?token=[^&]/i.test(call.rawQuery)
  const cost = typeof units === 'number' ? units : hasToken ? units.withToken : units.without
  counters.charge(app, kind, cost)
  return meter.charge(app, cost)
}

/** Answers and refusals carry these headers alike. */
async function underHeaders(
  headers: Readonly<Record<string, string>>,
  work: () => Promise<Answer>,
): Promise<Answer> {
  try {
    const answer = await work()
    return { ...answer, headers: { ...headers, ...answer.headers } }
  } catch (error) {
    if (!(error instanceof GraphError)) throw error
    const { status, code, message, innerCode } = error
    throw new GraphError(status, code, message, { ...headers, ...error.headers }, innerCode)
  }
}

/** Segments are decoded one by one: ids may hold an encoded slash. null: not decodable. */
function segmentsOf(rawPath: string): string[] | null {
  try {
    const path = rawPath.startsWith(BETA_PATH)
      ? rawPath.slice(1)
      : rawPath.slice(VERSION_PATH.length)
    return path.replace(/\/$/, '').split('/').map(decodeURIComponent)
  } catch (error) {
    if (error instanceof URIError) return null
    throw error
  }
}

function findRoute(call: Call): RouteMatch | null {
  if (!isVersioned(call.rawPath)) return null
  const segments = segmentsOf(call.rawPath)
  return segments && matchRoute(call.method, segments)
}

function isVersioned(rawPath: string): boolean {
  return rawPath.startsWith(VERSION_PATH) || rawPath.startsWith(BETA_PATH)
}

function unservedPath(call: Call): GraphError {
  if (call.rawPath.startsWith('/beta/')) return notBuilt('the beta version')
  if (!call.rawPath.startsWith(VERSION_PATH)) {
    return badRequest('Invalid version: the path must begin with /v1.0/.')
  }
  const segments = segmentsOf(call.rawPath)
  if (!segments) return badRequest('The path is not valid percent-encoding.')
  if (isKnownPath(segments)) {
    return new GraphError(
      405,
      'Request_BadRequest',
      'Specified HTTP method is not allowed for the request target.',
    )
  }
  if (/^(users|groups|sites|drives|teams|me|admin|directory)$/i.test(segments[0] ?? '')) {
    return notBuilt(`${call.method} on this path`)
  }
  return badRequest(`Resource not found for the segment '${segments[0] ?? ''}'.`)
}

function notPermitted({ route }: RouteMatch): GraphError {
  if (route.throttled) return accessDenied()
  if (route.units !== null) return new GraphError(403, 'accessDenied', 'Access denied')
  return new GraphError(
    403,
    'Authorization_RequestDenied',
    'Insufficient privileges to complete the operation.',
  )
}

function enterMailbox(options: GraphOptions, match: RouteMatch, appId: string): () => void {
  const { state, throttle } = options
  const user = mailboxUser(options, match)
  if (!state.settings.throttling || user === undefined) return () => {}
  return throttle.enter(appId, user)
}

/** Whose mailbox a call is about; the directory's calls are about none. */
function mailboxUser({ state }: GraphOptions, { route, params }: RouteMatch): string | undefined {
  const { user } = params
  if (!route.throttled || user === undefined) return undefined
  return state.users.find(user)?.id ?? user
}

function toRequest(
  options: GraphOptions,
  call: Call,
  match: RouteMatch,
  claims: { appId: string; permissions: ReadonlySet<string> },
): GraphRequest {
  const query = parseQuery(call.rawQuery, match.route.options)
  const versionPath = call.rawPath.startsWith(BETA_PATH) ? BETA_PATH : VERSION_PATH
  return {
    state: options.state,
    root: `${options.baseUrl()}${versionPath.slice(0, -1)}`,
    path: call.rawPath.slice(versionPath.length - 1),
    appId: claims.appId,
    permissions: claims.permissions,
    options: query.options,
    token: query.token,
    prefer: parsePrefer(call.headers['prefer']),
    contentType: call.headers['content-type'] ?? '',
    header: (name) => call.headers[name]?.toString(),
    count: { sent: options.counters.sent },
    param: (name) => {
      const value = match.params[name]
      if (value === undefined) throw new Error(`the route has no parameter ${name}`)
      return value
    },
    body: () => call.readBody(REQUEST_BYTES_MAX),
    stream: () => call.stream(),
  }
}
