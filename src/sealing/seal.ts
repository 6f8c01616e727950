/**
 * Sealing of index material: event parts, commit bodies, cursors, owner records (DESIGN 5), and of
 * where an upload goes on.
 *
 * Every sealed object has a key of its own, HKDF-SHA-256(index secret, fresh 32-byte salt,
 * purpose), and is AES-256-GCM under that key with a zero nonce, which is safe because no key is
 * ever used twice. Layout: salt 32 | ciphertext | tag 16. What is given as `bound` is
 * authenticated with it and must be given again to open.
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
} from 'node:crypto'
import { AppError, invariant } from '../model/errors.ts'

export const SEAL_OVERHEAD_BYTES = 48
const SALT_BYTES = 32
const TAG_BYTES = 16
const TAG = { authTagLength: TAG_BYTES }
const ZERO_NONCE = new Uint8Array(12)
const NOTHING = new Uint8Array(0)

/** Names what an object is for, so that one can never be passed off as another. */
export type SealPurpose =
  | 'commit-body'
  | 'event-part'
  | 'owner-record'
  | 'cursor'
  | 'base-index'
  | 'base-part'
  | 'upload'

/** Key objects, because node:crypto takes five times longer with keys that are given as bytes. */
function keyOf(secret: Uint8Array, salt: Uint8Array, purpose: SealPurpose): KeyObject {
  const key = hkdfSync('sha256', createSecretKey(secret), salt, `holdfast/1/index/${purpose}`, 32)
  return createSecretKey(new Uint8Array(key))
}

/** `salt` must be fresh randomness of 32 bytes, never used before. */
export function seal(
  secret: Uint8Array,
  purpose: SealPurpose,
  plain: Uint8Array,
  salt: Uint8Array,
  bound: Uint8Array = NOTHING,
): Uint8Array {
  invariant(secret.length === 32, 'an index secret has 32 bytes')
  invariant(salt.length === SALT_BYTES, 'a seal has a salt of 32 bytes')
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret, salt, purpose), ZERO_NONCE)
  cipher.setAAD(bound)
  const body = cipher.update(plain)
  const rest = cipher.final()
  return new Uint8Array(Buffer.concat([salt, body, rest, cipher.getAuthTag()]))
}

/** Throws `SealBroken` where the bytes, the purpose, the secret or `bound` are not the ones of seal(). */
export function unseal(
  secret: Uint8Array,
  purpose: SealPurpose,
  sealed: Uint8Array,
  bound: Uint8Array = NOTHING,
): Uint8Array {
  try {
    // Node takes a tag of 4 bytes for a tag: what is shorter than salt and tag is no seal.
    if (sealed.length < SEAL_OVERHEAD_BYTES) throw new RangeError('too short for a sealed object')
    const salt = sealed.subarray(0, SALT_BYTES)
    const body = sealed.subarray(SALT_BYTES, sealed.length - TAG_BYTES)
    const opener = createDecipheriv('aes-256-gcm', keyOf(secret, salt, purpose), ZERO_NONCE, TAG)
    opener.setAAD(bound)
    opener.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
    return new Uint8Array(Buffer.concat([opener.update(body), opener.final()]))
  } catch (cause) {
    throw new AppError({
      code: 'SealBroken',
      kind: 'corrupt',
      message: `A sealed ${purpose} does not open: it was changed, or belongs to another owner.`,
      hint: 'Run a verification of this owner; the object is treated as damaged until then.',
      cause,
    })
  }
}
