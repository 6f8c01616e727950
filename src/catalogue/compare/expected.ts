/**
 * The rows that the commits of a stream make, as prints: what a rebuild would leave in the tables.
 *
 * Commits are given in the order of their seqs. Of all rows only those of one shard are kept, so
 * that memory is bounded; which shard a row is in depends on its key alone.
 */
import type { Commit, StreamEvent } from '../../model/events.ts'
import { keyHash } from '../../model/ids.ts'
import { closingsOf, openingRows } from '../commit-rows.ts'
import { listingPartition, listingRow } from '../keys.ts'
import { catalogueGap } from '../listing.ts'
import { restatedRows } from '../restate.ts'
import { encodeBody, seqText } from '../rows.ts'
import type { Restated } from '../types.ts'
import type { NewRow } from '../write.ts'
import { type ComparedTable, hasColumn, printOf, printWith } from './prints.ts'

export interface Shard {
  n: number
  of: number
}

/** A row's place, as long as it is unique within a stream. */
export type RowKey = string

/** Copied, because V8 would keep every piece of which a text was put together: four times as much. */
export const rowKey = (partition: string, row: string): RowKey =>
  Buffer.from(`${partition} ${row}`, 'latin1').toString('latin1')

/** Partition and row: neither holds a blank. */
export function placeOfKey(key: RowKey): { partition: string; row: string } {
  const at = key.indexOf(' ')
  return { partition: key.slice(0, at), row: key.slice(at + 1) }
}

/** FNV-1a: shards need an even spread, and nothing else. */
export function isInShard({ n, of }: Shard, key: RowKey): boolean {
  if (of === 1) return true
  let sum = 0x811c9dc5
  for (let i = 0; i < key.length; i += 1) {
    sum = Math.imul(sum ^ key.charCodeAt(i), 0x01000193)
  }
  return (sum >>> 0) % of === n
}

export class ExpectedRows {
  readonly rows: Readonly<Record<Exclude<ComparedTable, 'heads'>, Map<RowKey, string>>> = {
    commits: new Map(),
    items: new Map(),
    listing: new Map(),
    cursors: new Map(),
    ledger: new Map(),
  }
  readonly #stream: string
  readonly #shard: Shard

  constructor(stream: string, shard: Shard) {
    this.#stream = stream
    this.#shard = shard
  }

  get size(): number {
    return Object.values(this.rows).reduce((sum, rows) => sum + rows.size, 0)
  }

  /** Throws `CatalogueGap` where the commit ends a row that no earlier one opened. */
  take(commit: Commit): void {
    for (const row of openingRows(this.#stream, commit, 0)) {
      if (row.table !== 'packs') this.#open(row)
    }
    for (const event of commit.events) {
      this.#close(event, commit.seq)
      this.#ledger(event, commit.seq)
    }
    this.#cursors(commit)
  }

  /** Before any commit is taken: the state with which the stream begins. */
  restate({ items, entries, cursors }: Restated): void {
    for (const row of restatedRows(this.#stream, items)) this.#open(row)
    for (const { seq, event } of entries) this.#ledger(event, seq)
    for (const { seq, cursor } of cursors) this.#cursors({ cursors: [cursor], seq, time: '' })
  }

  #place(partition: string, row: string): RowKey | undefined {
    const key = rowKey(partition, row)
    return isInShard(this.#shard, key) ? key : undefined
  }

  /** As insertMissing does it: the first of two rows stays. */
  #open({ table, partition, row, values }: NewRow): void {
    const key = this.#place(partition, row)
    const rows = this.rows[table as keyof typeof this.rows]
    if (key === undefined || rows.has(key)) return
    rows.set(key, printOf(table as ComparedTable, values))
  }

  #close(event: StreamEvent, seq: number): void {
    for (const { item, leaves } of closingsOf(event)) {
      const partition = listingPartition(this.#stream, leaves.container)
      const key = this.#place(partition, listingRow(leaves, keyHash(item)))
      if (key === undefined) continue
      const print = this.rows.listing.get(key)
      if (print === undefined) throw catalogueGap(seq)
      if (hasColumn('listing', print, 'to')) continue
      const to = { name: 'to', text: seqText(seq) }
      this.rows.listing.set(key, printWith('listing', print, to))
    }
  }

  #ledger(event: StreamEvent, seq: number): void {
    const key = this.#place(this.#stream, keyHash(event.item))
    if (key === undefined) return
    if (event.op === 'ledger' || event.op === 'left') {
      const values = { seq: seqText(seq), ...encodeBody(event) }
      this.rows.ledger.set(key, printOf('ledger', values))
    } else this.rows.ledger.delete(key)
  }

  #cursors({ cursors, seq, time }: Pick<Commit, 'cursors' | 'seq' | 'time'>): void {
    for (const cursor of cursors) {
      const key = this.#place(this.#stream, keyHash(cursor.container))
      if (key === undefined) continue
      const { round } = cursor
      const values = { seq: seqText(seq), round, committedAt: time, ...encodeBody(cursor) }
      this.rows.cursors.set(key, printOf('cursors', values))
    }
  }
}
