/**
 * Members of containers that are gone, and that are read through the cursor of another one: what
 * stood in a folder of a drive that was deleted, and in the folders below it.
 *
 * The service need not name them. They are dealt with when the cursor is read to its end: what was
 * moved out before is known to stand elsewhere by then. Of a container that still has members the
 * service is asked once, whether it is gone indeed; with it everything below has left. May be cut
 * off anywhere: who has left has an event, and the cursor keeps its note until all is done.
 */
import { eachBounded } from '../concurrency/index.ts'
import { CONTAINERS } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { leave } from './leave.ts'
import { entriesOf, listPages, membersAmong, standingIn } from './members.ts'
import { takeAnswers } from './page.ts'
import type { Step } from './read-container.ts'
import type { StreamCapture } from './stream-capture.ts'
import { cursorOf } from './tellers.ts'

const LIST_PAGE = 1000
const LISTS_AT_ONCE = 8

/** The containers of one cursor that are gone. */
interface Gone {
  teller: GraphId
  ids: Set<GraphId>
  /** The service was asked, or the container above is gone for certain. */
  certain: Set<GraphId>
}

/** Nothing is pending when it is called. */
export async function settleOrphans(capture: StreamCapture, teller: GraphId): Promise<Step> {
  const gone: Gone = { teller, ids: goneContainers(capture, teller), certain: new Set() }
  if ((await askForUnknown(capture, gone)) === 'stopped') return 'stopped'
  if ((await leaveContainers(capture, gone)) === 'stopped') return 'stopped'
  for (const id of await withMembers(capture, [...gone.ids])) {
    if ((await leaveItems(capture, gone, id)) === 'stopped') return 'stopped'
  }
  if (capture.outOfTime) return 'stopped'
  capture.setOrphans(teller, false)
  capture.gotFurther()
  return 'on'
}

function goneContainers(capture: StreamCapture, teller: GraphId): Set<GraphId> {
  const left = [...capture.leftItems(), ...capture.pending.left()].filter(
    ({ kind, item }) => kind === 'container' && item !== teller && capture.hasLeft(item),
  )
  return new Set(left.map(({ item }) => item).filter((id) => cursorOf(capture, id) === teller))
}

/**
 * Containers of which only the id is known (parents.ts), and that were not told to the end: they
 * are as they answer, or gone.
 */
async function askForUnknown(capture: StreamCapture, gone: Gone): Promise<Step> {
  const asked = new Set<GraphId>()
  for (let before = -1; before < asked.size; ) {
    before = asked.size
    for await (const page of listPages(capture, CONTAINERS, { max: LIST_PAGE })) {
      const unknown = page.items.filter(
        ({ item, display }) => display.name === '' && isHeld(capture, gone, item),
      )
      for (const { item } of unknown.filter((one) => !asked.has(one.item))) {
        asked.add(item)
        if (await isThere(capture, item)) continue
        if ((await leaveOne(capture, gone, item)) === 'stopped') return 'stopped'
      }
    }
    if (asked.size > before && !(await capture.save())) return 'stopped'
  }
  return 'on'
}

/** Those below the ones that are gone, and below those, until there are no more. */
async function leaveContainers(capture: StreamCapture, gone: Gone): Promise<Step> {
  for (let found = gone.ids.size; found > 0; ) {
    const before = gone.ids.size
    for await (const page of listPages(capture, CONTAINERS, { max: LIST_PAGE })) {
      const below = page.items.filter(
        ({ item, display }) => display.parent !== undefined && isHeld(capture, gone, item),
      )
      for (const { item, display } of below) {
        const { parent } = display
        if (parent === undefined || !gone.ids.has(parent)) continue
        if (!(await isGone(capture, gone, parent))) continue
        if ((await leaveOne(capture, gone, item)) === 'stopped') return 'stopped'
      }
    }
    found = gone.ids.size - before
  }
  return 'on'
}

function isHeld(capture: StreamCapture, { teller, ids }: Gone, item: GraphId): boolean {
  if (ids.has(item) || cursorOf(capture, item) !== teller) return false
  return capture.pending.event(item) === undefined && !capture.hasLeft(item)
}

async function leaveOne(capture: StreamCapture, gone: Gone, item: GraphId): Promise<Step> {
  const isIt = ({ item: id }: { item: GraphId }) => id === item
  for (const member of await membersAmong(capture, isIt, [item])) await leave(capture, member)
  gone.ids.add(item)
  gone.certain.add(item)
  return await mayGoOn(capture)
}

/** Of thousands of folders of a tree that is gone, those whose items the service did not name. */
async function withMembers(
  capture: StreamCapture,
  containers: readonly GraphId[],
): Promise<GraphId[]> {
  const inLedger = new Set(entriesOf(capture, () => true).map(({ place }) => place.container))
  const found: GraphId[] = []
  const look = async (container: GraphId) => {
    const isFound = inLedger.has(container) || (await listsMembers(capture, container))
    if (isFound) found.push(container)
  }
  await eachBounded(containers, LISTS_AT_ONCE, look, () => capture.outOfTime)
  return found
}

async function listsMembers(capture: StreamCapture, container: GraphId): Promise<boolean> {
  const scope = standingIn(container)
  for await (const page of listPages(capture, container, { max: LIST_PAGE })) {
    const items = page.items.map(({ item }) => item)
    if ((await membersAmong(capture, scope, items)).length > 0) return true
  }
  return false
}

async function leaveItems(capture: StreamCapture, gone: Gone, container: GraphId): Promise<Step> {
  const scope = standingIn(container)
  const inLedger = entriesOf(capture, scope).map(({ item }) => item)
  if ((await leaveThese(capture, gone, container, inLedger)) === 'stopped') return 'stopped'
  for await (const page of listPages(capture, container, { max: LIST_PAGE })) {
    const items = page.items.map(({ item }) => item)
    if ((await leaveThese(capture, gone, container, items)) === 'stopped') return 'stopped'
  }
  return capture.outOfTime ? 'stopped' : 'on'
}

async function leaveThese(
  capture: StreamCapture,
  gone: Gone,
  container: GraphId,
  items: readonly GraphId[],
): Promise<Step> {
  const members = await membersAmong(capture, standingIn(container), items)
  if (members.length === 0 || !(await isGone(capture, gone, container))) return 'on'
  for (const member of members) await leave(capture, member)
  return await mayGoOn(capture)
}

async function mayGoOn(capture: StreamCapture): Promise<Step> {
  if (capture.outOfTime) return 'stopped'
  return capture.full && !(await capture.save()) ? 'stopped' : 'on'
}

/** False: it is there after all, as it says itself. */
async function isGone(capture: StreamCapture, gone: Gone, container: GraphId): Promise<boolean> {
  if (!gone.ids.has(container)) return false
  if (gone.certain.has(container)) return true
  if (await isThere(capture, container, 'gone')) {
    gone.ids.delete(container)
    return false
  }
  gone.certain.add(container)
  return true
}

/** Asks for it, and takes its answer as a change. Trouble of it alone says what was known before. */
async function isThere(
  capture: StreamCapture,
  container: GraphId,
  before: 'there' | 'gone' = 'there',
): Promise<boolean> {
  const { reader, signal } = capture.context
  try {
    const now = await reader.item(container, signal)
    capture.blame.wentWell()
    if (now) await takeAnswers(capture, [now])
    return now !== undefined
  } catch (error) {
    capture.failureOf(error, container)
    return before === 'there'
  }
}
