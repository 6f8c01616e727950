/**
 * Rows of a state that a base restates: those that the commits before it have left open.
 *
 * A version has the seq of the commit that said it, as its own rows had; what it replaced has none.
 */

import { writeCursors } from './cursors.ts'
import { itemRowOf } from './items.ts'
import { restateLedger } from './ledger.ts'
import { openingOf } from './listing.ts'
import { fromTheBeginning } from './over-damage.ts'
import type { Room } from './room.ts'
import type { Restated } from './types.ts'
import { insertMissing, type NewRow, type WriteOptions } from './write.ts'

export async function restateRows(
  room: Room,
  stream: string,
  { items, entries, cursors }: Restated,
  options: WriteOptions & { secret: Uint8Array; rebuilding: 'whole' | 'lossy' },
): Promise<void> {
  await insertMissing(room, restatedRows(stream, items), options)
  await restateLedger(room, stream, entries, options)
  const { secret, rebuilding } = options
  // A base does not say when the commits were made that its cursors are from.
  const origin = { is: 'commit', time: '' } as const
  for (const [seq, group] of Map.groupBy(cursors, (line) => line.seq)) {
    const read = group.map(({ cursor }) =>
      rebuilding === 'lossy' ? fromTheBeginning(cursor) : cursor,
    )
    await writeCursors(room, stream, { cursors: read, seq, secret, origin }, options)
  }
}

/** Pure: what restated items are in the tables of items and lists. */
export function restatedRows(stream: string, items: Restated['items']): NewRow[] {
  return items.flatMap(({ seq, place, ...version }) => {
    const { container, sortKey } = place
    const event = { ...version, op: 'put', place: { container, sortKey } } as const
    return [itemRowOf(stream, event, seq), openingOf(stream, event, place.from)]
  })
}
