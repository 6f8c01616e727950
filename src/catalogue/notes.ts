/**
 * The `ready` row, and small notes of single instances.
 *
 * Ready says that the catalogue was set up or rebuilt as a whole; without it only a rebuild may
 * run, because an empty catalogue would hand out new owner ids and fork chains. A note's text is
 * stored as it is given: what is secret in it (a delta link) must be sealed before.
 */
import { notePartition, noteRow, READY_ROW } from './keys.ts'
import type { Room } from './room.ts'
import { decodeBody, encodeBody } from './rows.ts'
import { noteSchema } from './schemas.ts'
import type { Catalogue } from './types.ts'

const TABLE = 'resources'

export function createNotes(
  room: Room,
): Pick<Catalogue, 'ready' | 'markReady' | 'note' | 'saveNote'> {
  const partition = notePartition(room.tenantId)
  const put = async (row: string, text: string, signal: AbortSignal) => {
    await room.tables.batch(
      TABLE,
      partition,
      [{ op: 'put', row, values: encodeBody(text) }],
      signal,
    )
  }
  return {
    async ready(signal) {
      return (await room.tables.get(TABLE, partition, READY_ROW, signal)) !== undefined
    },
    markReady: (signal) => put(READY_ROW, new Date(room.clock.now()).toISOString(), signal),
    async note(name, signal) {
      const row = await room.tables.get(TABLE, partition, noteRow(name), signal)
      return row && decodeBody(row, noteSchema)
    },
    saveNote: (name, text, signal) => put(noteRow(name), text, signal),
  }
}
