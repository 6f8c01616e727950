/**
 * Finds a segment by its id where the hints of its ref do not hold.
 *
 * Any index of the owner that holds the id serves: first the index blobs, then the indexes that
 * small commits carry inside. An index that is damaged or of another owner is passed over and
 * counted, because the segment may be named by a sound one. Neither the packs themselves nor the
 * catalogue are asked.
 */
import type { SegmentRef } from '../model/events.ts'
import { isWorkloadName, type OwnerId, type SegmentId } from '../model/ids.ts'
import type { BlobStore } from '../ports.ts'
import { parseCommit } from './commit-format.ts'
import { isDamage, mayBeSpoilt } from './damage.ts'
import { COMMIT_BYTES_MAX, PACK_SEGMENTS_MAX } from './limits.ts'
import { commitsOfOwnerPrefix, indexesPrefix, packOfName, seqOfCommit } from './names.ts'
import { openFooter, type PackKeys } from './pack-crypto.ts'
import { parseFooter, parseIndex, parsePackHeader, SEGMENT_HEADER_BYTES } from './pack-format.ts'
import type { PackOpener } from './pack-opener.ts'

/** Places kept in memory, at some 200 bytes each; an owner with more is walked for each miss. */
const PLACES_MAX = 500_000
/** The largest index blob: a footer of 65,536 entries and what goes around it. */
const INDEX_BYTES_MAX = 64 * PACK_SEGMENTS_MAX
/** Copies of one segment that are tried. */
const COPIES_MAX = 16

/** Where a segment lies, as an index says, with the keys from the index's copy of the header. */
export interface FoundSegment {
  ref: SegmentRef
  keys: PackKeys
}

export interface SegmentLookup {
  /** Every place that the owner's sound indexes name for the id, at most COPIES_MAX. */
  find(id: SegmentId, signal: AbortSignal): AsyncIterable<FoundSegment>
  /** Indexes that did not pass their checks so far. */
  readonly damagedIndexes: number
}

export function createSegmentLookup(
  store: BlobStore,
  owner: OwnerId,
  opener: PackOpener,
): SegmentLookup {
  let places: Places | 'too many' | undefined
  let loading: Promise<Places | 'too many'> | undefined
  const damaged = new Set<string>()

  const entriesOf = async (source: IndexSource, signal: AbortSignal): Promise<FoundSegment[]> => {
    try {
      return await readIndex(source.bytes, opener, signal)
    } catch (error) {
      if (!mayBeSpoilt(error)) throw error
      damaged.add(source.name)
      return []
    }
  }

  async function* walk(signal: AbortSignal): AsyncGenerator<FoundSegment> {
    for await (const source of indexSources(store, owner, damaged, signal)) {
      yield* await entriesOf(source, signal)
    }
  }

  const load = async (signal: AbortSignal): Promise<Places | 'too many'> => {
    const seen: Places = new Map()
    let count = 0
    for await (const found of walk(signal)) {
      count += 1
      if (count > PLACES_MAX) return 'too many'
      const same = seen.get(found.ref.id)
      if (same === undefined) seen.set(found.ref.id, [found])
      else same.push(found)
    }
    return seen
  }

  async function* placesOf(id: SegmentId, signal: AbortSignal): AsyncGenerator<FoundSegment> {
    // Whoever is satisfied with the first place ends the walk: so all are read before any is given.
    if (places === undefined) {
      loading ??= load(signal).finally(() => {
        loading = undefined
      })
      places = await loading
    }
    if (places !== 'too many') yield* places.get(id) ?? []
    else for await (const found of walk(signal)) if (found.ref.id === id) yield found
  }

  return {
    get damagedIndexes() {
      return damaged.size
    },
    async *find(id, signal) {
      let given = 0
      for await (const found of placesOf(id, signal)) {
        if (given === COPIES_MAX) return
        given += 1
        yield found
      }
    },
  }
}

type Places = Map<SegmentId, FoundSegment[]>

interface IndexSource {
  name: string
  bytes: Uint8Array
}

async function* indexSources(
  store: BlobStore,
  owner: OwnerId,
  damaged: Set<string>,
  signal: AbortSignal,
): AsyncIterable<IndexSource> {
  const range = { offset: 0, bytes: INDEX_BYTES_MAX }
  for await (const { name } of store.list(indexesPrefix(owner), signal)) {
    if (packOfName(name) === undefined) continue
    const found = await store.read(name, signal, range)
    if (found !== undefined) yield { name, bytes: found.bytes }
  }
  for await (const { name } of store.list(commitsOfOwnerPrefix(owner), signal)) {
    yield* inlineIndexes(store, { name, owner }, damaged, signal)
  }
}

async function* inlineIndexes(
  store: BlobStore,
  { name, owner }: { name: string; owner: OwnerId },
  damaged: Set<string>,
  signal: AbortSignal,
): AsyncIterable<IndexSource> {
  const seq = seqOfCommit(name)
  const workload = name.split('/')[2] ?? ''
  if (seq === undefined || !isWorkloadName(workload)) return
  const found = await store.read(name, signal, { offset: 0, bytes: COMMIT_BYTES_MAX })
  if (found === undefined) return
  try {
    const { envelope, file } = parseCommit(found.bytes, { owner, workload }, seq)
    for (const { index } of envelope.packs) {
      const bytes = index.inline ? file.inline.get(index.sha256) : undefined
      if (bytes !== undefined) yield { name: `${name}#${index.sha256}`, bytes }
    }
  } catch (error) {
    if (!isDamage(error)) throw error
    damaged.add(name)
  }
}

async function readIndex(
  bytes: Uint8Array,
  opener: PackOpener,
  signal: AbortSignal,
): Promise<FoundSegment[]> {
  const index = parseIndex(bytes)
  const { header } = parsePackHeader(index.header)
  const keys = await opener.keysOf(header, signal)
  return parseFooter(openFooter(keys, index.header, index.footer)).map((entry) => ({
    keys,
    ref: {
      id: entry.id,
      pack: index.pack,
      offset: entry.offset,
      sealedBytes: SEGMENT_HEADER_BYTES + entry.bodyBytes,
      plainBytes: entry.plainBytes,
    },
  }))
}
