/**
 * Drives one stream through its slice: roll forward, due ledger items, the round, and what is due
 * beside it: a base, which may also have the first turn.
 *
 * Trouble of the whole owner (throttled, unavailable) ends the slice after what was read has been
 * committed, so that nothing is read twice for a reason that was not ours.
 */
import type { OpenEntry } from '../catalogue/types.ts'
import type { GraphId } from '../model/ids.ts'
import { keepBase, takeBaseTurn } from './base.ts'
import { dueLong, workLong } from './long-work.ts'
import { takeAnswers, takeFailure, takeGone } from './page.ts'
import { readRound } from './read-round.ts'
import { PERMISSIONS_CYCLE } from './reread-permissions.ts'
import { rollForward } from './roll-forward.ts'
import { forgeryOf, SAMPLES_CYCLE } from './sample-content.ts'
import { cycleDueAt, workCycle } from './slow-cycle.ts'
import {
  isOwnerTrouble,
  StreamCapture,
  type StreamContext,
  type StreamResult,
} from './stream-capture.ts'
import { isKeptOut } from './unreadable.ts'

/** Rolls forward and reads what is known of the stream. */
async function load(context: StreamContext): Promise<StreamCapture | undefined> {
  const { stream, tables, rowsNotAfter, signal } = context
  const rolled = await rollForward(stream, tables, rowsNotAfter, signal)
  const { head, end, complete } = rolled
  if (!complete) return undefined
  const cursors = await tables.heldCursors(stream.secret, signal)
  const open = new Map<GraphId, OpenEntry>()
  for await (const entry of tables.open(signal)) open.set(entry.event.item, entry)
  return new StreamCapture(context, { head, end, cursors, open })
}

export type StreamOutcome =
  | (Extract<StreamResult, { state: 'complete' }> & {
      /** Ms since 1970 at which the stream needs a round although nothing may have changed. */
      nextAt: number
      /** Code of what is wrong beside the round; empty where nothing is. */
      trouble: string
    })
  /**
   * `hasProgress`: something was done that is not in the counts. `isRead`: the round is complete,
   * and only long content, or a slow cycle, is still on its way.
   */
  | { state: 'more'; hasProgress: boolean; isRead?: true }

/** Part of the slice that goes to ledger items that are due. */
const LEDGER_SHARE = 1 / 4
/** Part of the slice that goes to long content before a round that is still open. */
const LONG_SHARE = 1 / 4
const CYCLES = [PERMISSIONS_CYCLE, SAMPLES_CYCLE]
const GOES_ON = { state: 'more', hasProgress: true, isRead: true } as const

/**
 * Works the stream until its round is complete or the deadline comes. Trouble of the whole owner
 * (throttled, unavailable, resync) is thrown after what was read has been committed.
 */
export async function captureStream(context: StreamContext): Promise<StreamOutcome> {
  const capture = await load(context)
  if (!capture) return { state: 'more', hasProgress: true }
  try {
    const turn = await takeBaseTurn(capture)
    if (turn?.state === 'more') return { state: 'more', hasProgress: true }
    if (isBetweenRounds(capture) && (await workLong(capture, context.deadline)) === 'more') {
      return GOES_ON
    }
    const isOpen = capture.round.phase !== 'complete'
    capture.beginRound()
    await retryLedger(capture)
    if (isOpen) await workLong(capture, shareEnd(context, LONG_SHARE))
    const round = await readRound(capture)
    if (round.state === 'more') {
      return { state: 'more', hasProgress: turn !== undefined || capture.hasGotFurther }
    }
    // First: long content may take days, and makes many commits.
    const base = await keepBase(capture)
    if (base.state === 'more') return { state: 'more', hasProgress: true }
    if ((await workLong(capture, context.deadline)) === 'more') return GOES_ON
    for (const cycle of CYCLES) if ((await workCycle(capture, cycle)) === 'more') return GOES_ON
    const cyclesAt = CYCLES.map((cycle) => cycleDueAt(capture, cycle))
    const nextAt = Math.min(base.nextAt, capture.cursorsOldAt, ...cyclesAt)
    return { ...round, nextAt, trouble: base.trouble || forgeryOf(capture) }
  } catch (error) {
    if (isOwnerTrouble(error)) await capture.save()
    throw error
  } finally {
    await context.progress(capture.done)
  }
}

/** A round ended not long ago, and long content is on its way: no other is read for its sake. */
function isBetweenRounds(capture: StreamCapture): boolean {
  const { round, context } = capture
  if (round.phase !== 'complete' || dueLong(capture).length === 0) return false
  return context.clock.now() < Date.parse(round.startedAt) + context.limits.intervalMs
}

function shareEnd({ clock, deadline }: StreamContext, share: number): number {
  const now = clock.now()
  return now + (deadline - now) * share
}

/** Ledger items whose next try has come; at most a quarter of the slice. */
async function retryLedger(capture: StreamCapture): Promise<void> {
  const { clock, reader, signal } = capture.context
  const now = clock.now()
  const until = shareEnd(capture.context, LEDGER_SHARE)
  for (const { event } of [...capture.open.values()]) {
    if (event.op !== 'ledger' || !event.nextTry || Date.parse(event.nextTry) > now) continue
    if (event.kind === 'container' || event.reason === 'in-progress') continue
    if (clock.now() >= until) return
    try {
      const item = await reader.item(event.item, signal)
      capture.blame.wentWell()
      if (!item || (await isKeptOut(capture, item))) await takeGone(capture, event)
      else await takeAnswers(capture, [item])
    } catch (error) {
      takeFailure(capture, event, capture.failureOf(error, event.item))
    }
  }
}
