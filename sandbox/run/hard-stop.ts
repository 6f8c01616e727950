/**
 * After a hard stop: does the catalogue name commits that the vault does not have?
 *
 * Azurite saves tables and blobs apart from each other, every few seconds, so a session that was
 * killed (or a machine that lost power) can leave head rows ahead of commits. Azure itself does
 * not do this. The sandbox looks, and asks the app to rebuild its tables from the vault. It knows
 * that every worker of the last session is gone, because nobody else had its folder.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { TableClient } from '@azure/data-tables'
import { BlobServiceClient } from '@azure/storage-blob'
import type { ApiClient, Rebuild } from './api-client.ts'
import { Trouble } from './trouble.ts'

/** Names from docs/format.md and DESIGN 6. */
const HEADS_TABLE = 'heads'
const VAULT_CONTAINER = 'vault'
const SEQ_DIGITS = 10
/** More mailboxes than a sandbox ever has. */
const HEADS_MAX = 10_000

const POLL_MS = 300
const REBUILD_LIMIT_MS = 3_600_000

export interface VaultGap {
  /** Streams that the catalogue knows. */
  streams: number
  /** Those whose newest commit is not in the vault. */
  ahead: number
}

export async function findVaultGap(connectionString: string): Promise<VaultGap> {
  const heads = TableClient.fromConnectionString(connectionString, HEADS_TABLE, {
    allowInsecureConnection: true,
  })
  const blobs = BlobServiceClient.fromConnectionString(connectionString)
  const vault = blobs.getContainerClient(VAULT_CONTAINER)
  const gap: VaultGap = { streams: 0, ahead: 0 }
  try {
    for await (const { partitionKey = '', seq } of heads.listEntities<{ seq: string }>()) {
      gap.streams += 1
      const name = commitName(partitionKey, seq)
      if (!(await vault.getBlobClient(name).exists())) gap.ahead += 1
      if (gap.streams >= HEADS_MAX) break
    }
  } catch (error) {
    // The table is made by the first setup; a session that was killed before it has no heads.
    if (!isMissingTable(error)) throw error
  }
  return gap
}

/** `partition`: owner and workload, as in the key of the head row. */
function commitName(partition: string, seq: string): string {
  const [owner = '', workload = ''] = partition.split('~')
  return `c/${owner}/${workload}/${seq.padStart(SEQ_DIGITS, '0')}/commit.json`
}

function isMissingTable(error: unknown): boolean {
  return error instanceof Error && 'statusCode' in error && error.statusCode === 404
}

/** Sets the app up. False where it says that its tables were lost. */
export async function isSetUp(api: Pick<ApiClient, 'setup'>): Promise<boolean> {
  try {
    await api.setup()
    return true
  } catch (error) {
    if (error instanceof Trouble && error.problem === 'RebuildNeeded') return false
    throw error
  }
}

/** Rebuilds every row from the vault and waits for it. Throws a Trouble where a mailbox failed. */
export async function rebuildTables(
  api: Pick<ApiClient, 'startRebuild' | 'rebuild'>,
  options: { stoppedBefore: Date; signal: AbortSignal },
): Promise<Rebuild> {
  const id = await api.startRebuild(options.stoppedBefore.toISOString())
  const until = Date.now() + REBUILD_LIMIT_MS
  while (Date.now() < until) {
    const rebuild = await api.rebuild(id)
    if (rebuild.state === 'done') return checked(rebuild)
    await sleep(POLL_MS, undefined, { signal: options.signal })
  }
  throw new Trouble('The rebuild of the tables did not end.', {
    hint: 'The log of the host may say why.',
  })
}

function checked(rebuild: Rebuild): Rebuild {
  const { owners, rebuilt } = rebuild.counts
  if (rebuilt === owners) return rebuild
  const codes = Object.keys(rebuild.troubles).join(', ')
  throw new Trouble(
    `Of ${owners} mailboxes the vault has ${rebuilt} that can be rebuilt (${codes}).`,
    {
      hint: 'Azurite has lost more than the tables can tell; begin anew with: npm start -- --fresh',
    },
  )
}
