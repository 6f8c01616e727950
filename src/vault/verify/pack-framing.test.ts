import assert from 'node:assert/strict'
import { before, test } from 'node:test'
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
