/**
 * The contract on Azurite, by the product's adapters. It knows neither versions nor immutability:
 * what it does instead is asserted by name, and no test here says anything about locks.
 */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import {
  BlobServiceClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { QueueServiceClient } from '@azure/storage-queue'
import { type Azurite, startAzurite } from '../../../sandbox/azurite/start.ts'
import { azureBlobStore } from '../../../src/adapters/azure-blob.ts'
import {
  azureBlobLocks,
  azureBlobRemoval,
  azureBlobVersions,
} from '../../../src/adapters/azure-blob-versions.ts'
import { azureQueueSender } from '../../../src/adapters/azure-queue.ts'
import { azureTableStore } from '../../../src/adapters/azure-table.ts'
import { withAzureLimits } from '../../../src/catalogue/index.ts'
import type { QueueName, TableStore } from '../../../src/ports.ts'
import { AZURITE_DEVIATIONS } from './azurite-deviations.ts'
import { BLOB_CASES, type BlobWorld, CREATE_ONLY_CASES } from './blobs.ts'
import { playCases } from './cases.ts'
import { DEFAULT_POLICY_CASES, LOCK_CASES, type LockWorld } from './locks.ts'
import { MISSING_QUEUE_CASES, QUEUE_CASES, type QueueWorld } from './queues.ts'
import { MISSING_TABLE_CASES, TABLE_CASES, TABLE_LIMIT_CASES } from './tables.ts'

const never = new AbortController().signal
const prefix = 'contract/'
const HOUR_MS = 3_600_000
let azurite: Azurite
let tables: TableStore

before(async () => {
  azurite = await startAzurite({ inMemory: true })
  tables = azureTableStore({ connectionString: azurite.connectionString, prefix: 'contract' })
})
after(() => azurite.stop())

async function newContainer() {
  const { connectionString } = azurite
  const options = { connectionString, container: `vault-${randomUUID()}` }
  const store = azureBlobStore(options)
  await store.prepare(never)
  return { store, options }
}

/** A signature that permits nothing but creation, Azurite's only way to a smaller right. */
function creating(container: string) {
  const service = BlobServiceClient.fromConnectionString(azurite.connectionString)
  assert.ok(service.credential instanceof StorageSharedKeyCredential)
  const permissions = ContainerSASPermissions.parse('c')
  const expiresOn = new Date(Date.now() + HOUR_MS)
  const values = { containerName: container, permissions, expiresOn }
  const sas = generateBlobSASQueryParameters(values, service.credential)
  const connectionString = `BlobEndpoint=${service.url};SharedAccessSignature=${sas}`
  return azureBlobStore({ connectionString, container })
}

async function blobs(): Promise<BlobWorld> {
  const { store, options } = await newContainer()
  return { store, adder: creating(options.container), prefix, now: Date.now }
}

async function locks(): Promise<LockWorld> {
  const { store, options } = await newContainer()
  const service = BlobServiceClient.fromConnectionString(options.connectionString)
  const container = service.getContainerClient(options.container)
  return {
    store,
    versions: azureBlobVersions(options),
    locks: azureBlobLocks(options),
    removal: azureBlobRemoval(options),
    prefix,
    now: Date.now,
    // Nothing here is ever locked, so there is nothing to wait for.
    pass: async () => {},
    shortMs: HOUR_MS,
    async overwrite(name, bytes) {
      await container.getBlockBlobClient(name).upload(bytes, bytes.length)
    },
  }
}

function queues(): QueueWorld {
  const { connectionString } = azurite
  const service = QueueServiceClient.fromConnectionString(connectionString)
  return {
    sender: azureQueueSender({ connectionString }),
    async take(queue: QueueName) {
      const client = service.getQueueClient(queue)
      const { receivedMessageItems } = await client.receiveMessages({ numberOfMessages: 32 })
      await client.clearMessages()
      return receivedMessageItems.map(({ messageText }) =>
        JSON.parse(Buffer.from(messageText, 'base64').toString('utf8')),
      )
    },
  }
}

playCases('blobs: Azurite', [...BLOB_CASES, ...CREATE_ONLY_CASES], blobs)
playCases(
  'versions: Azurite, which has none',
  [...LOCK_CASES, ...DEFAULT_POLICY_CASES],
  locks,
  AZURITE_DEVIATIONS,
)
playCases('queues: Azurite', [...MISSING_QUEUE_CASES, ...QUEUE_CASES], queues)
playCases('tables: Azurite', [...MISSING_TABLE_CASES, ...TABLE_CASES], () => tables)
playCases('limits of tables: Azurite', TABLE_LIMIT_CASES, () => tables, AZURITE_DEVIATIONS)
playCases('limits of tables: Azurite behind ours', TABLE_LIMIT_CASES, () => withAzureLimits(tables))

describe('Azurite deviates', () => {
  for (const { name, probe } of AZURITE_DEVIATIONS) {
    if (probe) test(name, () => probe(azurite))
  }

  test('in cases of the contract, which are named as they are', () => {
    const cases = [...LOCK_CASES, ...DEFAULT_POLICY_CASES, ...TABLE_LIMIT_CASES]
    const named = AZURITE_DEVIATIONS.flatMap((one) => Object.keys(one.cases))
    const unknown = named.filter((name) => !cases.some((one) => one.name === name))
    assert.deepEqual(unknown, [])
  })
})
