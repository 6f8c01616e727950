/**
 * The bytes of a pack and of an index blob (docs/format.md, sections 5 and 6). Pure: nothing
 * here encrypts, hashes content or does I/O.
 *
 * Numbers are unsigned and big-endian. Every length is checked against its limit and against the
 * bytes that are there before it is used; what does not fit throws `PackDamaged`.
 */
import { createHash } from 'node:crypto'
import { invariant } from '../model/errors.ts'
import {
  type OwnerId,
  type PackId,
  parseOwnerId,
  parsePackId,
  parseSegmentId,
  type SegmentId,
} from '../model/ids.ts'
import { check } from './damage.ts'
import {
  CONTENT_SEGMENT_BYTES_MAX,
  KEY_ID_BYTES_MAX,
  METADATA_SEGMENT_BYTES_MAX,
  PACK_BYTES_MAX,
  PACK_HEADER_BYTES_MAX,
  PACK_SEGMENTS_MAX,
  RECIPIENTS_MAX,
  WRAPPED_KEY_BYTES_MAX,
} from './limits.ts'

export const FORMAT_VERSION = 1
const PACK_MAGIC = Buffer.from('HFPACK01')
const PACK_END_MAGIC = Buffer.from('HFPKEND1')
export const SEGMENT_MAGIC: Uint8Array = Buffer.from('HFSEGM01')
const INDEX_MAGIC = Buffer.from('HFINDX01')

export const SALT_BYTES = 32
export const TAG_BYTES = 16
export const SEGMENT_HEADER_BYTES = 56
export const TRAILER_BYTES = 56
const FIXED_HEADER_BYTES = 77
const FOOTER_ENTRY_BYTES = 48
const INDEX_FIXED_BYTES = 48
const HASH_BYTES = 32

/** What is done to a segment's plaintext before it is sealed. */
export const CODECS = { raw: 0, zstd: 1 } as const
export type Codec = keyof typeof CODECS
/** `metadata` segments are VersionMetadata; `content` is whatever they list. */
export const SEGMENT_KINDS = { content: 1, metadata: 2 } as const
export type SegmentKind = keyof typeof SEGMENT_KINDS

/** A data key or index secret, wrapped for one recipient with RSA-OAEP-256. */
export interface WrappedKey {
  keyId: string
  /** SHA-256 of the recipient's SPKI bytes, hex. */
  fingerprint: string
  wrapped: Uint8Array
}

export interface PackHeader {
  owner: OwnerId
  /** 16 random bytes, hex: packs under one data key share it. */
  dataKeyId: string
  salt: Uint8Array
  recipients: readonly WrappedKey[]
}

export interface SegmentHeader {
  codec: Codec
  kind: SegmentKind
  ordinal: number
  id: SegmentId
  plainBytes: number
  /** Ciphertext and tag. */
  bodyBytes: number
}

/** What the footer says of one segment. Its ordinal is its position in the footer. */
export interface FooterEntry extends Omit<SegmentHeader, 'ordinal'> {
  /** Of the segment's clear header, from the start of the pack. */
  offset: number
}

export interface Trailer {
  footerOffset: number
  footerBytes: number
  segments: number
  sha256: Uint8Array
}

export interface PackIndex {
  pack: PackId
  header: Uint8Array
  footer: Uint8Array
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
const view = (bytes: Uint8Array): Buffer =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

function nameOf<T extends string>(codes: Readonly<Record<T, number>>, code: number): T | undefined {
  return (Object.keys(codes) as T[]).find((name) => codes[name] === code)
}

export function encodePackHeader(header: PackHeader): Uint8Array {
  const { recipients } = header
  invariant(recipients.length >= 1 && recipients.length <= RECIPIENTS_MAX, 'a pack has recipients')
  invariant(header.salt.length === SALT_BYTES, 'a pack has a salt of 32 bytes')
  const tail = recipients.map((r) => {
    const keyId = Buffer.from(r.keyId)
    invariant(keyId.length <= KEY_ID_BYTES_MAX, 'a key id is not too long')
    invariant(r.wrapped.length <= WRAPPED_KEY_BYTES_MAX, 'a wrapped key is not too long')
    const lengths = Buffer.alloc(3)
    lengths.writeUInt8(keyId.length, 0)
    lengths.writeUInt16BE(r.wrapped.length, 1)
    return Buffer.concat([lengths, Buffer.from(r.fingerprint, 'hex'), keyId, r.wrapped])
  })
  const head = Buffer.alloc(FIXED_HEADER_BYTES)
  PACK_MAGIC.copy(head, 0)
  head.writeUInt16BE(FORMAT_VERSION, 8)
  head.writeUInt16BE(FIXED_HEADER_BYTES + tail.reduce((sum, t) => sum + t.length, 0), 10)
  head.write(header.owner, 12, 'hex')
  head.write(header.dataKeyId, 28, 'hex')
  head.set(header.salt, 44)
  head.writeUInt8(recipients.length, 76)
  return Buffer.concat([head, ...tail])
}

/** Parses the header at the start of `bytes`; what follows it is not looked at. */
export function parsePackHeader(bytes: Uint8Array): { header: PackHeader; headerBytes: number } {
  const buffer = view(bytes)
  check(buffer.length >= FIXED_HEADER_BYTES, 'PackDamaged', 'the pack header is complete')
  check(buffer.subarray(0, 8).equals(PACK_MAGIC), 'PackDamaged', 'the pack begins with its magic')
  check(buffer.readUInt16BE(8) === FORMAT_VERSION, 'PackDamaged', 'the pack version is known')
  const headerBytes = buffer.readUInt16BE(10)
  const fits = headerBytes <= PACK_HEADER_BYTES_MAX && headerBytes <= buffer.length
  check(fits, 'PackDamaged', 'the pack header fits')
  const count = buffer.readUInt8(76)
  check(count >= 1 && count <= RECIPIENTS_MAX, 'PackDamaged', 'the pack has 1 to 4 recipients')
  const recipients: WrappedKey[] = []
  let at = FIXED_HEADER_BYTES
  for (let i = 0; i < count; i += 1) {
    check(at + 35 <= headerBytes, 'PackDamaged', 'a recipient fits into the header')
    const keyIdEnd = at + 35 + buffer.readUInt8(at)
    const end = keyIdEnd + buffer.readUInt16BE(at + 1)
    check(end <= headerBytes, 'PackDamaged', 'a recipient fits into the header')
    recipients.push({
      fingerprint: hex(buffer.subarray(at + 3, at + 35)),
      keyId: buffer.toString('utf8', at + 35, keyIdEnd),
      wrapped: buffer.subarray(keyIdEnd, end),
    })
    at = end
  }
  check(at === headerBytes, 'PackDamaged', 'the pack header ends with its last recipient')
  const header: PackHeader = {
    owner: parseOwnerId(hex(buffer.subarray(12, 28))),
    dataKeyId: hex(buffer.subarray(28, 44)),
    salt: buffer.subarray(44, 76),
    recipients,
  }
  return { header, headerBytes }
}

export function encodeSegmentHeader(header: SegmentHeader): Uint8Array {
  const out = Buffer.alloc(SEGMENT_HEADER_BYTES)
  out.set(SEGMENT_MAGIC, 0)
  out.writeUInt8(CODECS[header.codec], 8)
  out.writeUInt8(SEGMENT_KINDS[header.kind], 9)
  out.writeUInt32BE(header.ordinal, 12)
  out.write(header.id, 16, 'hex')
  out.writeUInt32BE(header.plainBytes, 48)
  out.writeUInt32BE(header.bodyBytes, 52)
  return out
}

/** The greatest plaintext that a segment of this kind may have. */
export function plainBytesMax(kind: SegmentKind): number {
  return kind === 'content' ? CONTENT_SEGMENT_BYTES_MAX : METADATA_SEGMENT_BYTES_MAX
}

/** True where the lengths can belong to a segment of this kind; a body never outgrows its plain. */
function saneLengths(h: Pick<SegmentHeader, 'kind' | 'plainBytes' | 'bodyBytes'>): boolean {
  return (
    h.plainBytes <= plainBytesMax(h.kind) &&
    h.bodyBytes >= TAG_BYTES &&
    h.bodyBytes <= h.plainBytes + TAG_BYTES
  )
}

/** Undefined where there is no plausible segment header at the start of `bytes`. */
export function parseSegmentHeader(bytes: Uint8Array): SegmentHeader | undefined {
  const buffer = view(bytes)
  if (buffer.length < SEGMENT_HEADER_BYTES) return undefined
  if (!buffer.subarray(0, 8).equals(SEGMENT_MAGIC)) return undefined
  const codec = nameOf(CODECS, buffer.readUInt8(8))
  const kind = nameOf(SEGMENT_KINDS, buffer.readUInt8(9))
  if (codec === undefined || kind === undefined || buffer.readUInt16BE(10) !== 0) return undefined
  const header: SegmentHeader = {
    codec,
    kind,
    ordinal: buffer.readUInt32BE(12),
    id: parseSegmentId(hex(buffer.subarray(16, 48))),
    plainBytes: buffer.readUInt32BE(48),
    bodyBytes: buffer.readUInt32BE(52),
  }
  return saneLengths(header) ? header : undefined
}

export function encodeFooter(entries: readonly FooterEntry[]): Uint8Array {
  invariant(entries.length <= PACK_SEGMENTS_MAX, 'a pack has not too many segments')
  const out = Buffer.alloc(entries.length * FOOTER_ENTRY_BYTES)
  entries.forEach((entry, i) => {
    const at = i * FOOTER_ENTRY_BYTES
    out.write(entry.id, at, 'hex')
    out.writeUInt32BE(entry.offset, at + 32)
    out.writeUInt32BE(entry.bodyBytes, at + 36)
    out.writeUInt32BE(entry.plainBytes, at + 40)
    out.writeUInt8(CODECS[entry.codec], at + 44)
    out.writeUInt8(SEGMENT_KINDS[entry.kind], at + 45)
  })
  return out
}

export function parseFooter(bytes: Uint8Array): FooterEntry[] {
  const buffer = view(bytes)
  const count = buffer.length / FOOTER_ENTRY_BYTES
  const whole = Number.isInteger(count) && count <= PACK_SEGMENTS_MAX
  check(whole, 'PackDamaged', 'the footer has whole entries')
  const entries: FooterEntry[] = []
  for (let at = 0; at < buffer.length; at += FOOTER_ENTRY_BYTES) {
    const codec = nameOf(CODECS, buffer.readUInt8(at + 44))
    const kind = nameOf(SEGMENT_KINDS, buffer.readUInt8(at + 45))
    const known = codec !== undefined && kind !== undefined && buffer.readUInt16BE(at + 46) === 0
    check(known, 'PackDamaged', 'a footer entry has a known codec and kind')
    const entry: FooterEntry = {
      id: parseSegmentId(hex(buffer.subarray(at, at + 32))),
      offset: buffer.readUInt32BE(at + 32),
      bodyBytes: buffer.readUInt32BE(at + 36),
      plainBytes: buffer.readUInt32BE(at + 40),
      codec,
      kind,
    }
    const sane = saneLengths(entry) && entry.offset + entry.bodyBytes <= PACK_BYTES_MAX
    check(sane, 'PackDamaged', 'a footer entry has sane lengths')
    entries.push(entry)
  }
  return entries
}

/** `hash` has taken in every byte of the pack so far; the trailer's first 16 are added here. */
export function encodeTrailer(
  trailer: Omit<Trailer, 'sha256'>,
  hash: ReturnType<typeof createHash>,
): Uint8Array {
  const out = Buffer.alloc(TRAILER_BYTES)
  out.writeBigUInt64BE(BigInt(trailer.footerOffset), 0)
  out.writeUInt32BE(trailer.footerBytes, 8)
  out.writeUInt32BE(trailer.segments, 12)
  hash.update(out.subarray(0, 16)).digest().copy(out, 16)
  PACK_END_MAGIC.copy(out, 48)
  return out
}

/** Parses the trailer at the end of `bytes`, of a pack that is `packBytes` long. */
export function parseTrailer(bytes: Uint8Array, packBytes: number): Trailer {
  check(bytes.length >= TRAILER_BYTES, 'PackDamaged', 'the trailer is complete')
  const buffer = view(bytes).subarray(-TRAILER_BYTES)
  check(buffer.subarray(48).equals(PACK_END_MAGIC), 'PackDamaged', 'the pack ends with its magic')
  const footerOffset = Number(buffer.readBigUInt64BE(0))
  const footerBytes = buffer.readUInt32BE(8)
  const segments = buffer.readUInt32BE(12)
  const fits = footerOffset + footerBytes + TRAILER_BYTES === packBytes
  check(fits, 'PackDamaged', 'the footer ends where the trailer begins')
  const counted = segments * FOOTER_ENTRY_BYTES + TAG_BYTES === footerBytes
  check(counted && segments <= PACK_SEGMENTS_MAX, 'PackDamaged', 'the footer has its segments')
  return { footerOffset, footerBytes, segments, sha256: buffer.subarray(16, 48) }
}

/** The bytes of an index blob: the pack's id, its clear header and its sealed footer. */
export function encodeIndex(index: PackIndex): Uint8Array {
  const head = Buffer.alloc(INDEX_FIXED_BYTES)
  INDEX_MAGIC.copy(head, 0)
  head.write(index.pack, 8, 'hex')
  head.writeUInt32BE(index.header.length, 40)
  head.writeUInt32BE(index.footer.length, 44)
  const body = Buffer.concat([head, index.header, index.footer])
  return Buffer.concat([body, createHash('sha256').update(body).digest()])
}

export function parseIndex(bytes: Uint8Array): PackIndex {
  const buffer = view(bytes)
  const least = INDEX_FIXED_BYTES + HASH_BYTES
  check(buffer.length >= least, 'PackDamaged', 'the index blob is complete')
  check(buffer.subarray(0, 8).equals(INDEX_MAGIC), 'PackDamaged', 'the index has its magic')
  const body = buffer.subarray(0, buffer.length - HASH_BYTES)
  const hash = createHash('sha256').update(body).digest()
  const intact = hash.equals(buffer.subarray(body.length))
  check(intact, 'PackDamaged', 'the index blob has the hash that it ends with')
  const footerAt = INDEX_FIXED_BYTES + buffer.readUInt32BE(40)
  const fits = footerAt + buffer.readUInt32BE(44) === body.length
  check(fits, 'PackDamaged', 'header and footer fill the index blob')
  return {
    pack: parsePackId(hex(buffer.subarray(8, 40))),
    header: body.subarray(INDEX_FIXED_BYTES, footerAt),
    footer: body.subarray(footerAt),
  }
}
