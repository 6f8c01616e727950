/**
 * Index secrets that this process keeps for a while, so that a question about an owner whose
 * mailbox has not changed costs no call to Key Vault.
 *
 * For reading rows only. Whoever writes asks for the secret anew (`VaultApi.stream`), so that an
 * owner whose keys were erased is stopped at once; here the erasure is noticed within
 * SECRET_AGE_MS_MAX, and the rows that the secret would open are gone by then.
 */
import type { OwnerId } from '../model/ids.ts'
import type { Clock, OwnerKeys } from '../ports.ts'
import { makeRoom } from './make-room.ts'

export const SECRET_AGE_MS_MAX = 3_600_000
/** Owners whose secrets one process keeps, about 5 MB; beyond it the oldest is dropped. */
export const SECRETS_KEPT_MAX = 20_000

export interface IndexSecretsDeps {
  keys: Pick<OwnerKeys, 'indexSecret'>
  clock: Pick<Clock, 'now'>
  /** Default SECRETS_KEPT_MAX. */
  keptMax?: number
}

/** The secret of an owner. Throws what the key store throws, which is not remembered. */
export function createIndexSecrets(
  deps: IndexSecretsDeps,
): (owner: OwnerId, signal: AbortSignal) => Promise<Uint8Array> {
  const { keys, clock, keptMax = SECRETS_KEPT_MAX } = deps
  // In the order in which they were fetched, so that the oldest is the first.
  const kept = new Map<OwnerId, { fetchedAt: number; secret: Uint8Array }>()
  return async (owner, signal) => {
    const found = kept.get(owner)
    if (found !== undefined && clock.now() - found.fetchedAt < SECRET_AGE_MS_MAX) {
      return found.secret
    }
    const secret = await keys.indexSecret(owner, signal)
    kept.delete(owner)
    makeRoom(kept, keptMax)
    kept.set(owner, { fetchedAt: clock.now(), secret })
    return secret
  }
}
