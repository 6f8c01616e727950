/**
 * Documents of a tenant that are found by id and listed newest first: runs and jobs.
 *
 * Two rows of one partition, inserted in one transaction: the document under its id, and its id
 * under the inverted time of its creation. Changes go by etag to the first; the second never
 * changes.
 */
import type { z } from 'zod'
import { AppError } from '../model/errors.ts'
import type { Row, TableName } from '../ports.ts'
import { documentRow, TIMELINE, tenantPartition, timelineRow } from './keys.ts'
import { mapAtOnce } from './parallel.ts'
import { type PageQuery, pageOf } from './read.ts'
import type { Room } from './room.ts'
import { decodeBody, encodeBody, textColumn } from './rows.ts'
import { changeRow, freshStamp, readStamped } from './stamped.ts'
import type { Page } from './types.ts'

export interface Documents<T> {
  /** False where a document of this id exists that this call did not write. */
  insert(document: T, signal: AbortSignal): Promise<boolean>
  get(id: string, signal: AbortSignal): Promise<T | undefined>
  update(id: string, change: (now: T) => T, signal: AbortSignal): Promise<T | undefined>
  list(query: PageQuery, signal: AbortSignal): Promise<Page<T>>
}

export function createDocuments<T extends { id: string; createdAt: string }>(
  room: Room,
  table: TableName,
  schema: z.ZodType<T>,
  partition: string = tenantPartition(room.tenantId),
): Documents<T> {
  const placeOf = (id: string) => ({ table, partition, row: documentRow(id) })
  async function get(id: string, signal: AbortSignal): Promise<T | undefined> {
    const row = await room.tables.get(table, partition, documentRow(id), signal)
    return row && decodeBody(row, schema)
  }
  return {
    get,
    async insert(document, signal) {
      const stamp = freshStamp(room)
      const place = placeOf(document.id)
      const timeline = timelineRow(createdMs(document.createdAt), document.id)
      const { outcome } = await room.tables.batch(
        table,
        partition,
        [
          { op: 'insert', row: place.row, values: { stamp, ...encodeBody(document) } },
          { op: 'insert', row: timeline, values: { id: document.id } },
        ],
        signal,
      )
      if (outcome === 'applied') return true
      return (await readStamped(room, place, stamp, signal)) !== undefined
    },
    async update(id, change, signal) {
      const apply = (row: Row | undefined) => {
        const next = row && change(decodeBody(row, schema))
        return next && { values: encodeBody(next), result: next }
      }
      return await changeRow(room, placeOf(id), apply, signal)
    },
    async list(query, signal) {
      const range = {
        table,
        name: `${table}~${partition}~newest`,
        query: { partition, ...TIMELINE },
      }
      const idOf = (row: Row) => textColumn(row, 'id')
      const { items, ...rest } = await pageOf(room.tables, range, query, idOf, signal)
      const documents = await mapAtOnce(items, (id) => get(id, signal))
      return { items: documents.filter((document) => document !== undefined), ...rest }
    },
  }
}

function createdMs(createdAt: string): number {
  const ms = Date.parse(createdAt)
  if (Number.isFinite(ms) && ms >= 0) return ms
  throw new AppError({
    code: 'MalformedTime',
    kind: 'bug',
    message: 'A run or job does not say when it was created.',
    hint: 'This is a defect in Holdfast. Please report it with the code.',
  })
}
