/**
 * The sign-in endpoints: OpenID metadata, keys, the client-credentials grant, and the managed
 * identity endpoint of App Service. No browser flows: users get tokens from the control
 * interface, so there are no passwords here.
 */
import { timingSafeEqual } from 'node:crypto'
import type { Answer, Call } from '../http.ts'
import { type AppRegistration, BACKUP_CLIENT_ID, TOKEN_RESOURCES } from '../identities.ts'
import { APP_TOKEN_SECONDS, MANAGED_IDENTITY_TOKEN_SECONDS } from '../limits.ts'
import type { SigningKeys } from './keys.ts'
import type { TokenService } from './tokens.ts'

const TOKEN_REQUEST_BYTES_MAX = 64 * 1024
const MSI_API_VERSION = '2019-08-01'

export interface EntraOptions {
  readonly tenantId: string
  readonly baseUrl: () => string
  readonly identityHeader: string
  readonly keys: SigningKeys
  readonly tokens: TokenService
  readonly app: (clientId: string) => AppRegistration | undefined
  readonly nowMs: () => number
  /** Overrides the lifetime of issued tokens, in seconds. */
  readonly tokenSeconds: () => number | undefined
}

export function createEntra(options: EntraOptions): (call: Call) => Promise<Answer | null> {
  const { tenantId } = options
  return async (call) => {
    if (call.rawPath === '/msi/token') return managedIdentityToken(options, call)
    if (!call.rawPath.toLowerCase().startsWith(`/${tenantId}/`)) return null
    const rest = call.rawPath.slice(tenantId.length + 1)
    if (call.method === 'GET' && rest === '/v2.0/.well-known/openid-configuration') {
      return { status: 200, body: metadata(options) }
    }
    if (call.method === 'GET' && rest === '/discovery/v2.0/keys') {
      return { status: 200, body: { keys: [options.keys.publicJwk] } }
    }
    if (call.method === 'POST' && rest === '/oauth2/v2.0/token') {
      return clientCredentials(options, call)
    }
    return refusal(404, 'invalid_request', `AADSTS900144: nothing is served at ${rest}`)
  }
}

function metadata({ baseUrl, tenantId }: EntraOptions): object {
  const authority = `${baseUrl()}/${tenantId}`
  return {
    issuer: `${authority}/v2.0`,
    token_endpoint: `${authority}/oauth2/v2.0/token`,
    authorization_endpoint: `${authority}/oauth2/v2.0/authorize`,
    jwks_uri: `${authority}/discovery/v2.0/keys`,
    response_types_supported: ['code', 'id_token', 'code id_token', 'id_token token'],
    response_modes_supported: ['query', 'fragment', 'form_post'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    scopes_supported: ['openid', 'profile', 'email', 'offline_access'],
    tenant_region_scope: 'EU',
    msgraph_host: new URL(baseUrl()).host,
  }
}

function refusal(status: number, error: string, description: string): Answer {
  return { status, body: { error, error_description: description } }
}

function sameText(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)]
  return x.length === y.length && timingSafeEqual(x, y)
}

/** A scope or resource to the resource it names; Entra takes a trailing slash too. */
function knownResource(name: string): string | undefined {
  const plain = name.replace(/\/+$/, '')
  return TOKEN_RESOURCES.find((resource) => resource === plain)
}

async function clientCredentials(options: EntraOptions, call: Call): Promise<Answer> {
  const form = new URLSearchParams((await call.readBody(TOKEN_REQUEST_BYTES_MAX)).toString())
  if (form.get('grant_type') !== 'client_credentials') {
    return refusal(400, 'unsupported_grant_type', 'AADSTS70003: only client_credentials is served')
  }
  const { clientId, secret } = clientAuthentication(form, call.headers.authorization)
  const app = options.app(clientId)
  if (!app) {
    return refusal(400, 'unauthorized_client', `AADSTS700016: no application ${clientId} here`)
  }
  if (!sameText(secret, app.secret)) {
    return refusal(401, 'invalid_client', 'AADSTS7000215: Invalid client secret provided.')
  }
  const scope = form.get('scope') ?? ''
  const resource = scope.endsWith('/.default') ? knownResource(scope.slice(0, -9)) : undefined
  if (resource === undefined) {
    return refusal(400, 'invalid_scope', 'AADSTS1002012: the scope must be <resource>/.default')
  }
  const life = options.tokenSeconds() ?? APP_TOKEN_SECONDS
  const token = await options.tokens.issueApp(app, resource, life)
  return {
    status: 200,
    headers: { 'cache-control': 'no-store' },
    body: { token_type: 'Bearer', expires_in: life, ext_expires_in: life, access_token: token },
  }
}

/** `client_secret_basic` or `client_secret_post`: both are what real libraries send. */
function clientAuthentication(form: URLSearchParams, authorization: string | undefined) {
  if (authorization?.startsWith('Basic ')) {
    const plain = Buffer.from(authorization.slice(6), 'base64').toString()
    const [id = '', secret = ''] = plain.split(':').map(decodeURIComponent)
    return { clientId: id, secret }
  }
  return { clientId: form.get('client_id') ?? '', secret: form.get('client_secret') ?? '' }
}

/** What ManagedIdentityCredential calls when IDENTITY_ENDPOINT and IDENTITY_HEADER are set. */
async function managedIdentityToken(options: EntraOptions, call: Call): Promise<Answer> {
  const refuse = (status: number, message: string): Answer => ({
    status,
    body: { statusCode: status, message },
  })
  if (call.method !== 'GET') return refuse(405, 'only GET is served')
  const header = call.headers['x-identity-header']
  if (typeof header !== 'string' || !sameText(header, options.identityHeader)) {
    return refuse(401, 'The X-IDENTITY-HEADER is missing or wrong.')
  }
  const query = new URLSearchParams(call.rawQuery)
  if (query.get('api-version') !== MSI_API_VERSION) {
    return refuse(400, `api-version must be ${MSI_API_VERSION}`)
  }
  const resource = knownResource(query.get('resource') ?? '')
  if (resource === undefined) return refuse(400, 'The resource is missing or not known here.')
  const app = options.app(query.get('client_id') ?? BACKUP_CLIENT_ID)
  if (!app) return refuse(400, 'No User Assigned or Delegated Managed Identity found')
  const life = options.tokenSeconds() ?? MANAGED_IDENTITY_TOKEN_SECONDS
  return {
    status: 200,
    body: {
      access_token: await options.tokens.issueApp(app, resource, life),
      expires_on: String(Math.floor(options.nowMs() / 1000) + life),
      resource,
      token_type: 'Bearer',
      client_id: app.clientId,
    },
  }
}
