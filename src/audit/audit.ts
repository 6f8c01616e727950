/**
 * The audit in the `audit` table: a hash chain over the months, insert-only (DESIGN 6).
 *
 * Writing needs no right but to insert and read. One process appends one event after the other;
 * between processes the insert of the next number decides, and who loses reads the newest row
 * again. A month ends with a row that says so, which takes the last number: a writer whose clock
 * is late cannot add to a month that the next one has already linked to. Not here: the copy in
 * the ops container and its signature.
 */
import { AppError } from '../model/errors.ts'
import type { Clock, Randomness, TableStore } from '../ports.ts'
import { chainBroken, GENESIS, type Link, linkOf, nextLink, rowKeyOf, valuesOf } from './chain.ts'
import type { Audit, AuditEvent } from './event.ts'

/** Tries of one append before it gives up; each lost one means that another writer got through. */
const TRIES_MAX = 30
/** How many months back the newest row is looked for; a longer silence starts a new chain. */
const MONTHS_BACK_MAX = 36
/** How far the clocks of two writers may be apart. */
const MONTHS_AHEAD_MAX = 2
const ID_BYTES = 8
const VERIFY_PAGE_ROWS = 1000
const PAGES_MAX = 100_000
/** The chain's own rows are written by no person. */
const CHAIN = 'chain'

export interface AuditStore extends Audit {
  /**
   * Walks one month, newest first. Throws `AuditChainBroken` at the first row that does not
   * fit, which names its number. The first row's predecessor is given back for the caller to
   * compare with the end of the month before (GENESIS: there is none).
   */
  verifyMonth(
    month: string,
    signal: AbortSignal,
  ): Promise<{ rows: number; firstPrevious: string; lastHash: string }>
}

export function createAudit(options: {
  tables: TableStore
  clock: Pick<Clock, 'now'>
  random: Randomness
}): AuditStore {
  const { tables, clock, random } = options
  let last: Promise<unknown> = Promise.resolve()
  let known: Link | undefined

  async function newest(month: string, signal: AbortSignal): Promise<Link | undefined> {
    let continuation: string | undefined
    for (let pages = 0; pages < PAGES_MAX; pages++) {
      const page = await tables.page(
        'audit',
        { partition: month },
        { max: 1, ...(continuation === undefined ? {} : { continuation }) },
        signal,
      )
      const row = page.rows[0]
      if (row !== undefined) return linkOf(month, row)
      if (page.continuation === undefined) return undefined
      continuation = page.continuation
    }
    throw unavailable('a table answers empty pages without end')
  }

  async function insert(link: Link, signal: AbortSignal): Promise<boolean> {
    const op = { op: 'insert', row: rowKeyOf(link.n), values: valuesOf(link) } as const
    const { outcome } = await tables.batch('audit', link.month, [op], signal)
    if (outcome === 'applied') return true
    // The store repeats a call whose answer was lost: the row that is in the way may be ours.
    const there = await tables.get('audit', link.month, rowKeyOf(link.n), signal)
    return there !== undefined && linkOf(link.month, there).hash === link.hash
  }

  /** What a new link says of itself. */
  function stamped(event: AuditEvent) {
    const id = Buffer.from(random.bytes(ID_BYTES)).toString('hex')
    return { event, id, time: new Date(clock.now()).toISOString() }
  }

  /** The link with which the month before ended, closed first where it is open. */
  async function endBefore(month: string, signal: AbortSignal): Promise<Link | 'none' | 'lost'> {
    let earlier = month
    for (let back = 0; back < MONTHS_BACK_MAX; back++) {
      earlier = shifted(earlier, -1)
      const link = await newest(earlier, signal)
      if (link?.event.action === 'month-closed') return link
      if (link === undefined) continue
      const event: AuditEvent = { action: 'month-closed', by: CHAIN }
      const closing = following(link, event)
      return (await insert(closing, signal)) ? closing : 'lost'
    }
    return 'none'
  }

  function following(link: Link, event: AuditEvent): Link {
    return nextLink(link, { month: link.month, n: link.n + 1 }, stamped(event))
  }

  async function firstOf(
    month: string,
    event: AuditEvent,
    signal: AbortSignal,
  ): Promise<Link | 'lost'> {
    const end = await endBefore(month, signal)
    if (end === 'lost') return 'lost'
    const before = end === 'none' ? { hash: GENESIS, time: '' } : end
    return nextLink(before, { month, n: 1 }, stamped(event))
  }

  /** One try; false: another writer was faster. */
  async function append(event: AuditEvent, signal: AbortSignal): Promise<boolean> {
    let month = monthOf(clock.now())
    // The row that this process wrote last saves a read; where it is not the newest, we lose.
    let end = known?.month === month ? known : await newest(month, signal)
    for (let ahead = 0; end?.event.action === 'month-closed'; ahead++) {
      // Another writer's clock is ahead of ours and has begun the next month.
      if (ahead === MONTHS_AHEAD_MAX) throw unavailable('the clock is behind that of the audit')
      month = shifted(month, 1)
      end = await newest(month, signal)
    }
    known = undefined
    const link = end === undefined ? await firstOf(month, event, signal) : following(end, event)
    if (link === 'lost' || !(await insert(link, signal))) return false
    known = link
    return true
  }

  async function appendUntilDone(event: AuditEvent, signal: AbortSignal): Promise<void> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      if (await append(event, signal)) return
    }
    throw unavailable('too many writers at once')
  }

  async function verifyMonth(month: string, signal: AbortSignal) {
    let after: Link | undefined
    let lastHash: string = GENESIS
    let rows = 0
    let continuation: string | undefined
    for (let pages = 0; pages < PAGES_MAX; pages++) {
      const page = await tables.page(
        'audit',
        { partition: month },
        { max: VERIFY_PAGE_ROWS, ...(continuation === undefined ? {} : { continuation }) },
        signal,
      )
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

  return {
    record(event, signal) {
      const done = last.then(
        () => appendUntilDone(event, signal),
        // The failure of another event is that caller's; ours is tried all the same.
        () => appendUntilDone(event, signal),
      )
      last = done
      return done.catch((cause: unknown) => {
        throw cause instanceof AppError && cause.code === 'AuditUnavailable'
          ? cause
          : unavailable('the table store failed', cause)
      })
    },
    verifyMonth,
  }
}

function checkNeighbours(link: Link, after: Link): void {
  if (link.n !== after.n - 1 || link.hash !== after.previous || link.time > after.time) {
    throw chainBroken(after.month, after.n)
  }
}

function monthOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 7)
}

function shifted(month: string, by: number): string {
  const [year = 0, number = 1] = month.split('-').map(Number)
  return monthOf(Date.UTC(year, number - 1 + by, 1))
}

function unavailable(why: string, cause?: unknown): AppError {
  return new AppError({
    code: 'AuditUnavailable',
    kind: 'transient',
    message: `The call was not carried out, because it could not be recorded: ${why}.`,
    hint: 'Try again in a moment; if it stays so, check the tables of the runtime account.',
    ...(cause === undefined ? {} : { cause }),
  })
}
