/**
 * Removes every row of a stream that is computed from commits, so that a rebuild starts from
 * nothing: rows that come from no commit would otherwise stay for ever.
 *
 * The head goes first, so that no reader sees half a stream, and its absence says that the work
 * is not done: a clear that dies is begun again. Listing partitions are named by containers, which
 * only item rows and the list of containers know; so those go after the listings. Pack rows stay:
 * they belong to the owner and are measured.
 *
 * Each row goes by the etag under which it was seen: a removal that was about to be sent when its
 * process fell asleep can never take a row that was made anew meanwhile. That costs a request for
 * each row, because the service's library puts no etag on a removal inside a transaction.
 */
import { CONTAINERS } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import type { Row, TableName } from '../ports.ts'
import { itemPlaceOf } from './items.ts'
import { itemPartitions, listingPartition, workPartition } from './keys.ts'
import { PAGE_ROWS_MAX } from './limits.ts'
import { listedItemOf } from './listing.ts'
import { eachAtOnce } from './parallel.ts'
import { walkRows } from './read.ts'
import type { Room } from './room.ts'
import { contended, type WriteOptions } from './write.ts'

/** Passes over one partition; each removes a page, and only other writers can add rows. */
const PASSES_MAX = 100_000
/** Passes in a row that removed nothing: another remover takes the same rows. */
const CONFLICTS_MAX = 16

/** Idempotent; may be cut off and begun again. */
export async function clearStream(
  room: Room,
  stream: string,
  options: WriteOptions,
): Promise<void> {
  await removeRows(room, 'heads', stream, options)
  const containers = await containersOf(room, stream, options)
  await eachAtOnce([...containers], (container) =>
    removeRows(room, 'listing', listingPartition(stream, container), options),
  )
  await removeRows(room, 'listing', listingPartition(stream, CONTAINERS), options)
  await eachAtOnce(itemPartitions(stream), (partition) =>
    removeRows(room, 'items', partition, options),
  )
  for (const table of ['commits', 'ledger', 'cursors', 'scans'] as const) {
    await removeRows(room, table, stream, options)
  }
  await removeRows(room, 'scans', workPartition(stream), options)
}

/** Every container that may have list rows, but for the list of containers itself. */
export async function containersOf(
  { tables }: Room,
  stream: string,
  { signal }: WriteOptions,
): Promise<Set<GraphId>> {
  const containers = new Set<GraphId>()
  const tree = { partition: listingPartition(stream, CONTAINERS) }
  for await (const row of walkRows(tables, 'listing', tree, signal)) {
    containers.add(listedItemOf(row))
  }
  await eachAtOnce(itemPartitions(stream), async (partition) => {
    for await (const row of walkRows(tables, 'items', { partition }, signal)) {
      containers.add(itemPlaceOf(row).container)
    }
  })
  containers.delete(CONTAINERS)
  return containers
}

/** Every row of one partition. */
export async function removeRows(
  { tables }: Room,
  table: TableName,
  partition: string,
  { guard, signal }: WriteOptions,
): Promise<void> {
  let conflicts = 0
  for (let n = 0; n < PASSES_MAX && conflicts < CONFLICTS_MAX; n += 1) {
    // Keys alone. An empty page may still go on.
    const query = { partition, select: [] }
    const rows: Row[] = []
    for await (const row of walkRows(tables, table, query, signal)) {
      rows.push(row)
      if (rows.length === PAGE_ROWS_MAX) break
    }
    if (rows.length === 0) return
    let removed = 0
    await eachAtOnce(rows, async ({ row, etag }) => {
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
