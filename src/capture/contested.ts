/**
 * An item that two containers claim: one page says that it is here, and what is known says that it
 * is elsewhere, which has not said that it left.
 *
 * Usually it was moved and its new place was read first. But containers lag, each on its own: the
 * page may show what was there an hour ago, and the place where the item is will not speak of it
 * again. To believe such a page would end an item that is there, when the page's container catches
 * up. Where the page is newer by the item's own time it is believed; else the item is asked for.
 * What cannot be asked for goes to the ledger, in the place where it is known to be.
 */
import { eachBounded } from '../concurrency/index.ts'
import type { Place } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import type { ItemFailure } from '../workloads/failure.ts'
import type { Present } from '../workloads/workload.ts'
import type { Known } from './decide.ts'
import type { StreamCapture } from './stream-capture.ts'
import { cursorOf } from './tellers.ts'

/** `undecided` cannot be asked for, and stays where it was until it can. */
interface Claims {
  present: Present[]
  undecided: { change: Present; failure: ItemFailure }[]
  /** Trouble of the owner; to be thrown once the undecided, which came before it, are kept. */
  trouble?: { cause: unknown }
}

/** What is there indeed, as it is now; undefined where the deadline came. */
export async function uncontested(
  capture: StreamCapture,
  present: readonly Present[],
  known: ReadonlyMap<GraphId, Known>,
): Promise<Claims | undefined> {
  const claims: Claims = { present: [], undecided: [] }
  const contested: Present[] = []
  for (const change of present) {
    const at = contestedFrom(capture, change, known.get(change.id))
    if (at) contested.push({ ...change, place: at })
    else claims.present.push(change)
  }
  const listed = new Map(present.map((change) => [change.id, change.place]))
  let answered = 0
  await eachBounded(
    contested,
    capture.context.reader.concurrency,
    async (change) => {
      try {
        await decide(capture, claims, change, listed.get(change.id))
        answered += 1
      } catch (cause) {
        claims.trouble ??= { cause }
      }
    },
    () => capture.outOfTime || claims.trouble !== undefined,
  )
  return claims.trouble || answered === contested.length ? claims : undefined
}

/** The place where the item is known to be, if a page that shows it elsewhere must not be believed. */
function contestedFrom(
  capture: StreamCapture,
  { id, kind, place, marker }: Present,
  known: Known | undefined,
): Place | undefined {
  if (kind === 'container') return undefined
  const entry = capture.pending.event(id) ?? capture.open.get(id)?.event
  if (entry?.op === 'left') return undefined
  const now = entry?.op === 'ledger' ? entry.place : known?.place
  // One cursor tells of an item's moves in their order: it never contradicts itself.
  if (now === undefined || cursorOf(capture, now.container) === cursorOf(capture, place.container))
    return undefined
  const isNewer = marker.at !== undefined && marker.at > (known?.marker.at ?? marker.at)
  return isNewer && entry?.op !== 'ledger' ? undefined : now
}

async function decide(
  capture: StreamCapture,
  claims: Claims,
  change: Present,
  listed: Place | undefined,
): Promise<void> {
  const { reader, signal } = capture.context
  let now: Present | undefined
  try {
    now = await reader.item(change.id, signal)
    capture.blame.wentWell()
  } catch (error) {
    claims.undecided.push({ change, failure: capture.failureOf(error, change.id) })
    return
  }
  if (now && now.place.container === listed?.container) claims.present.push(now)
  else {
    capture.pending.count('seen')
    capture.pending.count('unchanged')
  }
}
