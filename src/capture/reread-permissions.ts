/**
 * The slow cycle over who may see things: the service does not tell every change of permissions,
 * and never those of a folder (facts 7.39), so what has permissions of its own is asked again, one
 * after the other, once in a while. Only where the answer is another one is a version written.
 *
 * Where the cycle stands travels with the cursors (as the pseudo cursor PERMISSIONS), as the round
 * does. It goes on after a complete round, for as long as the slice lasts. A drive itself is not
 * asked: it is read when a page tells of it.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { eachBounded } from '../concurrency/index.ts'
import { CONTAINERS, type Cursor, PERMISSIONS } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import type { VersionPart } from '../vault/types.ts'
import type { ContentPart, Present } from '../workloads/workload.ts'
import { heldPermissions, type Known } from './decide.ts'
import { lookUp } from './look-up.ts'
import { listPages } from './members.ts'
import { takePermissions } from './page.ts'
import type { CursorMap } from './round.ts'
import type { StreamCapture } from './stream-capture.ts'
import { hasOwnCursor } from './tellers.ts'
import { isKeptOut } from './unreadable.ts'

/** Containers between two places in the list of them, and rows between two places in a list. */
const CONTAINERS_PAGE = 100
const LIST_PAGE = 100

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

interface Cycle {
  startedAt: number
  /** Absent: it has ended. */
  place?: Place
}

/** Undefined before the first one. */
function savedCycle(cursors: CursorMap): Cycle | undefined {
  const saved = cursors.get(PERMISSIONS)
  if (!saved?.start) return undefined
  const startedAt = Date.parse(saved.start)
  if (saved.position === null) return { startedAt }
  const place = placeSchema.safeParse(JSON.parse(saved.position)).data
  return place === undefined ? { startedAt } : { startedAt, place }
}

function cycleCursor({ startedAt, place }: Cycle): Cursor {
  const start = new Date(startedAt).toISOString()
  const position = place === undefined ? null : JSON.stringify(place)
  return { container: PERMISSIONS, start, position, round: 0 }
}

/** When the next cycle begins, in ms since 1970; infinity where there is none. */
export function permissionsDueAt(capture: StreamCapture): number {
  const { reader, limits } = capture.context
  const cycle = savedCycle(capture.cursors)
  if (!reader.permissions || cycle === undefined) return Number.POSITIVE_INFINITY
  return cycle.startedAt + limits.permissionsMs
}

/** Only where nothing is pending. `more`: the time is over, or another writer was faster. */
export async function rereadPermissions(capture: StreamCapture): Promise<'done' | 'more'> {
  const { reader, clock } = capture.context
  if (!reader.permissions || capture.headSeq === 0) return 'done'
  const now = clock.now()
  const cycle = savedCycle(capture.cursors)
  // What was just captured for the first time is what there is.
  if (cycle === undefined) return await end(capture, now)
  if (cycle.place === undefined && now < permissionsDueAt(capture)) return 'done'
  const startedAt = cycle.place === undefined ? now : cycle.startedAt
  const place = cycle.place ?? { seq: capture.headSeq }
  for await (const next of walk(capture, place)) {
    capture.setCursor(cycleCursor({ startedAt, place: next }))
    capture.gotFurther()
    if (capture.full && !(await capture.save())) return 'more'
    if (!capture.outOfTime) continue
    await capture.save()
    return 'more'
  }
  return await end(capture, startedAt)
}

async function end(capture: StreamCapture, startedAt: number): Promise<'done' | 'more'> {
  capture.setCursor(cycleCursor({ startedAt }))
  return (await capture.save()) ? 'done' : 'more'
}

/** The place to go on from, after each part that was asked. */
async function* walk(capture: StreamCapture, from: Place): AsyncGenerator<Place> {
  const { seq } = from
  let resume: Place | undefined = from
  const pages = { max: CONTAINERS_PAGE, seq, continuation: from.page }
  for await (const page of listPages(capture, CONTAINERS, pages)) {
    const ids = page.items.map(({ item }) => item)
    const here = { seq, ...(page.from !== undefined && { page: page.from }) }
    const [first] = ids
    if (first !== undefined && resume?.at === undefined) {
      const folders = ids.filter((id) => !hasOwnCursor(capture, id))
      await askAgain(capture, folders)
      yield { ...here, at: first }
    }
    yield* walkLists(capture, ids, { ...resume, ...here })
    resume = undefined
    if (page.continuation !== undefined) yield { seq, page: page.continuation }
  }
}

/** What stands in the containers of a page, from that place on. */
async function* walkLists(
  capture: StreamCapture,
  ids: readonly GraphId[],
  { at, list, ...here }: Place,
): AsyncGenerator<Place> {
  const { seq } = here
  const rest = ids.slice(Math.max(0, ids.indexOf((at ?? '') as GraphId)))
  let continuation = list
  for (const [n, id] of rest.entries()) {
    for await (const page of listPages(capture, id, { max: LIST_PAGE, seq, continuation })) {
      const items = page.items.filter(({ kind }) => kind === 'item').map(({ item }) => item)
      await askAgain(capture, items)
      if (page.continuation !== undefined) yield { ...here, at: id, list: page.continuation }
    }
    continuation = undefined
    const next = rest[n + 1]
    if (next !== undefined) yield { ...here, at: next }
  }
}

/** Those among them that have permissions of their own, or of which those could not be read. */
async function askAgain(capture: StreamCapture, ids: readonly GraphId[]): Promise<void> {
  const { tables, reader, signal } = capture.context
  if (ids.length === 0) return
  const held = await tables.current(ids, capture.headSeq, signal)
  const shared = ids.filter((id) => {
    const one = held.get(id)
    if (one === undefined || one.deleted) return false
    return one.marker.sharing !== undefined || one.display.unread?.includes('permissions')
  })
  await eachBounded(shared, reader.concurrency, (id) => askOne(capture, id))
}

/** Its own trouble is no news: what is held stays, and it is asked again in the next cycle. */
async function askOne(capture: StreamCapture, id: GraphId): Promise<void> {
  const { reader, signal } = capture.context
  try {
    const now = await reader.item(id, signal)
    if (now?.marker.sharing === undefined || (await isKeptOut(capture, now))) return
    const known = (await lookUp(capture, [now])).known.get(id)
    if (known === undefined || !isSettled(capture, known, now)) return
    const answer = await reader.permissions?.(now, signal)
    if (answer?.outcome !== 'content') return
    const parts = await readWhole(answer.parts)
    if (isHeld(known, parts)) return
    // What the last page said of it stays the last word, so that the page is no news.
    const { sharing = now.marker.sharing } = known.marker
    const change = { ...now, marker: { ...now.marker, sharing } }
    await takePermissions(capture, { change, known, parts })
  } catch (error) {
    capture.failureOf(error, id)
  }
}

/** What changed otherwise is told by its drive, and its permissions are read with it. */
function isSettled(capture: StreamCapture, known: Known, now: Present): boolean {
  const { compare } = capture.context.workload
  const stands = known.place.container === now.place.container
  return stands && !known.hasOpenEntry && compare(known.marker, now.marker) !== 'content'
}

type WholePart = VersionPart & { plain: Uint8Array }

async function readWhole(parts: readonly ContentPart[]): Promise<WholePart[]> {
  const whole: WholePart[] = []
  for (const { name, bytes } of parts) {
    const pieces: Uint8Array[] = []
    for await (const piece of bytes) pieces.push(piece)
    const plain = Buffer.concat(pieces)
    whole.push({ name, plain, bytes: once(plain) })
  }
  return whole
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function isHeld(known: Known, parts: readonly WholePart[]): boolean {
  const [held] = heldPermissions(known)
  const [now] = parts
  if (held === undefined || now === undefined) return held === now
  return held.sha256 === createHash('sha256').update(now.plain).digest('hex')
}
