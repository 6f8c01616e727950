import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setImmediate as tick } from 'node:timers/promises'
import { hasCode } from '../model/errors.ts'
import type { DataKey } from './data-keys.ts'
import { CONTENT_SEGMENT_BYTES_MAX, METADATA_SEGMENT_BYTES_MAX } from './limits.ts'
import { openSegment, packKeys, segmentNamer } from './pack-crypto.ts'
import { parsePackHeader, SEGMENT_HEADER_BYTES } from './pack-format.ts'
import { createPackWriter } from './pack-writer.ts'
import { fakeClock, never, newOwner, random } from './testing/fixture.ts'
import { createMemoryBlobStore } from './testing/memory-blob-store.ts'

const owner = newOwner()
const dataKey: DataKey = {
  id: '00'.repeat(16),
  key: new Uint8Array(randomBytes(32)),
  recipients: [{ keyId: 'k', fingerprint: 'ab'.repeat(32), wrapped: randomBytes(384) }],
  secret: [],
}

function world(packBytes = 1 << 20) {
  const clock = fakeClock()
  const store = createMemoryBlobStore(clock.now)
  const dataKeys = { current: async () => dataKey }
  const namer = segmentNamer(randomBytes(32))
  const packs = createPackWriter({ owner, store, dataKeys, clock, random, namer, packBytes })
  return { store, dataKeys, packs, names: () => [...store.blobs.keys()] }
}

const coded = (code: string) => (error: unknown) => hasCode(error, code)

test('a ref says to the byte where its segment lies, once the packs are closed', async () => {
  const { packs, store, names } = world(1500)
  const plains = [100, 2000, 1].map((length) => randomBytes(length))
  const refs = await Promise.all(plains.map((plain) => packs.add('content', plain, never)))
  assert.equal(packs.addedBytes, 2101)
  await packs.close(never)
  for (const [n, ref] of refs.entries()) {
    assert.equal(packs.placeOf(ref.id), ref)
    const name = names().find((one) => one === `packs/${owner}/2026-03/${ref.pack}.pk`)
    const pack = store.blobs.get(name ?? '')?.bytes ?? assert.fail('the pack is there')
    const piece = pack.subarray(ref.offset, ref.offset + ref.sealedBytes)
    const clear = piece.subarray(0, SEGMENT_HEADER_BYTES)
    const keys = packKeys(dataKey.key, parsePackHeader(pack).header)
    const ordinal = Buffer.from(clear).readUInt32BE(12)
    const plain = openSegment(keys, ordinal, clear, piece.subarray(SEGMENT_HEADER_BYTES))
    assert.ok(plains[n]?.equals(plain))
    assert.equal(ref.plainBytes, plain.length)
  }
})

test('a segment is not longer than its kind may be', async () => {
  const { packs } = world()
  const most = Buffer.alloc(METADATA_SEGMENT_BYTES_MAX + 1)
  const content = most.subarray(0, CONTENT_SEGMENT_BYTES_MAX + 1)
  await assert.rejects(packs.add('content', content, never), coded('InvariantBroken'))
  await assert.rejects(packs.add('metadata', most, never), coded('InvariantBroken'))
  await packs.add('content', content.subarray(1), never)
  await packs.add('metadata', content, never)
  assert.equal((await packs.close(never)).length, 1)
})

test('a pack that is full is uploaded at once, and not when the next one is', async () => {
  const { packs, names } = world(3000)
  await packs.add('content', randomBytes(4000), never)
  await tick()
  assert.equal(names().length, 1)
})

test('after an add that failed nothing is taken and nothing is closed: a ref would dangle', async () => {
  const { packs, dataKeys, names } = world()
  const { current } = dataKeys
  const denied = new Error('planned')
  dataKeys.current = () => Promise.reject(denied)
  const isIt = (error: unknown) => error === denied
  const plain = randomBytes(100)
  await assert.rejects(packs.add('content', plain, never), isIt)
  dataKeys.current = current
  await assert.rejects(packs.add('content', plain, never), isIt)
  await assert.rejects(packs.add('content', randomBytes(10), never), isIt)
  await assert.rejects(packs.close(never), isIt)
  assert.deepEqual(names(), [])
})

test('an upload that failed is told to who adds the same again, and to who closes', async () => {
  const { packs, store } = world(3000)
  const plain = randomBytes(4000)
  store.failNext({ call: 'create', when: 'before' })
  await packs.add('content', plain, never)
  for (let n = 0; n < 10; n += 1) await tick()
  await assert.rejects(packs.add('content', plain, never), coded('StorageUnavailable'))
  await assert.rejects(packs.close(never), coded('StorageUnavailable'))
})

test('what is given up stops at the next place, and what is closed takes nothing more', async () => {
  const { packs, names } = world()
  const given = AbortSignal.abort(new Error('given up'))
  await assert.rejects(packs.add('content', randomBytes(10), given), /given up/)
  assert.deepEqual(names(), [])
  const other = world().packs
  const adding = other.add('content', randomBytes(10), never)
  await assert.rejects(other.close(never), coded('InvariantBroken'))
  await adding
  await other.close(never)
  await assert.rejects(other.add('content', randomBytes(9), never), coded('InvariantBroken'))
  await assert.rejects(other.close(never), coded('InvariantBroken'))
})
