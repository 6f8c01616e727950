/**
 * Keys of the owners of the vault that is fuzzed: the same in every run, so that the number of an
 * input means the same bytes everywhere. They protect nothing.
 */
import crypto, {
  constants,
  createHash,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  privateDecrypt,
} from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { AppError } from '../../src/model/errors.ts'
import type { OwnerId } from '../../src/model/ids.ts'
import type { OwnerKeys } from '../../src/ports.ts'
import type { Prng } from './prng.ts'

/** Two primes for each owner, in base 36. */
const PRIMES: readonly (readonly [string, string])[] = [
  [
    [
      '16ps7lfh37ltc5ook2xfoe2lzwgn9ciejpqtbhrdof1j11rclbuqgkysgfr35aekra8uyu1chlxote7o',
      'k7oxvwzfoh4w8wsn39mz1mivs2usd48v4wy168b5oowlszjoxgyihcle1h2nhcv65hz98nb5ug62ipb9',
      'es9sv90a41yfm6ungt2i6k5gwh6m7sen9twyqfc8222hn5cr3qtj6zmf9xligvbvv4rgmacq1p9wkuds',
      'qsakru0rgexab4d737ix1djpm76ws7svdlhps50fa3lwoc0pkr4430gh8t',
    ].join(''),
    [
      '1dq75dstk5li8paflf9npm1hnm1r4d5885b03rb2mb4ibl2xecutgm5a23mgb8ejfdjhbcyz73kb9yq0',
      '1pn79jvwplp188wkewvjl6551p1w3own0c9iasg38bd5jejfl1s5hmcif5lwrk57dmyg47y7421z0zfx',
      '4u9aiawrumr64xsyb86x3o3y6byvkda2ft4fpibgiqoomddj95ws8qsvbjwqradddvj6bus25j12p6yn',
      'n8hmyar5rbbn2n6ofcnl4yng5hdzymezd6a5ggo3hzzf1npvdlsmcoboxp',
    ].join(''),
  ],
  [
    [
      '174dj4sktd2aqd5dbxejcnqpvj2p9wjv3m6asotc6if9xzrtxng8qegb75ly3gs4te306m845doft2h8',
      'xubwrfh2gd0tazn1lzk0yi07mvwdmhvz9ye9ldr2gdcrmj1c2eq40wp5bqsn1tr1jrj0c4f3sxoomyxo',
      '5ts7lq0dyokdhiilvxwyf5vwup1yvzyegiqoh0jomcz7gcgrwshg7p1sy4u1frpesjhjdg300qv1xo1s',
      'x5mfey92kk25ajza8h807kb3x8dbp88xn6nraiwf3xqstwmbigbk2j1tn5',
    ].join(''),
    [
      '181gsp9et0o860x062nfm6to7aawypc5wck6xdn0mba0mbr56hyxewgz8dxay2jf63n8jxcgdqolx383',
      '2kyr294rdfzmdwdilz40hn4g7usbl5riuf970bfnt08o01bqh3df9v5q7ngbarap5kw4j3mbdlmnzqrn',
      'n9kt57oe9ryuvkyhuyqqwspatkkmyao9vp68h3ujrrxodzsa90t34iogx5fqwrgjfy5g4yfbj9s7d084',
      '9g813m391bbuqzmxosl1f4756dz35zxgfbd7wmpttyjg7tkwqyntpwhz7n',
    ].join(''),
  ],
]
const EXPONENT = 65_537n
const HASH_BYTES = 32
const MODULUS_BYTES = 384

function numberOf(base36: string): bigint {
  return [...base36].reduce((sum, digit) => sum * 36n + BigInt(Number.parseInt(digit, 36)), 0n)
}

function inverse(of: bigint, modulus: bigint): bigint {
  let [r0, r1, t0, t1] = [modulus, of % modulus, 0n, 1n]
  while (r1 !== 0n) {
    const quotient = r0 / r1
    ;[r0, r1] = [r1, r0 - quotient * r1]
    ;[t0, t1] = [t1, t0 - quotient * t1]
  }
  return ((t0 % modulus) + modulus) % modulus
}

function privateKeyOf(n: number): KeyObject {
  const [p, q] = (PRIMES[n] ?? []).map(numberOf)
  if (p === undefined || q === undefined) throw new RangeError('There is no such owner.')
  const d = inverse(EXPONENT, (p - 1n) * (q - 1n))
  const text = (value: bigint) => {
    const hex = value.toString(16)
    return Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex').toString(
      'base64url',
    )
  }
  const jwk = {
    kty: 'RSA',
    ...{ n: text(p * q), e: text(EXPONENT), d: text(d), p: text(p), q: text(q) },
    ...{ dp: text(d % (p - 1n)), dq: text(d % (q - 1n)), qi: text(inverse(q, p)) },
  }
  return createPrivateKey({ key: jwk, format: 'jwk' })
}

interface Held {
  keyId: string
  privateKey: KeyObject
  secret: Uint8Array
}

/** What was unwrapped, or was not, is remembered: RSA is slow, and the answer the same. */
export function fuzzKeys(owners: readonly OwnerId[], random: Prng): OwnerKeys {
  const unwrapped = new Map<string, Uint8Array | AppError>()
  const held = new Map<OwnerId, Held>()
  for (const [n, owner] of owners.entries()) {
    const [keyId, privateKey] = [`fuzz/${owner}/1`, privateKeyOf(n)]
    held.set(owner, { keyId, privateKey, secret: random.bytes(HASH_BYTES) })
  }
  const find = (owner: OwnerId): Held => {
    const found = held.get(owner)
    if (found === undefined) throw keyError('KeyMissing', 'denied')
    return found
  }
  return {
    create: async (owner) => void find(owner),
    async recipients(owner) {
      const { keyId, privateKey } = find(owner)
      const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
      const fingerprint = createHash('sha256').update(publicKey).digest('hex')
      return [{ keyId, fingerprint, publicKey }]
    },
    indexSecret: async (owner) => find(owner).secret,
    async unwrap(owner, keyId, wrapped) {
      const { privateKey, ...found } = find(owner)
      if (found.keyId !== keyId) throw keyError('KeyMissing', 'denied')
      const name = `${owner} ${Buffer.from(wrapped).toString('base64')}`
      const known = unwrapped.get(name) ?? decrypt(privateKey, wrapped)
      if (unwrapped.size >= UNWRAPPED_MAX) unwrapped.clear()
      unwrapped.set(name, known)
      if (known instanceof AppError) throw known
      return known
    },
  }
}

const UNWRAPPED_MAX = 100

function decrypt(key: KeyObject, wrapped: Uint8Array): Uint8Array | AppError {
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  try {
    return privateDecrypt({ key, padding, oaepHash: 'sha256' }, wrapped)
  } catch (cause) {
    return keyError('WrappedKeyDamaged', 'corrupt', cause)
  }
}

function keyError(code: string, kind: 'denied' | 'corrupt', cause?: unknown): AppError {
  return new AppError({ code, kind, message: `A ${code} of the fuzzed vault.`, cause })
}

/**
 * Runs `work` with RSA-OAEP whose seed comes from `random`: OpenSSL takes its own, and every
 * byte that is built would be another in each run.
 */
export async function withFixedPadding<T>(random: Prng, work: () => Promise<T>): Promise<T> {
  const { publicEncrypt } = crypto
  const fixed = (options: { key: KeyObject }, plain: Uint8Array) =>
    publicEncrypt({ key: options.key, padding: constants.RSA_NO_PADDING }, padded(random, plain))
  Object.assign(crypto, { publicEncrypt: fixed })
  syncBuiltinESMExports()
  try {
    return await work()
  } finally {
    Object.assign(crypto, { publicEncrypt })
    syncBuiltinESMExports()
  }
}

/** EME-OAEP of RFC 8017, 7.1.1, with SHA-256 and an empty label. */
function padded(random: Prng, plain: Uint8Array): Uint8Array {
  const seed = random.bytes(HASH_BYTES)
  const label = createHash('sha256').digest()
  const zeros = new Uint8Array(MODULUS_BYTES - plain.length - 2 * HASH_BYTES - 2)
  const data = Buffer.concat([label, zeros, new Uint8Array([1]), plain])
  const masked = xor(data, mask(seed, data.length))
  return Buffer.concat([new Uint8Array(1), xor(seed, mask(masked, HASH_BYTES)), masked])
}

function mask(seed: Uint8Array, bytes: number): Uint8Array {
  const pieces: Uint8Array[] = []
  for (let n = 0; n * HASH_BYTES < bytes; n += 1) {
    const counter = Buffer.alloc(4)
    counter.writeUInt32BE(n)
    pieces.push(createHash('sha256').update(seed).update(counter).digest())
  }
  return Buffer.concat(pieces).subarray(0, bytes)
}

const xor = (a: Uint8Array, b: Uint8Array): Uint8Array => a.map((byte, n) => byte ^ (b[n] ?? 0))
