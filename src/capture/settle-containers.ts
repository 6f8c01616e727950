/**
 * The first half of a full comparison of a cursor that tells of many containers: those of them
 * that its scan lacks.
 *
 * A container below one that is lacking as well is not asked for before that one: if the upper one
 * is gone, everything below it has left with it. So a tree that went costs one question, however
 * much was in it. Where the cursor is closed nothing of it is read any more, and nothing is asked.
 */
import { CONTAINERS } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { askForAll } from './ask-for-all.ts'
import { leave } from './leave.ts'
import { lackedBy, listPages, membersAmong, toldBy, unseenAmong } from './members.ts'
import { settleOrphans } from './orphans.ts'
import type { Comparison } from './round.ts'
import type { StreamCapture } from './stream-capture.ts'
import { cursorOf, hasOwnCursor, hasTrees } from './tellers.ts'

const LIST_PAGE = 200

/** False: the time is over. Begins anew when called again: what was dealt with is passed quickly. */
export async function settleContainers(
  capture: StreamCapture,
  comparison: Comparison,
): Promise<boolean> {
  const { container: teller } = comparison
  if (!hasTrees(capture) || teller === CONTAINERS) return true
  for (const which of ['uppermost', 'all'] as const) {
    for (let dealt: number | undefined = 1; dealt !== 0; ) {
      dealt = await settlePass(capture, comparison, which)
      if (dealt === undefined || !(await settleBelow(capture, comparison))) return false
    }
  }
  return true
}

/** How many were dealt with, in one pass through all containers; undefined: the time is over. */
async function settlePass(
  capture: StreamCapture,
  comparison: Comparison,
  which: 'uppermost' | 'all',
): Promise<number | undefined> {
  let dealt = 0
  for await (const page of unseenPages(capture, comparison)) {
    if (capture.outOfTime) return undefined
    const chosen = which === 'all' ? page : await uppermostOf(capture, comparison, page)
    if (!(await dealWith(capture, comparison, chosen))) return undefined
    dealt += chosen.length
  }
  return dealt
}

interface Unseen {
  item: GraphId
  parent: GraphId | undefined
}

async function* unseenPages(
  capture: StreamCapture,
  comparison: Comparison,
): AsyncGenerator<Unseen[]> {
  const { container: teller } = comparison
  for await (const page of listPages(capture, CONTAINERS, { max: LIST_PAGE })) {
    const own = page.items.filter(
      ({ item }) => item !== teller && cursorOf(capture, item) === teller,
    )
    const unseen = new Set(
      await unseenAmong(
        capture,
        comparison,
        own.map(({ item }) => item),
      ),
    )
    yield own
      .filter(({ item }) => unseen.has(item))
      .map(({ item, display }) => ({ item, parent: display.parent }))
  }
}

/** Without those whose parent is to be dealt with first. */
async function uppermostOf(
  capture: StreamCapture,
  comparison: Comparison,
  page: readonly Unseen[],
): Promise<Unseen[]> {
  const parents = page.flatMap(({ parent }) => {
    const isBelow = parent !== undefined && !hasOwnCursor(capture, parent)
    return isBelow ? [parent] : []
  })
  const lacked = new Set(await lackedBy(capture, comparison, [...new Set(parents)]))
  return page.filter(({ parent }) => parent === undefined || !lacked.has(parent))
}

async function dealWith(
  capture: StreamCapture,
  comparison: Comparison,
  chosen: readonly Unseen[],
): Promise<boolean> {
  const items = chosen.map(({ item }) => item)
  if (!comparison.closed) return await askForAll(capture, comparison, items)
  const scope = toldBy(capture, comparison.container)
  for (const member of await membersAmong(capture, scope, items)) await leave(capture, member)
  return !capture.full || (await capture.save())
}

/** What stands below those that have just left. */
async function settleBelow(
  capture: StreamCapture,
  { container: teller, closed }: Comparison,
): Promise<boolean> {
  // Of a closed cursor everything leaves, wherever it stands.
  if (closed) capture.setOrphans(teller, false)
  if (!(await capture.save())) return false
  if (!capture.hasOrphans(teller)) return true
  if ((await settleOrphans(capture, teller)) === 'stopped') return false
  return await capture.save()
}
