import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { hasCode } from '../model/errors.ts'
import { parseOwnerId } from '../model/ids.ts'
import { localKeyRemoval, localKeys } from './local-keys.ts'

const folder = await mkdtemp(join(tmpdir(), 'keys-'))
after(() => rm(folder, { recursive: true, force: true }))

const signal = new AbortController().signal
const newOwner = () => parseOwnerId(randomBytes(16).toString('hex'))
const coded = (code: string) => (error: unknown) => hasCode(error, code)

test('two processes that make the same keys at once end with the same ones', async () => {
  const owner = newOwner()
  const [one, two] = [localKeys(folder), localKeys(folder)]
  await Promise.all([one.create(owner, signal), two.create(owner, signal)])
  assert.deepEqual(await one.recipients(owner, signal), await two.recipients(owner, signal))
  assert.deepEqual(await one.indexSecret(owner, signal), await two.indexSecret(owner, signal))
  assert.deepEqual(await readdir(folder), [`${owner}.json`], 'no temporary file is left')
  const { mode } = await stat(join(folder, `${owner}.json`))
  assert.equal(mode & 0o777, 0o600)
})

test('keys that were erased are gone, and erasing them again is no trouble', async () => {
  const [owner, other] = [newOwner(), newOwner()]
  const keys = localKeys(folder)
  await keys.create(owner, signal)
  await keys.create(other, signal)
  const removal = localKeyRemoval(folder)
  await removal.erase(owner, signal)
  await removal.erase(owner, signal)
  await assert.rejects(keys.indexSecret(owner, signal), coded('KeyMissing'))
  await keys.indexSecret(other, signal)
})

test('damaged files and an unusable folder are told apart', async () => {
  const owner = newOwner()
  const keys = localKeys(folder)
  await writeFile(join(folder, `${owner}.json`), '{"holdfast":1,"privateKey":"PRIVATE')
  await assert.rejects(keys.indexSecret(owner, signal), (error: unknown) => {
    assert.ok(hasCode(error, 'KeyFileDamaged'))
    assert.equal(error.cause, undefined, 'nothing of the file is quoted')
    return true
  })
  const unusable = localKeys(join(folder, `${owner}.json`, 'below-a-file'))
  await assert.rejects(unusable.recipients(owner, signal), coded('KeyStoreUnavailable'))
})
