/**
 * Work in progress of one stream: what a slice leaves for the next one, such as the shards of a
 * base that are written. It stands beside the scans, because it is like them: losing it costs that
 * work and nothing else, and no reader of the catalogue ever sees it.
 */
import { hasCode } from '../model/errors.ts'
import type { Row } from '../ports.ts'
import { guardUntil } from './apply.ts'
import { removeRows } from './clear.ts'
import { WORK, workPartition, workRow } from './keys.ts'
import { walkRows } from './read.ts'
import type { Room } from './room.ts'
import { decodeBody, encodeBody } from './rows.ts'
import { noteSchema } from './schemas.ts'
import type { WorkTable } from './types.ts'

const TABLE = 'scans'

export function createWorkTable(room: Room, stream: string): WorkTable {
  const partition = workPartition(stream)
  return {
    async all(signal) {
      const texts = new Map<string, string>()
      const query = { partition, ...WORK }
      for await (const row of walkRows(room.tables, TABLE, query, signal)) {
        const text = textOf(row)
        if (text !== undefined) texts.set(row.row.slice(WORK.from.length), text)
      }
      return texts
    },
    async save(name, text, { notAfter }, signal) {
      guardUntil(room, notAfter)()
      const op = { op: 'put', row: workRow(name), values: encodeBody(text) } as const
      await room.tables.batch(TABLE, partition, [op], signal)
    },
    async clear({ notAfter }, signal) {
      await removeRows(room, TABLE, { partition }, { guard: guardUntil(room, notAfter), signal })
    },
  }
}

/** A row that cannot be read is as good as lost. */
function textOf(row: Row): string | undefined {
  try {
    return decodeBody(row, noteSchema)
  } catch (error) {
    if (!hasCode(error, 'RowUnreadable')) throw error
    return undefined
  }
}
