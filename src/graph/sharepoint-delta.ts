/**
 * The SharePoint dialect of delta: a `deleted` facet, and a link on every page.
 *
 * One call reads one page. Items may repeat and come in any order; of an id that occurs more than
 * once the last occurrence counts. A link that is no longer accepted is `ResyncNeeded`, whatever
 * 410 says besides: both of its codes mean that the whole is read again, and its `Location` is not
 * followed, because it is a start without a token, which we know ourselves, and has been seen to
 * answer 500 (7.10). Some answer 404 for a link whose time is over (7.11): then it is asked whether
 * what is read is still there.
 */
import { hasCode } from '../model/errors.ts'
import { resyncNeeded } from './errors.ts'
import { type JsonObject, objectOf } from './json.ts'
import { changesOf, type DeltaLinks, type Page, pageOf, type WalkGuard } from './paging.ts'

export interface SharePointPage extends DeltaLinks {
  items: JsonObject[]
  /** With an id, and whatever else the service leaves of it. */
  deleted: JsonObject[]
}

/** Throws `UnreadableAnswer` for a page without a link or an id. */
export function sharePointPageOf(page: Page, call: string): SharePointPage {
  const { latest, links } = changesOf(page, call)
  const all = [...latest.values()]
  const isDeleted = (item: JsonObject): boolean => objectOf(item, 'deleted') !== undefined
  return {
    items: all.filter((item) => !isDeleted(item)),
    deleted: all.filter(isDeleted),
    ...links,
  }
}

export interface SharePointDeltaRead {
  call: string
  /** Null: from the beginning. */
  link: string | null
  guard: WalkGuard
  read: (link: string | null) => Promise<JsonObject>
  /** Whether what is read (the drive) is there; asked only where a link is answered with 404. */
  isThere: () => Promise<boolean>
}

/** Reads one page. Throws `ResyncNeeded`, `EndlessPages`, `ItemGone` where nothing is there. */
export async function readSharePointDelta(options: SharePointDeltaRead): Promise<SharePointPage> {
  const { call, link, guard } = options
  try {
    const page = pageOf(await options.read(link), call)
    guard.check(link, page)
    return sharePointPageOf(page, call)
  } catch (error) {
    if (link === null || !hasCode(error, 'ItemGone') || !(await options.isThere())) throw error
    throw resyncNeeded(call)
  }
}
