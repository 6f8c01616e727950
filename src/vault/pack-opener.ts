/**
 * Opens packs of one owner for reading: unwraps data keys with the owner's key, once for each
 * data key, and keeps them for the life of one reader. Needs the right to unwrap.
 */
import { AppError, invariant } from '../model/errors.ts'
import type { OwnerId } from '../model/ids.ts'
import type { OwnerKeys } from '../ports.ts'
import { makeRoom } from './make-room.ts'
import { checkOwner, type PackKeys, packKeys } from './pack-crypto.ts'
import type { PackHeader, WrappedKey } from './pack-format.ts'

/** A data key lives a day, so this is some ten years of one owner. */
const DATA_KEYS_MAX = 4096
const DATA_KEY_BYTES = 32

export interface PackOpener {
  /** Throws `PackDamaged` for a pack of another owner, and the codes of OwnerKeys.unwrap. */
  keysOf(header: PackHeader, signal: AbortSignal): Promise<PackKeys>
}

export function createPackOpener(keys: OwnerKeys, owner: OwnerId): PackOpener {
  const dataKeys = new Map<string, Promise<Uint8Array>>()
  return {
    async keysOf(header, signal) {
      checkOwner(header, owner)
      // The id alone is chosen by whoever wrote the header: the wrapped bytes are the identity.
      const name = header.recipients.map((r) => Buffer.from(r.wrapped).toString('base64')).join()
      let dataKey = dataKeys.get(name)
      if (dataKey === undefined) {
        makeRoom(dataKeys, DATA_KEYS_MAX)
        dataKey = unwrapAny(keys, owner, header.recipients, signal)
        dataKeys.set(name, dataKey)
        dataKey.catch(() => dataKeys.delete(name))
      }
      return packKeys(await dataKey, header)
    },
  }
}

/**
 * Unwraps with the first of the recipients whose key is at hand. Throws what the owner's own key
 * (the first recipient) said if none is.
 */
export async function unwrapAny(
  keys: Pick<OwnerKeys, 'unwrap'>,
  owner: OwnerId,
  recipients: readonly WrappedKey[],
  signal: AbortSignal,
): Promise<Uint8Array> {
  let first: { error: unknown } | undefined
  for (const { keyId, wrapped } of recipients) {
    try {
      const plain = await keys.unwrap(owner, keyId, wrapped, signal)
      if (plain.length !== DATA_KEY_BYTES) throw badKey(owner)
      return plain
    } catch (error) {
      signal.throwIfAborted()
      first ??= { error }
    }
  }
  invariant(first !== undefined, 'something is wrapped for at least one recipient')
  throw first.error
}

function badKey(owner: OwnerId): AppError {
  return new AppError({
    code: 'WrappedKeyDamaged',
    kind: 'corrupt',
    message: 'A wrapped key opens to something that is no AES-256 key.',
    hint: 'Run a verification of this owner.',
    context: { owner },
  })
}
