/**
 * Item rows: every version of every item, newest first.
 *
 * A version is one row, inserted once and never changed. A deletion is a row of its own that says
 * only where the item was and when it left; marker and content are those of the version below it, read when asked.
 */
import { z } from 'zod'
import {
  displaySchema,
  graphIdSchema,
  itemKindSchema,
  markerSchema,
  pastPlaceSchema,
  representationsSchema,
  whySchema,
} from '../model/event-schema.ts'
import type { DeletedEvent, PutEvent } from '../model/events.ts'
import { type GraphId, type KeyHash, keyHash, SEQ_MAX } from '../model/ids.ts'
import type { Row } from '../ports.ts'
import { itemPartition, itemRange, itemRow } from './keys.ts'
import { newestRows } from './newest.ts'
import { eachAtOnce } from './parallel.ts'
import { firstRow } from './read.ts'
import type { Room } from './room.ts'
import { decodeBody, encodeBody, seqColumn, seqText } from './rows.ts'
import type { HeldItem } from './types.ts'
import type { NewRow } from './write.ts'

const base = { item: graphIdSchema, kind: itemKindSchema, place: pastPlaceSchema }
const versionSchema = z.discriminatedUnion('op', [
  z.object({
    ...base,
    op: z.literal('put'),
    why: whySchema,
    marker: markerSchema,
    display: displaySchema,
    representations: representationsSchema,
  }),
  // Rows of earlier versions of Holdfast do not say when it left.
  z.object({ ...base, op: z.literal('deleted'), leftAt: z.string().exactOptional() }),
])
type Version = z.infer<typeof versionSchema>

/** Pure: a function of the event and its seq alone. */
export function itemRowOf(stream: string, event: PutEvent | DeletedEvent, seq: number): NewRow {
  const key = keyHash(event.item)
  const values = { seq: seqText(seq), ...encodeBody(versionOf(event, seq)) }
  return { table: 'items', partition: itemPartition(stream, key), row: itemRow(key, seq), values }
}

function versionOf(event: PutEvent | DeletedEvent, seq: number): Version {
  const { item, kind } = event
  if (event.op === 'deleted') {
    return { op: 'deleted', item, kind, place: event.leaves, leftAt: event.leftAt }
  }
  const { why, marker, display, representations } = event
  const { container, sortKey } = event.place
  const place = { container, sortKey, from: seq }
  return { op: 'put', item, kind, place, why, marker, display, representations }
}

/** The newest version that is not above `seq`; undefined where the item was never held by then. */
export async function heldItem(
  room: Room,
  stream: string,
  key: KeyHash,
  seq: number,
  signal: AbortSignal,
): Promise<HeldItem | undefined> {
  const row = await versionRow(room, stream, key, seq, signal)
  return row && (await heldOf(room, stream, key, row, signal))
}

async function heldOf(
  room: Room,
  stream: string,
  key: KeyHash,
  row: Row,
  signal: AbortSignal,
): Promise<HeldItem> {
  const version = decodeBody(row, versionSchema)
  const at = { key, seq: seqColumn(row, 'seq') }
  if (version.op === 'put') {
    const { op: _, ...held } = version
    return { ...held, ...at, deleted: false }
  }
  const { item, kind, place } = version
  const before = await versionRow(room, stream, key, at.seq - 1, signal)
  return { item, kind, place, ...at, ...contentOf(before), deleted: true }
}

/** The row says that the item is gone. */
export function isDeletion(row: Row): boolean {
  return decodeBody(row, versionSchema).op === 'deleted'
}

/**
 * ISO time at which the item was seen leaving, where the version that is the newest one at `seq`
 * was its last, and was ended by a deletion later than `seq`.
 */
export async function lastSeenLeaving(
  room: Room,
  stream: string,
  { key, seq }: { key: KeyHash; seq: number },
  signal: AbortSignal,
): Promise<string | undefined> {
  const row = await versionRow(room, stream, key, SEQ_MAX, signal)
  if (!row || seqColumn(row, 'seq') <= seq) return undefined
  const last = decodeBody(row, versionSchema)
  return last.op === 'deleted' && last.place.from <= seq ? last.leftAt : undefined
}

async function versionRow(
  room: Room,
  stream: string,
  key: KeyHash,
  seq: number,
  signal: AbortSignal,
): Promise<Row | undefined> {
  const query = { partition: itemPartition(stream, key), ...itemRange(key, seq) }
  return await firstRow(room.tables, 'items', query, signal)
}

/** What was last held of an item that is deleted; nothing where that has expired. */
function contentOf(
  row: Row | undefined,
): Pick<HeldItem, 'marker' | 'display' | 'representations' | 'why'> {
  const version = row && decodeBody(row, versionSchema)
  if (version?.op === 'put') {
    const { marker, display, representations, why } = version
    return { marker, display, representations, why }
  }
  const marker = { content: '', decoration: '', change: '' }
  return { marker, display: { name: '' }, representations: [], why: 'new' }
}

/** Many at once; an item that is not held is not in the map. */
export async function heldItems(
  room: Room,
  stream: string,
  items: readonly GraphId[],
  seq: number,
  signal: AbortSignal,
): Promise<Map<GraphId, HeldItem>> {
  const keys = new Map(items.map((item) => [keyHash(item), item]))
  const buckets = Map.groupBy(keys.keys(), (key) => itemPartition(stream, key))
  const held = new Map<GraphId, HeldItem>()
  await eachAtOnce([...buckets], async ([partition, bucket]) => {
    for (const [key, row] of await newestRows(room, partition, bucket, seq, signal)) {
      const item = keys.get(key)
      if (item !== undefined) held.set(item, await heldOf(room, stream, key, row, signal))
    }
  })
  return new Map(items.flatMap((item) => entryOf(held, item)))
}

/** In the order in which they were asked for. */
function entryOf(held: ReadonlyMap<GraphId, HeldItem>, item: GraphId): [GraphId, HeldItem][] {
  const found = held.get(item)
  return found ? [[item, found]] : []
}
