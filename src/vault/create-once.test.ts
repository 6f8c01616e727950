import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError, hasCode } from '../model/errors.ts'
import { createNamedByHash, createOnce } from './create-once.ts'
import { fakeClock, never } from './testing/fixture.ts'
import { createMemoryBlobStore } from './testing/memory-blob-store.ts'

const NAME = 'c/some/name'
const bytes = Buffer.from('what is to be there')
const coded = (code: string) => (error: unknown) => hasCode(error, code)

function storeAt(time: string) {
  const clock = fakeClock(Date.parse(time))
  return { clock, store: createMemoryBlobStore(clock.now) }
}

test('what was created is mine, at the time that storage says', async () => {
  const { store } = storeAt('2026-03-01T10:00:00Z')
  const created = await createOnce(store, NAME, bytes, never)
  assert.deepEqual(created, { outcome: 'mine', at: new Date('2026-03-01T10:00:00Z') })
})

test('what is there with exactly my bytes is mine, since it was created', async () => {
  const { store, clock } = storeAt('2026-03-01T10:00:00Z')
  await createOnce(store, NAME, bytes, never)
  clock.advance(60_000)
  const again = await createOnce(store, NAME, bytes, never)
  assert.deepEqual(again, { outcome: 'mine', at: new Date('2026-03-01T10:00:00Z') })
})

test('other bytes have taken the name, also if they begin with mine', async () => {
  for (const other of ['else', `${bytes} and more`, bytes.subarray(0, -1), '']) {
    const { store } = storeAt('2026-03-01T10:00:00Z')
    await store.create(NAME, Buffer.from(other), never)
    assert.deepEqual(await createOnce(store, NAME, bytes, never), { outcome: 'taken' })
    await assert.rejects(createNamedByHash(store, NAME, bytes, never), coded('BlobForged'))
  }
})

test('a lost answer is mine where the blob is there, and the error of the store where not', async () => {
  const { store } = storeAt('2026-03-01T10:00:00Z')
  store.failNext({ call: 'create', when: 'before' })
  await assert.rejects(createOnce(store, NAME, bytes, never), coded('StorageUnavailable'))
  store.failNext({ call: 'create', when: 'after' })
  assert.equal((await createOnce(store, NAME, bytes, never)).outcome, 'mine')
})

test('a store that does not know when it created a blob is no store to write to', async () => {
  const { store } = storeAt('2026-03-01T10:00:00Z')
  await createOnce(store, NAME, bytes, never)
  store.read = async () => ({ bytes, stat: { name: NAME, bytes: bytes.length } })
  await assert.rejects(createOnce(store, NAME, bytes, never), coded('InvariantBroken'))
})

test('a refusal with nothing behind it says that nothing may be created', async () => {
  const { store } = storeAt('2026-03-01T10:00:00Z')
  store.create = async () => ({ outcome: 'refused', serverTime: new Date() })
  await assert.rejects(createOnce(store, NAME, bytes, never), (error) => {
    assert.ok(hasCode(error, 'CreateRefused'))
    return error.kind === 'denied'
  })
})

test('what is no lost answer is passed on, and nothing is read', async () => {
  const denied = new AppError({ code: 'Denied', kind: 'denied', message: 'planned' })
  const gone = new AppError({ code: 'Gone', kind: 'transient', message: 'planned' })
  const aborted = AbortSignal.abort()
  for (const [error, signal] of [
    [denied, never],
    [new TypeError('a defect'), never],
    [gone, aborted],
  ] as const) {
    const { store } = storeAt('2026-03-01T10:00:00Z')
    store.create = () => Promise.reject(error)
    store.read = () => assert.fail('nothing is read')
    await assert.rejects(createOnce(store, NAME, bytes, signal), (thrown) => thrown === error)
  }
})
