import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QuickXorHash, quickXorHash } from './quick-xor.ts'

/** Of rclone's test of its own implementation. */
const VECTORS = [
  ['', 'AAAAAAAAAAAAAAAAAAAAAAAAAAA='],
  ['Sg==', 'SgAAAAAAAAAAAAAAAQAAAAAAAAA='],
  ['tbQ=', 'taAFAAAAAAAAAAAAAgAAAAAAAAA='],
  ['0pZP', '0rDEEwAAAAAAAAAAAwAAAAAAAAA='],
  ['jRRDVA==', 'jaDAEKgAAAAAAAAABAAAAAAAAAA='],
] as const

/** The definition, bit by bit. */
function slowly(bytes: Uint8Array): string {
  const bits = new Uint8Array(160)
  for (const [n, byte] of bytes.entries()) {
    for (let bit = 0; bit < 8; bit += 1) {
      const at = (n * 11 + bit) % 160
      bits[at] = (bits[at] ?? 0) ^ ((byte >>> bit) & 1)
    }
  }
  const hash = Buffer.alloc(20)
  for (const [n, bit] of bits.entries()) hash[n >> 3] = (hash[n >> 3] ?? 0) | (bit << (n & 7))
  hash.writeUInt32LE((hash.readUInt32LE(12) ^ bytes.length) >>> 0, 12)
  return hash.toString('base64')
}

test('quickXorHash answers the known vectors', () => {
  for (const [input, expected] of VECTORS) {
    assert.equal(quickXorHash(Buffer.from(input, 'base64')), expected)
  }
})

test('quickXorHash is the same in whatever pieces the bytes come', () => {
  const bytes = Uint8Array.from({ length: 1_000 }, (_, n) => (n * n + 7 * n) & 0xff)
  for (const size of [1, 3, 160, 161, 333, 1_000]) {
    const hash = new QuickXorHash()
    for (let at = 0; at < bytes.length; at += size) hash.update(bytes.subarray(at, at + size))
    assert.equal(hash.digest(), slowly(bytes), `pieces of ${size}`)
  }
})

test('quickXorHash reads a buffer that begins anywhere in the memory under it', () => {
  const memory = Buffer.from(Uint8Array.from({ length: 1_000 }, (_, n) => (n * n + 3 * n) & 0xff))
  for (const start of [0, 1, 2, 3, 5]) {
    const bytes = memory.subarray(start, start + 700)
    assert.equal(quickXorHash(bytes), slowly(bytes), `from ${start}`)
  }
})
