/** The container `ops` beside the vault: what was erased stands there. */
import { type Command, Option } from 'commander'
import type { BlobStore } from '../../src/ports.ts'
import type { VaultOptions } from './options.ts'
import { storeOf } from './store.ts'

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

/**
 * Undefined for a folder that comes without one: then nobody knows what was erased. Throws
 * `ContainerMissing`: it would look as if nobody had been erased.
 */
export async function openOps(
  options: VaultOptions & OpsOptions,
  signal: AbortSignal,
): Promise<BlobStore | undefined> {
  const { ops, opsContainer: container } = options
  if (ops !== undefined) return await storeOf({ ...options, vault: ops })
  if (options.vault !== undefined) return undefined
  const store = await storeOf({ ...options, container })
  for await (const _ of store.list('', signal)) break
  return store
}
