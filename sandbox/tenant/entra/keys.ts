/** The signing key of the tenant, kept in its state so that tokens survive a restart. */
import type { webcrypto } from 'node:crypto'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import type { Database } from '../state/database.ts'

export const SIGNING_ALGORITHM = 'RS256'

type CryptoKey = webcrypto.CryptoKey

export interface SigningKeys {
  readonly kid: string
  readonly privateKey: CryptoKey
  readonly publicKey: CryptoKey
  readonly publicJwk: JWK
}

async function importRsa(jwk: JWK): Promise<CryptoKey> {
  const key = await importJWK(jwk, SIGNING_ALGORITHM)
  if (key instanceof Uint8Array) throw new Error('the signing key is not an RSA key')
  return key
}

export async function loadSigningKeys(db: Database): Promise<SigningKeys> {
  let stored = db.meta('signing-key')
  if (stored === undefined) {
    const pair = await generateKeyPair(SIGNING_ALGORITHM, { extractable: true })
    stored = JSON.stringify(await exportJWK(pair.privateKey))
    db.setMeta('signing-key', stored)
  }
  const jwk: JWK = JSON.parse(stored)
  const { kty, n, e } = jwk
  if (kty !== 'RSA' || n === undefined || e === undefined) throw new Error('not an RSA key')
  const publicJwk = { kty, n, e }
  const kid = await calculateJwkThumbprint(publicJwk)
  return {
    kid,
    privateKey: await importRsa(jwk),
    publicKey: await importRsa(publicJwk),
    publicJwk: { ...publicJwk, kid, use: 'sig', alg: SIGNING_ALGORITHM },
  }
}
