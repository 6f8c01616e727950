/** OwnerKeys: an RSA key that wraps data keys, and an index secret, for each owner. */
import assert from 'node:assert/strict'
import { constants, createHash, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto'
import { parseOwnerId } from '../../../src/model/ids.ts'
import type { OwnerKeys, Recipient } from '../../../src/ports.ts'
import type { Case } from './cases.ts'

const never = new AbortController().signal
const newOwner = () => parseOwnerId(randomBytes(16).toString('hex'))

/** By an identity that may also unwrap. */
async function made(keys: OwnerKeys) {
  const owner = newOwner()
  await keys.create(owner, never)
  const [recipient] = await keys.recipients(owner, never)
  assert.ok(recipient)
  return { owner, recipient }
}

function wrap({ publicKey }: Recipient, dataKey: Uint8Array): Buffer {
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  return publicEncrypt({ key, padding, oaepHash: 'sha256' }, dataKey)
}

export const KEY_CASES: readonly Case<OwnerKeys>[] = [
  {
    name: 'creating twice makes one key and one secret, and each owner has another secret',
    async run(keys) {
      const { owner, recipient } = await made(keys)
      const secret = Buffer.from(await keys.indexSecret(owner, never))
      await keys.create(owner, never)
      assert.deepEqual(await keys.recipients(owner, never), [recipient])
      assert.deepEqual(Buffer.from(await keys.indexSecret(owner, never)), secret)
      const { owner: other } = await made(keys)
      assert.equal(secret.length, 32)
      assert.notDeepEqual(Buffer.from(await keys.indexSecret(other, never)), secret)
    },
  },
  {
    name: 'a recipient is an RSA-3072 public key with the fingerprint of its bytes',
    async run(keys) {
      const { recipient } = await made(keys)
      const { publicKey, fingerprint, keyId } = recipient
      const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' })
      assert.equal(key.asymmetricKeyDetails?.modulusLength, 3072)
      assert.equal(fingerprint, createHash('sha256').update(publicKey).digest('hex'))
      assert.ok(keyId.length > 0 && keyId.length <= 200)
    },
  },
  {
    name: 'what is wrapped for a recipient comes back under its key id alone',
    async run(keys) {
      const { owner, recipient } = await made(keys)
      const dataKey = randomBytes(32)
      const wrapped = wrap(recipient, dataKey)
      const back = await keys.unwrap(owner, recipient.keyId, wrapped, never)
      assert.deepEqual(Buffer.from(back), dataKey)
      const { recipient: foreign } = await made(keys)
      await assert.rejects(keys.unwrap(owner, foreign.keyId, wrapped, never), {
        code: 'KeyMissing',
      })
      wrapped[5] = (wrapped[5] ?? 0) ^ 1
      await assert.rejects(keys.unwrap(owner, recipient.keyId, wrapped, never), {
        code: 'WrappedKeyDamaged',
      })
    },
  },
  {
    name: 'keys that were never made are missing',
    async run(keys) {
      const missing = { code: 'KeyMissing', kind: 'denied' }
      await assert.rejects(keys.recipients(newOwner(), never), missing)
      await assert.rejects(keys.indexSecret(newOwner(), never), missing)
    },
  },
]
