/**
 * Opens content of one owner (docs/format.md, section 10): ranged reads of packs, each segment
 * checked against its tag and its id, each representation against its length and SHA-256.
 *
 * Hints of a ref are believed only as far as the bytes agree with them: a wrong pack or offset,
 * a missing or damaged pack leads to the owner's indexes, and to another copy if there is one.
 * Plaintext that fails a check is never given out.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '../model/errors.ts'
import { segmentsSchema } from '../model/event-schema.ts'
import type { Representation, SegmentList, SegmentRef } from '../model/events.ts'
import type { OwnerId, PackId } from '../model/ids.ts'
import { segmentsDigest } from '../model/representation.ts'
import type { BlobStore, OwnerKeys } from '../ports.ts'
import { check, damage, isDamage, mayBeSpoilt } from './damage.ts'
import { LINE_VALUES_MAX, METADATA_SEGMENT_BYTES_MAX, PACK_HEADER_BYTES_MAX } from './limits.ts'
import { makeRoom } from './make-room.ts'
import { packOfName, packsPrefix } from './names.ts'
import { type PackKeys, type SegmentNamer, segmentNamer } from './pack-crypto.ts'
import {
  parsePackHeader,
  parseSegmentHeader,
  SEGMENT_HEADER_BYTES,
  TAG_BYTES,
} from './pack-format.ts'
import { createPackOpener, type PackOpener } from './pack-opener.ts'
import { openFramed } from './pack-reader.ts'
import { parseJson } from './sealed-file.ts'
import { createSegmentLookup, type SegmentLookup } from './segment-lookup.ts'
import type { ContentReader, VersionMetadata } from './types.ts'

/** Packs of an owner whose names are kept; beyond it the owner is too large for one reader. */
const PACK_NAMES_MAX = 1_000_000
/** Packs whose keys are kept; the oldest is dropped and read again when needed. */
const PACKS_KEPT_MAX = 1024
const SEALED_BYTES_MAX = SEGMENT_HEADER_BYTES + METADATA_SEGMENT_BYTES_MAX + TAG_BYTES

export interface ContentReaderDeps {
  store: BlobStore
  keys: OwnerKeys
  owner: OwnerId
}

interface Shelf {
  store: BlobStore
  owner: OwnerId
  opener: PackOpener
  lookup: SegmentLookup
  names: PackNames
  packs: Map<PackId, Promise<PackKeys>>
  namer(signal: AbortSignal): Promise<SegmentNamer>
}

export function createContentReader({ store, keys, owner }: ContentReaderDeps): ContentReader {
  const opener = createPackOpener(keys, owner)
  let namer: Promise<SegmentNamer> | undefined
  const shelf: Shelf = {
    store,
    owner,
    opener,
    lookup: createSegmentLookup(store, owner, opener),
    names: createPackNames(store, owner),
    packs: new Map(),
    namer(signal) {
      if (namer !== undefined) return namer
      const made = keys.indexSecret(owner, signal).then(segmentNamer)
      namer = made
      made.catch(() => {
        namer = undefined
      })
      return made
    },
  }
  const read = (representation: Representation, signal: AbortSignal) =>
    readRepresentation(shelf, representation, signal)
  const readAll = async (representation: Representation, max: number, signal: AbortSignal) => {
    if (representation.bytes > max) throw tooLarge(representation.bytes, max)
    const pieces: Uint8Array[] = []
    for await (const piece of read(representation, signal)) pieces.push(piece)
    return new Uint8Array(Buffer.concat(pieces))
  }
  return {
    read,
    readAll,
    readFrom: (representation, offset, signal) => readFrom(shelf, representation, offset, signal),
    segment: (ref, signal) => readSegment(shelf, ref, signal),
    async metadata(representation, signal) {
      const plain = await readAll(representation, METADATA_SEGMENT_BYTES_MAX, signal)
      return parseMetadata(plain)
    },
  }
}

const metadataSchema = z.object({
  holdfast: z.literal(1),
  item: z.string(),
  kind: z.enum(['item', 'container']),
  container: z.string(),
  workload: z.string(),
  capturedAt: z.string(),
  contents: z.array(
    z.object({
      name: z.string(),
      bytes: z.number(),
      sha256: z.string(),
      lists: z.array(z.string()).exactOptional(),
      digest: z.literal('segments').exactOptional(),
      segments: z.array(z.string()),
      note: z.record(z.string(), z.unknown()).exactOptional(),
    }),
  ),
  json: z.unknown(),
})

/** The plaintext of a metadata segment. Throws `ContentDamaged`. */
export function parseMetadata(plain: Uint8Array): VersionMetadata {
  const json = parseJson(plain)
  const parsed = metadataSchema.safeParse(json)
  check(parsed.success, 'ContentDamaged', 'a metadata segment has its fields')
  return parsed.data as VersionMetadata
}

async function* readRepresentation(
  shelf: Shelf,
  representation: Representation,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  const hash = createHash('sha256')
  let bytes = 0
  const room = new Room()
  for await (const { ref } of refsFrom(shelf, representation, 0, signal)) {
    const plain = await readSegment(shelf, ref, signal, room)
    bytes += plain.length
    check(bytes <= representation.bytes, 'ContentDamaged', 'content is not longer than it says')
    if (representation.digest === undefined) hash.update(plain)
    yield plain
  }
  const isWhole = bytes === representation.bytes
  const sha256 = representation.digest === undefined ? hash.digest('hex') : representation.sha256
  const whole = isWhole && sha256 === representation.sha256
  check(whole, 'ContentDamaged', 'content has the length and hash that its event names')
}

/** From the middle of a segment on where the offset falls into it. */
async function* readFrom(
  shelf: Shelf,
  representation: Representation,
  offset: number,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  let end = offset
  const room = new Room()
  for await (const { ref, at } of refsFrom(shelf, representation, offset, signal)) {
    const plain = await readSegment(shelf, ref, signal, room)
    end = at + plain.length
    yield at < offset ? plain.subarray(offset - at) : plain
  }
  const isWhole = end === Math.max(offset, representation.bytes)
  check(isWhole, 'ContentDamaged', 'content has the length that its event names')
}

/** The segments that hold the content from this offset on, and where each of them begins. */
async function* refsFrom(
  shelf: Shelf,
  { lists = [], segments, digest, sha256 }: Representation,
  offset: number,
  signal: AbortSignal,
): AsyncIterable<{ ref: SegmentRef; at: number }> {
  const isIt = digest === undefined || segmentsDigest({ lists, segments }) === sha256
  check(isIt, 'ContentDamaged', 'long content has the segments that its hash is of')
  let at = 0
  for (const list of lists) {
    const end = at + list.contentBytes
    if (end > offset) {
      for (const ref of await refsOfList(shelf, list, signal)) {
        if (at + ref.plainBytes > offset) yield { ref, at }
        at += ref.plainBytes
      }
      check(at === end, 'ContentDamaged', 'a list has the length that its event names')
    }
    at = end
  }
  for (const ref of segments) {
    if (at + ref.plainBytes > offset) yield { ref, at }
    at += ref.plainBytes
  }
}

async function refsOfList(
  shelf: Shelf,
  list: SegmentList,
  signal: AbortSignal,
): Promise<SegmentRef[]> {
  const parsed = segmentsSchema.safeParse(
    parseJson(await readSegment(shelf, list, signal), LINE_VALUES_MAX),
  )
  check(parsed.success, 'ContentDamaged', 'a list is one of segments')
  return parsed.data
}

/** Where sealed segments are read into one after the other: what is opened has room of its own. */
class Room {
  #bytes: Uint8Array | undefined

  of(bytes: number): Uint8Array {
    if (this.#bytes === undefined || this.#bytes.length < bytes) {
      this.#bytes = Buffer.allocUnsafeSlow(bytes)
    }
    return this.#bytes
  }
}

async function readSegment(
  shelf: Shelf,
  ref: SegmentRef,
  signal: AbortSignal,
  room?: Room,
): Promise<Uint8Array> {
  try {
    return await readAt(shelf, ref, { signal, room })
  } catch (hinted) {
    if (!mayBeSpoilt(hinted)) throw hinted
    // An owner whose keys were erased is no damage: nothing is looked for then.
    await shelf.namer(signal)
    return await readElsewhere(shelf, ref.id, hinted, signal)
  }
}

/** From any place that an index names, also the hinted one: with the index's copy of the header. */
async function readElsewhere(
  shelf: Shelf,
  id: SegmentRef['id'],
  hinted: AppError,
  signal: AbortSignal,
): Promise<Uint8Array> {
  let copies = 0
  for await (const { ref, keys } of shelf.lookup.find(id, signal)) {
    copies += 1
    try {
      return await readAt(shelf, ref, { signal, keys })
    } catch (error) {
      if (!isDamage(error)) throw error
    }
  }
  if (copies > 0 || !isDamage(hinted)) throw hinted
  const context = { owner: shelf.owner, damagedIndexes: shelf.lookup.damagedIndexes }
  throw damage('SegmentMissing', 'some index of the owner names the segment', context, hinted)
}

/** One ranged read at exactly the place that the ref names. Throws the damage codes. */
async function readAt(
  shelf: Shelf,
  ref: SegmentRef,
  on: { signal: AbortSignal; keys?: PackKeys; room?: Room | undefined },
): Promise<Uint8Array> {
  const { signal, keys: known, room } = on
  const context = { owner: shelf.owner, pack: ref.pack, offset: ref.offset }
  const sane = ref.sealedBytes >= SEGMENT_HEADER_BYTES && ref.sealedBytes <= SEALED_BYTES_MAX
  check(sane, 'SegmentDamaged', 'a ref has a sane length', context)
  const name = await shelf.names.find(ref.pack, signal)
  check(name !== undefined, 'PackDamaged', 'a pack is there', context)
  const keys = known ?? (await keysOfPack(shelf, ref.pack, name, signal))
  const into = room?.of(ref.sealedBytes)
  const range = { offset: ref.offset, bytes: ref.sealedBytes, ...(into && { into }) }
  const found = await shelf.store.read(name, signal, range)
  check(found?.bytes.length === ref.sealedBytes, 'PackDamaged', 'a pack is long enough', context)
  const header = parseSegmentHeader(found.bytes)
  const framed =
    header?.id === ref.id &&
    header.plainBytes === ref.plainBytes &&
    header.bodyBytes === ref.sealedBytes - SEGMENT_HEADER_BYTES
  check(framed, 'SegmentDamaged', 'the segment is where its ref says', context)
  const clear = found.bytes.subarray(0, SEGMENT_HEADER_BYTES)
  const body = found.bytes.subarray(SEGMENT_HEADER_BYTES)
  const namer = await shelf.namer(signal)
  return openFramed({ offset: ref.offset, header, clear, body }, keys, namer)
}

function keysOfPack(
  shelf: Shelf,
  pack: PackId,
  name: string,
  signal: AbortSignal,
): Promise<PackKeys> {
  const { packs } = shelf
  const known = packs.get(pack)
  if (known !== undefined) return known
  makeRoom(packs, PACKS_KEPT_MAX)
  const made = readPackKeys(shelf, name, signal)
  packs.set(pack, made)
  made.catch(() => packs.delete(pack))
  return made
}

async function readPackKeys(
  { store, opener }: Shelf,
  name: string,
  signal: AbortSignal,
): Promise<PackKeys> {
  const found = await store.read(name, signal, { offset: 0, bytes: PACK_HEADER_BYTES_MAX })
  check(found !== undefined, 'PackDamaged', 'a pack is there')
  return opener.keysOf(parsePackHeader(found.bytes).header, signal)
}

interface PackNames {
  find(pack: PackId, signal: AbortSignal): Promise<string | undefined>
}

/**
 * Refs name packs by id alone; the month in a pack's name is found by listing the owner's packs,
 * once, and once more for each pack that is asked for and was not there then.
 */
function createPackNames(store: BlobStore, owner: OwnerId): PackNames {
  let names = new Map<PackId, string>()
  /** Not found by the last listing: asked for again, it is not listed for again. */
  const missing = new Set<PackId>()
  let listing: Promise<void> | undefined
  const list = async (signal: AbortSignal) => {
    const found = new Map<PackId, string>()
    for await (const { name } of store.list(packsPrefix(owner), signal)) {
      const pack = packOfName(name)
      if (pack !== undefined) found.set(pack, name)
      if (found.size > PACK_NAMES_MAX) throw tooLarge(found.size, PACK_NAMES_MAX)
    }
    names = found
  }
  return {
    async find(pack, signal) {
      const known = names.get(pack)
      if (known !== undefined || missing.has(pack)) return known
      listing ??= list(signal).finally(() => {
        listing = undefined
      })
      await listing
      if (!names.has(pack) && missing.size < PACK_NAMES_MAX) missing.add(pack)
      return names.get(pack)
    },
  }
}

function tooLarge(bytes: number, max: number): AppError {
  return new AppError({
    code: 'ContentTooLarge',
    kind: 'permanent',
    message: 'Content is longer than what was asked to be read at once.',
    hint: 'Read it as a stream.',
    context: { bytes, max },
  })
}
