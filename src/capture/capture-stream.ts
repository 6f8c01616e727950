/**
 * Drives one stream through its slice: roll forward, due ledger items, then the round.
 *
 * Trouble of the whole owner (throttled, unavailable) ends the slice after what was read has been
 * committed, so that nothing is read twice for a reason that was not ours.
 */
import type { OpenEntry } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import { takeChanges, takeFailure, takeGone } from './page.ts'
import { readRound } from './read-round.ts'
import { rollForward } from './roll-forward.ts'
import type { CursorMap } from './round.ts'
import { StreamCapture, type StreamContext, type StreamResult } from './stream-capture.ts'

/** Rolls forward and reads what is known of the stream. */
async function load(context: StreamContext): Promise<StreamCapture | undefined> {
  const { stream, tables, rowsNotAfter, signal } = context
  const rolled = await rollForward(stream, tables, rowsNotAfter, signal)
  const { head, end, complete } = rolled
  if (!complete) return undefined
  const rows = await tables.cursors(stream.secret, signal)
  const cursors: CursorMap = new Map(rows.map((c) => [c.container, c]))
  const open = new Map<GraphId, OpenEntry>()
  for await (const entry of tables.open(signal)) open.set(entry.event.item, entry)
  return new StreamCapture(context, { head, end, cursors, open })
}

/**
 * Works the stream until its round is complete or the deadline comes. Trouble of the whole owner
 * (throttled, unavailable, resync) is thrown after what was read has been committed.
 */
export async function captureStream(context: StreamContext): Promise<StreamResult> {
  const capture = await load(context)
  if (!capture) return { state: 'more' }
  try {
    await retryLedger(capture)
    return await readRound(capture)
  } catch (error) {
    if (isOwnerTrouble(error)) await capture.save()
    throw error
  } finally {
    await context.progress(capture.done)
  }
}

/** The service's trouble, not ours: what is pending is sound and worth keeping. */
function isOwnerTrouble(error: unknown): boolean {
  return error instanceof AppError && error.kind !== 'bug' && error.kind !== 'corrupt'
}

/** Ledger items whose next try has come; at most a quarter of the slice. */
async function retryLedger(capture: StreamCapture): Promise<void> {
  const { clock, reader, deadline, signal } = capture.context
  const now = clock.now()
  const until = now + (deadline - now) / 4
  for (const { event } of [...capture.open.values()]) {
    if (event.op !== 'ledger' || !event.nextTry || Date.parse(event.nextTry) > now) continue
    if (event.kind === 'container') continue
    if (clock.now() >= until) return
    try {
      const item = await reader.item(event.item, signal)
      capture.blame.wentWell()
      if (item) await takeChanges(capture, [item])
      else await takeGone(capture, event)
    } catch (error) {
      takeFailure(capture, event, capture.failureOf(error, event.item))
    }
  }
}
