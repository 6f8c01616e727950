/**
 * Scan rows: which ids a full read of a container has shown so far (DESIGN 6).
 *
 * An id that is missing here makes an item leave, and one that is here too long keeps a deleted
 * one for ever. So a scan has one holder at a time, and is gone on with only where its last holder
 * gave it back; a holder that died or sleeps never does, and then another scan is begun. Ids of
 * scans are random, so that late rows of a sleeper are in a scan that nobody reads any more.
 *
 * All scans of a stream stand in its partition. The marker of a scan sorts before its rows, so
 * whoever removes rows in key order removes the marker first, and whoever reads the marker after
 * the rows knows that none of them was gone.
 */
import { z } from 'zod'
import { graphIdSchema } from '../model/event-schema.ts'
import { type GraphId, keyHash } from '../model/ids.ts'
import { BATCH_OPS_MAX, type Row } from '../ports.ts'
import { SCAN_MARKER, SCAN_PROGRESS, scanRow } from './keys.ts'
import { rowsByKey, walkRows } from './read.ts'
import type { Room } from './room.ts'
import { column, decodeBody, encodeBody } from './rows.ts'
import { changeRow, freshStamp, type RowPlace, writeStamped } from './stamped.ts'
import type { ScanProgress, ScanRef, ScanTable } from './types.ts'
import { insertMissing, type NewRow } from './write.ts'

type ScanState = 'held' | 'free'

const progressSchema: z.ZodType<ScanProgress> = z.object({
  seq: z.int().nonnegative(),
  at: graphIdSchema.optional(),
  containers: z.string().optional(),
  continuation: z.string().optional(),
  asking: z.boolean(),
  unseen: z.array(graphIdSchema),
})

/** A late row is in a scan that nobody reads any more: no time is too late. */
const always = () => {}

export function createScanTable(room: Room, stream: string): ScanTable {
  const { tables } = room
  const place = ({ container, id }: ScanRef, what: string): RowPlace => ({
    table: 'scans',
    partition: stream,
    row: scanRow(container, id, what),
  })
  const marker = (scan: ScanRef) => place(scan, SCAN_MARKER)
  const keyOf = ({ container, id }: ScanRef, item: GraphId) => scanRow(container, id, keyHash(item))

  /** False where the state was not `from`. */
  async function move(scan: ScanRef, from: ScanState, to: ScanState, signal: AbortSignal) {
    const moved = await changeRow(
      room,
      marker(scan),
      (now) =>
        now && column(now, 'state') === from ? { values: { state: to }, result: true } : undefined,
      signal,
    )
    return moved === true
  }

  async function stateOf(scan: ScanRef, signal: AbortSignal) {
    const { table, partition, row } = marker(scan)
    const now = await tables.get(table, partition, row, signal)
    return now && column(now, 'state')
  }

  return {
    async open(container, state, signal) {
      const id = freshStamp(room)
      const write = { values: { state }, etag: undefined, stamp: freshStamp(room) }
      await writeStamped(room, marker({ container, id }), write, signal)
      return id
    },
    take: (scan, signal) => move(scan, 'free', 'held', signal),
    async giveBack(scan, signal) {
      await move(scan, 'held', 'free', signal)
    },
    async add(scan, items, signal) {
      const rows = new Map<string, NewRow>()
      for (const item of items) {
        const row = keyOf(scan, item)
        rows.set(row, { table: 'scans', partition: stream, row, values: {} })
      }
      await insertMissing(room, [...rows.values()], { guard: always, signal })
    },
    async lacks(scan, items, signal) {
      const keys = items.map((item) => keyOf(scan, item))
      const there = await rowsByKey(tables, 'scans', stream, keys, signal)
      const state = await stateOf(scan, signal)
      if (state !== 'free') return undefined
      return items.filter((item) => !there.has(keyOf(scan, item)))
    },
    async progress(scan, signal) {
      const { table, partition, row } = place(scan, SCAN_PROGRESS)
      const noted = await tables.get(table, partition, row, signal)
      return noted && decodeBody(noted, progressSchema)
    },
    async note(scan, progress, signal) {
      const change = (now: Row | undefined) => {
        // What a sleeper notes is old: by now answers may be in the scan, and what it lacks few.
        const isOld = now && decodeBody(now, progressSchema).asking && !progress.asking
        return isOld ? undefined : { values: encodeBody(progress), result: true }
      }
      await changeRow(room, place(scan, SCAN_PROGRESS), change, signal)
    },
    async sweep(rowsMax, signal) {
      const keys: string[] = []
      for await (const { row } of walkRows(
        tables,
        'scans',
        { partition: stream, select: [] },
        signal,
      )) {
        keys.push(row)
        if (keys.length >= rowsMax) break
      }
      for (let at = 0; at < keys.length; at += BATCH_OPS_MAX) {
        const ops = keys
          .slice(at, at + BATCH_OPS_MAX)
          .map((row) => ({ op: 'remove', row }) as const)
        // A conflict means that another sweeps the same rows: what is left goes next time.
        const { outcome } = await tables.batch('scans', stream, ops, signal)
        if (outcome === 'conflict') return
      }
    },
  }
}
