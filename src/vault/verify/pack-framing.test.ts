import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../../model/errors.ts'
import type { OwnerId } from '../../model/ids.ts'
import { parseTrailer } from '../pack-format.ts'
import { type FramedSegment, readLayout } from '../pack-reader.ts'
import { PackFraming } from './pack-framing.ts'
import { namesOf, ownedVault } from './testing/vaults.ts'

let owner: OwnerId
let pack: Uint8Array

before(async () => {
  const { on, ...owned } = await ownedVault()
  owner = owned.owner
  const [name = ''] = namesOf(on, new RegExp(`^packs/${owner}/`))
  pack = on.store.blobs.get(name)?.bytes ?? new Uint8Array(0)
})

/** Pieces of these lengths, again and again. */
function* cut(bytes: Uint8Array, lengths: readonly number[]): Generator<Uint8Array> {
  for (let at = 0, n = 0; at < bytes.length; n += 1) {
    const length = lengths[n % lengths.length] ?? 1
    yield bytes.subarray(at, at + length)
    at += length
  }
}

function copied({ body, clear, ...rest }: FramedSegment) {
  return { ...rest, body: Buffer.from(body), clear: Buffer.from(clear) }
}

test('however a pack is cut into pieces, its segments are those of the whole', () => {
  const layout = readLayout(pack, owner)
  const trailer = parseTrailer(pack, pack.length)
  const lengths = fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 6 })
  fc.assert(
    fc.property(lengths, fc.nat({ max: 3 }), (pieces, every) => {
      const isWanted = (ordinal: number) => every === 0 || ordinal % every === 0
      const framing = new PackFraming(trailer, owner, ({ ordinal }) => isWanted(ordinal))
      const found: ReturnType<typeof copied>[] = []
      // What push gives is good until the next one is asked for.
      for (const piece of cut(pack, pieces)) {
        for (const framed of framing.push(piece)) found.push(copied(framed))
      }
      const frame = framing.end()
      const wanted = layout.segments.filter(({ header }) => isWanted(header.ordinal))
      assert.deepEqual(found, wanted.map(copied))
      assert.deepEqual(Buffer.from(frame.footer), Buffer.from(layout.footer))
      assert.deepEqual(Buffer.from(frame.clear), Buffer.from(layout.clear))
      assert.equal(frame.segments.length, layout.segments.length)
    }),
    { numRuns: 100 },
  )
})

test('any bytes are either framed or called damaged, in bounded steps', () => {
  const trailer = parseTrailer(pack, pack.length)
  fc.assert(
    fc.property(fc.nat({ max: pack.length - 1 }), fc.nat({ max: 255 }), (at, value) => {
      const spoilt = Uint8Array.from(pack)
      spoilt[at] = value
      const framing = new PackFraming(trailer, owner, () => true)
      try {
        for (const piece of cut(spoilt, [1000])) for (const _ of framing.push(piece));
        framing.end()
      } catch (error) {
        assert.ok(hasCode(error, 'PackDamaged'), String(error))
      }
    }),
    { numRuns: 200 },
  )
})

describe('a pack is not framed', () => {
  const trailerOf = (bytes: Uint8Array) => parseTrailer(bytes, bytes.length)
  const said = (check: string) => (error: unknown) =>
    hasCode(error, 'PackDamaged') && error.context['check'] === check

  function framed(bytes: Uint8Array, trailer = trailerOf(pack), pieceBytes = 1000) {
    const framing = new PackFraming(trailer, owner, () => true)
    for (const piece of cut(bytes, [pieceBytes])) for (const _ of framing.push(piece));
    return framing.end()
  }

  test('before its last byte has come', () => {
    assert.equal(framed(pack).segments.length, trailerOf(pack).segments)
    const { footerOffset, footerBytes } = trailerOf(pack)
    for (const length of [0, 5, 100, footerOffset, footerOffset + footerBytes - 1]) {
      const begun = () => framed(pack.subarray(0, length))
      assert.throws(begun, said('a pack is framed to its end'), `${length}`)
    }
    // The trailer was read before.
    assert.ok(framed(pack.subarray(0, footerOffset + footerBytes)))
  })

  test('with another number of segments than its trailer says', () => {
    const trailer = trailerOf(pack)
    for (const more of [1, -1]) {
      const other = { ...trailer, segments: trailer.segments + more }
      assert.throws(() => framed(pack, other), said('all segments are there'))
    }
  })

  test('where its footer begins before or amid its last segment', () => {
    const trailer = trailerOf(pack)
    const last = readLayout(pack, owner).segments.at(-1)
    assert.ok(last)
    const within = { ...trailer, footerOffset: last.offset + 57 }
    assert.throws(() => framed(pack, within), said('segments follow in order'))
    const amidHeader = { ...trailer, footerOffset: last.offset + 20 }
    assert.throws(() => framed(pack, amidHeader))
    const inHeader = { ...trailer, footerOffset: 20 }
    assert.throws(() => framed(pack, inHeader), said('segments end where the footer begins'))
  })

  test('with segments in another order', () => {
    const [first, second] = readLayout(pack, owner).segments
    assert.ok(first && second)
    const spoilt = Buffer.from(pack)
    spoilt.writeUInt32BE(1, first.offset + 12)
    assert.throws(() => framed(spoilt), said('segments follow in order'))
    const repeated = Buffer.from(pack)
    repeated.writeUInt32BE(0, second.offset + 12)
    assert.throws(() => framed(repeated), said('segments follow in order'))
  })

  test('with a header of another length than it can have', () => {
    for (const length of [0, 11, 8 * 1024 + 1, 65_535]) {
      const spoilt = Buffer.from(pack)
      spoilt.writeUInt16BE(length, 10)
      assert.throws(() => framed(spoilt), said('the pack header fits'), `${length}`)
    }
  })
})

test('what is not wanted is passed over, also where it ends with a piece', () => {
  const trailer = parseTrailer(pack, pack.length)
  const { segments } = readLayout(pack, owner)
  const [, second] = segments
  assert.ok(second)
  for (const end of [second.offset, second.offset + 56, second.offset + 1]) {
    const framing = new PackFraming(trailer, owner, ({ ordinal }) => ordinal === 2)
    const given: number[] = []
    for (const piece of [pack.subarray(0, end), pack.subarray(end, end), pack.subarray(end)]) {
      for (const { header, body } of framing.push(piece)) given.push(header.ordinal, body.length)
    }
    assert.deepEqual(given, [2, segments[2]?.header.bodyBytes])
    assert.equal(framing.end().segments.length, segments.length)
  }
})
