/**
 * The framing of a pack, read as a stream: header, segments in order, footer. Holds one segment at
 * a time, and only of those that are wanted; a pack is never held whole.
 *
 * Pieces are given in order. What push gives lies in the piece, or in room that is used again: it
 * is good until the next one is asked for. Throws `PackDamaged` at the first byte that is not as a
 * writer writes it.
 */
import type { OwnerId } from '../../model/ids.ts'
import { check } from '../damage.ts'
import { PACK_HEADER_BYTES_MAX } from '../limits.ts'
import { checkOwner } from '../pack-crypto.ts'
import {
  type PackHeader,
  parsePackHeader,
  parseSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  type Trailer,
} from '../pack-format.ts'
import type { FramedSegment } from '../pack-reader.ts'

/** Magic, version, and the length of the header. */
const HEADER_LENGTH_END = 12

export interface PackFrame {
  header: PackHeader
  /** The clear header's bytes. */
  clear: Uint8Array
  /** The sealed footer. */
  footer: Uint8Array
  segments: readonly { offset: number; header: SegmentHeader }[]
}

export class PackFraming {
  readonly #trailer: Trailer
  readonly #owner: OwnerId
  readonly #wants: (header: SegmentHeader) => boolean
  readonly #take = new Taker()
  readonly #segments: { offset: number; header: SegmentHeader }[] = []
  #part: 'length' | 'header' | 'segment' | 'body' | 'footer' | 'end' = 'length'
  #header: PackHeader | undefined
  #clear: Uint8Array = new Uint8Array(0)
  #footer: Uint8Array = new Uint8Array(0)
  #segmentClear: Uint8Array = new Uint8Array(0)

  /** `wants`: asked for each segment whether push gives it. */
  constructor(trailer: Trailer, owner: OwnerId, wants: (header: SegmentHeader) => boolean) {
    this.#trailer = trailer
    this.#owner = owner
    this.#wants = wants
    this.#take.want(HEADER_LENGTH_END)
  }

  /** Undefined until its bytes have come. */
  get header(): PackHeader | undefined {
    return this.#header
  }

  /** The wanted segments that this piece completes. */
  *push(piece: Uint8Array): Generator<FramedSegment> {
    this.#take.add(piece)
    for (let taken = this.#take.next(); taken; taken = this.#take.next()) {
      const framed = this.#accept(taken)
      if (framed) yield framed
    }
    this.#take.keep()
  }

  /** After the last piece. */
  end(): PackFrame {
    const header = this.#header
    check(header && this.#part === 'end', 'PackDamaged', 'a pack is framed to its end')
    const segments = this.#segments
    const all = segments.length === this.#trailer.segments
    check(all, 'PackDamaged', 'all segments are there')
    return { header, clear: this.#clear, footer: this.#footer, segments }
  }

  #accept(taken: Uint8Array): FramedSegment | undefined {
    switch (this.#part) {
      case 'length':
        return this.#acceptLength(taken)
      case 'header':
        this.#clear = new Uint8Array(taken)
        this.#header = parsePackHeader(this.#clear).header
        checkOwner(this.#header, this.#owner)
        return this.#goOn()
      case 'segment':
        return this.#acceptSegment(taken)
      case 'body':
        return this.#acceptBody(taken)
      case 'footer':
        this.#footer = new Uint8Array(taken)
        this.#part = 'end'
        this.#take.skip(Number.POSITIVE_INFINITY)
        return undefined
      case 'end':
        return undefined
    }
  }

  #acceptLength(taken: Uint8Array): undefined {
    const headerBytes = Buffer.from(taken).readUInt16BE(10)
    const sane = headerBytes >= HEADER_LENGTH_END && headerBytes <= PACK_HEADER_BYTES_MAX
    check(sane, 'PackDamaged', 'the pack header fits')
    this.#part = 'header'
    this.#take.again(taken, headerBytes)
  }

  #acceptSegment(taken: Uint8Array): undefined {
    const offset = this.#take.at - SEGMENT_HEADER_BYTES
    const header = parseSegmentHeader(taken)
    const isNext =
      header !== undefined &&
      header.ordinal === this.#segments.length &&
      this.#take.at + header.bodyBytes <= this.#trailer.footerOffset
    check(isNext, 'PackDamaged', 'segments follow in order')
    this.#segments.push({ offset, header })
    this.#segmentClear = new Uint8Array(taken)
    this.#part = 'body'
    if (this.#wants(header)) this.#take.want(header.bodyBytes)
    else this.#take.skip(header.bodyBytes)
  }

  /** An empty `body` was skipped. */
  #acceptBody(body: Uint8Array): FramedSegment | undefined {
    const last = this.#segments.at(-1)
    this.#goOn()
    if (last === undefined || body.length === 0) return undefined
    return { ...last, clear: this.#segmentClear, body }
  }

  #goOn(): undefined {
    const { footerOffset, footerBytes } = this.#trailer
    check(this.#take.at <= footerOffset, 'PackDamaged', 'segments end where the footer begins')
    const isFooter = this.#take.at === footerOffset
    this.#part = isFooter ? 'footer' : 'segment'
    this.#take.want(isFooter ? footerBytes : SEGMENT_HEADER_BYTES)
  }
}

const NOTHING = new Uint8Array(0)

/** Cuts a stream of pieces into what is wanted next, copying only what lies over two pieces. */
class Taker {
  /** Bytes of the stream that were given or skipped. */
  at = 0
  #piece: Uint8Array = NOTHING
  /** What is wanted, as far as earlier pieces had it. */
  #room: Uint8Array = NOTHING
  #begunBytes = 0
  #wanted = 0
  #skipped = 0
  #isSkipping = false

  want(bytes: number): void {
    this.#wanted = bytes
    this.#isSkipping = false
  }

  /** Answered by one empty `next` when they have passed. */
  skip(bytes: number): void {
    this.#skipped = bytes
    this.#isSkipping = true
  }

  /** What was just given is the beginning of something longer. */
  again(given: Uint8Array, bytes: number): void {
    this.at -= given.length
    this.want(bytes)
    this.#begin(given)
  }

  add(piece: Uint8Array): void {
    this.#piece = piece
  }

  /** Undefined: more pieces are needed. */
  next(): Uint8Array | undefined {
    if (this.#isSkipping) return this.#pass()
    const missing = this.#wanted - this.#begunBytes
    if (this.#piece.length < missing) return undefined
    const rest = this.#piece.subarray(0, missing)
    this.#piece = this.#piece.subarray(missing)
    this.at += this.#wanted
    if (this.#begunBytes === 0) return rest
    this.#room.set(rest, this.#begunBytes)
    this.#begunBytes = 0
    return this.#room.subarray(0, this.#wanted)
  }

  /** The rest of the piece is the beginning of what is wanted; the piece itself may go. */
  keep(): void {
    if (!this.#isSkipping && this.#piece.length > 0) this.#begin(this.#piece)
    this.#piece = NOTHING
  }

  #begin(bytes: Uint8Array): void {
    if (this.#room.length < this.#wanted) this.#room = Buffer.allocUnsafeSlow(this.#wanted)
    this.#room.set(bytes, this.#begunBytes)
    this.#begunBytes += bytes.length
  }

  #pass(): Uint8Array | undefined {
    const passed = Math.min(this.#skipped, this.#piece.length)
    this.#piece = this.#piece.subarray(passed)
    this.#skipped -= passed
    this.at += passed
    return this.#skipped === 0 ? NOTHING : undefined
  }
}
