/** The options that every command on a vault has: where it is, and where its keys are. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { AppError } from '../../src/model/errors.ts'
import {
  isWorkloadName,
  type KeyHash,
  type OwnerId,
  parseKeyHash,
  parseOwnerId,
  WORKLOADS,
  type WorkloadName,
} from '../../src/model/ids.ts'

export interface VaultOptions {
  vault?: string
  accountUrl?: string
  accountConnection?: string
  container: string
  keys?: string
  keyVault?: string
  copied?: boolean
}

const WHERE_HELP = `
Where the vault is:
  --vault DIR is a folder with the blobs of the container as files (made with azcopy, say). Or name
  the storage account; who runs this is then signed in as DefaultAzureCredential does it (az login,
  a managed identity, environment variables), and needs the role Storage Blob Data Reader.

  --copied says that the vault was copied into that account, by azcopy or replication, say. The times
  at which its blobs were created there are those of the copy: with them commits would count as new,
  or as void where they were copied out of order. So the times that commits state are taken, as always
  in a folder. Do not give it for the account that Holdfast writes to: there the creation times show
  where somebody who stole the writer put a commit into another time.

Where the keys are:
  --keys is the folder that holds <owner>.json for each owner, or one such file. Or name the Key
  Vault; who runs this then needs Key Vault Crypto User and Key Vault Secrets User. Where only the
  key of an owner is left and its index secret is lost, that is brought back from the commits.`

export function addVaultOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--vault <dir>', 'folder that holds the blobs of the vault').conflicts([
        'accountUrl',
        'accountConnection',
      ]),
    )
    .addOption(
      new Option(
        '--account-connection <string>',
        'connection string of the account, for an emulator: others on this machine can read it',
      ).conflicts(['accountUrl']),
    )
    .option('--account-url <url>', 'storage account, https://<name>.blob.core.windows.net')
    .option('--container <name>', 'container of the vault in that account', 'vault')
    .option('--copied', 'the vault was copied there: its creation times say nothing')
    .addOption(
      new Option('--keys <file-or-dir>', 'local keys of the owners').conflicts(['keyVault']),
    )
    .option('--key-vault <url>', 'Key Vault, https://<name>.vault.azure.net')
    .addHelpText('after', WHERE_HELP)
}

export const ownerOption = (help: string) =>
  new Option('--owner <id>', help).argParser((text): OwnerId => parsed(() => parseOwnerId(text)))

export const itemOption = (help: string) =>
  new Option('--item <id>', help).argParser((text): KeyHash => parsed(() => parseKeyHash(text)))

export const workloadOption = (help: string) =>
  new Option('--workload <name>', `${help} (${WORKLOADS.join(', ')})`).argParser(
    (text): WorkloadName => {
      if (isWorkloadName(text)) return text
      throw new InvalidArgumentError(`It is one of: ${WORKLOADS.join(', ')}.`)
    },
  )

const TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?(?:Z|[+-]\d\d:\d\d))?$/

/** ISO time; a date alone means the end of that day, UTC. */
export const atOption = () =>
  new Option(
    '--at <time>',
    'as of this time: the newest recovery point at or before it, such as 2026-03-01T08:00:00Z; ' +
      'a date alone is the end of that day, UTC (default: the newest of all)',
  ).argParser((text): string => {
    const time = Date.parse(text.includes('T') ? text : `${text}T23:59:59.999Z`)
    if (TIME.test(text) && !Number.isNaN(time)) return new Date(time).toISOString()
    throw new InvalidArgumentError(
      'It is a time with a zone, such as 2026-03-01T08:00:00Z or 2026-03-01T09:00:00+01:00.',
    )
  })

function parsed<T>(parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw new InvalidArgumentError(`${error.message} ${error.hint ?? ''}`)
  }
}
