/**
 * One pack while it is filled, in memory. Nothing here does I/O.
 *
 * Invariants: a builder is used for one pack and its salt for nothing else; after finish() it
 * takes nothing more; what finish() returns has been read back and checked, because a pack whose
 * framing is wrong would be found at a restore, when it is too late.
 */
import { createHash } from 'node:crypto'
import { invariant } from '../model/errors.ts'
import type { OwnerId, PackId } from '../model/ids.ts'
import { ByteLog } from './byte-log.ts'
import type { DataKey } from './data-keys.ts'
import { PACK_BYTES_MAX, PACK_SEGMENTS_MAX } from './limits.ts'
import { packKeys, sealFooter, sealSegment } from './pack-crypto.ts'
import {
  encodeFooter,
  encodeIndex,
  encodePackHeader,
  encodeSegmentHeader,
  encodeTrailer,
  type FooterEntry,
  type SegmentHeader,
  TAG_BYTES,
} from './pack-format.ts'
import { checkFooter, readFooterEntries, readLayout } from './pack-reader.ts'

export interface FinishedPack {
  id: PackId
  bytes: Uint8Array
  /** The bytes of its index blob. */
  index: Uint8Array
}

export interface SegmentToSeal extends Pick<SegmentHeader, 'codec' | 'kind' | 'id' | 'plainBytes'> {
  encoded: Uint8Array
}

export interface PackBuilder {
  readonly full: boolean
  /** Seals and appends; gives the offset of the segment's clear header. */
  append(segment: SegmentToSeal): number
  finish(): FinishedPack
}

export interface PackBuilderOptions {
  owner: OwnerId
  dataKey: DataKey
  /** 32 bytes, fresh, used for this pack only. */
  salt: Uint8Array
  /** The pack is full when it has grown to so many bytes. */
  packBytes: number
}

export function createPackBuilder(options: PackBuilderOptions): PackBuilder {
  const { owner, dataKey, salt, packBytes } = options
  const keys = packKeys(dataKey.key, { owner, salt })
  const header = encodePackHeader({
    owner,
    dataKeyId: dataKey.id,
    salt,
    recipients: dataKey.recipients,
  })
  const log = new ByteLog()
  log.append(header)
  const entries: FooterEntry[] = []
  const hash = createHash('sha256').update(header)
  let finished = false
  const push = (piece: Uint8Array) => {
    log.append(piece)
    hash.update(piece)
  }
  return {
    get full() {
      const enough = log.bytes >= packBytes || entries.length >= PACK_SEGMENTS_MAX
      return enough && entries.length > 0
    },
    append({ encoded, ...rest }) {
      invariant(!finished && entries.length < PACK_SEGMENTS_MAX, 'a closed pack takes nothing')
      const offset = log.bytes
      const bodyBytes = encoded.length + TAG_BYTES
      const ordinal = entries.length
      const clear = encodeSegmentHeader({ ...rest, ordinal, bodyBytes })
      push(clear)
      push(sealSegment(keys, ordinal, clear, encoded))
      entries.push({ ...rest, offset, bodyBytes })
      return offset
    },
    finish() {
      invariant(!finished && entries.length > 0, 'a pack is closed once, and not empty')
      finished = true
      const footerOffset = log.bytes
      const footer = sealFooter(keys, header, encodeFooter(entries))
      push(footer)
      const trailer = { footerOffset, footerBytes: footer.length, segments: entries.length }
      log.append(encodeTrailer(trailer, hash))
      const whole = log.take()
      invariant(whole.length <= PACK_BYTES_MAX, 'a pack stays under its limit')
      const layout = readLayout(whole, owner)
      checkFooter(layout, readFooterEntries(layout, keys))
      checkFooter(layout, entries)
      const id = createHash('sha256').update(whole).digest('hex') as PackId
      return { id, bytes: whole, index: encodeIndex({ pack: id, header, footer }) }
    },
  }
}
