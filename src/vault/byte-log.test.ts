import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteLog } from './byte-log.ts'

test('a byte log gives back what was appended, in order, and is empty then', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 50 }),
    fc.integer({ min: 1_000_000, max: 1_100_000 }).map((n) => new Uint8Array(n).fill(n % 251)),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const log = new ByteLog()
      for (const one of pieces) log.append(one)
      const whole = Buffer.concat(pieces)
      assert.equal(log.bytes, whole.length)
      assert.ok(log.take().equals(whole))
      assert.equal(log.bytes, 0)
      assert.equal(log.take().length, 0)
    }),
    { numRuns: 30 },
  )
})

test('a byte log keeps nothing of the memory that a piece came from', () => {
  const slab = Buffer.alloc(64 * 1024)
  const log = new ByteLog()
  log.append(slab.subarray(0, 10))
  slab.fill(1)
  assert.ok(log.take().equals(Buffer.alloc(10)))
})
