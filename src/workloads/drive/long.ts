/**
 * Reads a file that is too long for one slice, piece by piece, over as many slices as it takes.
 *
 * What goes on from slice to slice is small: how far it is read, the state of its hash, its length
 * and the ETag that it began with. No version is ever made of two: the ETag is compared at each
 * begin and once more at the end, and bytes whose hash is wrong are begun anew.
 */
import {
  contentChanged,
  download,
  isObject,
  type JsonObject,
  QuickXorHash,
} from '../../graph/index.ts'
import type { LongPosition, LongReader, Present } from '../workload.ts'
import { verdictOn } from './checked.ts'
import { type ContentOptions, mediaTypeOf } from './content.ts'
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
  const { hash, eTag, total: announced } = parse(from.state)
  const resumed = typeof hash === 'string' ? QuickXorHash.from(hash) : undefined
  const isSame = eTag === item.marker.change && typeof announced === 'number'
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
  const state = { v: 1, hash: hash.state(), eTag: item.marker.change, total }
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
  const came = { bytes: progress.offset, quickXorHash: progress.hash.digest() }
  // Nothing tells which of the pieces is wrong, so all of them are read again.
  if (verdictOn(json, item.display.name, came).is === 'wrong') throw contentChanged(DOWNLOAD_CALL)
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
