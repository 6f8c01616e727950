/**
 * Containers that are read through the cursor of another one: a drive's folders.
 *
 * Their cursor may tell of an item before it tells of the container that it stands in, and slices
 * end anywhere. So whatever is stored stands in a container that is known, if only by its id: when
 * the container goes, its list is found, and nothing is held in it for ever. And such a cursor may
 * tell that a container is back without a word on what is in it; then everything is compared.
 */
import { CONTAINERS } from '../model/events.ts'
import { type GraphId, keyHash } from '../model/ids.ts'
import type { Present } from '../workloads/workload.ts'
import type { Known } from './decide.ts'
import { linkOf, restarted } from './round.ts'
import type { StreamCapture } from './stream-capture.ts'
import { cursorOf, hasOwnCursor, hasTrees, tellerOf } from './tellers.ts'

/** Before any of them is stored: the containers that they stand in are known. */
export async function knowContainersOf(
  capture: StreamCapture,
  present: readonly Present[],
): Promise<void> {
  if (!hasTrees(capture)) return
  const listed = new Set(present.map(({ id }) => id))
  const parents = new Set<GraphId>()
  for (const one of present) {
    const parent = parentOf(one)
    if (parent === undefined || hasOwnCursor(capture, parent)) continue
    if (capture.hasLeft(parent) && !listed.has(parent)) {
      // It will be told again, or what stands in it goes as well.
      capture.setOrphans(cursorOf(capture, parent), true)
    } else parents.add(parent)
  }
  const unsure = [...parents].filter((parent) => {
    const isListed = listed.has(parent) || capture.pending.event(parent)?.op === 'put'
    return !isListed && !capture.containersSeen.has(parent)
  })
  for (const parent of await unknownAmong(capture, unsure)) {
    await putUnknown(capture, parent)
    // If it is not told by the end of the read, it is asked for.
    capture.setOrphans(cursorOf(capture, parent), true)
  }
  // Containers come first in their part, and are stored before what stands in them.
  for (const parent of parents) capture.containersSeen.add(parent)
}

function parentOf({ kind, place, display }: Present): GraphId | undefined {
  return kind === 'item' ? place.container : display.parent
}

async function unknownAmong(
  capture: StreamCapture,
  containers: readonly GraphId[],
): Promise<GraphId[]> {
  if (containers.length === 0 || capture.headSeq === 0) return [...containers]
  const { tables, signal } = capture.context
  const held = await tables.current(containers, capture.headSeq, signal)
  return containers.filter((container) => held.get(container)?.deleted !== false)
}

/** A container of which nothing but its id is known yet. Its marker is equal to none. */
async function putUnknown(capture: StreamCapture, container: GraphId): Promise<void> {
  const { pending, writer, context } = capture
  const subject = { kind: 'container', item: container } as const
  const representations = await writer.addVersion(
    {
      ...subject,
      container: CONTAINERS,
      workload: context.workload.name,
      json: { id: container },
      parts: [],
      carried: [],
    },
    context.signal,
  )
  pending.add({
    ...subject,
    op: 'put',
    why: 'new',
    place: { container: CONTAINERS, sortKey: keyHash(container) },
    marker: { content: '', decoration: '', change: '' },
    display: { name: '', parent: cursorOf(capture, container) },
    representations,
  })
  pending.count('seen')
  pending.count('stored')
}

/** What is known of a part of a page. */
interface Looked {
  known: ReadonlyMap<GraphId, Known>
  deleted: ReadonlySet<GraphId>
}

/**
 * A container that had left, or was deleted, is there again (from the recycle bin): what stands in
 * it has not changed, and may not be told. The cursor that tells of it begins again.
 */
export function compareReturned(
  capture: StreamCapture,
  present: readonly Present[],
  looked: Looked,
): void {
  if (!hasTrees(capture)) return
  for (const { id, kind } of present) {
    if (kind !== 'container' || hasOwnCursor(capture, id)) continue
    if (!looked.known.get(id)?.hasOpenEntry && !looked.deleted.has(id)) continue
    const teller = cursorOf(capture, id)
    const cursor = capture.cursors.get(teller)
    if (!cursor || cursor.scan !== undefined || linkOf(cursor, capture.round.id) === null) continue
    capture.setCursor(restarted(teller, null, capture.round.id))
  }
}

/**
 * The same where it was asked for, before a page tells that it is back: what that page says is no
 * news then. Where nothing else has left under its cursor it was never gone.
 */
export function compareAnswered(
  capture: StreamCapture,
  answers: readonly Present[],
  looked: Looked,
): void {
  const back = answers.filter(({ id }) => capture.hasLeft(id))
  if (back.length === 0) return
  const left = [...capture.leftItems(), ...capture.pending.left()]
  const others = left.filter(({ item }) => capture.hasLeft(item))
  const isAlone = ({ id }: Present) =>
    others.every((one) => one.item === id || tellerOf(capture, one) !== cursorOf(capture, id))
  compareReturned(
    capture,
    back.filter((one) => !isAlone(one)),
    looked,
  )
}
