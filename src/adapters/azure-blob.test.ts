/**
 * The adapter and the whole vault suite on Azurite. Azurite knows neither immutability nor
 * versions: nothing here says anything about those.
 */
import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { after, test } from 'node:test'
import {
  BlobServiceClient,
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  StorageSharedKeyCredential,
} from '@azure/storage-blob'
import { type Azurite, startAzurite } from '../../sandbox/azurite/start.ts'
import { hasCode } from '../model/errors.ts'
import { collect, never } from '../vault/testing/fixture.ts'
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

test('a blob is created once; the second create is refused and changes nothing', async () => {
  const store = await emptyStore()
  const first = await store.create('a/1', Buffer.from('one'), never)
  const second = await store.create('a/1', Buffer.from('two'), never)
  assert.deepEqual([first.outcome, second.outcome], ['created', 'refused'])
  assert.ok(Math.abs(second.serverTime.getTime() - Date.now()) < 60_000)
  const read = await store.read('a/1', never)
  assert.equal(Buffer.from(read?.bytes ?? []).toString(), 'one')
  assert.deepEqual(read?.stat, await store.stat('a/1', never))
})

test('ranges are read within and across the end, and a missing blob is undefined', async () => {
  const store = await emptyStore()
  const bytes = randomBytes(1000)
  await store.create('a/1', bytes, never)
  const range = async (offset: number, count: number) => {
    const read = await store.read('a/1', never, { offset, bytes: count })
    assert.equal(read?.stat.bytes, 1000)
    return Buffer.from(read?.bytes ?? [])
  }
  assert.deepEqual(await range(10, 20), bytes.subarray(10, 30))
  assert.deepEqual(await range(990, 100), bytes.subarray(990))
  assert.equal((await range(1000, 1)).length, 0)
  assert.equal(await store.read('a/2', never), undefined)
  assert.equal(await store.read('a/2', never, { offset: 0, bytes: 1 }), undefined)
  assert.equal(await store.stat('a/2', never), undefined)
})

test('an empty blob can be made and read', async () => {
  const store = await emptyStore()
  await store.create('empty', new Uint8Array(0), never)
  assert.equal((await store.read('empty', never))?.bytes.length, 0)
  assert.equal((await store.read('empty', never, { offset: 0, bytes: 9 }))?.bytes.length, 0)
})

test('names are listed by prefix in byte order', async () => {
  const store = await emptyStore()
  for (const name of ['b/2', 'a/9', 'b/10', 'c/1']) {
    await store.create(name, Buffer.from(name), never)
  }
  const names = (await collect(store.list('b/', never))).map((stat) => stat.name)
  assert.deepEqual(names, ['b/10', 'b/2'])
})

test('an identity that may only create can neither overwrite nor read', async () => {
  const { connectionString } = await emulator()
  const container = `vault-${randomUUID()}`
  await azureBlobStore({ connectionString, container }).prepare(never)
  const service = BlobServiceClient.fromConnectionString(connectionString)
  assert.ok(service.credential instanceof StorageSharedKeyCredential)
  const sas = generateBlobSASQueryParameters(
    {
      containerName: container,
      permissions: ContainerSASPermissions.parse('c'),
      expiresOn: new Date(Date.now() + 3_600_000),
    },
    service.credential,
  )
  const endpoint = `BlobEndpoint=${service.url};SharedAccessSignature=${sas}`
  const writer = azureBlobStore({ connectionString: endpoint, container })
  assert.equal((await writer.create('a', Buffer.from('1'), never)).outcome, 'created')
  assert.equal((await writer.create('a', Buffer.from('2'), never)).outcome, 'refused')
  await assert.rejects(writer.read('a', never), (error) => hasCode(error, 'StorageDenied'))
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

test('a deadline ends a call with the reason of its signal', async () => {
  const store = await emptyStore()
  const reason = new Error('the slice is over')
  const signal = AbortSignal.abort(reason)
  await assert.rejects(store.create('a', Buffer.from('1'), signal), reason)
  await assert.rejects(store.read('a', signal), reason)
  await assert.rejects(collect(store.list('', signal)), reason)
  assert.equal(await store.stat('a', never), undefined)
})
