/**
 * Removes every row of a stream that is computed from commits, so that a rebuild starts from
 * nothing: rows that come from no commit would otherwise stay for ever.
 *
 * The head goes first, so that no reader sees half a stream, and its absence says that the work
 * is not done: a clear that dies is begun again. List rows are found by the range of their
 * partitions and not by the containers that other rows know: who was asleep while he wrote them has
 * left no other row. Pack rows stay: they belong to the owner and are measured.
 *
 * Each row goes by the etag under which it was seen: a removal that was about to be sent when its
 * process fell asleep can never take a row that was made anew meanwhile. That costs a request for
 * each row, because the service's library puts no etag on a removal inside a transaction.
 */
import { eachBounded } from '../concurrency/index.ts'
import type { PartitionQuery, PartitionsQuery, Row, TableName } from '../ports.ts'
import { itemPartitions, listingRange, workPartition } from './keys.ts'
import { PAGE_ROWS_MAX } from './limits.ts'
import { eachAtOnce, REQUESTS_AT_ONCE } from './parallel.ts'
import { walkRows } from './read.ts'
import type { Room } from './room.ts'
import { contended, type WriteOptions } from './write.ts'

/** Passes over one range; each removes a page, and only other writers can add rows. */
const PASSES_MAX = 100_000
/** Passes in a row that removed nothing: another remover takes the same rows. */
const CONFLICTS_MAX = 16

/** Idempotent; may be cut off and begun again. */
export async function clearStream(
  room: Room,
  stream: string,
  options: WriteOptions,
): Promise<void> {
  await removeRows(room, 'heads', { partition: stream }, options)
  await removeRows(room, 'listing', listingRange(stream), options)
  await eachAtOnce(itemPartitions(stream), (partition) =>
    removeRows(room, 'items', { partition }, options),
  )
  for (const table of ['commits', 'ledger', 'cursors', 'scans'] as const) {
    await removeRows(room, table, { partition: stream }, options)
  }
  await removeRows(room, 'scans', { partition: workPartition(stream) }, options)
}

/** Every row of one partition, or of all of a range. */
export async function removeRows(
  { tables }: Room,
  table: TableName,
  range: Pick<PartitionQuery, 'partition'> | Pick<PartitionsQuery, 'partitions'>,
  { guard, signal }: WriteOptions,
): Promise<void> {
  const atOnce = 'partitions' in range ? REQUESTS_AT_ONCE ** 2 : REQUESTS_AT_ONCE
  let conflicts = 0
  for (let n = 0; n < PASSES_MAX && conflicts < CONFLICTS_MAX; n += 1) {
    // Keys alone. An empty page may still go on.
    const query = { ...range, select: [] }
    const rows: Row[] = []
    for await (const row of walkRows(tables, table, query, signal)) {
      rows.push(row)
      if (rows.length === PAGE_ROWS_MAX) break
    }
    if (rows.length === 0) return
    let removed = 0
    await eachBounded(rows, atOnce, async ({ partition, row, etag }) => {
      guard()
      const { outcome } = await tables.batch(
        table,
        partition,
        [{ op: 'remove', row, etag }],
        signal,
      )
      if (outcome === 'applied') removed += 1
    })
    conflicts = removed > 0 ? 0 : conflicts + 1
  }
  throw contended(table)
}
