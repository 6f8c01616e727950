import assert from 'node:assert/strict'
import { createCipheriv, type KeyObject, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { hasCode } from '../model/errors.ts'
import {
  checkOwner,
  openFooter,
  openSegment,
  packKeys,
  sealFooter,
  sealSegment,
  segmentNamer,
} from './pack-crypto.ts'
import { newOwner } from './testing/fixture.ts'

const owner = newOwner()
const salt = randomBytes(32)
const keys = packKeys(randomBytes(32), { owner, salt })
const plain = randomBytes(100)
const bound = randomBytes(56)
const coded = (code: string) => (error: unknown) => hasCode(error, code)

/** Sealed by whoever has the key, with as much of the tag as is said. */
function sealedWithTag(key: KeyObject, text: Uint8Array, tagBytes: number): Uint8Array {
  const cipher = createCipheriv('aes-256-gcm', key, Buffer.alloc(12)).setAAD(bound)
  const body = Buffer.concat([cipher.update(text), cipher.final()])
  return Buffer.concat([body, cipher.getAuthTag().subarray(0, tagBytes)])
}

describe('a segment', () => {
  const body = sealSegment(keys, 7, bound, plain)

  test('opens at its ordinal, with its header and the key of its pack', () => {
    assert.ok(plain.equals(openSegment(keys, 7, bound, body)))
    const otherPack = packKeys(randomBytes(32), { owner, salt })
    for (const open of [
      () => openSegment(keys, 8, bound, body),
      () => openSegment(keys, 7, randomBytes(56), body),
      () => openSegment(otherPack, 7, bound, body),
      () => openSegment({ ...keys, segment: keys.footer }, 7, bound, body),
      () => openSegment(keys, 7, bound, body.subarray(1)),
    ]) {
      assert.throws(open, coded('SegmentDamaged'))
    }
  })

  test('has a whole tag: with less of it, it would soon be guessed', () => {
    assert.equal(openSegment(keys, 0, bound, sealedWithTag(keys.segment, plain, 16)).length, 100)
    for (const text of [plain, plain.subarray(0, 0)]) {
      for (const tagBytes of [0, 4, 8, 12, 15]) {
        const cut = sealedWithTag(keys.segment, text, tagBytes)
        assert.throws(() => openSegment(keys, 0, bound, cut), coded('SegmentDamaged'))
      }
    }
  })
})

describe('a footer', () => {
  test('opens with the header of its pack and the key for footers', () => {
    const sealed = sealFooter(keys, bound, plain)
    assert.ok(plain.equals(openFooter(keys, bound, sealed)))
    for (const open of [
      () => openFooter(keys, randomBytes(56), sealed),
      () => openFooter({ ...keys, footer: keys.segment }, bound, sealed),
      () => openFooter(keys, bound, sealed.subarray(1)),
    ]) {
      assert.throws(open, coded('PackDamaged'))
    }
  })

  test('has a whole tag, also where nothing is listed', () => {
    assert.equal(openFooter(keys, bound, sealedWithTag(keys.footer, plain, 16)).length, 100)
    assert.equal(openFooter(keys, bound, sealFooter(keys, bound, Buffer.alloc(0))).length, 0)
    for (const text of [plain, plain.subarray(0, 0)]) {
      for (const tagBytes of [0, 4, 8, 12, 15]) {
        const cut = sealedWithTag(keys.footer, text, tagBytes)
        assert.throws(() => openFooter(keys, bound, cut), coded('PackDamaged'))
      }
    }
  })
})

test('a pack belongs to the owner in its header', () => {
  const header = { owner, dataKeyId: '', salt, recipients: [] }
  checkOwner(header, owner)
  assert.throws(() => checkOwner(header, newOwner()), coded('PackDamaged'))
})

test('equal plaintexts of one owner share an id, and those of two owners do not', () => {
  const [secret, other] = [randomBytes(32), randomBytes(32)]
  assert.equal(segmentNamer(secret).idOf(plain), segmentNamer(secret).idOf(Buffer.from(plain)))
  assert.notEqual(segmentNamer(secret).idOf(plain), segmentNamer(other).idOf(plain))
  assert.notEqual(segmentNamer(secret).idOf(plain), segmentNamer(secret).idOf(plain.subarray(1)))
})
