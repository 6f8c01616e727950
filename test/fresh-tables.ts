/** Tables of an owner against fresh ones to which all its commits were applied (promise P6). */
import assert from 'node:assert/strict'
import type { SimulatedStorage } from '../sandbox/storage/index.ts'
import type { StreamTables } from '../src/catalogue/types.ts'
import { type Commit, isPseudoCursor } from '../src/model/events.ts'
import type { Row, TableName } from '../src/ports.ts'

/** Tables whose rows come from commits alone; cursors and ledger have columns of their own time. */
const FROM_COMMITS = ['commits', 'items', 'listing', 'heads'] as const satisfies TableName[]

/** The tables of one stream, and the account that they are in. */
export interface TablesIn {
  readonly storage: Pick<SimulatedStorage, 'tables'>
  readonly tables: StreamTables
}

/** `tables`: empty ones. `secret`: the stream's, with which cursors are sealed. */
export async function applyAll(
  tables: StreamTables,
  commits: readonly Commit[],
  secret: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const options = { secret, notAfter: Number.MAX_SAFE_INTEGER }
  for (const commit of commits) await tables.apply(commit, options, signal)
}

/** Every row that comes from commits is there and is equal; what is open is; no cursor went back. */
export async function sameAsFresh(
  live: TablesIn,
  fresh: TablesIn,
  secret: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  for (const table of FROM_COMMITS) {
    const rows = ({ storage }: TablesIn) => storage.tables.rows(table).map(withoutEtag)
    assert.deepEqual(rows(live), rows(fresh), `${table}: equal to a rebuild`)
  }
  const open = ({ tables }: TablesIn) => openEntries(tables, signal)
  assert.deepEqual(await open(live), await open(fresh), 'the open ledger')
  await sameCursors(live, fresh, secret, signal)
}

/** Entries of the ledger, and items that left and are not told deleted yet. */
export async function openEntries(
  tables: StreamTables,
  signal: AbortSignal,
): Promise<readonly unknown[]> {
  const entries: unknown[] = []
  for await (const entry of tables.open(signal)) entries.push(entry)
  return entries
}

const withoutEtag = ({ partition, row, values }: Row) => ({ partition, row, values })

/** A quiet round may have read on since the commit; it never stands before it. */
async function sameCursors(
  live: TablesIn,
  fresh: TablesIn,
  secret: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const read = ({ tables }: TablesIn) => tables.cursors(secret, signal)
  const inLive = new Map((await read(live)).map((cursor) => [cursor.container, cursor]))
  for (const committed of await read(fresh)) {
    const now = inLive.get(committed.container)
    assert.ok(now, 'a committed cursor is there')
    if (now.round === committed.round && now.position === committed.position) {
      // Closing one, or the end of a comparison, is no reading: a quiet save may have told it.
      const { closed: _, scan: __, start, ...position } = now
      const { closed = false, scan: ___, start: from, ...said } = committed
      assert.deepEqual(position, said, 'a committed cursor is as the commit says')
      assert.ok(now.closed || !closed, 'a closed cursor stays closed')
      // A slow cycle says when it began last.
      if (isPseudoCursor(committed))
        assert.ok((start ?? '') >= (from ?? ''), 'no slow cycle goes back')
      else assert.equal(start, from, 'a cursor begins where the commit says')
    } else {
      assert.ok(now.round >= committed.round, 'no cursor goes back')
    }
  }
}
