/**
 * The Outlook and directory dialects of delta: `@removed`, and one of two links on every page.
 *
 * One call reads one page. Items may repeat and come in any order; pages may be empty and still
 * not be the last. A link that the service no longer accepts is `ResyncNeeded` (410,
 * SyncStateNotFound ...). A page that cannot be read is asked for again in smaller portions,
 * because one item that cannot be rendered cuts off its whole page (7.29).
 */
import { type AppError, hasCode } from '../model/errors.ts'
import { type JsonObject, objectOf, textOf } from './json.ts'
import { changesOf, type DeltaLinks, type Page, pageOf, type WalkGuard } from './paging.ts'

export interface RemovedEntry {
  id: string
  /** `deleted`, or of directory objects also `changed`: soft-deleted, can come back. */
  reason: string
}

export interface DeltaPage extends DeltaLinks {
  items: JsonObject[]
  removed: RemovedEntry[]
}

/**
 * Splits a page by `@removed`: what left a folder and came back is there. Throws
 * `UnreadableAnswer` for a page without a link or an id.
 */
export function deltaPageOf(page: Page, call: string): DeltaPage {
  const { latest, links } = changesOf(page, call)
  const items: JsonObject[] = []
  const removed: RemovedEntry[] = []
  for (const [id, item] of latest) {
    const mark = objectOf(item, '@removed')
    if (mark === undefined) items.push(item)
    else removed.push({ id, reason: textOf(mark, 'reason') ?? 'deleted' })
  }
  return { items, removed, ...links }
}

export interface DeltaRead {
  call: string
  /** Null: from the beginning. */
  link: string | null
  guard: WalkGuard
  /** Page sizes to try, the usual one first. */
  sizes: readonly number[]
  read: (link: string | null, size: number) => Promise<JsonObject>
}

/** Reads one page. Throws what `read` throws for the smallest size, and `EndlessPages`. */
export async function readDeltaPage(options: DeltaRead): Promise<DeltaPage> {
  const { call, link, guard } = options
  let failure: unknown
  for (const size of options.sizes) {
    try {
      const page = pageOf(await options.read(link, size), call)
      guard.check(link, page)
      return deltaPageOf(page, call)
    } catch (error) {
      if (!mayHelpToShrink(error)) throw error
      failure = error
    }
  }
  throw failure
}

/** A cut-off page, one corrupt item on it, or 5xx because it is too much work for the service. */
function mayHelpToShrink(error: unknown): error is AppError {
  if (hasCode(error, 'UnreadableAnswer') || hasCode(error, 'ItemCorrupt')) return true
  if (!hasCode(error, 'GraphUnavailable')) return false
  const { status } = error.context
  return typeof status === 'number' && status >= 500
}
