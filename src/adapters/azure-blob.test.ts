/**
 * The whole vault suite through the adapter on Azurite, and what is the adapter's alone. What every
 * BlobStore does is in test/contract/storage.
 */
import assert from 'node:assert/strict'
import { createHash, randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import { BlobServiceClient } from '@azure/storage-blob'
import { type Azurite, startAzurite } from '../../sandbox/azurite/start.ts'
import { hasCode } from '../model/errors.ts'
import { never } from '../vault/testing/fixture.ts'
import { vaultSuite } from '../vault/testing/vault-suite.ts'
import { type AzureBlobStore, azureBlobStore } from './azure-blob.ts'

let azurite: Promise<Azurite> | undefined
after(async () => (await azurite)?.stop())

async function emulator(): Promise<Azurite> {
  azurite ??= startAzurite({ inMemory: true })
  return azurite
}

async function emptyStore(): Promise<AzureBlobStore> {
  const { connectionString } = await emulator()
  const store = azureBlobStore({ connectionString, container: `vault-${randomUUID()}` })
  await store.prepare(never)
  return store
}

vaultSuite('on Azurite', emptyStore)

test('bytes that arrive damaged are refused by the MD5 that was sent with them', async () => {
  const { connectionString } = await emulator()
  const container = `vault-${randomUUID()}`
  await azureBlobStore({ connectionString, container }).prepare(never)
  const service = BlobServiceClient.fromConnectionString(connectionString)
  const blob = service.getContainerClient(container).getBlockBlobClient('a')
  // The header that the adapter sends; the SDK cannot be made to spoil the bytes after it.
  const blobContentMD5 = createHash('md5').update('sent').digest()
  const damaged = blob.upload('rcvd', 4, { blobHTTPHeaders: { blobContentMD5 } })
  await assert.rejects(damaged, { statusCode: 400, code: 'Md5Mismatch' })
})

test('a container that is missing and a service that is down are told apart', async () => {
  const { connectionString } = await emulator()
  const nowhere = azureBlobStore({ connectionString, container: 'none' })
  await assert.rejects(nowhere.read('a', never), (e) => hasCode(e, 'ContainerMissing'))
  await assert.rejects(nowhere.create('a', Buffer.from('1'), never), (e) =>
    hasCode(e, 'ContainerMissing'),
  )
  const down = azureBlobStore({
    connectionString: connectionString.replace(
      /BlobEndpoint=[^;]+/,
      'BlobEndpoint=http://127.0.0.1:1/x',
    ),
    container: 'none',
    retries: { maxTries: 1 },
  })
  await assert.rejects(down.read('a', never), (e) => hasCode(e, 'StorageUnavailable'))
})
