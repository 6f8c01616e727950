import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { TableClient, TableServiceClient } from '@azure/data-tables'
import { BlobServiceClient } from '@azure/storage-blob'
import { UNLESS_MORE } from '../../test/level.ts'
import { startAzurite } from '../azurite/start.ts'
import { findVaultGap } from './hard-stop.ts'
import { run } from './testing/children.ts'
import { freeBase } from './testing/free-base.ts'

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

const folder = await mkdtemp(join(tmpdir(), 'holdfast-hard-stop-'))
after(() => rm(folder, { recursive: true, force: true }))

/** What a killed Azurite leaves: the newest commit of one mailbox, or every table, is lost. */
async function spoil(dir: string, what: 'commits' | 'tables'): Promise<void> {
  const azurite = await startAzurite({ dataDir: join(dir, 'azurite') })
  try {
    if (what === 'commits') await loseNewestCommit(azurite.connectionString)
    else await loseTables(azurite.connectionString)
  } finally {
    await azurite.stop()
  }
  await writeFile(join(dir, 'running'), 'There is no clean stop yet.\n')
}

async function loseNewestCommit(connectionString: string): Promise<void> {
  const vault = BlobServiceClient.fromConnectionString(connectionString).getContainerClient('vault')
  const names: string[] = []
  for await (const { name } of vault.listBlobsFlat({ prefix: 'c/' })) {
    if (name.endsWith('/commit.json')) names.push(name)
  }
  const newest = names.sort().at(-1)
  assert.ok(newest, 'the first session has made a backup')
  await vault.deleteBlob(newest)
}

async function loseTables(connectionString: string): Promise<void> {
  const options = { allowInsecureConnection: true }
  const service = TableServiceClient.fromConnectionString(connectionString, options)
  const names: string[] = []
  for await (const { name } of service.listTables()) if (name !== undefined) names.push(name)
  for (const name of names) await service.deleteTable(name)
}

test(
  'start rebuilds what a hard stop has lost, says so in a sentence, and goes on',
  UNLESS_MORE,
  async () => {
    const dir = join(folder, 'start')
    const base = await freeBase()
    const args = [
      '--dir',
      dir,
      '--users',
      '2',
      '--messages',
      '5',
      '--files',
      '2',
      '--port-base',
      String(base),
    ]
    const session = async () => {
      const running = run('start.ts', args)
      await running.says('Everything is up.')
      running.process.kill('SIGINT')
      const ran = await running.ended
      assert.equal(ran.code, 0, ran.err)
      return ran.out
    }
    await session()
    await spoil(dir, 'commits')
    assert.match(
      await session(),
      /newest commits of 1 of \d+ mailboxes were lost.*rebuilt.*read again/,
    )
    await spoil(dir, 'tables')
    assert.match(
      await session(),
      /tables were lost.*rebuilt from the vault: \d+ commits of \d+ mailboxes/,
    )
    assert.doesNotMatch(await session(), /stopped hard|rebuilt/)
  },
)
