/**
 * A sign-in authority for tests: publishes metadata and keys through a fake fetch, and issues
 * really signed tokens whose every claim a test can choose.
 */
import {
  type CryptoKey,
  exportJWK,
  generateKeyPair,
  type JWK,
  type JWTPayload,
  SignJWT,
} from 'jose'
import { type Access, createAccess } from '../access.ts'

export const TENANT = '7d2f9c1e-5a3b-4c8d-9e0f-112233445566'
export const AUDIENCE = 'api://holdfast'
const AUTHORITY_URL = 'https://login.example'
const ISSUER = `${AUTHORITY_URL}/${TENANT}/v2.0`
const KEYS_URL = `${AUTHORITY_URL}/${TENANT}/discovery/v2.0/keys`

export interface TokenWishes {
  roles?: unknown
  kid?: string
  issuer?: string
  audience?: string
  tid?: string
  oid?: string
  name?: string
  nonce?: string
  /** Seconds since 1970. Given as undefined: the token has no expiry. */
  exp?: number | undefined
  nbf?: number
}

export interface TestAuthority {
  access: Access
  clock: { now(): number; advance(ms: number): void }
  oid: string
  kid: string
  privateKey: CryptoKey
  publicKey: CryptoKey
  publicJwk: JWK
  /** Addresses that were asked for. */
  fetched: string[]
  setDown(down: boolean): void
  /** Begins to sign with a new key and withdraws the old one. */
  rotate(): Promise<void>
  claims(wishes: TokenWishes): JWTPayload
  token(wishes: TokenWishes): Promise<string>
}

export async function startAuthority(
  clock = adjustableClock(Date.UTC(2026, 2, 1)),
  /** Making one takes long; tests that need no key of their own may share it. */
  firstKey = newKey('key-1'),
): Promise<TestAuthority> {
  const oid = 'aaaaaaaa-0000-4000-8000-000000000001'
  const fetched: string[] = []
  let down = false
  let key = await firstKey
  let rotations = 1

  async function fetch(url: string): Promise<Response> {
    fetched.push(url)
    if (down) throw new TypeError('fetch failed')
    return Response.json(
      url === KEYS_URL ? { keys: [key.publicJwk] } : { issuer: ISSUER, jwks_uri: KEYS_URL },
    )
  }

  const claims = (wishes: TokenWishes) => claimsOf(wishes, { now: clock.now(), oid })

  return {
    access: createAccess({
      authorityUrl: `${AUTHORITY_URL}/`,
      tenantId: TENANT,
      audience: AUDIENCE,
      fetch,
      clock,
    }),
    clock,
    oid,
    fetched,
    claims,
    get kid() {
      return key.kid
    },
    get privateKey() {
      return key.privateKey
    },
    get publicKey() {
      return key.publicKey
    },
    get publicJwk() {
      return key.publicJwk
    },
    setDown(value) {
      down = value
    },
    async rotate() {
      rotations += 1
      key = await newKey(`key-${rotations}`)
    },
    token: (wishes) =>
      new SignJWT(claims(wishes))
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: wishes.kid ?? key.kid })
        .sign(key.privateKey),
  }
}

function claimsOf(wishes: TokenWishes, usual: { now: number; oid: string }): JWTPayload {
  const now = Math.floor(usual.now / 1000)
  return {
    iss: wishes.issuer ?? ISSUER,
    aud: wishes.audience ?? AUDIENCE,
    tid: wishes.tid ?? TENANT,
    oid: wishes.oid ?? usual.oid,
    iat: now,
    nbf: wishes.nbf ?? now,
    ...('exp' in wishes && wishes.exp === undefined ? {} : { exp: wishes.exp ?? now + 3600 }),
    ...('roles' in wishes ? { roles: wishes.roles } : { roles: ['Viewer'] }),
    ...(wishes.name === undefined ? {} : { name: wishes.name }),
    ...(wishes.nonce === undefined ? {} : { nonce: wishes.nonce }),
  }
}

export async function newKey(kid: string) {
  const pair = await generateKeyPair('RS256', { extractable: true })
  // Like the keys of Entra, it does not say for which algorithm it is.
  const publicJwk: JWK = { ...(await exportJWK(pair.publicKey)), kid, use: 'sig' }
  return { ...pair, kid, publicJwk }
}

export function adjustableClock(start: number): { now(): number; advance(ms: number): void } {
  let now = start
  return {
    now: () => now,
    advance(ms) {
      now += ms
    },
  }
}
