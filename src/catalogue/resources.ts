/** Resource rows: what the tenant has, protected or not. One row each, changed by etag. */
import { resourcePartition } from './keys.ts'
import { type PageQuery, pageOf } from './read.ts'
import type { Room } from './room.ts'
import { decodeBody, encodeBody } from './rows.ts'
import { resourceSchema } from './schemas.ts'
import { changeRow } from './stamped.ts'
import type { Resource, ResourceTable } from './types.ts'

/** The only kind so far; a further kind is a further partition, asked in turn. */
const KIND: Resource['kind'] = 'user'

export function createResourceTable(room: Room): ResourceTable {
  const partition = resourcePartition(room.tenantId, KIND)
  return {
    async get(key, signal) {
      const row = await room.tables.get('resources', partition, key, signal)
      return row && decodeBody(row, resourceSchema)
    },
    async list(page: PageQuery, signal) {
      const query = { partition, from: '' }
      const range = { table: 'resources', name: `resources~${KIND}`, query } as const
      return await pageOf(
        room.tables,
        range,
        page,
        (row) => decodeBody(row, resourceSchema),
        signal,
      )
    },
    async update(key, change, signal) {
      const place = { table: 'resources', partition, row: key } as const
      let last: Resource | undefined
      const changed = await changeRow<Resource>(
        room,
        place,
        (row) => {
          last = row && decodeBody(row, resourceSchema)
          const next = change(last)
          return next && { values: encodeBody(next), result: next }
        },
        signal,
      )
      return changed ?? last
    },
  }
}
