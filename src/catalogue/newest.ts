/**
 * The newest versions of many items of one bucket, with few requests.
 *
 * Most of what a first copy asks for is not there. So keys alone are walked, as long as a page of
 * them settles several items, and only rows that exist are fetched; what is far apart is asked
 * for one by one.
 */
import type { KeyHash } from '../model/ids.ts'
import type { Row } from '../ports.ts'
import { itemRange, itemRow } from './keys.ts'
import { PAGE_ROWS_MAX } from './limits.ts'
import { eachAtOnce } from './parallel.ts'
import { firstRow } from './read.ts'
import type { Room } from './room.ts'

/** A page of keys is worth its request if it settles so many items. */
const SETTLED_MIN = 4

/** The first row at or below `seq` for each key that has one. */
export async function newestRows(
  room: Room,
  partition: string,
  keys: Iterable<KeyHash>,
  seq: number,
  signal: AbortSignal,
): Promise<Map<KeyHash, Row>> {
  const found = new Map<KeyHash, Row>()
  const there = new Map<KeyHash, string>()
  let open = [...new Set(keys)].sort()
  while (open.length >= SETTLED_MIN) {
    const settled = await settlePage(room, partition, { open, seq, there }, signal)
    open = open.slice(settled)
    if (settled < SETTLED_MIN) break
  }
  await eachAtOnce([...there], async ([key, row]) => {
    const full = await room.tables.get('items', partition, row, signal)
    if (full) found.set(key, full)
  })
  await eachAtOnce(open, async (key) => {
    const query = { partition, ...itemRange(key, seq) }
    const row = await firstRow(room.tables, 'items', query, signal)
    if (row) found.set(key, row)
  })
  return found
}

/** Notes which of the (sorted) keys one page finds; how many of them it settles. */
async function settlePage(
  { tables }: Room,
  partition: string,
  { open, seq, there }: { open: readonly KeyHash[]; seq: number; there: Map<KeyHash, string> },
  signal: AbortSignal,
): Promise<number> {
  const [first, last] = [open[0], open.at(-1)]
  if (first === undefined || last === undefined) return 0
  const range = { from: itemRow(first, seq), below: itemRange(last, seq).below }
  const query = { partition, ...range, select: [] }
  const page = await tables.page('items', query, { max: PAGE_ROWS_MAX }, signal)
  const rows = page.rows.map(({ row }) => row)
  // An empty page may still go on: then it has settled nothing.
  const reached = rows.at(-1) ?? ''
  let settled = 0
  let at = 0
  for (const key of open) {
    const { from, below } = itemRange(key, seq)
    while (at < rows.length && (rows[at] ?? '') < from) at += 1
    const row = rows[at]
    const hit = row !== undefined && row < below
    const passed = page.continuation === undefined || reached >= below
    if (!hit && !passed) break
    if (hit) there.set(key, row)
    settled += 1
  }
  return settled
}
