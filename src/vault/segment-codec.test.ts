import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { hasCode } from '../model/errors.ts'
import { decode, deflate, encode, inflate } from './segment-codec.ts'

const KIB = 1024
const MIB = 1024 * KIB
const text = (bytes: number) => Buffer.alloc(bytes, 'the same again and again ')
const broken = (error: unknown) => hasCode(error, 'CodecBroken')

/** What a reader of this zstd frame must keep at once (RFC 8878, 3.1.1.1). */
function windowOf(frame: Uint8Array, plainBytes: number): number {
  const [descriptor = 0, window = 0] = frame.subarray(4)
  const isSingleSegment = (descriptor & 0x20) !== 0
  return isSingleSegment ? plainBytes : 2 ** (10 + (window >> 3)) * (1 + (window & 7) / 8)
}

test('text of any size comes back, and so does what does not compress', async () => {
  const edge = 128 * KIB
  for (const bytes of [0, 1, 2000, edge - 1, edge, edge + 1, MIB]) {
    for (const plain of [text(bytes), randomBytes(bytes)]) {
      assert.ok(plain.equals(await decode(await encode(plain), bytes)))
      assert.ok(plain.equals(await inflate(await deflate(plain), bytes)))
    }
  }
})

test('opening takes a window that the piece needs, and never more than 2 MiB', async () => {
  for (const bytes of [1, 5000, 100 * KIB, 129 * KIB, 600 * KIB, 2 * MIB, 9 * MIB]) {
    const window = windowOf(await deflate(text(bytes)), bytes)
    assert.ok(window <= Math.min(2 * MIB, 2 * bytes), `${window} for ${bytes}`)
  }
})

test('a bomb is stopped at the length that was promised, not after it', async () => {
  const bomb = await deflate(Buffer.alloc(64 * MIB))
  assert.ok(bomb.length < 16 * KIB)
  for (const promised of [0, 1000, MIB]) {
    await assert.rejects(inflate(bomb, promised), broken)
    await assert.rejects(decode({ codec: 'zstd', bytes: bomb }, promised), broken)
  }
})

test('what is of another length than it promises is refused, compressed or not', async () => {
  const plain = randomBytes(50)
  for (const promised of [0, 49, 51]) {
    await assert.rejects(decode({ codec: 'raw', bytes: plain }, promised), broken)
    await assert.rejects(decode({ codec: 'zstd', bytes: await deflate(plain) }, promised), broken)
  }
})

test('what is no compressed data is refused, and the reason is kept', async () => {
  for (const promised of [KIB, MIB]) {
    await assert.rejects(inflate(Buffer.from('no frame'), promised), (error) => {
      assert.ok(hasCode(error, 'CodecBroken') && error.cause instanceof Error)
      return true
    })
  }
})
