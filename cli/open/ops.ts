/** The container `ops` beside the vault: what was erased stands there. */
import { type Command, Option } from 'commander'
import { localFiles } from '../../src/adapters/local-files.ts'
import type { BlobStore } from '../../src/ports.ts'
import type { VaultOptions } from './options.ts'
import { httpsUrl } from './store.ts'

export interface OpsOptions {
  ops?: string
  opsContainer: string
}

export function addOpsOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--ops <dir>', 'folder that holds the blobs of the container ops, with --vault'),
    )
    .option('--ops-container <name>', 'container ops in the account of the vault', 'ops')
}

/** Undefined for a folder that comes without one: then nobody knows what was erased. */
export async function openOps(options: VaultOptions & OpsOptions): Promise<BlobStore | undefined> {
  const { ops, opsContainer: container, accountUrl, accountConnection } = options
  if (ops !== undefined) return localFiles(ops)
  if (accountConnection === undefined && accountUrl === undefined) return undefined
  const { azureBlobStore } = await import('../../src/adapters/azure-blob.ts')
  if (accountConnection !== undefined) {
    return azureBlobStore({ connectionString: accountConnection, container })
  }
  const { personCredential } = await import('../../src/adapters/azure-identity.ts')
  const url = httpsUrl(accountUrl ?? '', '--account-url')
  return azureBlobStore({ url, container, credential: personCredential() })
}
