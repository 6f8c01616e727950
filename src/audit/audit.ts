/**
 * The audit in the `audit` table: a hash chain over the months, insert-only (DESIGN 6).
 *
 * An event is in the chain when `record` returns; where it cannot be, the caller must not do
 * what it wanted to record. One process appends one event after the other; append.ts settles
 * what happens between processes. Not here: the copy in the ops container and its signature.
 */
import { hasCode } from '../model/errors.ts'
import { type Book, tryAppend, unavailable } from './append.ts'
import type { Link } from './chain.ts'
import type { Audit, AuditEvent } from './event.ts'
import { type MonthReport, verifyMonth } from './verify.ts'

/** Tries of one append before it gives up; each lost one means that another writer got through. */
const TRIES_MAX = 30

export interface AuditStore extends Audit {
  /**
   * Checks a month (`yyyy-mm`). Throws `AuditChainBroken` with the number of the first row that
   * does not fit; the caller compares the month's ends with its neighbours.
   */
  verifyMonth(month: string, signal: AbortSignal): Promise<MonthReport>
}

export function createAudit(book: Book): AuditStore {
  let queue: Promise<unknown> = Promise.resolve()
  let known: Link | undefined

  async function append(event: AuditEvent, signal: AbortSignal): Promise<void> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const end = known
      known = undefined
      known = await tryAppend(book, event, end, signal)
      if (known !== undefined) return
    }
    throw unavailable('too many writers at once')
  }

  async function record(event: AuditEvent, signal: AbortSignal): Promise<void> {
    try {
      await append(event, signal)
    } catch (error) {
      if (hasCode(error, 'AuditUnavailable') || hasCode(error, 'AuditChainBroken')) throw error
      throw unavailable('the table store failed', error)
    }
  }

  return {
    record(event, signal) {
      // The failure of the event before is that caller's; this one is tried all the same.
      const done = queue.then(
        () => record(event, signal),
        () => record(event, signal),
      )
      queue = done
      return done
    },
    verifyMonth: (month, signal) => verifyMonth(book.tables, month, signal),
  }
}
