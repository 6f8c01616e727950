/**
 * Data keys of the writer: AES-256, made here, kept in memory only, at most a day old.
 *
 * With each new data key the owner's public keys are fetched anew and compared with the owner
 * record, so that a key that was deleted, disabled or swapped stops the owner at once instead of
 * being noticed at a restore. The data key leaves the process wrapped only. There is no way here
 * to open anything.
 */
import { constants, createHash, createPublicKey, publicEncrypt } from 'node:crypto'
import { AppError, invariant } from '../model/errors.ts'
import type { OwnerId } from '../model/ids.ts'
import type { Clock, OwnerKeys, Randomness, Recipient } from '../ports.ts'
import { RECIPIENTS_MAX } from './limits.ts'
import { makeRoom } from './make-room.ts'
import type { WrappedKey } from './pack-format.ts'
import { ownerErased } from './retention/owner-erased.ts'
import type { OwnerRecord } from './types.ts'

export const DATA_KEY_AGE_MS_MAX = 24 * 60 * 60 * 1000
/** Owners whose data keys one process keeps; beyond it the oldest is dropped and made anew. */
const OWNERS_KEPT_MAX = 2000
const RSA_BITS_MIN = 3072

export interface DataKey {
  /** 16 random bytes, hex. */
  id: string
  key: Uint8Array
  /** The data key, for each recipient. */
  recipients: readonly WrappedKey[]
  /** The owner's index secret, for each recipient: goes into every commit.json. */
  secret: readonly WrappedKey[]
}

export interface DataKeys {
  /** Throws `OwnerErased`, `OwnerKeyMismatch`, `OwnerUnknown`, `KeyStoreUnavailable`. */
  current(owner: OwnerId, signal: AbortSignal): Promise<DataKey>
}

export interface DataKeysDeps {
  keys: OwnerKeys
  clock: Clock
  random: Randomness
  ownerRecord(owner: OwnerId, signal: AbortSignal): Promise<OwnerRecord | undefined>
  isErased(owner: OwnerId, signal: AbortSignal): Promise<boolean>
  /** Default OWNERS_KEPT_MAX. */
  keptMax?: number
}

export function createDataKeys(deps: DataKeysDeps): DataKeys {
  const { keptMax = OWNERS_KEPT_MAX } = deps
  const kept = new Map<OwnerId, { madeAt: number; key: Promise<DataKey> }>()
  return {
    current(owner, signal) {
      const now = deps.clock.now()
      const found = kept.get(owner)
      if (found !== undefined && now - found.madeAt < DATA_KEY_AGE_MS_MAX) return found.key
      kept.delete(owner)
      makeRoom(kept, keptMax)
      const entry = { madeAt: now, key: makeDataKey(deps, owner, signal) }
      kept.set(owner, entry)
      // A failed attempt must not be remembered; its caller still gets the error.
      entry.key.catch(() => {
        if (kept.get(owner) === entry) kept.delete(owner)
      })
      return entry.key
    },
  }
}

async function makeDataKey(
  deps: DataKeysDeps,
  owner: OwnerId,
  signal: AbortSignal,
): Promise<DataKey> {
  if (await deps.isErased(owner, signal)) throw ownerErased(owner)
  const record = await deps.ownerRecord(owner, signal)
  if (record === undefined) throw unknownOwner(owner)
  const recipients = await currentRecipients(deps.keys, owner, signal)
  compare(owner, record, recipients)
  const secret = await deps.keys.indexSecret(owner, signal)
  const key = deps.random.bytes(32)
  return {
    id: Buffer.from(deps.random.bytes(16)).toString('hex'),
    key,
    recipients: recipients.map((r) => wrap(r, key)),
    secret: recipients.map((r) => wrap(r, secret)),
  }
}

/** The public keys as they are now. Throws `OwnerKeyMismatch` where one is missing or disabled. */
async function currentRecipients(
  keys: OwnerKeys,
  owner: OwnerId,
  signal: AbortSignal,
): Promise<Recipient[]> {
  try {
    return await keys.recipients(owner, signal)
  } catch (error) {
    const dead = error instanceof AppError && ['KeyMissing', 'KeyDisabled'].includes(error.code)
    throw dead ? mismatch(owner, error.code, error) : error
  }
}

function compare(owner: OwnerId, record: OwnerRecord, recipients: readonly Recipient[]): void {
  const count = recipients.length
  invariant(count >= 1 && count <= RECIPIENTS_MAX, 'an owner has one to four recipients')
  if (count !== record.recipients.length) throw mismatch(owner, 'count')
  for (const recipient of recipients) {
    const recorded = record.recipients.find((r) => r.keyId === recipient.keyId)
    const fingerprint = fingerprintOf(recipient.publicKey)
    const same = recorded?.fingerprint === fingerprint && recipient.fingerprint === fingerprint
    if (!same) throw mismatch(owner, 'fingerprint')
  }
}

/** SHA-256 of the SPKI bytes, hex. */
export function fingerprintOf(publicKey: Uint8Array): string {
  return createHash('sha256').update(publicKey).digest('hex')
}

function wrap(recipient: Recipient, plain: Uint8Array): WrappedKey {
  const key = createPublicKey({
    key: Buffer.from(recipient.publicKey),
    format: 'der',
    type: 'spki',
  })
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0
  invariant(key.asymmetricKeyType === 'rsa' && bits >= RSA_BITS_MIN, 'an owner key is RSA-3072')
  const wrapped = publicEncrypt(
    { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    plain,
  )
  return { keyId: recipient.keyId, fingerprint: recipient.fingerprint, wrapped }
}

function mismatch(owner: OwnerId, reason: string, cause?: unknown): AppError {
  return new AppError({
    code: 'OwnerKeyMismatch',
    kind: 'denied',
    message: 'The key of an owner is missing, disabled or not the one in the owner record.',
    hint: 'Nothing more is backed up for this owner. Find out who changed the key; recover it.',
    context: { owner, reason },
    cause,
  })
}

function unknownOwner(owner: OwnerId): AppError {
  return new AppError({
    code: 'OwnerUnknown',
    kind: 'permanent',
    message: 'This owner has no record in the vault.',
    hint: 'Protect the resource first; that registers its owner.',
    context: { owner },
  })
}
