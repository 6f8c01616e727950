/**
 * Says who calls, from the bearer token alone (DESIGN 9).
 *
 * The signature, issuer, audience, tenant and times are checked here, in our own code; a header
 * of a front such as `x-ms-client-principal` is never looked at, because a front that is set up
 * wrongly lets anybody write one. Nothing of a token that failed is told to anybody: no claim,
 * no text of the library (P9).
 */
import { createLocalJWKSet, errors, type JWTPayload, jwtVerify } from 'jose'
import { z } from 'zod'
import { AppError } from '../model/errors.ts'
import type { Clock } from '../ports.ts'
import { type ApiRole, hasRight, isApiRole, type Right, rolesWith } from './roles.ts'
import { type Authority, type Fetch, type SigningKeys, signingKeys } from './signing-keys.ts'

/** Entra signs with this; a list of one keeps `none` and HMAC with a public key out. */
const ALGORITHMS = ['RS256']
/** How far the clocks of issuer and app may be apart. */
const CLOCK_TOLERANCE_S = 60
const TOKEN_CHARACTERS_MAX = 16 * 1024
const CALLER_ID_PATTERN = /^[0-9A-Za-z_-]{1,64}$/
const CALLER_NAME_CHARACTERS_MAX = 200

const callerId = z.string().regex(CALLER_ID_PATTERN).optional()
const claimsSchema = z.object({
  tid: z.string(),
  oid: callerId,
  sub: callerId,
  roles: z.array(z.unknown()).default([]),
  name: z.string().optional(),
  preferred_username: z.string().optional(),
  /** Entra puts one into ID tokens. They tell a client who signed in and open no API. */
  nonce: z.undefined().optional(),
})

export interface Caller {
  /** Object id in the directory: opaque, may stand in rows and logs. */
  id: string
  /** For showing to the caller alone; never logged or stored. */
  name?: string
  roles: ApiRole[]
}

export interface Access {
  /**
   * The caller, if its token is good and one of its roles carries the right. Throws
   * `TokenMissing`, `TokenInvalid`, `TokenExpired` (all 401), `RoleMissing` (403),
   * `AuthorityUnavailable` (503).
   */
  authorise(headers: { get(name: string): string | null }, right: Right): Promise<Caller>
}

export function createAccess(options: {
  /** Base address of Entra ID, without the tenant. */
  authorityUrl: string
  tenantId: string
  audience: string
  fetch: Fetch
  clock: Pick<Clock, 'now'>
}): Access {
  const base = options.authorityUrl.replace(/\/+$/, '')
  const keys = signingKeys({
    metadataUrl: `${base}/${options.tenantId}/v2.0/.well-known/openid-configuration`,
    fetch: options.fetch,
    clock: options.clock,
  })
  return {
    async authorise(headers, right) {
      const token = bearerToken(headers.get('authorization'))
      const payload = await verified(token, keys, options)
      const caller = callerOf(payload, options.tenantId)
      if (!hasRight(caller.roles, right)) throw roleMissing(right)
      return caller
    },
  }
}

function bearerToken(header: string | null): string {
  if (header === null || header.trim() === '') {
    throw new AppError({
      code: 'TokenMissing',
      kind: 'denied',
      message: 'The call carries no token.',
      hint: 'Send an Entra ID access token for this API in the header Authorization: Bearer ...',
    })
  }
  const token = /^Bearer +([0-9A-Za-z_.-]+)$/i.exec(header.trim())?.[1]
  if (token === undefined || token.length > TOKEN_CHARACTERS_MAX) throw tokenInvalid()
  return token
}

async function verified(
  token: string,
  keys: SigningKeys,
  rules: { audience: string; clock: Pick<Clock, 'now'> },
): Promise<JWTPayload> {
  const authority = await keys.current()
  try {
    return await check(token, authority, rules)
  } catch (error) {
    if (!(error instanceof errors.JWKSNoMatchingKey)) throw translated(error)
  }
  // The key id is unknown: the authority may have begun to sign with a new key.
  const newer = await keys.newer(authority)
  if (newer === authority) throw tokenInvalid()
  try {
    return await check(token, newer, rules)
  } catch (error) {
    throw translated(error)
  }
}

async function check(
  token: string,
  authority: Authority,
  rules: { audience: string; clock: Pick<Clock, 'now'> },
): Promise<JWTPayload> {
  const { payload } = await jwtVerify(token, createLocalJWKSet(authority.keys), {
    algorithms: ALGORITHMS,
    issuer: authority.issuer,
    audience: rules.audience,
    requiredClaims: ['exp', 'tid'],
    clockTolerance: CLOCK_TOLERANCE_S,
    currentDate: new Date(rules.clock.now()),
  })
  return payload
}

/** The one place that reads the codes of jose. What is not a refusal of the token passes as it is. */
function translated(error: unknown): unknown {
  if (error instanceof errors.JWTExpired) {
    return new AppError({
      code: 'TokenExpired',
      kind: 'denied',
      message: 'The token has expired.',
      hint: 'Sign in again, or ask the authority for a new token, and repeat the call.',
    })
  }
  return error instanceof errors.JOSEError ? tokenInvalid() : error
}

function callerOf(payload: JWTPayload, tenantId: string): Caller {
  const claims = claimsSchema.safeParse(payload)
  if (!claims.success || claims.data.tid !== tenantId) throw tokenInvalid()
  const { oid, sub, roles, preferred_username: userName, name = userName } = claims.data
  const id = oid ?? sub
  if (id === undefined) throw tokenInvalid()
  return {
    id,
    roles: roles.filter(isApiRole),
    ...(name === undefined ? {} : { name: name.slice(0, CALLER_NAME_CHARACTERS_MAX) }),
  }
}

/** One answer for every defect: which check failed helps only who forges. */
function tokenInvalid(): AppError {
  return new AppError({
    code: 'TokenInvalid',
    kind: 'denied',
    message: 'The token is not one that this API accepts.',
    hint:
      'It must be an access token (version 2) that the protected tenant issued for the audience ' +
      'of this API; see HOLDFAST_API_AUDIENCE and HOLDFAST_TENANT_ID.',
  })
}

function roleMissing(right: Right): AppError {
  return new AppError({
    code: 'RoleMissing',
    kind: 'denied',
    message: `The token carries no role for this call (it needs: ${rolesWith(right).join(' or ')}).`,
    hint: 'Ask an administrator of the directory to assign the role, then sign in again.',
    context: { right },
  })
}
