/**
 * Reading a whole pack, with or without its footer (docs/format.md, section 5).
 *
 * `readLayout` is strict: everything must be as a writer writes it. `salvage` is for packs that
 * are damaged: it finds segments by their magic and gives each one that still opens; the rest it
 * reports. Both give plaintext only after its authentication tag and its segment id agree.
 * Reading parts of a pack from storage is content-reader.ts.
 */
import { createHash } from 'node:crypto'
import type { OwnerId } from '../model/ids.ts'
import { check, damage, isDamage } from './damage.ts'
import { PACK_BYTES_MAX, PACK_SEGMENTS_MAX, SALVAGE_TRIES_MAX } from './limits.ts'
import {
  checkOwner,
  openFooter,
  openSegment,
  type PackKeys,
  type SegmentNamer,
} from './pack-crypto.ts'
import {
  type FooterEntry,
  type PackHeader,
  parseFooter,
  parsePackHeader,
  parseSegmentHeader,
  parseTrailer,
  SEGMENT_HEADER_BYTES,
  SEGMENT_MAGIC,
  type SegmentHeader,
  TRAILER_BYTES,
  type Trailer,
} from './pack-format.ts'
import { decode } from './segment-codec.ts'

export interface FramedSegment {
  offset: number
  header: SegmentHeader
  /** The 56 clear bytes. */
  clear: Uint8Array
  /** Ciphertext and tag. */
  body: Uint8Array
}

export interface PackLayout {
  header: PackHeader
  /** The clear header's bytes, which are authenticated with the footer. */
  clear: Uint8Array
  segments: readonly FramedSegment[]
  /** The sealed footer. */
  footer: Uint8Array
  trailer: Trailer
}

/** Checks hash, framing, order and owner of a whole pack, without any key. Throws `PackDamaged`. */
export function readLayout(pack: Uint8Array, owner: OwnerId): PackLayout {
  check(pack.length <= PACK_BYTES_MAX, 'PackDamaged', 'a pack is not longer than its limit')
  const trailer = parseTrailer(pack, pack.length)
  const hash = createHash('sha256').update(pack.subarray(0, pack.length - TRAILER_BYTES + 16))
  check(hash.digest().equals(trailer.sha256), 'PackDamaged', 'a pack has the hash in its trailer')
  const { header, headerBytes } = parsePackHeader(pack)
  checkOwner(header, owner)
  const segments: FramedSegment[] = []
  let at = headerBytes
  while (at < trailer.footerOffset) {
    const framed = segmentAt(pack, at, trailer.footerOffset)
    const next = framed !== undefined && framed.header.ordinal === segments.length
    check(next && segments.length < PACK_SEGMENTS_MAX, 'PackDamaged', 'segments follow in order')
    segments.push(framed)
    at += SEGMENT_HEADER_BYTES + framed.body.length
  }
  check(at === trailer.footerOffset, 'PackDamaged', 'segments end where the footer begins')
  check(segments.length === trailer.segments, 'PackDamaged', 'all segments are there')
  const footer = pack.subarray(at, at + trailer.footerBytes)
  return { header, clear: pack.subarray(0, headerBytes), segments, footer, trailer }
}

function segmentAt(pack: Uint8Array, at: number, end: number): FramedSegment | undefined {
  const bodyAt = at + SEGMENT_HEADER_BYTES
  const clear = pack.subarray(at, Math.min(bodyAt, end))
  const header = parseSegmentHeader(clear)
  if (header === undefined || bodyAt + header.bodyBytes > end) return undefined
  return { offset: at, header, clear, body: pack.subarray(bodyAt, bodyAt + header.bodyBytes) }
}

/** Opens the footer. Throws `PackDamaged`. */
export function readFooterEntries(
  layout: Pick<PackLayout, 'clear' | 'footer'>,
  keys: PackKeys,
): FooterEntry[] {
  return parseFooter(openFooter(keys, layout.clear, layout.footer))
}

/** The plaintext of one segment, its tag and its id checked. Throws `SegmentDamaged`. */
export async function openFramed(
  framed: FramedSegment,
  keys: PackKeys,
  namer: SegmentNamer,
): Promise<Uint8Array> {
  const { header, clear, body } = framed
  const bytes = openSegment(keys, header.ordinal, clear, body)
  const plain = await decoded(bytes, header)
  const named = namer.idOf(plain) === header.id
  check(named, 'SegmentDamaged', 'a segment has the id of its plaintext')
  return plain
}

async function decoded(bytes: Uint8Array, header: SegmentHeader): Promise<Uint8Array> {
  try {
    return await decode({ codec: header.codec, bytes }, header.plainBytes)
  } catch (cause) {
    if (!isDamage(cause)) throw cause
    throw damage('SegmentDamaged', 'a segment has the length that it says', {}, cause)
  }
}

/** Throws `PackDamaged` where the footer does not list exactly the segments that are framed. */
export function checkFooter(
  layout: { segments: readonly Pick<FramedSegment, 'offset' | 'header'>[] },
  entries: readonly FooterEntry[],
): void {
  const agree =
    entries.length === layout.segments.length &&
    layout.segments.every(({ header, offset }, i) => {
      const entry = entries[i]
      return (
        entry?.id === header.id &&
        entry.offset === offset &&
        entry.kind === header.kind &&
        entry.codec === header.codec &&
        entry.plainBytes === header.plainBytes &&
        entry.bodyBytes === header.bodyBytes
      )
    })
  check(agree, 'PackDamaged', 'the footer lists the segments that are there')
}

/**
 * Everything that a whole pack holds, in order. Metadata segments name items and their content
 * segments, so this alone is enough to understand a pack when all else is lost. Throws
 * `PackDamaged`, `SegmentDamaged`.
 */
export async function* openPack(
  pack: Uint8Array,
  owner: OwnerId,
  keysOf: (header: PackHeader) => Promise<PackKeys>,
  namer: SegmentNamer,
): AsyncIterable<{ header: SegmentHeader; plain: Uint8Array }> {
  const layout = readLayout(pack, owner)
  const keys = await keysOf(layout.header)
  checkFooter(layout, readFooterEntries(layout, keys))
  for (const framed of layout.segments) {
    yield { header: framed.header, plain: await openFramed(framed, keys, namer) }
  }
}

export type Salvaged =
  | { outcome: 'segment'; header: SegmentHeader; plain: Uint8Array }
  /** Something that looked like a segment and does not open. */
  | { outcome: 'damaged'; offset: number }

/**
 * Every segment of a damaged pack that still opens, found by its magic. The pack's clear header
 * must be intact (an index blob repeats it); footer, trailer and any segment may be broken.
 *
 * Throws `PackDamaged` where what looks like segments and is none adds up to SALVAGE_TRIES_MAX
 * times the pack: who planted it would make this take days. What was given until then is sound.
 */
export async function* salvage(
  pack: Uint8Array,
  from: number,
  keys: PackKeys,
  namer: SegmentNamer,
): AsyncIterable<Salvaged> {
  check(pack.length <= PACK_BYTES_MAX, 'PackDamaged', 'a pack is not longer than its limit')
  const buffer = Buffer.from(pack.buffer, pack.byteOffset, pack.byteLength)
  let at = buffer.indexOf(SEGMENT_MAGIC, from)
  let tried = 0
  while (at !== -1) {
    const result = await salvageAt(pack, at, keys, namer)
    tried += result.tried
    const mayGoOn = tried <= SALVAGE_TRIES_MAX * pack.length
    check(mayGoOn, 'PackDamaged', 'a pack is not full of false segments')
    yield result.salvaged
    // A segment that opens cannot hold another one; after anything else the next byte may.
    at = buffer.indexOf(SEGMENT_MAGIC, result.next)
  }
}

async function salvageAt(
  pack: Uint8Array,
  at: number,
  keys: PackKeys,
  namer: SegmentNamer,
): Promise<{ salvaged: Salvaged; next: number; tried: number }> {
  const framed = segmentAt(pack, at, pack.length)
  if (framed !== undefined) {
    try {
      const plain = await openFramed(framed, keys, namer)
      const next = at + SEGMENT_HEADER_BYTES + framed.body.length
      return { salvaged: { outcome: 'segment', header: framed.header, plain }, next, tried: 0 }
    } catch (error) {
      if (!isDamage(error)) throw error
    }
  }
  const tried = framed?.body.length ?? 0
  return { salvaged: { outcome: 'damaged', offset: at }, next: at + 1, tried }
}
