/**
 * Listing rows: what a container held at a seq, that is from <= seq < to.
 *
 * Opening rows are inserted once. Closing writes `to` by etag and only where it is absent, so a
 * replay, however late, changes nothing. Containers stand in the list of the pseudo container
 * CONTAINERS.
 */
import { z } from 'zod'
import { AppError } from '../model/errors.ts'
import { displaySchema, graphIdSchema, itemKindSchema } from '../model/event-schema.ts'
import type { PastPlace, PutEvent } from '../model/events.ts'
import { type GraphId, keyHash, seqName } from '../model/ids.ts'
import type { Row } from '../ports.ts'
import { listingPartition, listingRow } from './keys.ts'
import { eachAtOnce } from './parallel.ts'
import { type PageQuery, pageOf } from './read.ts'
import type { Room } from './room.ts'
import { column, decodeBody, encodeBody, seqColumn, seqText } from './rows.ts'
import type { Listed, Page } from './types.ts'
import { type Edit, editRows, type NewRow, type WriteOptions } from './write.ts'

const entrySchema = z.object({
  item: graphIdSchema,
  kind: itemKindSchema,
  display: displaySchema,
})

export function openingOf(stream: string, event: PutEvent, seq: number): NewRow {
  const { item, kind, display, place } = event
  return {
    table: 'listing',
    partition: listingPartition(stream, place.container),
    row: listingRow({ sortKey: place.sortKey, from: seq }, keyHash(item)),
    values: { from: seqText(seq), ...encodeBody({ item, kind, display }) },
  }
}

export interface Closing {
  item: GraphId
  leaves: PastPlace
}

/** Ends the rows at `seq`. Throws `CatalogueGap` where one of them is missing. */
export async function closeRows(
  room: Room,
  stream: string,
  closings: readonly Closing[],
  seq: number,
  options: WriteOptions,
): Promise<void> {
  const groups = Map.groupBy(closings, ({ leaves }) => listingPartition(stream, leaves.container))
  await eachAtOnce([...groups], async ([partition, group]) => {
    const edits = new Map<string, Edit>()
    for (const { item, leaves } of group) {
      edits.set(listingRow(leaves, keyHash(item)), (now) => ended(now, seq))
    }
    await editRows(room, { table: 'listing', partition }, edits, options)
  })
}

function ended(now: Row | undefined, seq: number): Row['values'] | undefined {
  if (!now) throw catalogueGap(seq)
  return column(now, 'to') === undefined ? { ...now.values, to: seqText(seq) } : undefined
}

/** The commit with this seq ends a list row that no commit before it opened. */
export function catalogueGap(seq: number): AppError {
  return new AppError({
    code: 'CatalogueGap',
    kind: 'corrupt',
    message: 'A commit ends a list row that the catalogue does not have.',
    hint: 'Rebuild the catalogue of this owner from the vault.',
    context: { seq },
  })
}

export async function listContainer(
  room: Room,
  stream: string,
  { container, seq }: { container: GraphId; seq: number },
  page: PageQuery,
  signal: AbortSignal,
): Promise<Page<Listed>> {
  const partition = listingPartition(stream, container)
  const range = {
    table: 'listing',
    name: `list~${partition}~${seqName(seq)}`,
    query: { partition, from: '' },
  } as const
  return await pageOf(room.tables, range, page, (row) => listedAt(row, seq), signal)
}

function listedAt(row: Row, seq: number): Listed | undefined {
  const from = seqColumn(row, 'from')
  const to = column(row, 'to') === undefined ? undefined : seqColumn(row, 'to')
  if (from > seq || (to !== undefined && to <= seq)) return undefined
  const { item, kind, display } = decodeBody(row, entrySchema)
  return { item, key: keyHash(item), kind, from, display }
}
