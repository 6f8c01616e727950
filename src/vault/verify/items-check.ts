/**
 * The items of the newest state, as a restore would read them: every representation put together
 * from its segments, and compared with the length and hash that its event names.
 *
 * That segments are sound is said by the packs; this says that they are the item.
 */
import { MemoryPool, mapBounded } from '../../concurrency/index.ts'
import { AppError } from '../../model/errors.ts'
import type { Representation } from '../../model/events.ts'
import { type KeyHash, keyHash } from '../../model/ids.ts'
import { refsOf } from '../../model/representation.ts'
import { createContentReader } from '../content-reader.ts'
import { isDamage } from '../damage.ts'
import { CONTENT_SEGMENT_BYTES_MAX } from '../limits.ts'
import { openState, readShard } from '../stream-state.ts'
import type { ContentReader, StateItem, StateLine } from '../types.ts'
import { readerOf } from './chain-check.ts'
import { checkOf, FINDINGS, type Finding, type FindingCode } from './findings.ts'
import type { Position, VerifyCounts } from './progress.ts'
import { release } from './release.ts'
import { type Access, isSampled, type Work } from './work.ts'

/** As many small ones as hide the latency of storage; large ones wait for memory. */
const ITEMS_AT_ONCE = 8
/** What the segments under way may take, sealed, unpacked and packed. */
const BUFFER_BYTES = 32 * 1024 * 1024
/** A segment is held so many times over on its way. */
const COPIES = 3
/** Items after which progress is told, or as much of their content as who verifies says. */
const BATCH = 64

type ItemsPosition = Extract<Position, { step: 'items' }>
type Within = NonNullable<ItemsPosition['within']>

export async function* checkItems(
  work: Work,
  access: Access,
  position: ItemsPosition,
): AsyncGenerator<ItemsPosition> {
  const { owner, workload, ends } = position
  const reader = readerOf(work, access, workload)
  const end = ends[workload]
  const { keys } = work
  if (!keys || !reader || !end || !access.canUnwrap || work.plan.openPercent === 0) return
  const content = createContentReader({ store: work.store, keys, owner })
  // Damaged commits were told of by the chain; what is left is checked.
  const options = { overDamage: () => undefined }
  const source = await openOver(() => openState(reader, end.last, options, work.signal))
  if (source === undefined) return
  const { after: from, within: fromWithin, ...rest } = position
  let { shard } = position
  let [after, within] = [from, fromWithin]
  for (; shard < source.shards; shard += 1) {
    const items = itemsOf(await readShard(source, shard, work.signal), work)
    const left = items.slice(items.findIndex(({ key }) => key === after) + 1)
    for (const batch of batchesOf(left, work)) {
      const [first] = batch
      const at = { ...rest, shard, ...(after !== undefined && { after }) }
      if (isLong(first, work)) {
        yield* checkLong(work, content, { ...at, ...(within && { within }) }, first)
      } else await checkBatch(work, content, { position, batch })
      within = undefined
      after = batch.at(-1)?.key
      yield { ...rest, shard, ...(after !== undefined && { after }) }
    }
    after = undefined
    yield { ...rest, shard: shard + 1 }
  }
}

interface Checked {
  item: StateItem
  key: KeyHash
}

function itemsOf(lines: readonly StateLine[], { plan }: Work): Checked[] {
  return lines
    .filter((line) => line.is === 'item')
    .map((item) => ({ item, key: keyHash(item.item) }))
    .filter(({ key }) => isSampled(plan, key))
}

const bytesOf = ({ item }: Checked): number =>
  item.representations.reduce((sum, { bytes }) => sum + bytes, 0)

/** Content that can be gone on with in its middle, and is too much for one batch. */
const isLong = (checked: Checked, { everyBytes }: Work): boolean =>
  bytesOf(checked) > everyBytes && checked.item.representations.some(isSliced)

/** What says that it is whole is the list of its segments, each of which says so of itself. */
const isSliced = ({ digest }: Representation): boolean => digest === 'segments'

/** In their order; a long one is alone. */
function* batchesOf(
  items: readonly Checked[],
  { everyBytes }: Work,
): Generator<[Checked, ...Checked[]]> {
  let batch: Checked[] = []
  let bytes = 0
  for (const checked of items) {
    const [first, ...others] = batch
    const isFull = batch.length === BATCH || bytes + bytesOf(checked) > everyBytes
    if (first && isFull) {
      yield [first, ...others]
      batch = []
      bytes = 0
    }
    batch.push(checked)
    bytes += bytesOf(checked)
  }
  const [first, ...others] = batch
  if (first) yield [first, ...others]
}

/** Undefined where no way leads to the state: the chain was told of before. */
async function openOver<T>(open: () => Promise<T>): Promise<T | undefined> {
  try {
    return await open()
  } catch (error) {
    if (!isDamage(error)) throw error
    return undefined
  }
}

async function checkBatch(
  work: Work,
  content: ContentReader,
  { position, batch }: { position: ItemsPosition; batch: readonly Checked[] },
): Promise<void> {
  const pool = new MemoryPool(BUFFER_BYTES)
  const results = await mapBounded(batch, ITEMS_AT_ONCE, async (checked) => {
    const free = await pool.claim(needOf(checked), work.signal)
    try {
      return await checkItem(work, content, position, checked)
    } finally {
      free()
    }
  })
  for (const { counts, findings } of results) {
    work.tally.add(counts)
    for (const finding of findings) work.tally.find(finding)
  }
}

/** Representations are read one after the other, each segment by segment. */
function needOf({ item }: Checked): number {
  const refs = item.representations.flatMap(refsOf)
  // What a list names is not known before it is opened.
  const hasLists = item.representations.some(({ lists }) => lists !== undefined)
  const listed = hasLists ? CONTENT_SEGMENT_BYTES_MAX : 0
  const largest = refs.reduce((most, ref) => Math.max(most, ref.plainBytes), listed)
  return Math.min(BUFFER_BYTES, COPIES * largest)
}

async function checkItem(
  work: Work,
  content: ContentReader,
  position: ItemsPosition,
  checked: Checked,
): Promise<{ counts: Partial<VerifyCounts>; findings: Finding[] }> {
  const findings: Finding[] = []
  let itemBytes = 0
  for (const representation of checked.item.representations) {
    try {
      for await (const piece of content.read(representation, work.signal)) {
        itemBytes += piece.length
        release(piece)
      }
    } catch (error) {
      findings.push(findingOf(error, position, checked))
    }
  }
  return { counts: { items: findings.length === 0 ? 1 : 0, itemBytes }, findings }
}

/** From the middle on, where the position is in it; tells how far it is every so many bytes. */
async function* checkLong(
  work: Work,
  content: ContentReader,
  { within: from, ...at }: ItemsPosition,
  checked: Checked,
): AsyncGenerator<ItemsPosition> {
  const { representations } = checked.item
  let { part, offset, isWhole }: Within = from ?? { part: 0, offset: 0, isWhole: true }
  for (; part < representations.length; part += 1) {
    const representation = representations[part] as Representation
    const pieces = isSliced(representation)
      ? content.readFrom(representation, offset, work.signal)
      : content.read(representation, work.signal)
    let toldAt = offset
    try {
      for await (const piece of pieces) {
        work.tally.add({ itemBytes: piece.length })
        offset += piece.length
        release(piece)
        if (!isSliced(representation) || offset - toldAt < work.everyBytes) continue
        toldAt = offset
        yield { ...at, within: { part, offset, isWhole } }
      }
    } catch (error) {
      work.tally.find(findingOf(error, at, checked))
      isWhole = false
    }
    offset = 0
    yield { ...at, within: { part: part + 1, offset, isWhole } }
  }
  if (isWhole) work.tally.add({ items: 1 })
}

/** Throws what is no damage. */
function findingOf(
  error: unknown,
  { owner, workload }: ItemsPosition,
  { item, key }: Checked,
): Finding {
  const code = codeOf(error)
  if (!(error instanceof AppError) || code === undefined) throw error
  return { code, owner, workload, seq: item.seq, item: key, check: checkOf(error) }
}

/** What a restore of the item would fail with. */
function codeOf(error: unknown): FindingCode | undefined {
  if (!(error instanceof AppError)) return undefined
  const { code, kind } = error
  if (code === 'KeyMissing' || code === 'KeyDisabled' || code === 'FormatUnknown') return code
  if (kind !== 'corrupt') return undefined
  return code in FINDINGS ? (code as FindingCode) : 'SegmentDamaged'
}
