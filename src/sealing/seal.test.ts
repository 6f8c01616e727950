import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { AppError, hasCode } from '../model/errors.ts'
import { SEAL_OVERHEAD_BYTES, seal, unseal } from './seal.ts'

const bytes = (max: number) => fc.uint8Array({ minLength: 0, maxLength: max })
const exactly = (n: number) => fc.uint8Array({ minLength: n, maxLength: n })

test('what was sealed opens to the same bytes, and only the overhead is added', () => {
  fc.assert(
    fc.property(exactly(32), exactly(32), bytes(500), bytes(50), (secret, salt, plain, bound) => {
      const sealed = seal(secret, 'cursor', plain, salt, bound)
      assert.equal(sealed.length, plain.length + SEAL_OVERHEAD_BYTES)
      assert.deepEqual(unseal(secret, 'cursor', sealed, bound), new Uint8Array(plain))
    }),
  )
})

test('one flipped bit anywhere, another purpose, secret or binding is noticed', () => {
  const secret = randomBytes(32)
  const sealed = seal(secret, 'cursor', randomBytes(40), randomBytes(32), randomBytes(4))
  const broken = (error: unknown) => hasCode(error, 'SealBroken')
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Uint8Array.from(sealed)
    changed[at] = (changed[at] ?? 0) ^ 1
    assert.throws(() => unseal(secret, 'cursor', changed), broken)
  }
  assert.throws(() => unseal(secret, 'event-part', sealed), broken)
  assert.throws(() => unseal(randomBytes(32), 'cursor', sealed), broken)
  assert.throws(() => unseal(secret, 'cursor', sealed, randomBytes(4)), broken)
  assert.throws(() => unseal(secret, 'cursor', sealed.subarray(0, 20)), broken)
})

test('what is shorter than salt and tag is refused, also where Node would take a short tag', () => {
  // A tag of 4 bytes would be forged in 2^32 tries.
  const secret = new Uint8Array(32)
  for (let n = 0; n < SEAL_OVERHEAD_BYTES; n += 1) {
    assert.throws(
      () => unseal(secret, 'cursor', new Uint8Array(n)),
      (error) => error instanceof AppError && error.cause instanceof RangeError,
    )
  }
})
