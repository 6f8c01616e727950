/**
 * The contract on a real storage account, for whoever has one to spare: `npm run test:live`.
 *
 * HOLDFAST_LIVE_ACCOUNT names it; the sign-in is DefaultAzureCredential's, with Storage Blob Data
 * Owner, Storage Queue Data Contributor and Storage Table Data Contributor. Its container
 * HOLDFAST_LIVE_CONTAINER (default: `contract`) has version-level immutability, versions and no
 * default policy; HOLDFAST_LIVE_LOCKED_CONTAINER, if named, has a locked default policy, and what
 * is written there stays until its lock ends. HOLDFAST_LIVE_KEY_VAULT, if named, gets keys that are
 * not deleted. Nothing else may use the account's queues meanwhile. docs/live-checks.md says what a
 * run proves.
 */
import { randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { TableClient } from '@azure/data-tables'
import { DefaultAzureCredential } from '@azure/identity'
import {
  BlobServiceClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
} from '@azure/storage-blob'
import { QueueServiceClient } from '@azure/storage-queue'
import { azureBlobStore } from '../../../src/adapters/azure-blob.ts'
import {
  azureBlobLocks,
  azureBlobRemoval,
  azureBlobVersions,
} from '../../../src/adapters/azure-blob-versions.ts'
import { azureQueueSender } from '../../../src/adapters/azure-queue.ts'
import { azureTableStore } from '../../../src/adapters/azure-table.ts'
import { keyVaultKeys } from '../../../src/adapters/key-vault.ts'
import { withAzureLimits } from '../../../src/catalogue/index.ts'
import { type BlobStore, type QueueName, TABLES } from '../../../src/ports.ts'
import { BLOB_CASES, type BlobWorld, CREATE_ONLY_CASES } from './blobs.ts'
import { playCases } from './cases.ts'
import { KEY_CASES } from './keys.ts'
import { DEFAULT_POLICY_CASES, LOCK_CASES, type LockWorld } from './locks.ts'
import { QUEUE_CASES, type QueueWorld } from './queues.ts'
import { TABLE_CASES, TABLE_LIMIT_CASES } from './tables.ts'

const account = process.env['HOLDFAST_LIVE_ACCOUNT']
const plain = process.env['HOLDFAST_LIVE_CONTAINER'] ?? 'contract'
const locked = process.env['HOLDFAST_LIVE_LOCKED_CONTAINER']
const keyVault = process.env['HOLDFAST_LIVE_KEY_VAULT']

/** Asks nobody before the first call. */
const credential = new DefaultAzureCredential()
const never = new AbortController().signal
const HOUR_MS = 3_600_000
/** Longer than a case takes to come to the end of a lock that it needs. */
const SHORT_MS = 20_000
const run = `contract-${Date.now()}-${randomBytes(4).toString('hex')}`
let cases = 0

const skipped = (title: string, variable: string) =>
  test(title, { skip: `${variable} is not set` }, () => {})

if (account === undefined) skipped('blobs, locks, queues and tables: live', 'HOLDFAST_LIVE_ACCOUNT')
else onAccount(account)
if (account === undefined || locked === undefined) {
  skipped('default policy: live', 'HOLDFAST_LIVE_LOCKED_CONTAINER')
} else playCases('default policy: live', DEFAULT_POLICY_CASES, () => lockWorld(account, locked))
if (keyVault === undefined) skipped('keys: live', 'HOLDFAST_LIVE_KEY_VAULT')
else {
  const url = `https://${keyVault}.vault.azure.net`
  playCases('keys: live', KEY_CASES, () => keyVaultKeys({ url, credential }))
}

function onAccount(name: string): void {
  playCases('blobs: live', [...BLOB_CASES, ...CREATE_ONLY_CASES], () => blobWorld(name))
  playCases('locks: live', LOCK_CASES, () => lockWorld(name, plain))
  playCases('queues: live', QUEUE_CASES, () => queueWorld(name))
  describe('tables of a run: live', () => tablesOf(name))
  after(() => sweep(name))
}

/** A container of the account, with the sign-in of whoever runs this. */
function containerOf(name: string, container: string) {
  return { url: `https://${name}.blob.core.windows.net`, credential, container }
}

function newPrefix(): string {
  cases += 1
  return `${run}/${cases}/`
}

async function blobWorld(name: string): Promise<BlobWorld> {
  const store = azureBlobStore(containerOf(name, plain))
  return { store, adder: await creating(name), prefix: newPrefix(), now: Date.now }
}

/** A signature of the signed-in person that permits nothing but creation. */
async function creating(name: string): Promise<BlobStore> {
  const { url, credential } = containerOf(name, plain)
  const service = new BlobServiceClient(url, credential)
  const startsOn = new Date(Date.now() - HOUR_MS)
  const expiresOn = new Date(Date.now() + HOUR_MS)
  const key = await service.getUserDelegationKey(startsOn, expiresOn)
  const permissions = ContainerSASPermissions.parse('c')
  const values = { containerName: plain, permissions, startsOn, expiresOn }
  const sas = generateBlobSASQueryParameters(values, key, name)
  const connectionString = `BlobEndpoint=${url};SharedAccessSignature=${sas}`
  return azureBlobStore({ connectionString, container: plain })
}

function lockWorld(name: string, container: string): LockWorld {
  const options = containerOf(name, container)
  const client = new BlobServiceClient(options.url, options.credential)
  return {
    store: azureBlobStore(options),
    versions: azureBlobVersions(options),
    locks: azureBlobLocks(options),
    removal: azureBlobRemoval(options),
    prefix: newPrefix(),
    now: Date.now,
    pass: (ms) => sleep(ms),
    shortMs: SHORT_MS,
    async overwrite(blob, bytes) {
      const there = client.getContainerClient(container).getBlockBlobClient(blob)
      await there.upload(bytes, bytes.length)
    },
  }
}

/** Removes what the run left in the container without a default policy, once its locks are over. */
async function sweep(name: string): Promise<void> {
  const options = containerOf(name, plain)
  const removal = azureBlobRemoval(options)
  const locks = azureBlobLocks(options)
  await sleep(SHORT_MS)
  for await (const { name: blob, version, held } of removal.versions(`${run}/`, never)) {
    if (held) await locks.setHold(blob, version, false, never)
    await removal.remove(blob, version, never)
  }
}

function queueWorld(name: string): QueueWorld {
  const options = { url: `https://${name}.queue.core.windows.net`, credential }
  const service = new QueueServiceClient(options.url, options.credential)
  return {
    sender: azureQueueSender(options),
    async take(queue: QueueName) {
      const client = service.getQueueClient(queue)
      const { receivedMessageItems } = await client.receiveMessages({ numberOfMessages: 32 })
      for (const { messageId, popReceipt } of receivedMessageItems) {
        await client.deleteMessage(messageId, popReceipt)
      }
      return receivedMessageItems.map(({ messageText }) =>
        JSON.parse(Buffer.from(messageText, 'base64').toString('utf8')),
      )
    },
  }
}

/** Tables of this run alone, which are deleted after it. */
function tablesOf(name: string): void {
  const url = `https://${name}.table.core.windows.net`
  const prefix = `c${Date.now()}`
  const store = azureTableStore({ url, credential, prefix })
  before(() => store.prepare(never))
  after(async () => {
    for (const table of TABLES) {
      await new TableClient(url, `${prefix}${table}`, credential).deleteTable()
    }
  })
  playCases('tables: live', TABLE_CASES, () => store)
  playCases('limits of tables: live', TABLE_LIMIT_CASES, () => store)
  playCases('limits of tables: live, behind ours', TABLE_LIMIT_CASES, () => withAzureLimits(store))
}
