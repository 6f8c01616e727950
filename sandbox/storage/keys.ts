/**
 * The keys of owners: an RSA-3072 key and an index secret each, behind rights.
 *
 * Key pairs are costly, so each machine process makes a few and hands them out in turn. They and
 * the padding of RSA-OAEP are the only chance here that is not of the seed; nothing is decided
 * by them, and traces show labels in the place of what they change.
 */
import {
  constants,
  createHash,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
} from 'node:crypto'
import type { OwnerId } from '../../src/model/ids.ts'
import type { OwnerKeyRemoval, OwnerKeys, Recipient } from '../../src/ports.ts'
import type { SimulatedClock } from './clock.ts'
import type { Identity, KeyRight } from './identities.ts'
import type { SimulatedProcess } from './process.ts'
import type { SeededRandom } from './random.ts'
import { keyError, keyTrouble } from './troubles.ts'

const RSA_BITS = 3072
const INDEX_SECRET_BYTES = 32
const POOL_PAIRS = 2
/** The least that Key Vault has. */
const SOFT_DELETE_MS = 7 * 24 * 3_600_000

interface Pair {
  privateKey: KeyObject
  /** SPKI, DER. */
  publicKey: Uint8Array
}

const pool: Pair[] = []

function pairOf(n: number): Pair {
  const index = n % POOL_PAIRS
  while (pool.length <= index) {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: RSA_BITS })
    pool.push({ privateKey, publicKey: publicKey.export({ type: 'spki', format: 'der' }) })
  }
  const pair = pool[index]
  if (!pair) throw new RangeError('The pool of key pairs is empty.')
  return pair
}

const otherThan = (pair: Pair): Pair => (pairOf(0) === pair ? pairOf(1) : pairOf(0))

interface OwnerKey {
  readonly keyId: string
  readonly pair: Pair
  readonly secret: Uint8Array
  readonly disabled: boolean
  /** Deleted; until then whoever may recover can bring it back. */
  readonly purgedAt?: number
}

export class KeyStore {
  readonly #random: SeededRandom
  readonly #keys: Map<OwnerId, OwnerKey>

  constructor(random: SeededRandom, like?: KeyStore) {
    this.#random = random
    this.#keys = new Map(like ? like.#keys : [])
  }

  /** As somebody with rights over the key vault does it, outside of the product. */
  disable(owner: OwnerId): void {
    const key = this.#keys.get(owner)
    if (key) this.#keys.set(owner, { ...key, disabled: true })
  }

  /** As somebody with rights over the key vault does it: the same name, another key. */
  swap(owner: OwnerId): void {
    const key = this.#keys.get(owner)
    if (key) this.#keys.set(owner, { ...key, pair: otherThan(key.pair) })
  }

  /** Brings deleted keys back, as long as they are not purged. */
  recover(owner: OwnerId, now: number): boolean {
    const key = this.#keys.get(owner)
    if (key?.purgedAt === undefined || key.purgedAt <= now) return false
    const { purgedAt: _, ...kept } = key
    this.#keys.set(owner, kept)
    return true
  }

  /** Deletes with soft delete and purge protection; everybody but the expirer gets `KeyDenied`. */
  openRemoval(
    identity: Identity,
    process: SimulatedProcess,
    clock: Pick<SimulatedClock, 'now'>,
  ): OwnerKeyRemoval {
    return {
      erase: async (owner, signal) => {
        signal.throwIfAborted()
        const effect = () => {
          allow(identity, 'delete')
          return this.#erase(owner, clock.now())
        }
        return await process.call({ port: 'key', op: 'erase', target: owner }, effect, keyTrouble)
      },
    }
  }

  #erase(owner: OwnerId, now: number) {
    const key = this.#keys.get(owner)
    const purgedAt = key?.purgedAt ?? now + SOFT_DELETE_MS
    if (key) this.#keys.set(owner, { ...key, purgedAt })
    return { purgedAt: new Date(key ? purgedAt : now), otherRecipients: [] }
  }

  open(identity: Identity, process: SimulatedProcess): OwnerKeys {
    const pass = async <T>(
      call: { op: string; owner: OwnerId; right: KeyRight; signal: AbortSignal },
      effect: () => T,
    ): Promise<T> => {
      call.signal.throwIfAborted()
      const allowed = () => {
        allow(identity, call.right)
        return effect()
      }
      const { op, owner } = call
      return await process.call({ port: 'key', op, target: owner }, allowed, keyTrouble)
    }
    return {
      create: (owner, signal) =>
        pass({ op: 'create', owner, right: 'create', signal }, () => this.#create(owner)),
      recipients: (owner, signal) =>
        pass({ op: 'recipients', owner, right: 'public', signal }, () => this.#recipients(owner)),
      indexSecret: (owner, signal) =>
        pass({ op: 'indexSecret', owner, right: 'index', signal }, () =>
          Uint8Array.from(this.#find(owner).secret),
        ),
      unwrap: (owner, keyId, wrapped, signal) =>
        pass({ op: 'unwrap', owner, right: 'unwrap', signal }, () =>
          this.#unwrap(owner, keyId, wrapped),
        ),
    }
  }

  #create(owner: OwnerId): void {
    const there = this.#keys.get(owner)
    if (there?.purgedAt !== undefined) throw keyError('KeyMissing', 'denied')
    if (there) return
    this.#keys.set(owner, {
      keyId: `simulated/${owner}/1`,
      pair: pairOf(this.#keys.size),
      secret: this.#random.branch(this.#keys.size).bytes(INDEX_SECRET_BYTES),
      disabled: false,
    })
  }

  #find(owner: OwnerId): OwnerKey {
    const key = this.#keys.get(owner)
    if (!key || key.purgedAt !== undefined) throw keyError('KeyMissing', 'denied')
    if (key.disabled) throw keyError('KeyDisabled', 'denied')
    return key
  }

  #recipients(owner: OwnerId): Recipient[] {
    const { keyId, pair } = this.#find(owner)
    const fingerprint = createHash('sha256').update(pair.publicKey).digest('hex')
    return [{ keyId, fingerprint, publicKey: Uint8Array.from(pair.publicKey) }]
  }

  #unwrap(owner: OwnerId, keyId: string, wrapped: Uint8Array): Uint8Array {
    const key = this.#find(owner)
    if (key.keyId !== keyId) throw keyError('KeyMissing', 'denied')
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    try {
      return privateDecrypt({ key: key.pair.privateKey, padding, oaepHash: 'sha256' }, wrapped)
    } catch {
      // The error of the crypto library says nothing more, and must not say more.
      throw keyError('WrappedKeyDamaged', 'corrupt')
    }
  }
}

function allow(identity: Identity, right: KeyRight): void {
  if (!identity.keys.includes(right)) throw keyError('KeyDenied', 'denied')
}
