import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { hasCode } from '../model/errors.ts'
import { localFiles } from './local-files.ts'

const folder = await mkdtemp(join(tmpdir(), 'local-files-'))
after(() => rm(folder, { recursive: true, force: true }))
const vault = join(folder, 'vault')
const { signal } = new AbortController()
const store = localFiles(vault)

const NAMES = ['a.x', 'a/1', 'a/10', 'a/2/b', 'a0', 'b/c/d']
for (const name of NAMES) {
  await mkdir(dirname(join(vault, name)), { recursive: true })
  await writeFile(join(vault, name), `blob ${name}`)
}
await writeFile(join(folder, 'outside'), 'secret')
await symlink(join(folder, 'outside'), join(vault, 'a', 'link'))

const names = async (prefix: string) => {
  const found: string[] = []
  for await (const { name } of store.list(prefix, signal)) found.push(name)
  return found
}

test('names come in byte order, below any prefix, without links', async () => {
  assert.deepEqual(await names(''), NAMES)
  assert.deepEqual(await names('a/'), ['a/1', 'a/10', 'a/2/b'])
  assert.deepEqual(await names('a/1'), ['a/1', 'a/10'])
  assert.deepEqual(await names('b/c/d'), ['b/c/d'])
  assert.deepEqual(await names('z/'), [])
  assert.deepEqual(await names('../'), [])
})

test('a blob is read whole or by range; beyond its end there is nothing', async () => {
  const whole = await store.read('a/2/b', signal)
  assert.equal(Buffer.from(whole?.bytes ?? []).toString(), 'blob a/2/b')
  assert.deepEqual(whole?.stat, { name: 'a/2/b', bytes: 10 })
  const part = await store.read('a/2/b', signal, { offset: 5, bytes: 100 })
  assert.equal(Buffer.from(part?.bytes ?? []).toString(), 'a/2/b')
  assert.equal((await store.read('a/2/b', signal, { offset: 50, bytes: 1 }))?.bytes.length, 0)
  assert.equal(await store.read('a/2', signal), undefined)
  assert.equal(await store.read('nothing', signal), undefined)
  assert.deepEqual(await store.stat('a/1', signal), { name: 'a/1', bytes: 8 })
  assert.equal(await store.stat('a', signal), undefined)
})

test('pieces come in the room that is given, and every piece is its own', async () => {
  const long = Buffer.from(Array.from({ length: 200_000 }, (_, n) => n % 251))
  await writeFile(join(vault, 'long'), long)
  const into = new Uint8Array(80_000)
  for (let at = 0; at < long.length; at += into.length) {
    const read = await store.read('long', signal, { offset: at, bytes: into.length, into })
    assert.equal(read?.bytes.buffer, into.buffer)
    assert.deepEqual(Buffer.from(read.bytes), long.subarray(at, at + into.length))
  }
  await rm(join(vault, 'long'))
})

test('a pipe with the name of a blob is no blob, and nobody waits for it', async () => {
  execFileSync('mkfifo', [join(vault, 'pipe')])
  assert.equal(await store.read('pipe', signal), undefined)
  assert.equal(await store.stat('pipe', signal), undefined)
  await rm(join(vault, 'pipe'))
})

test('nothing is written, and no name leads out of the folder', async () => {
  const readOnly = (error: unknown) => hasCode(error, 'StorageReadOnly')
  await assert.rejects(store.create('a/3', new Uint8Array(1), signal), readOnly)
  for (const name of ['../outside', 'a/../../outside', '/etc/passwd', 'a\\b', '']) {
    await assert.rejects(store.read(name, signal), readOnly)
  }
})
