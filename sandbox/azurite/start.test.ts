import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { BlobServiceClient } from '@azure/storage-blob'
import { startAzurite } from './start.ts'

async function saysHello(connectionString: string): Promise<string[]> {
  const names: string[] = []
  const service = BlobServiceClient.fromConnectionString(connectionString)
  for await (const container of service.listContainers()) names.push(container.name)
  return names
}

test('two emulators run side by side on free ports and are gone after stop', async () => {
  const [one, two] = await Promise.all([startAzurite({ inMemory: true }), startAzurite()])
  try {
    assert.notEqual(one.blobUrl, two.blobUrl)
    await BlobServiceClient.fromConnectionString(one.connectionString).createContainer('only-here')
    assert.deepEqual(await saysHello(one.connectionString), ['only-here'])
    assert.deepEqual(await saysHello(two.connectionString), [])
  } finally {
    await Promise.all([one.stop(), two.stop()])
  }
  await one.stop()
  assert.throws(() => process.kill(one.pid, 0), { code: 'ESRCH' })
})

test('what was written to a folder is there after a stop and a new start', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'azurite-'))
  try {
    const first = await startAzurite({ dataDir })
    await BlobServiceClient.fromConnectionString(first.connectionString).createContainer('kept')
    await first.stop()
    const second = await startAzurite({ dataDir })
    const names = await saysHello(second.connectionString)
    await second.stop()
    assert.deepEqual(names, ['kept'])
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
})

test('a port in use is reported with what Azurite said', async () => {
  const one = await startAzurite()
  try {
    const blob = Number(new URL(one.blobUrl).port)
    await assert.rejects(startAzurite({ ports: { blob } }), /did not start.*EADDRINUSE/s)
  } finally {
    await one.stop()
  }
})

test('an emulator does not outlive a parent that was killed', async () => {
  const script = new URL('./start.ts', import.meta.url).href
  const source = `const { startAzurite } = await import(${JSON.stringify(script)})
    process.send((await startAzurite()).pid)`
  const parent = fork('-', [], { execArgv: ['--input-type=module', '-e', source] })
  const [pid] = (await once(parent, 'message')) as [number]
  parent.kill('SIGKILL')
  const gone = () => {
    try {
      return !process.kill(pid, 0)
    } catch {
      return true
    }
  }
  const until = Date.now() + 5000
  while (!gone() && Date.now() < until) await new Promise((done) => setTimeout(done, 20))
  assert.ok(gone(), 'Azurite is gone')
})
