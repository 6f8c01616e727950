/**
 * What the plain model says must be restorable at a recovery point, held against what is.
 *
 * The design allows slack, and no more than this. A round reads container after container, each
 * as it was at most its lag ago, so a point shows the source of some moment between the start of
 * the last whole round (less the lag) and the commit: its window. What stood still in the window
 * must be held exactly so. What went away is still shown until one whole round has seen it leave
 * and a later one, begun after the lag of deletions, has passed without it; then no more. What
 * could not be read is in the ledger, which says so, and goes by its own times.
 */
import type { LedgerEvent } from '../../../src/model/events.ts'
import type { GraphId } from '../../../src/model/ids.ts'
import type { Held, PointState } from './points.ts'
import type { Timeline } from './timeline.ts'
import { DELETION_LAG_MS } from './world.ts'

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
  /** The longest lag of anything so far. */
  readonly lagMs: number
}

export interface FolderState {
  readonly name: string
  /** Undefined at the top. */
  readonly parent: GraphId | undefined
}

/** What a kind of item is known by. Texts say what is wrong. */
export interface ItemRules<S> {
  placeOf(state: S): GraphId
  /** The service tells of one cursor where it went from and where to: it is never in neither. */
  readonly movesWhole: boolean
  /** Why this version is of no state that the item ever had until then. */
  made(held: Held, past: readonly S[]): string | undefined
  /** How it differs from each of these states; its place is looked at already. */
  differs(held: Held, states: readonly S[]): string | undefined
  /** The item was there all the time, and yet this entry of the ledger is right. */
  mayBeOpen(entry: LedgerEvent, states: readonly S[]): boolean
}

/** From the start of the last whole round; undefined before there was one. */
function windowOf({ rounds, lagMs }: Checkpoint): number | undefined {
  const last = rounds.at(-1)
  return last && last.startedAt - lagMs
}

export function wrongItem<S>(
  id: GraphId,
  timeline: Timeline<S>,
  point: Checkpoint,
  rules: ItemRules<S>,
): string | undefined {
  const held = point.state.held.get(id)
  const entry = point.state.open.get(id)
  const from = windowOf(point)
  if (held) {
    const wrong = wrongOrigin(held, timeline.until(point.at), rules)
    if (wrong) return wrong
  }
  if (from === undefined) return undefined
  const states = timeline.during(from, point.at)
  const there = states.filter((state) => state !== undefined)
  const wasThere = there.length === states.length
  if (entry?.op === 'ledger') {
    const isRight = !wasThere || rules.mayBeOpen(entry, there)
    return isRight ? undefined : 'it is in the ledger, and could be read'
  }
  if (there.length === 0) {
    return held && isLongGone(id, timeline, point) ? 'it is shown long after it went' : undefined
  }
  const places = new Set(there.map(rules.placeOf))
  const stood = wasThere && (rules.movesWhole || places.size === 1)
  if (stood) return held ? wrongVersion(held, there, rules) : 'it stood there and is not held'
  // On the move: it is shown where it was, or in one of the places that it had.
  if (!held || entry?.op === 'left') return undefined
  return wrongVersion(held, there, rules)
}

/** A version is made of states that the item once had, and of bytes that the service sent. */
function wrongOrigin<S>(
  held: Held,
  past: readonly S[],
  { placeOf, made }: ItemRules<S>,
): string | undefined {
  if (past.length === 0) return 'it is held before it came'
  const wrong = made(held, past)
  if (wrong) return wrong
  const stood = past.some((state) => placeOf(state) === held.place.container)
  return stood ? undefined : 'it never stood there'
}

function wrongVersion<S>(
  held: Held,
  states: readonly S[],
  { placeOf, differs }: ItemRules<S>,
): string | undefined {
  if (!states.some((state) => placeOf(state) === held.place.container)) return 'a wrong place'
  return differs(held, states)
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
    saw !== undefined && rounds.some((later) => later.startedAt >= saw.endedAt + DELETION_LAG_MS)
  )
}

export function wrongFolder(
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

/** Nothing is held that was never there. */
export function strangers(
  { state }: Checkpoint,
  items: ReadonlyMap<GraphId, unknown>,
): readonly string[] {
  const held = [...state.held.values()].filter(({ kind }) => kind === 'item')
  return held.flatMap(({ item }) => (items.has(item) ? [] : [`${item} was never there`]))
}
