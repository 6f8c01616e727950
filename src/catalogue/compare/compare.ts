/**
 * Compares the rows of a stream with those that its commits make, in both directions, and writes
 * nothing.
 *
 * Memory is bounded by shards of the rows' keys: commits and rows are read once for each shard,
 * and there is one as long as a stream has no more than ROWS_AT_ONCE rows. The catalogue may be in
 * use meanwhile: what is compared is the state at the head that was found at the beginning, and
 * what later commits have written is counted and left out.
 */
import { AppError } from '../../model/errors.ts'
import type { Commit, CommitRef } from '../../model/events.ts'
import { type OwnerId, SEQ_MAX } from '../../model/ids.ts'
import type { Row } from '../../ports.ts'
import { HEAD_ROW } from '../keys.ts'
import type { Room } from '../room.ts'
import { column, seqText } from '../rows.ts'
import type { Restated } from '../types.ts'
import { ExpectedRows, isInShard, placeOfKey, rowKey, type Shard } from './expected.ts'
import { eachHeldRow, type HeldRow } from './held.ts'
import { COMPARED_TABLES, type ComparedTable, columnsApart, printOf } from './prints.ts'

/** Rows in memory, at some 250 bytes each. */
export const ROWS_AT_ONCE = 500_000
/** Five hundred million rows. */
const SHARDS_MAX = 1024
/** The only column that counts of a cursor which was read on since. */
const COMMITTED_AT = 'committedAt'

/** A row that is not as the commits say. Keys hold opaque ids, hashes, dates and numbers (P9). */
export interface RowDifference {
  table: ComparedTable
  partition: string
  row: string
  /** `missing`: of the tables. `extra`: no commit says it. */
  is: 'missing' | 'extra' | 'different'
  /** Columns that differ; `document` is what `e0`, `e1` ... hold. */
  columns?: string[]
}

export interface TableCounts {
  equal: number
  missing: number
  extra: number
  different: number
  /** Written by commits above the head that the comparison began with: not compared. */
  beyond: number
}

export interface StreamComparison {
  /** Of the commits; undefined: there is none. */
  upTo: CommitRef | undefined
  commits: number
  tables: Record<ComparedTable, TableCounts>
  /** The first of them, in no order. */
  differences: RowDifference[]
}

export interface StreamTruth {
  /** Opens cursor rows. */
  secret: Uint8Array
  /** What the stream begins with, where its first commits have expired; asked for again and again. */
  state?(signal: AbortSignal): AsyncIterable<Restated>
  /** The commits up to this seq, in order, from the first that is there; likewise. */
  commits(upTo: number, signal: AbortSignal): AsyncIterable<Commit>
}

export interface CompareOptions {
  /** Differences that are named. */
  namedMax: number
  /** Default: ROWS_AT_ONCE. */
  rowsAtOnce?: number
}

/** Throws what `commits` throws, and `CatalogueGap` where the commits themselves do not fit. */
export async function compareStream(
  room: Room,
  of: { stream: string; owner: OwnerId },
  truth: StreamTruth,
  options: CompareOptions,
  signal: AbortSignal,
): Promise<StreamComparison> {
  const head = await room.tables.get('heads', of.stream, HEAD_ROW, signal)
  // Without a head nothing is shown of the stream: then all that the commits say is compared.
  const upTo = head ? Number(column(head, 'seq')) || 0 : SEQ_MAX
  const { rowsAtOnce = ROWS_AT_ONCE } = options
  for (let shards = 1; shards <= SHARDS_MAX; shards *= 2) {
    const { stream } = of
    const work = { room, stream, truth, upTo, rowsAtOnce, namedMax: options.namedMax }
    const compared = await compareInShards(work, shards, signal)
    if (compared === 'too many') continue
    compareHead(compared, of.stream, head, options)
    return compared
  }
  throw new AppError({
    code: 'StreamTooLarge',
    kind: 'permanent',
    message: 'A stream has more rows than can be compared.',
    hint: 'Please report it with the context.',
    context: { owner: of.owner, rowsAtOnce, shardsMax: SHARDS_MAX },
  })
}

interface Work extends Required<CompareOptions> {
  room: Room
  stream: string
  truth: StreamTruth
  upTo: number
}

/** `too many`: a shard has more rows than may be in memory. */
async function compareInShards(
  work: Work,
  shards: number,
  signal: AbortSignal,
): Promise<StreamComparison | 'too many'> {
  const found = nothingCompared()
  for (let n = 0; n < shards; n += 1) {
    const shard = { n, of: shards }
    const expected = await expectedIn(work, shard, found, signal)
    if (expected === 'too many') return expected
    const { room, stream, truth, upTo } = work
    const of = { stream, upTo, secret: truth.secret }
    const take = (row: HeldRow) => compareRow({ work, shard, expected, found }, row)
    await eachHeldRow(room, of, take, signal)
    tellMissing(work, expected, found)
  }
  return found
}

/** The first shard counts the commits. */
async function expectedIn(
  { stream, truth, upTo, rowsAtOnce }: Work,
  shard: Shard,
  found: StreamComparison,
  signal: AbortSignal,
): Promise<ExpectedRows | 'too many'> {
  const expected = new ExpectedRows(stream, shard)
  for await (const state of truth.state?.(signal) ?? []) {
    expected.restate(state)
    if (expected.size > rowsAtOnce) return 'too many'
  }
  for await (const commit of truth.commits(upTo, signal)) {
    expected.take(commit)
    if (expected.size > rowsAtOnce) return 'too many'
    if (shard.n > 0) continue
    found.commits += 1
    const { seq, hash, time } = commit
    found.upTo = { seq, hash, time }
  }
  return expected
}

interface Comparing {
  work: Work
  shard: Shard
  expected: ExpectedRows
  found: StreamComparison
}

function compareRow({ work, shard, expected, found }: Comparing, held: HeldRow): void {
  const { table, partition, row, as, print } = held
  const key = rowKey(partition, row)
  if (!isInShard(shard, key) || as === 'closed') return
  const counts = found.tables[table]
  const said = expected.rows[table].get(key)
  if (as === 'beyond') {
    counts.beyond += 1
    expected.rows[table].delete(key)
    return
  }
  if (said === undefined) {
    if (as !== 'uncommitted') tell(work, found, { table, partition, row, is: 'extra' })
    return
  }
  expected.rows[table].delete(key)
  const apart = columnsApart(table, said, print)
  const columns = as === 'whole' ? apart : apart.filter((name) => name === COMMITTED_AT)
  if (columns.length === 0) counts.equal += 1
  else tell(work, found, { table, partition, row, is: 'different', columns })
}

/** What is left of the expected rows was met nowhere. */
function tellMissing(work: Work, expected: ExpectedRows, found: StreamComparison): void {
  for (const table of COMPARED_TABLES) {
    if (table === 'heads') continue
    for (const key of expected.rows[table].keys()) {
      tell(work, found, { table, ...placeOfKey(key), is: 'missing' })
    }
  }
}

function tell(
  { namedMax }: Pick<Work, 'namedMax'>,
  { tables, differences }: StreamComparison,
  difference: RowDifference,
): void {
  tables[difference.table][difference.is] += 1
  if (differences.length < namedMax) differences.push(difference)
}

function compareHead(
  found: StreamComparison,
  stream: string,
  head: Row | undefined,
  options: CompareOptions,
): void {
  const place = { table: 'heads', partition: stream, row: HEAD_ROW } as const
  const { upTo } = found
  if (!head && !upTo) return
  if (!head || !upTo) {
    tell(options, found, { ...place, is: head ? 'extra' : 'missing' })
    return
  }
  const { seq, hash, time } = upTo
  const said = printOf('heads', { seq: seqText(seq), hash, time })
  const columns = columnsApart('heads', said, printOf('heads', head.values))
  if (columns.length === 0) found.tables.heads.equal += 1
  else tell(options, found, { ...place, is: 'different', columns })
}

function nothingCompared(): StreamComparison {
  const counts = () => ({ equal: 0, missing: 0, extra: 0, different: 0, beyond: 0 })
  const tables = Object.fromEntries(COMPARED_TABLES.map((table) => [table, counts()]))
  return {
    upTo: undefined,
    commits: 0,
    tables: tables as StreamComparison['tables'],
    differences: [],
  }
}
