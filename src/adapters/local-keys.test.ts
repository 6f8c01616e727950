import assert from 'node:assert/strict'
import { constants, createPublicKey, publicEncrypt, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { hasCode } from '../model/errors.ts'
import { parseOwnerId } from '../model/ids.ts'
import { localKeys } from './local-keys.ts'

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

test('what is wrapped for the recipient comes back, and only under its key id', async () => {
  const owner = newOwner()
  const keys = localKeys(folder)
  await keys.create(owner, signal)
  const [recipient] = await keys.recipients(owner, signal)
  assert.ok(recipient !== undefined)
  const key = createPublicKey({
    key: Buffer.from(recipient.publicKey),
    format: 'der',
    type: 'spki',
  })
  assert.equal(key.asymmetricKeyDetails?.modulusLength, 3072)
  const plain = randomBytes(32)
  const padding = constants.RSA_PKCS1_OAEP_PADDING
  const wrapped = publicEncrypt({ key, padding, oaepHash: 'sha256' }, plain)
  const back = await keys.unwrap(owner, recipient.keyId, wrapped, signal)
  assert.deepEqual(Buffer.from(back), plain)
  await assert.rejects(keys.unwrap(owner, 'local/other/1', wrapped, signal), coded('KeyMissing'))
  wrapped[5] = (wrapped[5] ?? 0) ^ 1
  await assert.rejects(
    keys.unwrap(owner, recipient.keyId, wrapped, signal),
    coded('WrappedKeyDamaged'),
  )
})

test('missing keys, damaged files and an unusable folder are told apart', async () => {
  const owner = newOwner()
  const keys = localKeys(folder)
  await assert.rejects(keys.recipients(owner, signal), coded('KeyMissing'))
  await writeFile(join(folder, `${owner}.json`), '{"holdfast":1,"privateKey":"PRIVATE')
  await assert.rejects(keys.indexSecret(owner, signal), (error: unknown) => {
    assert.ok(hasCode(error, 'KeyFileDamaged'))
    assert.equal(error.cause, undefined, 'nothing of the file is quoted')
    return true
  })
  const unusable = localKeys(join(folder, `${owner}.json`, 'below-a-file'))
  await assert.rejects(unusable.recipients(owner, signal), coded('KeyStoreUnavailable'))
})
