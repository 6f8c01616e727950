/**
 * The keys of the owners that the options name.
 *
 * An index secret that is lost or withheld is brought back with the key alone: every commit carries
 * it wrapped. So whoever may unwrap needs nothing else.
 */
import { stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { localKeys } from '../../src/adapters/local-keys.ts'
import { hasCode } from '../../src/model/errors.ts'
import type { OwnerId } from '../../src/model/ids.ts'
import type { BlobStore, OwnerKeys } from '../../src/ports.ts'
import { recoverIndexSecret } from '../../src/vault/index.ts'
import { refusal, usageError } from '../trouble.ts'
import type { VaultOptions } from './options.ts'
import { httpsUrl } from './store.ts'

/** Undefined where no option names any. Throws `Usage`. */
export async function openKeys(
  options: VaultOptions,
  store: BlobStore,
): Promise<OwnerKeys | undefined> {
  const keys = await keysOf(options)
  return keys && recovering(keys, store)
}

async function keysOf({ keys, keyVault }: VaultOptions): Promise<OwnerKeys | undefined> {
  if (keys !== undefined) return await fileKeys(keys)
  if (keyVault === undefined) return undefined
  const url = httpsUrl(keyVault, '--key-vault')
  const { keyVaultKeys } = await import('../../src/adapters/key-vault.ts')
  const { personCredential } = await import('../../src/adapters/azure-identity.ts')
  return keyVaultKeys({ url, credential: personCredential() })
}

async function fileKeys(path: string): Promise<OwnerKeys> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isDirectory()) return localKeys(path)
  const [, owner] = /^([0-9a-f]{32})\.json$/.exec(basename(path)) ?? []
  if (found?.isFile() && owner !== undefined) {
    return onlyOf(owner as OwnerId, localKeys(dirname(path)))
  }
  throw usageError(
    found ? 'The file in --keys is not named as a key file is.' : 'There is nothing at --keys.',
    'Give the folder of the key files, or one of them; each is called <owner id>.json.',
  )
}

/** Who gives one file means the keys in it, and not what lies beside it. */
function onlyOf(owner: OwnerId, keys: OwnerKeys): OwnerKeys {
  const mine = <T>(asked: OwnerId, call: () => Promise<T>): Promise<T> =>
    asked === owner ? call() : Promise.reject(otherOwner(asked))
  return {
    create: (asked) => Promise.reject(otherOwner(asked)),
    recipients: (asked, signal) => mine(asked, () => keys.recipients(asked, signal)),
    indexSecret: (asked, signal) => mine(asked, () => keys.indexSecret(asked, signal)),
    unwrap: (asked, ...rest) => mine(asked, () => keys.unwrap(asked, ...rest)),
  }
}

function otherOwner(owner: OwnerId) {
  return refusal(
    'KeyMissing',
    'The key file that was given is of another owner.',
    'Give the folder that holds the key files of all owners.',
    { owner },
  )
}

function recovering(keys: OwnerKeys, vault: BlobStore): OwnerKeys {
  const recovered = new Map<OwnerId, Uint8Array>()
  return {
    ...keys,
    async indexSecret(owner, signal) {
      const known = recovered.get(owner)
      if (known !== undefined) return known
      try {
        return await keys.indexSecret(owner, signal)
      } catch (error) {
        if (!hasCode(error, 'KeyMissing') && !hasCode(error, 'KeyDenied')) throw error
        const secret = await recoverIndexSecret({ vault, keys }, owner, signal).catch(() => {
          throw error
        })
        recovered.set(owner, secret)
        return secret
      }
    },
  }
}
