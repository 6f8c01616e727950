/** The blobs of the vault that the options name; nothing here writes. */
import { stat } from 'node:fs/promises'
import type { AzureBlobOptions } from '../../src/adapters/azure-blob.ts'
import { localFiles } from '../../src/adapters/local-files.ts'
import type { BlobStore, BlobVersions } from '../../src/ports.ts'
import { copiedVault, hasFormat } from '../../src/vault/index.ts'
import { refusal, usageError } from '../trouble.ts'
import type { VaultOptions } from './options.ts'

/**
 * Throws `Usage`, `NotAVault` where neither format.json nor an owner is there, `FormatUnknown`,
 * and what the store throws.
 */
export async function openStore(options: VaultOptions, signal: AbortSignal): Promise<BlobStore> {
  const found = await storeOf(options)
  const store = isCopy(options) ? copiedVault(found) : found
  if (await hasFormat(store, signal)) return store
  for await (const _ of store.list('owners/', signal)) return store
  throw refusal(
    'NotAVault',
    'There is no vault: neither a format.json nor an owner.',
    options.vault === undefined
      ? 'Check --account-url and --container; the container of a vault is called "vault" by default.'
      : 'Check --vault: it is the folder in which "format.json", "owners" and "packs" lie.',
  )
}

/** Whether the times at which blobs were created say nothing: a folder does not even keep them. */
export const isCopy = ({ vault, copied }: VaultOptions): boolean =>
  vault !== undefined || copied === true

/** Undefined: a folder has none. Throws `Usage`. */
export async function openVersions(options: VaultOptions): Promise<BlobVersions | undefined> {
  if (options.vault !== undefined) return undefined
  const { azureBlobVersions } = await import('../../src/adapters/azure-blob-versions.ts')
  return azureBlobVersions(await accountOf(options))
}

/** Whatever is in it. Throws `Usage`. */
export async function storeOf(options: VaultOptions): Promise<BlobStore> {
  if (options.vault !== undefined) {
    await checkFolder(options.vault)
    return localFiles(options.vault)
  }
  const account = await accountOf(options)
  // The SDK takes half a second to load: only who needs it waits for it.
  const { azureBlobStore } = await import('../../src/adapters/azure-blob.ts')
  return azureBlobStore(account)
}

async function accountOf(options: VaultOptions): Promise<AzureBlobOptions> {
  const { accountUrl, accountConnection, container } = options
  if (accountConnection !== undefined) return { connectionString: accountConnection, container }
  if (accountUrl === undefined) {
    throw usageError(
      'Which vault is meant is not said.',
      'Give --vault DIR for a folder, or --account-url URL for a storage account.',
    )
  }
  const url = httpsUrl(accountUrl, '--account-url')
  const { personCredential } = await import('../../src/adapters/azure-identity.ts')
  return { url, container, credential: personCredential() }
}

async function checkFolder(folder: string): Promise<void> {
  const found = await stat(folder).catch(() => undefined)
  if (found?.isDirectory() === true) return
  throw usageError(
    `${folder} is no folder, or may not be read.`,
    'Give the folder that the vault was copied into.',
  )
}

/** A token is sent there: never in the clear, but for an emulator on this machine. */
export function httpsUrl(text: string, option: string): string {
  const url = URL.parse(text)
  const isLocal = url?.hostname === '127.0.0.1' || url?.hostname === 'localhost'
  if (url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)) return text
  throw usageError(`${option} is no https address.`, 'Copy it from the Azure portal.')
}
