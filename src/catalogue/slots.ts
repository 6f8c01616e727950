/**
 * Slot rows: a job, item by item, in the order of its plan.
 *
 * Inserted once (planning may run again); after that each change goes by etag, so that of two
 * workers only one takes the step from `doing` on.
 */
import type { Row } from '../ports.ts'
import { slotPartition, slotRow } from './keys.ts'
import { type PageQuery, pageOf } from './read.ts'
import type { Room } from './room.ts'
import { decodeBody, encodeBody, rowUnreadable, textColumn } from './rows.ts'
import { slotBodySchema } from './schemas.ts'
import { freshStamp, readStamped, writeStamped } from './stamped.ts'
import type { Slot, SlotTable } from './types.ts'
import { insertMissing } from './write.ts'

const always = () => {}

export function createSlotTable(room: Room): SlotTable {
  const placeOf = (job: string, n: number) =>
    ({ table: 'slots', partition: slotPartition(job), row: slotRow(n) }) as const
  return {
    async insert(job, slots, signal) {
      const rows = slots.map((slot) => ({ ...placeOf(job, slot.n), values: encode(slot) }))
      await insertMissing(room, rows, { guard: always, signal })
    },
    async page(job, page: PageQuery, signal) {
      const partition = slotPartition(job)
      const query = { partition, from: '' }
      const range = { table: 'slots', name: `slots~${partition}`, query } as const
      return await pageOf(room.tables, range, page, decode, signal)
    },
    async get(job, n, signal) {
      const { table, partition, row } = placeOf(job, n)
      const now = await room.tables.get(table, partition, row, signal)
      return now && decode(now)
    },
    async replace(job, slot, etag, signal) {
      const place = placeOf(job, slot.n)
      const stamp = freshStamp(room)
      const write = { values: encode(slot), etag, stamp }
      if (!(await writeStamped(room, place, write, signal))) return undefined
      const now = await readStamped(room, place, stamp, signal)
      return now && decode(now)
    },
  }
}

const encode = ({ state, body }: Slot) => ({ state, ...encodeBody(body) })

function decode(row: Row): Slot & { etag: string } {
  const n = Number(row.row)
  if (!Number.isInteger(n)) throw rowUnreadable('n')
  const state = textColumn(row, 'state')
  return { n, state, body: decodeBody(row, slotBodySchema), etag: row.etag }
}
