/**
 * Appending to the audit chain: where its end is, how a month ends, one try of one append.
 *
 * Insert-only: the insert of the next number decides between writers, and who loses begins again
 * from the newest row. A month ends with a row that says so, which takes the last number, so a
 * writer whose clock is late cannot add to a month that the next one has already linked to.
 */
import { AppError } from '../model/errors.ts'
import type { Clock, Randomness, TableStore } from '../ports.ts'
import { GENESIS, type Link, linkOf, nextLink, rowKeyOf, valuesOf } from './chain.ts'
import type { AuditEvent } from './event.ts'

/** How many months back the newest row is looked for; a longer silence starts a new chain. */
const MONTHS_BACK_MAX = 36
/** How many months the clocks of two writers may be apart. */
const MONTHS_AHEAD_MAX = 2
/** A page may be empty although rows follow; so many in a row are a defect of the store. */
const EMPTY_PAGES_MAX = 1000
const ID_BYTES = 8
/** The chain's own rows are written by no person. */
const CHAIN = 'chain'

export interface Book {
  tables: TableStore
  clock: Pick<Clock, 'now'>
  random: Randomness
}

/**
 * The new link, or undefined where another writer was faster. `known` is the row that this
 * process wrote last: it saves a read, and where it is not the newest the try is lost.
 */
export async function tryAppend(
  book: Book,
  event: AuditEvent,
  known: Link | undefined,
  signal: AbortSignal,
): Promise<Link | undefined> {
  let month = monthOf(book.clock.now())
  let end = known?.month === month ? known : await newest(book, month, signal)
  for (let ahead = 0; end?.event.action === 'month-closed'; ahead++) {
    // Another writer's clock is ahead of ours and has begun the next month.
    if (ahead === MONTHS_AHEAD_MAX) throw unavailable('the clock is behind that of the audit')
    month = shifted(month, 1)
    end = await newest(book, month, signal)
  }
  const link =
    end === undefined
      ? await firstOf(book, month, event, signal)
      : following(end, stamped(book, event))
  return link !== 'lost' && (await insert(book, link, signal)) ? link : undefined
}

async function newest(book: Book, month: string, signal: AbortSignal): Promise<Link | undefined> {
  let continuation: string | undefined
  for (let pages = 0; pages < EMPTY_PAGES_MAX; pages++) {
    const options = { max: 1, ...(continuation === undefined ? {} : { continuation }) }
    const page = await book.tables.page('audit', { partition: month }, options, signal)
    const row = page.rows[0]
    if (row !== undefined) return linkOf(month, row)
    if (page.continuation === undefined) return undefined
    continuation = page.continuation
  }
  throw unavailable('the table answers empty pages without end')
}

async function insert(book: Book, link: Link, signal: AbortSignal): Promise<boolean> {
  const row = rowKeyOf(link.n)
  const op = { op: 'insert', row, values: valuesOf(link) } as const
  const { outcome } = await book.tables.batch('audit', link.month, [op], signal)
  if (outcome === 'applied') return true
  // The store repeats a call whose answer was lost: the row that is in the way may be ours.
  const there = await book.tables.get('audit', link.month, row, signal)
  return there !== undefined && linkOf(link.month, there).hash === link.hash
}

/** The first link of a month: it follows the end of the newest month that has rows. */
async function firstOf(
  book: Book,
  month: string,
  event: AuditEvent,
  signal: AbortSignal,
): Promise<Link | 'lost'> {
  const end = await endBefore(book, month, signal)
  if (end === 'lost') return 'lost'
  const before = end === 'none' ? { hash: GENESIS, time: '' } : end
  return nextLink(before, { month, n: 1 }, stamped(book, event))
}

/** The link with which the last month that has rows ended; closed now where it is open. */
async function endBefore(
  book: Book,
  month: string,
  signal: AbortSignal,
): Promise<Link | 'none' | 'lost'> {
  let earlier = month
  for (let back = 0; back < MONTHS_BACK_MAX; back++) {
    earlier = shifted(earlier, -1)
    const link = await newest(book, earlier, signal)
    if (link === undefined) continue
    if (link.event.action === 'month-closed') return link
    const closing = following(link, stamped(book, { action: 'month-closed', by: CHAIN }))
    return (await insert(book, closing, signal)) ? closing : 'lost'
  }
  return 'none'
}

function following(link: Link, now: ReturnType<typeof stamped>): Link {
  return nextLink(link, { month: link.month, n: link.n + 1 }, now)
}

/** What a new link says of itself. */
function stamped(book: Book, event: AuditEvent) {
  const id = Buffer.from(book.random.bytes(ID_BYTES)).toString('hex')
  return { event, id, time: new Date(book.clock.now()).toISOString() }
}

function monthOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 7)
}

function shifted(month: string, by: number): string {
  const [year = 0, number = 1] = month.split('-').map(Number)
  return monthOf(Date.UTC(year, number - 1 + by, 1))
}

export function unavailable(why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'AuditUnavailable',
    kind: 'transient',
    message: `The call was not carried out, because it could not be recorded: ${why}.`,
    hint: 'Try again in a moment; if it stays so, check the tables of the runtime account.',
    ...(cause === undefined ? {} : { cause }),
  })
}
