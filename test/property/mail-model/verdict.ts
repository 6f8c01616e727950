/**
 * What the plain model says must be restorable at a recovery point, held against what is.
 *
 * The design allows slack, and no more than this. A round reads folder after folder, each as it
 * was at most its lag ago, so a point shows the mailbox of some moment between the start of the
 * last whole round (less the lag) and the commit: its window. What stood still in the window must
 * be held exactly so. What went away is still shown until one whole round has seen it leave and a
 * later one, begun after the lag of deletions, has passed without it; then no more. What could
 * not be read is in the ledger, which says so, and goes by its own times.
 */
import type { GraphId } from '../../../src/model/ids.ts'
import type { FolderState, Mailbox, MessageState } from './mailbox.ts'
import type { Held, PointState } from './points.ts'
import type { Timeline } from './timeline.ts'
import { DELETION_LAG_MS, type Served } from './world.ts'

/** A round that was read to its end, with or without a commit. */
export interface WholeRound {
  readonly id: number
  readonly startedAt: number
  readonly endedAt: number
}

export interface Checkpoint {
  readonly state: PointState
  /** Not later than this: the commit, or the end of a quiet round. */
  readonly at: number
  /** Whole rounds until then, in their order. */
  readonly rounds: readonly WholeRound[]
  /** The longest lag of a folder so far. */
  readonly lagMs: number
}

export interface Truth {
  readonly mailbox: Mailbox
  readonly served: ReadonlyMap<string, Served>
  /** Content of a message that could not be read at some time: its entry explains what is missing. */
  readonly wasUnreadable: (message: GraphId) => boolean
}

/** Everything that is wrong at this point; empty where all is as it must be. */
export function faultsOf(point: Checkpoint, truth: Truth): string[] {
  const { messages, folders } = truth.mailbox
  const found: string[] = []
  for (const [id, timeline] of messages) {
    const wrong = wrongMessage(id, timeline, point, truth)
    if (wrong) found.push(`message ${id}: ${wrong}`)
  }
  for (const [id, timeline] of folders) {
    const wrong = wrongFolder(id, timeline, point)
    if (wrong) found.push(`folder ${id}: ${wrong}`)
  }
  for (const { item, kind } of point.state.held.values()) {
    if (kind === 'item' && !messages.has(item)) found.push(`${item} was never there`)
  }
  return found
}

/** From the start of the last whole round; undefined before there was one. */
function windowOf({ rounds, lagMs }: Checkpoint): number | undefined {
  const last = rounds.at(-1)
  return last && last.startedAt - lagMs
}

function wrongMessage(
  id: GraphId,
  timeline: Timeline<MessageState>,
  point: Checkpoint,
  truth: Truth,
): string | undefined {
  const held = point.state.held.get(id)
  const entry = point.state.open.get(id)
  const from = windowOf(point)
  const past = timeline.until(point.at)
  if (held) {
    if (past.length === 0) return 'it is held before it came'
    const made = madeOf(id, held, past, truth)
    if (made) return made
  }
  if (from === undefined) return undefined
  const states = timeline.during(from, point.at)
  const there = states.filter((state) => state !== undefined)
  if (entry?.op === 'ledger') {
    const isExplained = there.length < states.length || truth.wasUnreadable(id)
    return isExplained ? undefined : 'it is in the ledger, and could be read'
  }
  if (there.length === 0) {
    return held && isLongGone(id, timeline, point) ? 'it is shown long after it went' : undefined
  }
  const places = new Set(there.map((state) => state.folder))
  const stood = there.length === states.length && places.size === 1
  if (stood) return held ? wrongVersion(held, there, truth) : 'it stood there and is not held'
  // On the move: it is shown where it was, or in one of the places that it had.
  if (!held || entry?.op === 'left') return undefined
  return wrongVersion(held, there, truth)
}

/** A version is made of states that the message once had, and of bytes that the service sent. */
function madeOf(
  id: GraphId,
  held: Held,
  past: readonly MessageState[],
  { served }: Truth,
): string | undefined {
  const mime = held.representations.find((each) => each.name === 'mime')
  const sent = mime && served.get(mime.sha256)
  if (!sent) return 'its MIME is not what the service sent'
  if (sent.message !== id) return 'its MIME is that of another message'
  if (!past.some((state) => state.token === sent.token)) return 'its MIME is of a later time'
  if (!past.some((state) => state.folder === held.place.container)) return 'it never stood there'
  return undefined
}

function wrongVersion(
  held: Held,
  states: readonly MessageState[],
  { served }: Truth,
): string | undefined {
  const mime = held.representations.find((each) => each.name === 'mime')
  const token = mime && served.get(mime.sha256)?.token
  if (!states.some((state) => state.folder === held.place.container)) return 'a wrong place'
  if (!states.some((state) => state.token === token)) return 'an old content'
  if (!states.some((state) => state.subject === held.display.name)) return 'an old subject'
  const isToldRead = states.some(({ isRead, isTold }) => !isTold || isRead === held.display.isRead)
  return isToldRead ? undefined : 'an old read state'
}

/** Seen leaving by a whole round, and missed by a later one that began after the lag. */
function isLongGone<T>(id: GraphId, timeline: Timeline<T>, point: Checkpoint): boolean {
  const { at, rounds, lagMs, state } = point
  const since = timeline.goneSince(at)
  if (since === undefined) return false
  // As long as an entry of the ledger was open, that was tried again, and nothing else was said.
  const gone = Math.max(since, state.entryEnded.get(id) ?? 0)
  const saw = rounds.find((round) => round.startedAt - lagMs >= gone)
  return (
    saw !== undefined &&
    rounds.some((r) => r.id > saw.id && r.startedAt >= saw.endedAt + DELETION_LAG_MS)
  )
}

function wrongFolder(
  id: GraphId,
  timeline: Timeline<FolderState>,
  point: Checkpoint,
): string | undefined {
  const held = point.state.held.get(id)
  const from = windowOf(point)
  if (from === undefined) return undefined
  const states = timeline.during(from, point.at)
  const there = states.filter((state) => state !== undefined)
  if (there.length === 0) {
    return held && isLongGone(id, timeline, point) ? 'it is shown long after it went' : undefined
  }
  if (there.length < states.length) return undefined
  if (!held) return 'it was there and is not held'
  const { name, parent } = held.display
  const isRight = there.some((state) => state.name === name && state.parent === parent)
  return isRight ? undefined : 'an old name or parent'
}
