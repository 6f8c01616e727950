/**
 * Keys of owners in Azure Key Vault: key `o-<owner>` (RSA-3072, wraps content data keys) and
 * secret `i-<owner>` (the index secret).
 *
 * The private half never leaves Key Vault; which identity may unwrap is decided by role
 * assignments, not here. Retries are the SDK's. Not proven against a live Key Vault: the tests
 * beside this file answer for one. Recovery of deleted keys is not here.
 */
import { createHash, createPublicKey, randomBytes } from 'node:crypto'
import type { TokenCredential } from '@azure/identity'
import {
  CryptographyClient,
  type CryptographyClientOptions,
  KeyClient,
  type KeyClientOptions,
  type KeyVaultKey,
} from '@azure/keyvault-keys'
import { SecretClient, type SecretClientOptions } from '@azure/keyvault-secrets'
import { AppError } from '../model/errors.ts'
import type { OwnerId } from '../model/ids.ts'
import type { OwnerKeyRemoval, OwnerKeys, Recipient } from '../ports.ts'

const RSA_BITS = 3072
const ALGORITHM = 'RSA-OAEP-256'
const INDEX_SECRET_BYTES = 32

export interface KeyVaultOptions {
  /** `https://<name>.vault.azure.net` */
  url: string
  credential: TokenCredential
  /** For tests: another HTTP client, no retries. */
  client?: KeyClientOptions & SecretClientOptions & CryptographyClientOptions
}

interface Clients {
  keys: KeyClient
  secrets: SecretClient
  cryptography(keyId: string): CryptographyClient
  /** Every id of a key of this vault begins with it. */
  keyIdPrefix: string
}

/** For the identity that erases; the vault has soft delete and purge protection. */
export function keyVaultRemoval(options: KeyVaultOptions): OwnerKeyRemoval {
  const clients = clientsOf(options)
  return {
    async erase(owner, signal) {
      const purges = [
        await deleted(signal, keyDeletion(clients, owner, signal)),
        await deleted(signal, secretDeletion(clients, owner, signal)),
      ]
      // What is neither there nor deleted was purged already.
      const latest = Math.max(...purges.map((at) => at?.getTime() ?? 0))
      return { purgedAt: new Date(latest), otherRecipients: [] }
    },
  }
}

interface Deletion {
  begin(): Promise<unknown>
  /** When it will be purged. */
  scheduled(): Promise<Date | undefined>
}

function keyDeletion({ keys }: Clients, owner: OwnerId, abortSignal: AbortSignal): Deletion {
  const name = keyName(owner)
  return {
    begin: () => keys.beginDeleteKey(name, { abortSignal }),
    scheduled: async () =>
      (await keys.getDeletedKey(name, { abortSignal })).properties.scheduledPurgeDate,
  }
}

function secretDeletion({ secrets }: Clients, owner: OwnerId, abortSignal: AbortSignal): Deletion {
  const name = secretName(owner)
  return {
    begin: () => secrets.beginDeleteSecret(name, { abortSignal }),
    scheduled: async () =>
      (await secrets.getDeletedSecret(name, { abortSignal })).scheduledPurgeDate,
  }
}

/**
 * Idempotent. The service answers a deletion before it is done: while it is neither there nor
 * deleted it says 404, and asking again, which the caller does, finds it.
 */
async function deleted(
  signal: AbortSignal,
  { begin, scheduled }: Deletion,
): Promise<Date | undefined> {
  const isThere = await exists(signal, begin)
  const at = await unlessMissing(call(signal, scheduled))
  if (at === undefined && isThere) throw problem('KeyStoreUnavailable', 'transient')
  return at
}

async function unlessMissing<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof AppError && error.code === 'KeyMissing') return undefined
    throw error
  }
}

function clientsOf({ url, credential, client = {} }: KeyVaultOptions): Clients {
  return {
    keys: new KeyClient(url, credential, client),
    secrets: new SecretClient(url, credential, client),
    cryptography: (keyId) => new CryptographyClient(keyId, credential, client),
    keyIdPrefix: `${new URL(url).origin}/keys/`,
  }
}

export function keyVaultKeys(options: KeyVaultOptions): OwnerKeys {
  const clients = clientsOf(options)
  return {
    create: (owner, signal) => createKeys(clients, owner, signal),
    async recipients(owner, signal) {
      const key = await call(signal, () => getKey(clients, owner, signal))
      return [recipientOf(key)]
    },
    indexSecret: (owner, signal) => indexSecret(clients, owner, signal),
    unwrap: (owner, keyId, wrapped, signal) => unwrap(clients, { owner, keyId, wrapped }, signal),
  }
}

const keyName = (owner: OwnerId) => `o-${owner}`
const secretName = (owner: OwnerId) => `i-${owner}`

const getKey = ({ keys }: Clients, owner: OwnerId, signal: AbortSignal) =>
  keys.getKey(keyName(owner), { abortSignal: signal })

/**
 * Idempotent one after the other. Two calls at the same moment could make two versions of a key,
 * of which the newer would count; the owner record then stops the owner (`OwnerKeyMismatch`)
 * instead of letting it write for a key that nobody recorded.
 */
async function createKeys(clients: Clients, owner: OwnerId, signal: AbortSignal): Promise<void> {
  const abortSignal = signal
  const { keys, secrets } = clients
  if (!(await exists(signal, () => getKey(clients, owner, signal)))) {
    const options = { keySize: RSA_BITS, keyOps: ['wrapKey', 'unwrapKey'], abortSignal }
    await call(signal, () => keys.createRsaKey(keyName(owner), options))
  }
  const name = secretName(owner)
  if (!(await exists(signal, () => secrets.getSecret(name, { abortSignal })))) {
    const value = randomBytes(INDEX_SECRET_BYTES).toString('base64')
    const options = { contentType: 'application/octet-stream;base64', abortSignal }
    await call(signal, () => secrets.setSecret(name, value, options))
  }
}

async function exists(signal: AbortSignal, get: () => Promise<unknown>): Promise<boolean> {
  try {
    await call(signal, get)
    return true
  } catch (error) {
    if (error instanceof AppError && error.code === 'KeyMissing') return false
    throw error
  }
}

function recipientOf({ id, key, properties }: KeyVaultKey): Recipient {
  if (properties.enabled === false) throw problem('KeyDisabled', 'denied')
  if (id === undefined || key?.n === undefined || key.e === undefined) {
    throw problem('KeyStoreFault', 'permanent')
  }
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url')
  const jwk = { kty: 'RSA', n: text(key.n), e: text(key.e) }
  const publicKey = createPublicKey({ key: jwk, format: 'jwk' }).export({
    type: 'spki',
    format: 'der',
  })
  const fingerprint = createHash('sha256').update(publicKey).digest('hex')
  return { keyId: id, fingerprint, publicKey }
}

async function indexSecret(
  { secrets }: Clients,
  owner: OwnerId,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const abortSignal = signal
  const { value } = await call(signal, () => secrets.getSecret(secretName(owner), { abortSignal }))
  const secret = Buffer.from(value ?? '', 'base64')
  if (secret.length !== INDEX_SECRET_BYTES) throw problem('KeyStoreFault', 'permanent')
  return secret
}

async function unwrap(
  clients: Clients,
  { owner, keyId, wrapped }: { owner: OwnerId; keyId: string; wrapped: Uint8Array },
  signal: AbortSignal,
): Promise<Uint8Array> {
  // The key id comes from a blob. It must not lead our token to another server, nor make one
  // owner's key open what is stored for another.
  const mine = `${clients.keyIdPrefix}${keyName(owner)}/`
  if (!keyId.startsWith(mine) || !/^[0-9a-f]{32}$/.test(keyId.slice(mine.length))) {
    throw problem('KeyMissing', 'denied')
  }
  const options = { abortSignal: signal }
  const { result } = await call(signal, () =>
    clients.cryptography(keyId).unwrapKey(ALGORITHM, wrapped, options),
  )
  return result
}

async function call<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw translateError(error, signal)
  }
}

/** The fields of the SDK's RestError that are read; it exports no class of its own for it. */
interface ServiceError extends Error {
  statusCode?: number
  code?: string
  details?: unknown
}

/** What the SDK threw, in our words; the signal's own reason where the deadline ended the call. */
export function translateError(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  if (!(error instanceof Error) || error instanceof AppError) return error
  const { statusCode: status, code } = error as ServiceError
  if (error.name !== 'RestError') return error
  const context = { status: status ?? 0, keyVaultCode: code ?? '' }
  if (status === 404) return problem('KeyMissing', 'denied', context, error)
  // Deleted but recoverable: the name cannot be used until somebody recovers or purges it.
  if (status === 409) return problem('KeyMissing', 'denied', context, error)
  const inner = JSON.stringify((error as ServiceError).details ?? '')
  const disabled =
    /"(KeyDisabled|SecretDisabled)"/.test(inner) || /is disabled/i.test(error.message)
  if (status === 403 && disabled) return problem('KeyDisabled', 'denied', context, error)
  if (status === 401 || status === 403) return problem('KeyDenied', 'denied', context, error)
  if (status === 400) return problem('WrappedKeyDamaged', 'corrupt', context, error)
  return problem('KeyStoreUnavailable', 'transient', context, error)
}

const TEXTS = {
  KeyMissing: [
    'A key or index secret of this owner is not in Key Vault.',
    'If it was deleted by mistake, recover it within the soft-delete period.',
  ],
  KeyDisabled: [
    'A key or index secret of this owner is disabled.',
    'Find out who disabled it, and enable it again.',
  ],
  KeyDenied: [
    'Key Vault refuses this identity or this network.',
    'Check the role assignments and network rules of the Key Vault.',
  ],
  WrappedKeyDamaged: [
    'A wrapped key does not open with the key that it names.',
    'Run a verification of this owner.',
  ],
  KeyStoreUnavailable: [
    'Key Vault cannot be reached, or is busy.',
    'Holdfast tries again by itself.',
  ],
  KeyStoreFault: [
    'Key Vault holds something else than Holdfast made.',
    'Find out who changed the key or secret of this owner.',
  ],
} as const

function problem(
  code: keyof typeof TEXTS,
  kind: AppError['kind'],
  context: Record<string, string | number> = {},
  cause?: unknown,
): AppError {
  const [message, hint] = TEXTS[code]
  return new AppError({
    code,
    kind,
    message,
    hint,
    context,
    ...(cause === undefined ? {} : { cause }),
  })
}
