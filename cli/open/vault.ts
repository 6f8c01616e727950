/** A vault as the commands read it. */
import { systemClock, systemRandomness } from '../../src/adapters/system.ts'
import type { BlobStore, OwnerKeys } from '../../src/ports.ts'
import { createVault, type VaultApi } from '../../src/vault/index.ts'
import { usageError } from '../trouble.ts'
import { openKeys } from './keys.ts'
import type { VaultOptions } from './options.ts'
import { openStore } from './store.ts'

export interface OpenVault {
  store: BlobStore
  /** Undefined: only what lies in the clear can be read. */
  opened: { keys: OwnerKeys; api: VaultApi } | undefined
}

/** Throws what openStore and openKeys throw. */
export async function openVault(options: VaultOptions, signal: AbortSignal): Promise<OpenVault> {
  const store = await openStore(options, signal)
  const keys = await openKeys(options, store)
  if (keys === undefined) return { store, opened: undefined }
  const on = { vault: store, keys, clock: systemClock, random: systemRandomness }
  return { store, opened: { keys, api: createVault({ ...on, toolVersion: 'holdfast/cli' }) } }
}

/** Throws `Usage` where no option names keys. */
export async function openWithKeys(
  options: VaultOptions,
  signal: AbortSignal,
): Promise<{ store: BlobStore; api: VaultApi }> {
  const { store, opened } = await openVault(options, signal)
  if (opened) return { store, api: opened.api }
  throw usageError(
    'Names and content are sealed, and no keys were given.',
    'Give --keys FILE|DIR for local keys, or --key-vault URL.',
  )
}
