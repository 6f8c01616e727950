/**
 * Reading rows: walks over a range, many rows by their keys, cut pages.
 *
 * A page of Azure may be empty and still go on, so nothing here takes an empty page for the end.
 */
import { AppError } from '../model/errors.ts'
import type { PartitionQuery, Row, RowQuery, TableName, TableStore } from '../ports.ts'
import { decodeContinuation, encodeContinuation } from './continuation.ts'
import { afterRow } from './keys.ts'
import { PAGE_ROWS_MAX } from './limits.ts'
import { eachAtOnce } from './parallel.ts'
import type { Page } from './types.ts'

/** Store pages that one walk reads at most: 10 million rows, far above any partition of ours. */
const WALK_PAGES_MAX = 10_000
/** From so many keys on, a walk over their range may be cheaper than a request for each. */
const WALK_KEYS_MIN = 24
/** Store pages that one query of a caller looks at; what it has then is answered with a continuation. */
const SCAN_PAGES_MAX = 20

/** Every row of the range, in key order. Rows written meanwhile may or may not be among them. */
export async function* walkRows(
  tables: TableStore,
  table: TableName,
  query: RowQuery,
  signal: AbortSignal,
  pageRows: number = PAGE_ROWS_MAX,
): AsyncGenerator<Row> {
  let continuation: string | undefined
  for (let n = 0; n < WALK_PAGES_MAX; n += 1) {
    const options = { max: pageRows, ...(continuation === undefined ? {} : { continuation }) }
    const page = await tables.page(table, query, options, signal)
    yield* page.rows
    continuation = page.continuation
    if (continuation === undefined) return
  }
  throw new AppError({
    code: 'WalkTooLong',
    kind: 'permanent',
    message: 'A range of a table has more rows than one walk may read.',
    hint: 'Please report it with the context.',
    context: { table, pagesMax: WALK_PAGES_MAX },
  })
}

/** The first row of the range, with one request unless the store answers empty pages. */
export async function firstRow(
  tables: TableStore,
  table: TableName,
  query: PartitionQuery,
  signal: AbortSignal,
): Promise<Row | undefined> {
  for await (const row of walkRows(tables, table, query, signal, 1)) return row
  return undefined
}

/**
 * The rows that exist among these keys of one partition. Walks over the keys' range as long as a
 * page settles many of them, and asks for the rest one by one.
 */
export async function rowsByKey(
  tables: TableStore,
  table: TableName,
  partition: string,
  keys: Iterable<string>,
  signal: AbortSignal,
): Promise<Map<string, Row>> {
  const found = new Map<string, Row>()
  let open = [...new Set(keys)].sort()
  while (open.length >= WALK_KEYS_MIN) {
    const settled = await walkOnePage(tables, table, partition, open, found, signal)
    open = open.slice(settled)
    if (settled < WALK_KEYS_MIN) break
  }
  await eachAtOnce(open, async (key) => {
    const row = await tables.get(table, partition, key, signal)
    if (row) found.set(key, row)
  })
  return found
}

/** How many of the (sorted) keys one page settled: found, or passed by. */
async function walkOnePage(
  tables: TableStore,
  table: TableName,
  partition: string,
  open: readonly string[],
  found: Map<string, Row>,
  signal: AbortSignal,
): Promise<number> {
  const [first = '', last = first] = [open[0], open.at(-1)]
  const query = { partition, from: first, below: afterRow(last) }
  const page = await tables.page(table, query, { max: PAGE_ROWS_MAX }, signal)
  const wanted = new Set(open)
  for (const row of page.rows) if (wanted.has(row.row)) found.set(row.row, row)
  if (page.continuation === undefined) return open.length
  const reached = page.rows.at(-1)?.row
  if (reached === undefined) return 0
  const passed = open.findIndex((key) => key > reached)
  return passed < 0 ? open.length : passed
}

export interface PageQuery {
  max: number
  continuation?: string
}

/**
 * A page of what `pick` makes of a range's rows (undefined: not shown), filled up to `max` however
 * many rows are not shown; only after SCAN_PAGES_MAX store pages it may stay shorter and go on.
 * `name` ties continuations to this query. Throws `BadContinuation`, and `BadPage` for a wrong max.
 */
export async function pageOf<T>(
  tables: TableStore,
  range: { table: TableName; name: string; query: PartitionQuery & { from: string } },
  page: PageQuery,
  pick: (row: Row) => T | undefined,
  signal: AbortSignal,
): Promise<Page<T>> {
  checkMax(page.max)
  const items: T[] = []
  let last: string | undefined
  let from = startOf(range.name, range.query.from, page.continuation)
  for (let n = 0; n < SCAN_PAGES_MAX; n += 1) {
    const query = { ...range.query, from }
    // One more than is wanted tells whether anything follows.
    const max = n === 0 ? Math.min(page.max + 1, PAGE_ROWS_MAX) : PAGE_ROWS_MAX
    const read = await onePage(tables, range.table, query, max, signal)
    for (const row of read.rows) {
      const item = pick(row)
      if (item !== undefined && items.length === page.max && last !== undefined) {
        return { items, continuation: encodeContinuation(range.name, last) }
      }
      if (item !== undefined) items.push(item)
      last = row.row
    }
    if (!read.more) return { items }
    if (last !== undefined) from = afterRow(last)
  }
  return last === undefined
    ? { items }
    : { items, continuation: encodeContinuation(range.name, last) }
}

/** Follows empty pages until there are rows or the end. */
async function onePage(
  tables: TableStore,
  table: TableName,
  query: PartitionQuery,
  max: number,
  signal: AbortSignal,
): Promise<{ rows: Row[]; more: boolean }> {
  let continuation: string | undefined
  for (let n = 0; n < WALK_PAGES_MAX; n += 1) {
    const options = { max, ...(continuation === undefined ? {} : { continuation }) }
    const page = await tables.page(table, query, options, signal)
    continuation = page.continuation
    if (page.rows.length > 0 || continuation === undefined) {
      return { rows: page.rows, more: continuation !== undefined }
    }
  }
  throw new AppError({
    code: 'WalkTooLong',
    kind: 'transient',
    message: 'The table service answers only empty pages.',
    context: { table, pagesMax: WALK_PAGES_MAX },
  })
}

/** A continuation only ever moves forward inside the range of its query. */
function startOf(name: string, from: string, continuation: string | undefined): string {
  if (continuation === undefined) return from
  const next = afterRow(decodeContinuation(name, continuation))
  return next > from ? next : from
}

function checkMax(max: number): void {
  if (Number.isInteger(max) && max >= 1 && max <= PAGE_ROWS_MAX) return
  throw new AppError({
    code: 'BadPage',
    kind: 'permanent',
    message: 'A page has between 1 and 1,000 entries.',
    hint: 'Ask for fewer entries and follow the continuation.',
    context: { max },
  })
}
