/**
 * One version on its way into packs: content first, then the metadata segment that names it.
 *
 * Content is cut into segments of 8 MiB and never held as a whole. If a part's source breaks,
 * what is already in a pack stays there unnamed, and the commit goes on without the version.
 */
import { createHash } from 'node:crypto'
import { AppError, invariant } from '../model/errors.ts'
import type { Representation, RepresentationName, SegmentRef } from '../model/events.ts'
import { sha256Hex } from './create-once.ts'
import {
  CONTENT_SEGMENT_BYTES_MAX,
  METADATA_SEGMENT_BYTES_MAX,
  VERSION_SEGMENTS_MAX,
} from './limits.ts'
import type { PackWriter } from './pack-writer.ts'
import { isBounded } from './sealed-file.ts'
import type { VersionInput, VersionMetadata, VersionPart } from './types.ts'

/** Longer ones are no notes: they stand in every event and row of the version. */
const NOTE_CHARS_MAX = 1000

/** The version's representations: `json` first, then its parts, then what was carried over. */
export async function writeVersion(
  packs: PackWriter,
  version: VersionInput,
  capturedAt: string,
  signal: AbortSignal,
): Promise<Representation[]> {
  checkNames(version)
  const parts: Representation[] = []
  for (const part of version.parts) {
    parts.push(await writeContent(packs, part, signal))
  }
  const contents = [...parts, ...version.carried]
  const segments = contents.reduce((sum, content) => sum + content.segments.length, 0)
  if (segments >= VERSION_SEGMENTS_MAX) throw tooManySegments()
  const json = await writeMetadata(packs, version, contents, capturedAt, signal)
  return [json, ...contents]
}

/** A representation is there once; `json` is always written anew. */
function checkNames(version: VersionInput): void {
  const names: RepresentationName[] = ['json']
  names.push(...version.parts.map((p) => p.name), ...version.carried.map((c) => c.name))
  invariant(new Set(names).size === names.length, 'a version has each representation once')
}

async function writeContent(
  packs: PackWriter,
  { name, bytes: source, note }: VersionPart,
  signal: AbortSignal,
): Promise<Representation> {
  const hash = createHash('sha256')
  const segments: SegmentRef[] = []
  let bytes = 0
  for await (const plain of cut(source, CONTENT_SEGMENT_BYTES_MAX)) {
    hash.update(plain)
    bytes += plain.length
    if (segments.length === VERSION_SEGMENTS_MAX) throw tooManySegments()
    segments.push(await packs.add('content', plain, signal))
  }
  const said = note?.()
  invariant(JSON.stringify(said ?? {}).length <= NOTE_CHARS_MAX, 'a note is short')
  return { name, bytes, sha256: hash.digest('hex'), segments, ...(said && { note: said }) }
}

/** The same bytes in pieces of exactly `size`, but for the last; nothing for nothing. */
export async function* cut(
  source: AsyncIterable<Uint8Array>,
  size: number,
): AsyncIterable<Uint8Array> {
  let waiting: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of source) {
    let rest = chunk
    while (bytes + rest.length >= size) {
      const fits = size - bytes
      yield Buffer.concat([...waiting, rest.subarray(0, fits)])
      waiting = []
      bytes = 0
      rest = rest.subarray(fits)
    }
    // A copy: the source may use its buffer again.
    if (rest.length > 0) waiting.push(Uint8Array.from(rest))
    bytes += rest.length
  }
  if (bytes > 0) yield Buffer.concat(waiting)
}

async function writeMetadata(
  packs: PackWriter,
  version: VersionInput,
  contents: readonly Representation[],
  capturedAt: string,
  signal: AbortSignal,
): Promise<Representation> {
  const metadata: VersionMetadata = {
    holdfast: 1,
    item: version.item,
    kind: version.kind,
    container: version.container,
    workload: version.workload,
    capturedAt,
    contents: contents.map(({ lists, segments, ...content }) => ({
      ...content,
      ...(lists && { lists: lists.map((list) => list.id) }),
      segments: segments.map((s) => s.id),
    })),
    json: version.json,
  }
  const text = JSON.stringify(metadata)
  const plain = Buffer.from(text)
  const isReadable = plain.length <= METADATA_SEGMENT_BYTES_MAX && isBounded(text)
  if (!isReadable) throw tooLarge(plain.length)
  const ref = await packs.add('metadata', plain, signal)
  return { name: 'json', bytes: plain.length, sha256: sha256Hex(plain), segments: [ref] }
}

function tooLarge(bytes: number): AppError {
  return new AppError({
    code: 'MetadataTooLarge',
    kind: 'permanent',
    message: 'The JSON of an item is longer or deeper than a metadata segment may be.',
    hint: 'The item goes to the ledger; every other item is stored.',
    context: { bytes, max: METADATA_SEGMENT_BYTES_MAX },
  })
}

function tooManySegments(): AppError {
  return new AppError({
    code: 'VersionTooLarge',
    kind: 'permanent',
    message: 'A version has more segments than this version of the format can name.',
    hint: 'The item goes to the ledger; every other item is stored.',
    context: { segmentsMax: VERSION_SEGMENTS_MAX },
  })
}
