/**
 * Checks the audit chain of a month against itself.
 *
 * Finds every row that was changed, moved, put in or taken out, except rows taken off the newest
 * end: only the copy of the chain's head in the ops container can tell that.
 */
import type { TableStore } from '../ports.ts'
import { chainBroken, GENESIS, type Link, linkOf } from './chain.ts'

const PAGE_ROWS = 1000
/** More than a month can hold by its numbers, were every other page empty. */
const PAGES_MAX = 2_000_000

export interface MonthReport {
  rows: number
  /** Hash of the month before's last row; GENESIS where there is none. */
  firstPrevious: string
  /** GENESIS where the month is empty. */
  lastHash: string
}

/** Newest first. Throws `AuditChainBroken` at the first row that does not fit. */
export async function verifyMonth(
  tables: TableStore,
  month: string,
  signal: AbortSignal,
): Promise<MonthReport> {
  let after: Link | undefined
  let lastHash: string = GENESIS
  let rows = 0
  let continuation: string | undefined
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const options = { max: PAGE_ROWS, ...(continuation === undefined ? {} : { continuation }) }
    const page = await tables.page('audit', { partition: month }, options, signal)
    for (const row of page.rows) {
      const link = linkOf(month, row)
      if (after === undefined) lastHash = link.hash
      else checkNeighbours(link, after)
      after = link
      rows += 1
    }
    continuation = page.continuation
    if (continuation === undefined) break
  }
  if (after !== undefined && after.n !== 1) throw chainBroken(month, after.n - 1)
  return { rows, firstPrevious: after?.previous ?? GENESIS, lastHash }
}

function checkNeighbours(link: Link, after: Link): void {
  if (link.n !== after.n - 1 || link.hash !== after.previous || link.time > after.time) {
    throw chainBroken(after.month, after.n)
  }
}
