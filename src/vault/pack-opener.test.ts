import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { AppError, hasCode } from '../model/errors.ts'
import type { OwnerKeys } from '../ports.ts'
import { packKeys } from './pack-crypto.ts'
import type { PackHeader } from './pack-format.ts'
import { createPackOpener, unwrapAny } from './pack-opener.ts'
import { never, newOwner } from './testing/fixture.ts'
import { createMemoryKeys } from './testing/memory-keys.ts'

const owner = newOwner()
const plain = new Uint8Array(randomBytes(32))
const coded = (code: string) => (error: unknown) => hasCode(error, code)
const wrappedFor = (...keyIds: string[]) =>
  keyIds.map((keyId) => ({ keyId, fingerprint: 'ab'.repeat(32), wrapped: Buffer.from(keyId) }))

/** A key store that opens some keys, and says of the others what it is told. */
function keysThat(opens: Readonly<Record<string, Uint8Array | string>>) {
  const asked: string[] = []
  const unwrap = async (_: unknown, keyId: string) => {
    asked.push(keyId)
    const found = opens[keyId] ?? 'KeyMissing'
    if (typeof found !== 'string') return found
    throw new AppError({ code: found, kind: 'denied', message: 'planned' })
  }
  const keys: OwnerKeys = { ...createMemoryKeys(), unwrap }
  return { asked, keys }
}

test('the first recipient whose key is at hand opens, and no other is asked', async () => {
  const { keys, asked } = keysThat({ b: plain, c: plain })
  assert.equal(await unwrapAny(keys, owner, wrappedFor('a', 'b', 'c'), never), plain)
  assert.deepEqual(asked, ['a', 'b'])
})

test('where none opens, what is said is what the own key of the owner said', async () => {
  const { keys } = keysThat({ a: 'KeyDenied', b: 'KeyMissing' })
  await assert.rejects(unwrapAny(keys, owner, wrappedFor('a', 'b'), never), coded('KeyDenied'))
  await assert.rejects(unwrapAny(keys, owner, [], never), coded('InvariantBroken'))
})

test('what opens to no AES-256 key is damaged, and another recipient may serve', async () => {
  for (const length of [0, 31, 33]) {
    const { keys } = keysThat({ a: new Uint8Array(length), b: plain })
    assert.equal(await unwrapAny(keys, owner, wrappedFor('a', 'b'), never), plain)
    await assert.rejects(unwrapAny(keys, owner, wrappedFor('a'), never), (error) => {
      assert.ok(hasCode(error, 'WrappedKeyDamaged') && error.kind === 'corrupt')
      assert.deepEqual(error.context, { owner })
      return true
    })
  }
})

test('who gives up is not led to the next recipient', async () => {
  const given = new AbortController()
  const { keys, asked } = keysThat({ b: plain })
  const { unwrap } = keys
  keys.unwrap = (of, ...rest) => {
    given.abort(new Error('given up'))
    return unwrap(of, ...rest)
  }
  await assert.rejects(unwrapAny(keys, owner, wrappedFor('a', 'b'), given.signal), /given up/)
  assert.deepEqual(asked, ['a'])
})

const headerOf = (...keyIds: string[]): PackHeader => ({
  owner,
  dataKeyId: '0f'.repeat(16),
  salt: randomBytes(32),
  recipients: wrappedFor(...keyIds),
})

test('a data key is unwrapped once for all its packs, and again only where that failed', async () => {
  const { keys, asked } = keysThat({ a: plain, b: plain })
  const opener = createPackOpener(keys, owner)
  const packs = ['a', 'a', 'b', 'a', 'b'].map((keyId) => headerOf(keyId))
  for (const header of packs) {
    assert.deepEqual(await opener.keysOf(header, never), packKeys(plain, header))
  }
  assert.deepEqual(asked, ['a', 'b'])
  for (const _ of ['refused', 'and refused again']) {
    await assert.rejects(opener.keysOf(headerOf('x'), never), coded('KeyMissing'))
  }
  assert.deepEqual(asked, ['a', 'b', 'x', 'x'])
})

test('the data keys of ten years are kept, and of more the oldest is asked for anew', async () => {
  const keyIds = Array.from({ length: 4097 }, (_, n) => `k${n}`)
  const { keys, asked } = keysThat(Object.fromEntries(keyIds.map((keyId) => [keyId, plain])))
  const opener = createPackOpener(keys, owner)
  const most = keyIds.slice(0, 4096)
  for (const keyId of [...most, ...most]) await opener.keysOf(headerOf(keyId), never)
  assert.deepEqual(asked, most)
  for (const keyId of ['k4096', 'k1', 'k0']) await opener.keysOf(headerOf(keyId), never)
  assert.deepEqual(asked, [...most, 'k4096', 'k0'])
})

test('one id of a data key with other recipients is another data key', async () => {
  const other = new Uint8Array(randomBytes(32))
  const { keys } = keysThat({ a: plain, b: other, ab: other })
  const opener = createPackOpener(keys, owner)
  for (const [keyIds, key] of [
    [['a'], plain],
    [['b'], other],
    [['a', 'b'], plain],
    [['ab'], other],
  ] as const) {
    const header = headerOf(...keyIds)
    assert.deepEqual(await opener.keysOf(header, never), packKeys(key, header))
  }
})

test('a pack of another owner is not opened', async () => {
  const { keys, asked } = keysThat({ a: plain })
  const opener = createPackOpener(keys, newOwner())
  await assert.rejects(opener.keysOf(headerOf('a'), never), coded('PackDamaged'))
  assert.deepEqual(asked, [])
})
