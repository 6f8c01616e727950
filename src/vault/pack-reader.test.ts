/** Packs whose bytes were put together anew: framing that needs no key, footers, and salvage. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { hasCode } from '../model/errors.ts'
import { PACK_BYTES_MAX, PACK_SEGMENTS_MAX } from './limits.ts'
import { createPackBuilder } from './pack-builder.ts'
import { packKeys, sealFooter, segmentNamer } from './pack-crypto.ts'
import { encodeFooter, encodeTrailer, type FooterEntry, TRAILER_BYTES } from './pack-format.ts'
import { checkFooter, openPack, readFooterEntries, readLayout, salvage } from './pack-reader.ts'
import { collect, newOwner } from './testing/fixture.ts'

const owner = newOwner()
const salt = randomBytes(32)
const namer = segmentNamer(randomBytes(32))
const dataKey = {
  ...{ id: '0f'.repeat(16), key: new Uint8Array(randomBytes(32)), secret: [] },
  recipients: [{ keyId: 'k', fingerprint: 'ab'.repeat(32), wrapped: randomBytes(384) }],
}
const keys = packKeys(dataKey.key, { owner, salt })
const damaged = (error: unknown) => hasCode(error, 'PackDamaged')

function builderOf(packBytes = 1 << 20) {
  const builder = createPackBuilder({ owner, dataKey, salt, packBytes })
  const append = (plain: Uint8Array) =>
    builder.append({
      ...{ codec: 'raw', kind: 'content', id: namer.idOf(plain) },
      ...{ plainBytes: plain.length, encoded: plain },
    })
  return { builder, append }
}

function packOf(...plains: Uint8Array[]): Buffer {
  const { builder, append } = builderOf()
  for (const plain of plains) append(plain)
  return Buffer.from(builder.finish().bytes)
}

/** The segments of a pack under another footer, or others before its own, with a trailer that fits. */
function reframed(pieces: Uint8Array[], footer: Uint8Array, segments: number): Buffer {
  const body = Buffer.concat(pieces)
  const trailer = encodeTrailer(
    { footerOffset: body.length, footerBytes: footer.length, segments },
    createHash('sha256').update(body).update(footer),
  )
  return Buffer.concat([body, footer, trailer])
}

const plains = [randomBytes(100), randomBytes(50), randomBytes(10)]
const pack = packOf(...plains)
const layout = readLayout(pack, owner)
const entries = readFooterEntries(layout, keys)
const pieces = layout.segments.map(({ clear, body }) => Buffer.concat([clear, body]))
const [one, two, three] = pieces as [Buffer, Buffer, Buffer]

describe('the framing of a pack says without any key', () => {
  test('that it is whole: every segment in its place, and the footer after them', () => {
    assert.deepEqual(
      layout.segments.map(({ header }) => [header.ordinal, header.plainBytes]),
      [
        [0, 100],
        [1, 50],
        [2, 10],
      ],
    )
    assert.ok(reframed([layout.clear, ...pieces], layout.footer, 3).equals(pack))
    assert.equal(layout.trailer.segments, 3)
  })

  test('that a segment is missing, too many, out of order, cut, or followed by something', () => {
    const { clear, footer } = layout
    for (const others of [
      [one, two],
      [one, two, three, three],
      [one, three, two],
      [two, one, three],
      [one, one, three],
      [one, two, three.subarray(0, -1)],
      [one, two, three, Buffer.from('x')],
      [one, Buffer.alloc(1), two, three],
      [],
    ]) {
      assert.throws(() => readLayout(reframed([clear, ...others], footer, 3), owner), damaged)
    }
    const fewer = reframed([clear, one, two], footer.subarray(48), 2)
    assert.equal(readLayout(fewer, owner).segments.length, 2)
  })

  test('that it has other bytes than its hash, or belongs to somebody else', () => {
    const spoilt = Buffer.from(pack)
    spoilt.writeUInt8(spoilt.readUInt8(600) ^ 1, 600)
    assert.throws(() => readLayout(spoilt, owner), damaged)
    assert.throws(() => readLayout(pack, newOwner()), damaged)
  })
})

describe('a footer lists exactly the segments that are framed', () => {
  test('and no fewer, no more, and none that differs in anything', async () => {
    checkFooter(layout, entries)
    const [first, ...rest] = entries as [FooterEntry, ...FooterEntry[]]
    for (const listed of [
      rest,
      [...entries, first],
      [...rest, first],
      [{ ...first, offset: first.offset + 1 }, ...rest],
      [{ ...first, kind: 'metadata' as const }, ...rest],
      [{ ...first, codec: 'zstd' as const }, ...rest],
      [{ ...first, plainBytes: first.plainBytes + 1 }, ...rest],
      [{ ...first, bodyBytes: first.bodyBytes - 1 }, ...rest],
      [{ ...first, id: namer.idOf(Buffer.from('else')) }, ...rest],
    ]) {
      assert.throws(() => checkFooter(layout, listed), damaged)
      const footer = sealFooter(keys, layout.clear, encodeFooter(listed))
      const forged = reframed([layout.clear, ...pieces], footer, listed.length)
      await assert.rejects(collect(openPack(forged, owner, async () => keys, namer)), damaged)
    }
  })
})

describe('a pack is full', () => {
  test('when it has grown to its size, and never while it is empty', () => {
    const { builder, append } = builderOf(1)
    assert.equal(builder.full, false)
    const length = append(randomBytes(1)) + 56 + 1 + 16
    assert.equal(builder.full, true)
    for (const [size, isFull] of [
      [length, true],
      [length + 1, false],
    ] as const) {
      const other = builderOf(size)
      other.append(randomBytes(1))
      assert.equal(other.builder.full, isFull)
    }
  })

  test('at 65,536 segments, however small it is', () => {
    const { builder } = builderOf(PACK_BYTES_MAX)
    const encoded = Buffer.from('x')
    const segment = { codec: 'raw', kind: 'content', id: namer.idOf(encoded) } as const
    const append = () => builder.append({ ...segment, plainBytes: 1, encoded })
    for (let n = 0; n < PACK_SEGMENTS_MAX - 1; n += 1) append()
    assert.equal(builder.full, false)
    append()
    assert.equal(builder.full, true)
    assert.throws(append, (error) => hasCode(error, 'InvariantBroken'))
    const { bytes } = builder.finish()
    assert.equal(readLayout(bytes, owner).segments.length, PACK_SEGMENTS_MAX)
  })

  test('and is not closed empty', () => {
    assert.throws(
      () => builderOf().builder.finish(),
      (error) => hasCode(error, 'InvariantBroken'),
    )
  })
})

describe('from a pack without trailer and footer', () => {
  const headerBytes = layout.clear.length
  const salvaged = (bytes: Uint8Array) => collect(salvage(bytes, headerBytes, keys, namer))

  test('every segment is given, and of what does not open where it lay', async () => {
    const cut = pack.subarray(0, pack.length - TRAILER_BYTES - layout.footer.length)
    assert.deepEqual(
      (await salvaged(cut)).map((s) => s.outcome === 'segment' && Buffer.from(s.plain)),
      plains,
    )
    const spoilt = Buffer.from(cut)
    const at = headerBytes + one.length
    spoilt.writeUInt8(spoilt.readUInt8(at + 60) ^ 1, at + 60)
    const found = await salvaged(Buffer.concat([spoilt, two.subarray(0, 70)]))
    assert.deepEqual(
      found.map((s) => (s.outcome === 'segment' ? s.header.ordinal : s)),
      [0, { outcome: 'damaged', offset: at }, 2, { outcome: 'damaged', offset: spoilt.length }],
    )
  })

  test('nothing is salvaged where it is longer than a pack may be', async () => {
    const long = Buffer.alloc(PACK_BYTES_MAX + 1)
    pack.copy(long)
    await assert.rejects(salvaged(long), damaged)
    assert.throws(() => readLayout(long, owner), damaged)
    assert.equal((await salvaged(long.subarray(0, -1))).length, 3)
  })
})
