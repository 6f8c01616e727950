import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TableClient } from '@azure/data-tables'
import { BlobServiceClient } from '@azure/storage-blob'
import { startAzurite } from '../azurite/start.ts'
import { findVaultGap } from './hard-stop.ts'

test('a head whose commit is missing is counted, and a sandbox without heads is whole', async () => {
  const azurite = await startAzurite({ inMemory: true })
  const { connectionString } = azurite
  try {
    assert.deepEqual(await findVaultGap(connectionString), { streams: 0, ahead: 0 })
    const heads = TableClient.fromConnectionString(connectionString, 'heads', {
      allowInsecureConnection: true,
    })
    await heads.createTable()
    for (const owner of ['aa', 'bb']) {
      await heads.createEntity({
        ...{ partitionKey: `${owner}~mail`, rowKey: 'head', seq: '0000000003' },
      })
    }
    const blobs = BlobServiceClient.fromConnectionString(connectionString)
    const vault = blobs.getContainerClient('vault')
    await vault.create()
    await vault.getBlockBlobClient('c/aa/mail/0000000003/commit.json').upload('{}', 2)
    assert.deepEqual(await findVaultGap(connectionString), { streams: 2, ahead: 1 })
  } finally {
    await azurite.stop()
  }
})
