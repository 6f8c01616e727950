/**
 * Slow cycles: what no page of changes tells is asked again, one thing after the other, once in a
 * while. A cycle goes through the lists of everything that is held.
 *
 * Where it stands travels with the cursors, as a pseudo cursor, as the round does. It goes on after
 * a complete round, for as long as the slice lasts. The first one begins when so much time has
 * passed since the first copy, which has just seen what there is.
 */
import { z } from 'zod'
import { CONTAINERS, type Cursor } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { listPages } from './members.ts'
import type { CursorMap } from './round.ts'
import type { StreamCapture } from './stream-capture.ts'

/** Containers between two places in the list of them. */
const CONTAINERS_PAGE = 100

/**
 * `alarm`: what was found concerns everything, so everything is asked, from the beginning. `late`:
 * the deadline came before all were asked, so these are asked again.
 */
export type Asked = 'nothing' | 'alarm' | 'late'

export interface SlowCycle {
  /** The pseudo cursor that says how far it is. */
  readonly cursor: GraphId
  /** From the beginning of one cycle to that of the next. */
  everyMs(capture: StreamCapture): number
  /** False where there is nothing to ask. */
  isFor(capture: StreamCapture): boolean
  /** Things that are asked between two looks at the time. */
  portion(capture: StreamCapture, of: CycleState): number
  /**
   * Some of what is held; its trouble is the item's own or thrown. Called again where the slice
   * ended before its answer was saved.
   */
  ask(capture: StreamCapture, ids: readonly GraphId[], of: CycleState): Promise<Asked>
}

const placeSchema = z.object({
  /** The state that is walked over. */
  seq: z.number(),
  /** The page of the list of containers. */
  page: z.string().optional(),
  /** The container whose list is walked; absent: the containers of the page come first. */
  at: z.string().optional(),
  list: z.string().optional(),
})
type Place = z.output<typeof placeSchema>

/** Null: it has ended, and nothing was found. */
const positionSchema = z.union([
  z.null(),
  z.object({ place: placeSchema.optional(), alarm: z.literal(true).optional() }),
])

export interface CycleState {
  startedAt: number
  /** Absent: it has ended. */
  place?: Place | undefined
  /** Something was found that concerns everything; kept until the next cycle begins. */
  alarm?: true | undefined
}

/** Undefined before the first one. */
function savedCycle(cursors: CursorMap, { cursor }: SlowCycle): CycleState | undefined {
  const saved = cursors.get(cursor)
  if (!saved?.start) return undefined
  const startedAt = Date.parse(saved.start)
  return { startedAt, ...positionSchema.parse(JSON.parse(saved.position ?? 'null')) }
}

function cycleCursor({ cursor }: SlowCycle, { startedAt, place, alarm }: CycleState): Cursor {
  const start = new Date(startedAt).toISOString()
  const position = place || alarm ? JSON.stringify({ place, alarm }) : null
  return { container: cursor, start, position, round: 0 }
}

/** When the next cycle begins, in ms since 1970; infinity where there is none. */
export function cycleDueAt(capture: StreamCapture, cycle: SlowCycle): number {
  const state = savedCycle(capture.cursors, cycle)
  if (!cycle.isFor(capture) || state === undefined) return Number.POSITIVE_INFINITY
  return state.startedAt + cycle.everyMs(capture)
}

/** What the newest cycle found concerns everything. */
export function isAlarmed(capture: StreamCapture, cycle: SlowCycle): boolean {
  return savedCycle(capture.cursors, cycle)?.alarm === true
}

/** Only where nothing is pending. `more`: the time is over, or another writer was faster. */
export async function workCycle(
  capture: StreamCapture,
  cycle: SlowCycle,
): Promise<'done' | 'more'> {
  const now = capture.context.clock.now()
  if (!cycle.isFor(capture) || capture.headSeq === 0) return 'done'
  const saved = savedCycle(capture.cursors, cycle)
  if (saved === undefined) return await end(capture, cycle, { startedAt: now })
  if (saved.place === undefined && now < cycleDueAt(capture, cycle)) return 'done'
  const isNew = saved.place === undefined
  return await goOn(capture, cycle, isNew ? { startedAt: now } : saved)
}

async function goOn(
  capture: StreamCapture,
  cycle: SlowCycle,
  state: CycleState,
): Promise<'done' | 'more'> {
  const place = state.place ?? { seq: capture.headSeq }
  for await (const { ids, next } of walk(capture, place, cycle.portion(capture, state))) {
    const found = await cycle.ask(capture, ids, state)
    if (found === 'alarm' && !state.alarm) return await beginAnew(capture, cycle, state)
    if (found !== 'late') {
      capture.gotFurther()
      if (next === undefined) break
      capture.setCursor(cycleCursor(cycle, { ...state, place: next }))
    }
    if (capture.full && !(await capture.save())) return 'more'
    if (!capture.outOfTime) continue
    await capture.save()
    return 'more'
  }
  return await end(capture, cycle, state)
}

/** Over everything, also what this cycle had passed: the state that it finds has to be committed. */
async function beginAnew(
  capture: StreamCapture,
  cycle: SlowCycle,
  { startedAt }: CycleState,
): Promise<'done' | 'more'> {
  const place = { seq: capture.headSeq }
  capture.gotFurther()
  capture.setCursor(cycleCursor(cycle, { startedAt, place, alarm: true }))
  if (!(await capture.save()) || capture.outOfTime) return 'more'
  return await goOn(capture, cycle, { startedAt, alarm: true })
}

async function end(
  capture: StreamCapture,
  cycle: SlowCycle,
  { startedAt, alarm }: CycleState,
): Promise<'done' | 'more'> {
  capture.setCursor(cycleCursor(cycle, { startedAt, alarm }))
  return (await capture.save()) ? 'done' : 'more'
}

interface Portion {
  ids: GraphId[]
  /** The place to go on from, once they were asked; absent: the cycle is over. */
  next: Place | undefined
}

async function* walk(
  capture: StreamCapture,
  from: Place,
  portion: number,
): AsyncGenerator<Portion> {
  const { seq } = from
  let resume: Place | undefined = from
  const pages = { max: CONTAINERS_PAGE, seq, continuation: from.page }
  for await (const page of listPages(capture, CONTAINERS, pages)) {
    const ids = page.items.map(({ item }) => item)
    const here = { seq, ...(page.from !== undefined && { page: page.from }) }
    const after = page.continuation === undefined ? undefined : { seq, page: page.continuation }
    const [first] = ids
    if (first === undefined) {
      yield { ids, next: after }
      continue
    }
    if (resume?.at === undefined) {
      yield { ids, next: { ...here, at: first } }
    }
    yield* walkLists(capture, ids, { from: { ...resume, ...here }, after, portion })
    resume = undefined
  }
}

/** What stands in the containers of a page, from that place on. */
async function* walkLists(
  capture: StreamCapture,
  ids: readonly GraphId[],
  { from, after, portion }: { from: Place; after: Place | undefined; portion: number },
): AsyncGenerator<Portion> {
  const { at, list, ...here } = from
  const rest = ids.slice(Math.max(0, ids.indexOf((at ?? '') as GraphId)))
  let continuation = list
  for (const [n, id] of rest.entries()) {
    const nextId = rest[n + 1]
    const next = nextId === undefined ? after : { ...here, at: nextId }
    const pages = { max: portion, seq: here.seq, continuation }
    for await (const page of listPages(capture, id, pages)) {
      const items = page.items.filter(({ kind }) => kind === 'item').map(({ item }) => item)
      const list = page.continuation
      yield { ids: items, next: list === undefined ? next : { ...here, at: id, list } }
    }
    continuation = undefined
  }
}
