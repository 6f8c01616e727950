import assert from 'node:assert/strict'
import { test } from 'node:test'
import { release } from './release.ts'

const LARGE = 256 * 1024

test('large bytes that fill their buffer are gone at once', () => {
  for (const length of [LARGE, LARGE + 1, 4 * LARGE]) {
    const bytes = new Uint8Array(length)
    release(bytes)
    assert.equal(bytes.length, 0)
  }
})

test('small ones, parts of something larger, and what threads share are left alone', () => {
  const whole = new Uint8Array(4 * LARGE)
  const kept = [
    new Uint8Array(LARGE - 1),
    whole.subarray(0, 2 * LARGE),
    whole.subarray(LARGE),
    new Uint8Array(new SharedArrayBuffer(LARGE)),
  ]
  const lengths = kept.map(({ length }) => length)
  for (const bytes of kept) release(bytes)
  assert.deepEqual(
    kept.map(({ length }) => length),
    lengths,
  )
})
