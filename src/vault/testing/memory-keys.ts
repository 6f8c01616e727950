/**
 * OwnerKeys in memory for tests. RSA keys are costly to make, so a few are made once for each
 * process and handed out in turn; the keys of two owners made one after the other differ.
 */
import {
  constants,
  createHash,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  randomBytes,
} from 'node:crypto'
import { AppError } from '../../model/errors.ts'
import type { OwnerId } from '../../model/ids.ts'
import type { OwnerKeys } from '../../ports.ts'

const pool: KeyObject[] = []
const POOL_SIZE = 2
let next = 0

function somePrivateKey(): KeyObject {
  if (pool.length < POOL_SIZE) {
    pool.push(generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey)
  }
  next += 1
  const key = pool[next % pool.length]
  if (key === undefined) throw new RangeError('The pool of keys is empty.')
  return key
}

interface Held {
  keyId: string
  privateKey: KeyObject
  secret: Uint8Array
}

export interface MemoryKeys extends OwnerKeys {
  /** Set: every unwrap is denied, as for the writer's identity. */
  mayUnwrap: boolean
  /** Calls of unwrap so far. */
  unwraps: number
  erase(owner: OwnerId): void
  /** Gives the owner another key under the same id, as an attacker would. */
  swap(owner: OwnerId): void
  /** The secret store is lost; the keys are not. */
  loseSecret(owner: OwnerId): void
  /** What a key file of localKeys says. */
  fileOf(owner: OwnerId): { keyId: string; privateKey: string; indexSecret: string }
  /** The same keys in a store of their own. */
  fork(): MemoryKeys
}

export function createMemoryKeys(): MemoryKeys {
  return storeOf(new Map(), new Set())
}

function storeOf(held: Map<OwnerId, Held>, lost: Set<OwnerId>): MemoryKeys {
  const find = (owner: OwnerId): Held => {
    const found = held.get(owner)
    if (found === undefined) throw keyError('KeyMissing')
    return found
  }
  const store: MemoryKeys = {
    mayUnwrap: true,
    unwraps: 0,
    erase: (owner) => held.delete(owner),
    swap(owner) {
      const before = find(owner)
      const other = generateKeyPairSync('rsa', { modulusLength: 3072 }).privateKey
      held.set(owner, { ...before, privateKey: other })
    },
    loseSecret: (owner) => lost.add(owner),
    fileOf(owner) {
      const { keyId, privateKey, secret } = find(owner)
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
      const indexSecret = Buffer.from(secret).toString('base64')
      return { keyId, privateKey: pem, indexSecret }
    },
    fork: () => storeOf(new Map(held), new Set(lost)),
    async create(owner) {
      if (held.has(owner)) return
      held.set(owner, {
        keyId: `memory/${owner}/1`,
        privateKey: somePrivateKey(),
        secret: randomBytes(32),
      })
    },
    async recipients(owner) {
      const { keyId, privateKey } = find(owner)
      const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' })
      const fingerprint = createHash('sha256').update(publicKey).digest('hex')
      return [{ keyId, fingerprint, publicKey }]
    },
    async indexSecret(owner) {
      if (lost.has(owner)) throw keyError('KeyMissing')
      return find(owner).secret
    },
    async unwrap(owner, keyId, wrapped) {
      store.unwraps += 1
      if (!store.mayUnwrap) throw keyError('KeyDenied')
      const found = find(owner)
      if (found.keyId !== keyId) throw keyError('KeyMissing')
      const padding = constants.RSA_PKCS1_OAEP_PADDING
      try {
        return privateDecrypt({ key: found.privateKey, padding, oaepHash: 'sha256' }, wrapped)
      } catch (cause) {
        throw new AppError({
          code: 'WrappedKeyDamaged',
          kind: 'corrupt',
          message: 'A wrapped key does not open.',
          cause,
        })
      }
    },
  }
  return store
}

function keyError(code: 'KeyMissing' | 'KeyDenied'): AppError {
  return new AppError({ code, kind: 'denied', message: `A planned ${code}.` })
}
