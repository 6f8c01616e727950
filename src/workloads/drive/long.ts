/**
 * Reads a file that is too long for one slice, piece by piece, over as many slices as it takes.
 *
 * What goes on from slice to slice is small: how far it is read, the state of its hash, its length
 * and what its content is known by. No version is ever made of two: that is compared at each begin,
 * the ETag while a slice reads, and bytes whose hash is wrong are begun anew.
 */
import {
  contentChanged,
  download,
  isObject,
  type JsonObject,
  QuickXorHash,
} from '../../graph/index.ts'
import type { LongPosition, LongReader, Present } from '../workload.ts'
import { type Verdict, verdictOn } from './checked.ts'
import { type ContentOptions, contentDiffers, mediaTypeOf } from './content.ts'
import { sizeOf } from './markers.ts'
import { jsonOf } from './present.ts'
import { DOWNLOAD_CALL, originalOf } from './source.ts'

interface Progress {
  hash: QuickXorHash
  offset: number
  /** Length of the whole, as the service announced it. */
  total: number
}

/** Throws `ContentChanged` where the position is of another state of the file. */
function progressOf(item: Present, from: LongPosition | undefined): Progress {
  const total = sizeOf(jsonOf(item))
  if (from === undefined) return { hash: new QuickXorHash(), offset: 0, total }
  const { hash, content, total: announced } = parse(from.state)
  const resumed = typeof hash === 'string' ? QuickXorHash.from(hash) : undefined
  const isSame = content === item.marker.content && typeof announced === 'number'
  if (resumed === undefined || !isSame) throw contentChanged(DOWNLOAD_CALL)
  return { hash: resumed, offset: from.offset, total: announced }
}

function parse(state: string): JsonObject {
  try {
    const value: unknown = JSON.parse(state)
    return isObject(value) && value['v'] === 1 ? value : {}
  } catch {
    return {}
  }
}

function positionOf(item: Present, { hash, offset, total }: Progress): LongPosition {
  const state = { v: 1, hash: hash.state(), content: item.marker.content, total }
  return { offset, state: JSON.stringify(state) }
}

export interface LongOptions extends ContentOptions {
  /** Files from this length on are read so. */
  fromBytes: number
}

export function createLongReader(options: LongOptions): LongReader {
  return {
    fromBytes: options.fromBytes,
    name: 'content',
    read: (item, from, pieceBytes, signal) => readLong(options, { item, from, pieceBytes, signal }),
    note: (item, end) => {
      const verdict = verdictOf(item, progressOf(item, end))
      return verdict.is === 'rewritten' ? verdict.note : undefined
    },
  }
}

interface LongRead {
  item: Present
  from: LongPosition | undefined
  pieceBytes: number
  signal: AbortSignal
}

async function* readLong(
  options: LongOptions,
  read: LongRead,
): AsyncGenerator<{ bytes: Uint8Array; next: LongPosition }> {
  const { item, from, pieceBytes, signal } = read
  const json = jsonOf(item)
  const progress = progressOf(item, from)
  const { source, stillThere } = originalOf(options, item)
  // Brings an address along, too.
  await stillThere(signal)
  const bytes = download({
    call: DOWNLOAD_CALL,
    source,
    // What the item says of its length is not what comes of a file that is rewritten.
    ...(from === undefined ? {} : { from: { offset: progress.offset, total: progress.total } }),
    onTotal: (total) => {
      progress.total = total
    },
    ...mediaTypeOf(json),
    signal,
  })
  for await (const piece of piecesOf(bytes, pieceBytes)) {
    progress.hash.update(piece)
    progress.offset += piece.byteLength
    yield { bytes: piece, next: positionOf(item, progress) }
  }
  await stillThere(signal)
  // Nothing tells which of the pieces is wrong, so all of them are read again.
  if (verdictOf(item, progress).is === 'wrong') throw contentDiffers()
}

function verdictOf(item: Present, { offset, hash }: Progress): Verdict {
  const came = { bytes: offset, quickXorHash: hash.digest() }
  return verdictOn(jsonOf(item), item.display.name, came)
}

/** Of exactly this length but for the last; each is its receiver's to keep. */
async function* piecesOf(
  bytes: AsyncIterable<Uint8Array>,
  pieceBytes: number,
): AsyncGenerator<Uint8Array> {
  let piece = new Uint8Array(pieceBytes)
  let filled = 0
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.byteLength; ) {
      const part = chunk.subarray(at, at + pieceBytes - filled)
      piece.set(part, filled)
      at += part.byteLength
      filled += part.byteLength
      if (filled < pieceBytes) continue
      yield piece
      piece = new Uint8Array(pieceBytes)
      filled = 0
    }
  }
  if (filled > 0) yield piece.subarray(0, filled)
}
