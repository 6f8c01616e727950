/**
 * Lengths, offsets, counts and codes of packs and index blobs, set to what they should never be;
 * half of the time with the hash mended, as somebody would who means it.
 */
import { createHash } from 'node:crypto'
import { SEGMENT_HEADER_BYTES, TRAILER_BYTES } from '../../src/vault/pack-format.ts'
import type { PackLayout } from '../../src/vault/pack-reader.ts'
import type { Prng } from './prng.ts'

interface Field {
  at: number
  bytes: number
}

const HASH_BYTES = 32
/** The length of the header and the number of recipients are what its parser goes by. */
const HEADER_FIELDS: readonly Field[] = [
  { at: 10, bytes: 2 },
  { at: 76, bytes: 1 },
  ...[0, 8, 10, 12, 28, 44, 77, 78].map((at) => ({ at, bytes: 2 })),
  { at: 76, bytes: 1 },
]
const SEGMENT_FIELDS: readonly Field[] = [
  ...[8, 9, 10].map((at) => ({ at, bytes: 1 })),
  ...[12, 16, 48, 52].map((at) => ({ at, bytes: 4 })),
]

/** Where a pack says how long, how many and of which kind. */
function fieldsOf({ segments, trailer, clear }: PackLayout, prng: Prng): Field[] {
  const at = trailer.footerOffset + trailer.footerBytes
  const ends = [
    { at, bytes: 8 },
    { at: at + 4, bytes: 4 },
    { at: at + 8, bytes: 4 },
    { at: at + 12, bytes: 4 },
  ]
  const segment = prng.pick(segments)
  const inSegment = SEGMENT_FIELDS.map((f) => ({ ...f, at: f.at + segment.offset }))
  const recipient = { at: 77 + prng.below(clear.length - 77), bytes: 1 }
  return prng.pick([[...HEADER_FIELDS, recipient], inSegment, inSegment, ends])
}

function oddNumber(was: bigint, bytes: number, prng: Prng): bigint {
  const top = 1n << BigInt(8 * bytes)
  const odd = prng.pick([
    ...[0n, 1n, 2n, 15n, 16n, 255n, top - 1n, top / 2n, top / 2n - 1n],
    ...[was + 1n, was - 1n, was * 2n, was + 16n, was - 16n, was / 2n, -was, was + 99n],
    ...[1n << 31n, 1n << 53n, 8n << 20n, (8n << 20n) + 1n, (32n << 20n) + 1n, BigInt(prng.next())],
  ])
  return ((odd % top) + top) % top
}

function setField(bytes: Buffer, { at, bytes: length }: Field, prng: Prng): void {
  if (at + length > bytes.length) return
  const was = BigInt(`0x${bytes.toString('hex', at, at + length)}`)
  const now = oddNumber(was, length, prng)
    .toString(16)
    .padStart(2 * length, '0')
  bytes.write(now, at, 'hex')
}

/** As if the pack had been written so: its trailer holds the hash of what is there. */
export function mendPack(pack: Buffer): Buffer {
  const at = pack.length - TRAILER_BYTES + 16
  if (at < 0) return pack
  createHash('sha256').update(pack.subarray(0, at)).digest().copy(pack, at)
  return pack
}

export function mendIndex(index: Buffer): Buffer {
  const at = index.length - HASH_BYTES
  if (at < 0) return index
  createHash('sha256').update(index.subarray(0, at)).digest().copy(index, at)
  return index
}

export function spoilPackFields(bytes: Buffer, layout: PackLayout, prng: Prng): Buffer {
  const fields = fieldsOf(layout, prng)
  for (let n = 1 + prng.below(3); n > 0; n -= 1) setField(bytes, prng.pick(fields), prng)
  return prng.oneIn(2) ? mendPack(bytes) : bytes
}

export function spoilIndexFields(bytes: Buffer, prng: Prng): Buffer {
  const headerAt = 48
  const own = [
    { at: 40, bytes: 4 },
    { at: 44, bytes: 4 },
    { at: 8, bytes: 4 },
  ]
  const inHeader = HEADER_FIELDS.map((f) => ({ ...f, at: f.at + headerAt }))
  const anywhere = { at: prng.below(bytes.length), bytes: 1 }
  const fields = prng.pick([own, inHeader, [...own, ...inHeader, anywhere]])
  for (let n = 1 + prng.below(3); n > 0; n -= 1) setField(bytes, prng.pick(fields), prng)
  return prng.oneIn(4) ? bytes : mendIndex(bytes)
}

/** Headers that look like segments, over and over: the longest way through a damaged pack. */
export function plantHeaders(bytes: Buffer, layout: PackLayout, prng: Prng): Buffer {
  const { clear } = prng.pick(layout.segments)
  const from = layout.clear.length + prng.below(bytes.length - layout.clear.length)
  for (let at = from; at + SEGMENT_HEADER_BYTES <= bytes.length; at += SEGMENT_HEADER_BYTES) {
    bytes.set(clear, at)
    const length = prng.below(bytes.length - at)
    bytes.writeUInt32BE(length + 100, at + 48)
    bytes.writeUInt32BE(length, at + 52)
  }
  return bytes
}
