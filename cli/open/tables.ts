/** The tables that the options name, and the tenant whose rows are meant. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { z } from 'zod'
import type { TableStore } from '../../src/ports.ts'
import { usageError } from '../trouble.ts'
import { httpsUrl } from './store.ts'

export interface TableOptions {
  tablesUrl?: string
  tablesConnection?: string
  tenant: string
}

const WHERE_HELP = `
Where the tables are:
  --tables-url is the table endpoint of the runtime account. Who runs this needs the role Storage
  Table Data Reader there to compare, and Storage Table Data Contributor to rebuild.`

export function addTableOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--tables-url <url>',
        'account of the tables, https://<name>.table.core.windows.net',
      ),
    )
    .addOption(
      new Option(
        '--tables-connection <string>',
        'connection string of that account, for an emulator: others on this machine can read it',
      ).conflicts(['tablesUrl']),
    )
    .addOption(
      new Option('--tenant <id>', 'the Microsoft 365 tenant (directory id) whose vault it is')
        .argParser(tenantId)
        .makeOptionMandatory(),
    )
    .addHelpText('after', WHERE_HELP)
}

function tenantId(text: string): string {
  const parsed = z.uuid().safeParse(text.toLowerCase())
  if (parsed.success) return parsed.data
  throw new InvalidArgumentError('It is the directory id, as the Entra portal shows it.')
}

/** Throws `Usage`. No I/O. */
export async function openTables({
  tablesUrl,
  tablesConnection,
}: TableOptions): Promise<TableStore> {
  const { azureTableStore } = await import('../../src/adapters/azure-table.ts')
  if (tablesConnection !== undefined) {
    return azureTableStore({ connectionString: tablesConnection })
  }
  if (tablesUrl === undefined) {
    throw usageError(
      'Which tables are meant is not said.',
      'Give --tables-url URL of the account that holds them.',
    )
  }
  const url = httpsUrl(tablesUrl, '--tables-url')
  const { personCredential } = await import('../../src/adapters/azure-identity.ts')
  return azureTableStore({ url, credential: personCredential() })
}
