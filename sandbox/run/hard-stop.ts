/**
 * After a hard stop: does the catalogue name commits that the vault does not have?
 *
 * Azurite saves tables and blobs apart from each other, every few seconds, so a session that was
 * killed (or a machine that lost power) can leave head rows ahead of commits. Azure itself does
 * not do this. The sandbox only looks and tells; what to do about it is the app's business.
 */
import { TableClient } from '@azure/data-tables'
import { BlobServiceClient } from '@azure/storage-blob'

/** Names from docs/format.md and DESIGN 6. */
const HEADS_TABLE = 'heads'
const VAULT_CONTAINER = 'vault'
const SEQ_DIGITS = 10
/** More mailboxes than a sandbox ever has. */
const HEADS_MAX = 10_000

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
