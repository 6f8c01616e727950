/** The bytes of a pack, piece by piece: the least and the most that each length may say. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { hasCode } from '../model/errors.ts'
import { parseOwnerId, parsePackId, parseSegmentId } from '../model/ids.ts'
import {
  CONTENT_SEGMENT_BYTES_MAX,
  KEY_ID_BYTES_MAX,
  METADATA_SEGMENT_BYTES_MAX,
  PACK_BYTES_MAX,
  PACK_HEADER_BYTES_MAX,
  PACK_SEGMENTS_MAX,
  WRAPPED_KEY_BYTES_MAX,
} from './limits.ts'
import {
  encodeFooter,
  encodeIndex,
  encodePackHeader,
  encodeSegmentHeader,
  encodeTrailer,
  type FooterEntry,
  type PackHeader,
  parseFooter,
  parseIndex,
  parsePackHeader,
  parseSegmentHeader,
  parseTrailer,
  type SegmentHeader,
  TRAILER_BYTES,
  type WrappedKey,
} from './pack-format.ts'

const damaged = (error: unknown) => hasCode(error, 'PackDamaged')
const broken = (error: unknown) => hasCode(error, 'InvariantBroken')

function recipient(keyIdBytes: number, wrappedBytes: number): WrappedKey {
  const wrapped = Buffer.alloc(wrappedBytes, 9)
  return { keyId: 'k'.repeat(keyIdBytes), fingerprint: '4d'.repeat(32), wrapped }
}

function headerOf(...recipients: WrappedKey[]): PackHeader {
  const salt = Buffer.alloc(32, 7)
  return { owner: parseOwnerId('0a'.repeat(16)), dataKeyId: 'cd'.repeat(16), salt, recipients }
}

/** A copy with some bytes changed. */
function changed(bytes: Uint8Array, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(bytes)
  change(copy)
  return copy
}

describe('a pack header', () => {
  const one = recipient(10, 384)
  const bytes = encodePackHeader(headerOf(one, recipient(0, 1)))

  test('comes back with up to four recipients, whatever follows it', () => {
    const largest = recipient(KEY_ID_BYTES_MAX, WRAPPED_KEY_BYTES_MAX)
    for (const recipients of [[one], [one, recipient(1, 0)], [largest, one, one, largest]]) {
      const header = headerOf(...recipients)
      const encoded = Buffer.from(encodePackHeader(header))
      const parsed = parsePackHeader(Buffer.concat([encoded, Buffer.from('more')]))
      assert.deepEqual(parsed, { header, headerBytes: encoded.length })
    }
  })

  test('is not written beyond its limits', () => {
    const tooMany = Array.from({ length: 5 }, () => one)
    for (const recipients of [
      [],
      tooMany,
      [recipient(KEY_ID_BYTES_MAX + 1, 384)],
      [recipient(10, WRAPPED_KEY_BYTES_MAX + 1)],
    ]) {
      assert.throws(() => encodePackHeader(headerOf(...recipients)), broken)
    }
    for (const length of [31, 33]) {
      const salt = Buffer.alloc(length)
      assert.throws(() => encodePackHeader({ ...headerOf(one), salt }), broken)
    }
  })

  test('that is cut anywhere is damaged', () => {
    for (let length = 0; length < bytes.length; length += 1) {
      assert.throws(() => parsePackHeader(bytes.subarray(0, length)), damaged)
    }
  })

  test('of another magic or version, or without one to four recipients, is damaged', () => {
    const [least, most] = [encodePackHeader(headerOf(one)), encodePackHeader(headerOf(one, one))]
    for (const spoilt of [
      changed(least, (b) => b.write('HFPACK02')),
      changed(least, (b) => b.writeUInt16BE(2, 8)),
      changed(least.subarray(0, 77), (b) => b.writeUInt16BE(77, 10) && b.writeUInt8(0, 76)),
      changed(Buffer.concat([most, most.subarray(77), most.subarray(77, 77 + 429)]), (b) => {
        b.writeUInt16BE(b.length, 10)
        b.writeUInt8(5, 76)
      }),
    ]) {
      assert.throws(() => parsePackHeader(spoilt), damaged)
    }
  })

  test('whose lengths do not add up is damaged, however many bytes follow', () => {
    const long = Buffer.concat([bytes, Buffer.alloc(70_000, 1)])
    for (const length of [0, 76, 77, 77 + 34, bytes.length - 1, bytes.length + 1, 60_000]) {
      assert.throws(
        () => parsePackHeader(changed(long, (b) => b.writeUInt16BE(length, 10))),
        damaged,
      )
    }
    assert.throws(() => parsePackHeader(changed(long, (b) => b.writeUInt8(255, 77))), damaged)
    assert.throws(() => parsePackHeader(changed(long, (b) => b.writeUInt16BE(65_535, 78))), damaged)
  })

  test('ends at 8 KiB', () => {
    const fixed = 77 + 35 + 10
    const of = (length: number) => {
      const whole = Buffer.concat([bytes.subarray(0, fixed), Buffer.alloc(length - fixed)])
      whole.writeUInt16BE(length, 10)
      whole.writeUInt8(1, 76)
      whole.writeUInt16BE(length - fixed, 78)
      return whole
    }
    const { headerBytes } = parsePackHeader(of(PACK_HEADER_BYTES_MAX))
    assert.equal(headerBytes, PACK_HEADER_BYTES_MAX)
    assert.throws(() => parsePackHeader(of(PACK_HEADER_BYTES_MAX + 1)), damaged)
  })
})

const id = parseSegmentId('5e'.repeat(32))
const segment: SegmentHeader = {
  codec: 'zstd',
  kind: 'content',
  ordinal: 3,
  id,
  plainBytes: 1000,
  bodyBytes: 200,
}

/** Lengths that a segment of each kind may have, and such that it may not. */
const LENGTHS = [
  { kind: 'content', plainBytes: 0, bodyBytes: 16, isSane: true },
  { kind: 'content', plainBytes: 0, bodyBytes: 17, isSane: false },
  { kind: 'content', plainBytes: 100, bodyBytes: 15, isSane: false },
  { kind: 'content', plainBytes: 100, bodyBytes: 116, isSane: true },
  { kind: 'content', plainBytes: 100, bodyBytes: 117, isSane: false },
  { kind: 'content', plainBytes: CONTENT_SEGMENT_BYTES_MAX, bodyBytes: 20, isSane: true },
  { kind: 'content', plainBytes: CONTENT_SEGMENT_BYTES_MAX + 1, bodyBytes: 20, isSane: false },
  { kind: 'metadata', plainBytes: METADATA_SEGMENT_BYTES_MAX, bodyBytes: 20, isSane: true },
  { kind: 'metadata', plainBytes: METADATA_SEGMENT_BYTES_MAX + 1, bodyBytes: 20, isSane: false },
] as const

describe('a segment header', () => {
  const bytes = encodeSegmentHeader(segment)

  test('comes back, of any codec and kind', () => {
    for (const header of [segment, { ...segment, codec: 'raw', kind: 'metadata' } as const]) {
      assert.deepEqual(parseSegmentHeader(encodeSegmentHeader(header)), header)
    }
  })

  test('is one only with its magic, a known codec and kind, and zeros between', () => {
    for (const [at, value] of [
      [0, 0],
      [7, 0],
      [8, 2],
      [9, 0],
      [9, 3],
      [10, 1],
      [11, 1],
    ] as const) {
      assert.equal(parseSegmentHeader(changed(bytes, (b) => b.writeUInt8(value, at))), undefined)
    }
    for (const length of [0, 8, 55]) {
      assert.equal(parseSegmentHeader(bytes.subarray(0, length)), undefined)
    }
  })

  test('has a plain length within the limit of its kind, and a body that is hardly longer', () => {
    for (const { isSane, ...lengths } of LENGTHS) {
      const header = { ...segment, ...lengths }
      const parsed = parseSegmentHeader(encodeSegmentHeader(header))
      assert.deepEqual(parsed, isSane ? header : undefined)
    }
  })
})

describe('a footer', () => {
  const { ordinal: _, ...rest } = segment
  const entry: FooterEntry = { ...rest, offset: 500 }

  test('comes back, entry for entry, up to as many as a pack may hold', () => {
    const metadata: FooterEntry = { ...entry, codec: 'raw', kind: 'metadata', offset: 900 }
    assert.deepEqual(parseFooter(encodeFooter([entry, metadata])), [entry, metadata])
    assert.deepEqual(parseFooter(encodeFooter([])), [])
    const most = encodeFooter(Array.from({ length: PACK_SEGMENTS_MAX }, () => entry))
    assert.equal(parseFooter(most).length, PACK_SEGMENTS_MAX)
    assert.throws(() => parseFooter(Buffer.concat([most, most.subarray(0, 48)])), damaged)
    const tooMany = Array.from({ length: PACK_SEGMENTS_MAX + 1 }, () => entry)
    assert.throws(() => encodeFooter(tooMany), broken)
  })

  test('that is no whole number of entries is damaged', () => {
    const bytes = encodeFooter([entry, entry])
    for (const length of [1, 47, 49, 95]) {
      assert.throws(() => parseFooter(bytes.subarray(0, length)), damaged)
    }
  })

  test('whose entries have an unknown codec or kind, or no zeros, is damaged', () => {
    for (const [at, value] of [
      [44, 2],
      [45, 0],
      [45, 3],
      [46, 1],
      [47, 1],
    ] as const) {
      const bytes = changed(encodeFooter([entry, entry]), (b) => b.writeUInt8(value, 48 + at))
      assert.throws(() => parseFooter(bytes), damaged)
    }
  })

  test('has entries with lengths that a segment may have, within a pack', () => {
    for (const { isSane, ...lengths } of LENGTHS) {
      const bytes = encodeFooter([{ ...entry, ...lengths }])
      if (isSane) assert.equal(parseFooter(bytes).length, 1)
      else assert.throws(() => parseFooter(bytes), damaged)
    }
    const last = { ...entry, offset: PACK_BYTES_MAX - entry.bodyBytes }
    assert.deepEqual(parseFooter(encodeFooter([last])), [last])
    const beyond = encodeFooter([{ ...last, offset: last.offset + 1 }])
    assert.throws(() => parseFooter(beyond), damaged)
  })
})

describe('a trailer', () => {
  const trailerOf = (footerOffset: number, footerBytes: number, segments: number) =>
    encodeTrailer({ footerOffset, footerBytes, segments }, createHash('sha256'))

  test('comes back from the end of whatever bytes it ends', () => {
    const bytes = trailerOf(1000, 48 * 3 + 16, 3)
    const parsed = parseTrailer(Buffer.concat([Buffer.from('more'), bytes]), 1000 + 160 + 56)
    const sha256 = createHash('sha256').update(bytes.subarray(0, 16)).digest()
    assert.deepEqual(parsed, { footerOffset: 1000, footerBytes: 160, segments: 3, sha256 })
  })

  test('that is cut, or has another magic, is damaged', () => {
    const bytes = trailerOf(1000, 160, 3)
    for (const spoilt of [bytes.subarray(1), changed(bytes, (b) => b.writeUInt8(0x32, 55))]) {
      assert.throws(() => parseTrailer(spoilt, 1216), damaged)
    }
  })

  test('fits the length of the pack and the number of its segments', () => {
    const tooMany = PACK_SEGMENTS_MAX + 1
    const itsFooter = 16 + 48 * tooMany
    for (const [offset, footer, segments, packBytes] of [
      [1000, 160, 3, 1215],
      [1000, 160, 3, 1217],
      [1000, 160, 2, 1216],
      [1000, 160, 4, 1216],
      [1000, 159, 3, 1215],
      [1000, itsFooter, tooMany, 1000 + itsFooter + TRAILER_BYTES],
    ] as const) {
      assert.throws(() => parseTrailer(trailerOf(offset, footer, segments), packBytes), damaged)
    }
    const footerBytes = 16 + 48 * PACK_SEGMENTS_MAX
    const most = trailerOf(1000, footerBytes, PACK_SEGMENTS_MAX)
    assert.equal(parseTrailer(most, 1000 + footerBytes + TRAILER_BYTES).footerBytes, footerBytes)
  })
})

describe('an index blob', () => {
  const pack = parsePackId('1f'.repeat(32))
  const index = { pack, header: Buffer.from('a header'), footer: Buffer.from('and a footer') }
  const bytes = encodeIndex(index)

  /** As somebody would who can compute a hash. */
  function withHash(body: Uint8Array): Buffer {
    return Buffer.concat([body, createHash('sha256').update(body).digest()])
  }
  const body = bytes.subarray(0, -32)

  test('comes back', () => {
    assert.deepEqual(parseIndex(bytes), index)
    const empty = { pack, header: Buffer.alloc(0), footer: Buffer.alloc(0) }
    assert.deepEqual(parseIndex(encodeIndex(empty)), empty)
  })

  test('that is cut, or has another byte anywhere, is damaged', () => {
    for (let at = 0; at < bytes.length; at += 1) {
      assert.throws(() => parseIndex(bytes.subarray(0, at)), damaged)
      const spoilt = changed(bytes, (b) => b.writeUInt8((b[at] ?? 0) ^ 1, at))
      assert.throws(() => parseIndex(spoilt), damaged)
    }
  })

  test('with a good hash still needs its magic and lengths that fill it', () => {
    assert.deepEqual(parseIndex(withHash(body)), index)
    for (const spoilt of [
      changed(body, (b) => b.write('HFINDX02')),
      changed(body, (b) => b.writeUInt32BE(index.header.length + 1, 40)),
      changed(body, (b) => b.writeUInt32BE(index.footer.length - 1, 44)),
      body.subarray(0, -1),
      body.subarray(0, 47),
      Buffer.concat([body, Buffer.from([0])]),
    ]) {
      assert.throws(() => parseIndex(withHash(spoilt)), damaged)
    }
  })
})
