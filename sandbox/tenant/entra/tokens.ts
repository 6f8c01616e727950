/**
 * Issues and checks tokens: real JWTs, RS256, with the claims that Entra puts into them.
 *
 * Invariant: permissions are what was granted when the token was issued, as with Entra: taking
 * a permission away shows only in the next token.
 */
import { randomUUID } from 'node:crypto'
import { errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { API_RESOURCE, type ApiRole, type AppRegistration, GRAPH_RESOURCE } from '../identities.ts'
import { stableGuid } from '../ids.ts'
import { SIGNING_ALGORITHM, type SigningKeys } from './keys.ts'

/** Tokens that were verified already; a bench sends one token 20,000 times. */
const VERIFIED_MAX = 500

export interface AppClaims {
  readonly appId: string
  readonly permissions: ReadonlySet<string>
  readonly expiresMs: number
}

export interface TokenService {
  issueApp(app: AppRegistration, resource: string, lifeSeconds: number): Promise<string>
  issueUser(user: UserTokenRequest): Promise<string>
  /** null: not a token that Graph accepts; the reason is for the error text. */
  verifyGraph(token: string): Promise<AppClaims | { readonly refused: string }>
}

export interface UserTokenRequest {
  readonly name: string
  readonly roles: readonly ApiRole[]
  readonly lifeSeconds: number
  readonly nonce?: string
}

export function createTokenService(options: {
  readonly keys: SigningKeys
  readonly tenantId: string
  readonly issuer: () => string
  readonly nowMs: () => number
}): TokenService {
  const verified = new Map<string, AppClaims>()

  function sign(claims: JWTPayload, audience: string, lifeSeconds: number): Promise<string> {
    const now = Math.floor(options.nowMs() / 1000)
    return new SignJWT({ ...claims, tid: options.tenantId, ver: '2.0', uti: randomUUID() })
      .setProtectedHeader({ alg: SIGNING_ALGORITHM, typ: 'JWT', kid: options.keys.kid })
      .setIssuer(options.issuer())
      .setAudience(audience)
      .setIssuedAt(now)
      .setNotBefore(now)
      .setExpirationTime(now + lifeSeconds)
      .sign(options.keys.privateKey)
  }

  async function verifyGraph(token: string) {
    const known = verified.get(token)
    if (known) {
      return known.expiresMs > options.nowMs() ? known : { refused: 'Lifetime validation failed.' }
    }
    try {
      const { payload } = await jwtVerify(token, options.keys.publicKey, {
        algorithms: [SIGNING_ALGORITHM],
        audience: [GRAPH_RESOURCE, `${GRAPH_RESOURCE}/`],
        currentDate: new Date(options.nowMs()),
        requiredClaims: ['exp', 'appid', 'tid'],
      })
      if (payload['tid'] !== options.tenantId) return { refused: 'Invalid tenant.' }
      const claims = toAppClaims(payload)
      if (verified.size >= VERIFIED_MAX) verified.clear()
      verified.set(token, claims)
      return claims
    } catch (error) {
      return { refused: refusalText(error) }
    }
  }

  return {
    issueApp: (app, resource, lifeSeconds) => sign(appClaims(app, resource), resource, lifeSeconds),
    issueUser: (user) =>
      sign(
        {
          oid: stableGuid('user', user.name),
          sub: stableGuid('sub', user.name),
          name: user.name,
          preferred_username: user.name,
          roles: [...user.roles],
          ...(user.nonce === undefined ? {} : { nonce: user.nonce }),
        },
        API_RESOURCE,
        user.lifeSeconds,
      ),
    verifyGraph,
  }
}

function appClaims(app: AppRegistration, resource: string): JWTPayload {
  return {
    appid: app.clientId,
    azp: app.clientId,
    app_displayname: app.displayName,
    idtyp: 'app',
    oid: app.objectId,
    sub: app.objectId,
    ...(resource === GRAPH_RESOURCE ? { roles: [...app.permissions] } : {}),
  }
}

function toAppClaims(payload: JWTPayload): AppClaims {
  const roles = Array.isArray(payload['roles']) ? payload['roles'] : []
  return {
    appId: String(payload['appid']),
    permissions: new Set(roles.map(String)),
    expiresMs: (payload.exp ?? 0) * 1000,
  }
}

/** Texts as Graph gives them; only jose's own refusals are expected here. */
function refusalText(error: unknown): string {
  if (error instanceof errors.JWTExpired) {
    return 'Lifetime validation failed, the token is expired.'
  }
  if (error instanceof errors.JWTClaimValidationFailed) {
    return error.claim === 'aud' ? 'Invalid audience.' : `Claim ${error.claim} is not valid.`
  }
  if (error instanceof errors.JOSEError) return 'CompactToken parsing failed.'
  throw error
}
