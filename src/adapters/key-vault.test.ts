/**
 * The Key Vault adapter against an answering HTTP client: what it sends and how it reads what
 * comes back. No live Key Vault has seen it.
 */
import assert from 'node:assert/strict'
import {
  constants,
  createHash,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto'
import { test } from 'node:test'
import type { KeyClientOptions } from '@azure/keyvault-keys'
import { hasCode } from '../model/errors.ts'
import { parseOwnerId } from '../model/ids.ts'
import { keyVaultKeys, keyVaultRemoval } from './key-vault.ts'

const URL_OF_VAULT = 'https://unit-test.vault.azure.net'
const owner = parseOwnerId('0123456789abcdef0123456789abcdef')
const signal = new AbortController().signal
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
const VERSION = '00112233445566778899aabbccddeeff'

const PURGED = Date.UTC(2027, 0, 1)
const CHALLENGE =
  'Bearer authorization="https://login.microsoftonline.com/t", resource="https://vault.azure.net"'

type HttpClient = NonNullable<KeyClientOptions['httpClient']>
type HttpRequest = Parameters<HttpClient['sendRequest']>[0]

/** A Key Vault with one owner's key and secret, as far as the adapter uses it. */
class AnsweringVault {
  key: { enabled: boolean } | undefined
  secret: string | undefined
  unwrapping: 'allowed' | 'denied' = 'allowed'
  /** What is deleted and not purged. */
  readonly deleted = new Set<'keys' | 'secrets'>()
  down = false
  readonly calls: string[] = []

  readonly client: HttpClient = {
    sendRequest: async (request) => {
      const url = new URL(request.url)
      const authorised = request.headers.has('authorization')
      const [status, body] = authorised ? this.#answer(request, url) : ([401, {}] as const)
      // The SDK exports no way to make headers, so those of the request become the answer's.
      const { headers } = request
      for (const [name] of [...headers]) headers.delete(name)
      headers.set('content-type', 'application/json')
      if (status === 401) headers.set('www-authenticate', CHALLENGE)
      return { request, status, headers, bodyAsText: JSON.stringify(body) }
    },
  }

  #answer(request: HttpRequest, url: URL): readonly [number, unknown] {
    this.calls.push(`${request.method} ${url.pathname}`)
    if (this.down) return [503, { error: { code: 'Unavailable', message: 'busy' } }]
    const kind = url.pathname.includes('keys/') ? 'keys' : 'secrets'
    if (request.method === 'DELETE' || url.pathname.startsWith('/deleted')) {
      return this.#deletion(kind, request.method === 'DELETE')
    }
    const body = JSON.parse(typeof request.body === 'string' ? request.body : '{}')
    if (url.pathname.endsWith('/create')) {
      assert.deepEqual([body.kty, body.key_size], ['RSA', 3072])
      this.key = { enabled: true }
      return this.#keyBundle()
    }
    if (url.pathname.endsWith('/unwrapkey')) return this.#unwrap(body)
    if (url.pathname.startsWith('/keys/')) return this.key ? this.#keyBundle() : this.#missing()
    if (request.method === 'PUT') this.secret = body.value
    if (this.secret === undefined) return this.#missing()
    return [200, { value: this.secret, id: `${URL_OF_VAULT}/secrets/i-${owner}/1`, attributes: {} }]
  }

  #deletion(kind: 'keys' | 'secrets', isAsked: boolean): readonly [number, unknown] {
    const isThere = kind === 'keys' ? this.key !== undefined : this.secret !== undefined
    if (isAsked && isThere) {
      if (kind === 'keys') this.key = undefined
      else this.secret = undefined
      this.deleted.add(kind)
    } else if (isAsked || !this.deleted.has(kind)) return this.#missing()
    const attributes = { recoverableDays: 7 }
    const days = kind === 'keys' ? 7 : 8
    const times = { deletedDate: PURGED / 1000, scheduledPurgeDate: PURGED / 1000 + days }
    const key = { kid: this.#kid(), kty: 'RSA' }
    const recoveryId = `${URL_OF_VAULT}/deleted${kind}/x`
    const id = `${URL_OF_VAULT}/${kind}/x/1`
    return [200, { ...(kind === 'keys' ? { key } : { id }), attributes, recoveryId, ...times }]
  }

  #unwrap(body: { alg: string; value: string }): readonly [number, unknown] {
    assert.equal(body.alg, 'RSA-OAEP-256')
    if (this.unwrapping === 'denied') return [403, { error: { code: 'Forbidden', message: 'no' } }]
    const plain = privateDecrypt(
      { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
      Buffer.from(body.value, 'base64url'),
    )
    return [200, { kid: this.#kid(), value: plain.toString('base64url') }]
  }

  #keyBundle(): readonly [number, unknown] {
    const { n, e } = publicKey.export({ format: 'jwk' })
    const key = { kid: this.#kid(), kty: 'RSA', key_ops: ['wrapKey', 'unwrapKey'], n, e }
    return [200, { key, attributes: { enabled: this.key?.enabled } }]
  }

  #kid = () => `${URL_OF_VAULT}/keys/o-${owner}/${VERSION}`
  #missing = () => [404, { error: { code: 'KeyNotFound', message: 'none' } }] as const
}

function setUp() {
  const vault = new AnsweringVault()
  const credential = {
    getToken: async () => ({ token: 'unit-test', expiresOnTimestamp: Date.now() + 3_600_000 }),
  }
  const client = { httpClient: vault.client, retryOptions: { maxRetries: 0 } }
  const options = { url: URL_OF_VAULT, credential, client }
  return { vault, keys: keyVaultKeys(options), removal: keyVaultRemoval(options) }
}

const coded = (code: string) => (error: unknown) => hasCode(error, code)

test('creating twice makes one key and one secret', async () => {
  const { vault, keys } = setUp()
  await keys.create(owner, signal)
  const { secret } = vault
  await keys.create(owner, signal)
  assert.equal(vault.secret, secret)
  assert.equal(vault.calls.filter((c) => c.endsWith('/create')).length, 1)
  assert.equal((await keys.indexSecret(owner, signal)).length, 32)
})

test('a recipient is the public half, with the id that names its version', async () => {
  const { keys } = setUp()
  await keys.create(owner, signal)
  const spki = publicKey.export({ type: 'spki', format: 'der' })
  const [recipient] = await keys.recipients(owner, signal)
  assert.ok(recipient !== undefined)
  assert.equal(recipient.keyId, `${URL_OF_VAULT}/keys/o-${owner}/${VERSION}`)
  assert.ok(spki.equals(recipient.publicKey))
  assert.equal(recipient.fingerprint, createHash('sha256').update(spki).digest('hex'))
})

test('what is wrapped with the public half comes back', async () => {
  const { vault, keys } = setUp()
  await keys.create(owner, signal)
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  const dataKey = randomBytes(32)
  const wrapped = publicEncrypt({ key: publicKey, padding, oaepHash: 'sha256' }, dataKey)
  const keyId = `${URL_OF_VAULT}/keys/o-${owner}/${VERSION}`
  assert.deepEqual(Buffer.from(await keys.unwrap(owner, keyId, wrapped, signal)), dataKey)
  vault.unwrapping = 'denied'
  await assert.rejects(keys.unwrap(owner, keyId, wrapped, signal), coded('KeyDenied'))
})

test('erasing deletes both, and says when the later of them is gone for good', async () => {
  const { vault, keys, removal } = setUp()
  await keys.create(owner, signal)
  const first = await removal.erase(owner, signal)
  assert.deepEqual([vault.key, vault.secret], [undefined, undefined])
  assert.deepEqual(first, { purgedAt: new Date(PURGED + 8000), otherRecipients: [] })
  assert.deepEqual(await removal.erase(owner, signal), first, 'the same when it is asked again')
  await assert.rejects(keys.recipients(owner, signal), coded('KeyMissing'))
  vault.deleted.clear()
  const { purgedAt } = await removal.erase(owner, signal)
  assert.ok(purgedAt.getTime() < PURGED, 'what is purged is gone since long ago')
})

test('a key id of another vault or owner is never asked', async () => {
  const { vault, keys } = setUp()
  await keys.create(owner, signal)
  const before = vault.calls.length
  const foreign = [
    `https://attacker.example/keys/o-${owner}/${VERSION}`,
    `${URL_OF_VAULT}/keys/o-ffffffffffffffffffffffffffffffff/${VERSION}`,
    `${URL_OF_VAULT}/keys/o-${owner}/../o-other/${VERSION}`,
    `${URL_OF_VAULT}.attacker.example/keys/o-${owner}/${VERSION}`,
  ]
  for (const keyId of foreign) {
    await assert.rejects(keys.unwrap(owner, keyId, randomBytes(384), signal), coded('KeyMissing'))
  }
  assert.equal(vault.calls.length, before)
})

test('missing, disabled, denied and unreachable are told apart', async () => {
  const { vault, keys } = setUp()
  await assert.rejects(keys.recipients(owner, signal), coded('KeyMissing'))
  await assert.rejects(keys.indexSecret(owner, signal), coded('KeyMissing'))
  vault.key = { enabled: false }
  await assert.rejects(keys.recipients(owner, signal), coded('KeyDisabled'))
  vault.down = true
  await assert.rejects(keys.recipients(owner, signal), coded('KeyStoreUnavailable'))
  const over = new Error('over')
  await assert.rejects(keys.recipients(owner, AbortSignal.abort(over)), over)
})
