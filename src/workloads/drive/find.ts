/**
 * Finds what a create made whose answer was lost.
 *
 * Files carry no mark of ours. But their name in their folder is one that the plan found free, and
 * no send of ours goes over another file: so a file of that name is ours if it has the content
 * that was sent; or, because SharePoint rewrites Office files, if our app made it since.
 */
import { type JsonObject, objectOf, textOf } from '../../graph/index.ts'
import type { GraphId } from '../../model/ids.ts'
import type { Search } from '../workload.ts'
import { hasHeldContent } from './content-match.ts'
import { isRewritten, sortOf } from './facets.ts'
import { DATES, dateOf, type HeldFile, heldFile } from './held.ts'
import { addressOf, itemIdOf } from './ids.ts'
import { readFile, readNamed, type TargetSite } from './site.ts'

/** How far the clocks of worker and service may be apart. */
const SKEW_MS = 5 * 60_000

export async function findCreated(
  target: TargetSite,
  search: Search,
  signal: AbortSignal,
): Promise<GraphId[]> {
  const { container, onto } = search
  const item =
    onto === undefined
      ? await readNamed(target, search, signal)
      : await readFile(target, onto, signal)
  const id = item && textOf(item, 'id')
  if (item === undefined || id === undefined || sortOf(item) !== 'file') return []
  const file = heldFile(await search.version())
  const isOurs =
    (await hasHeldContent(item, file, signal)) === 'same' ||
    (isRewritten(item) && isMadeByUs(item, { app: target.app, file, search }))
  return isOurs ? [itemIdOf(addressOf(container).drive, id)] : []
}

/**
 * The service may show the dates that we gave it in place of its own, so those count as well: our
 * app, and either made since, or the dates that only our create gives it.
 */
function isMadeByUs(
  item: JsonObject,
  { app, file, search }: { app: string; file: HeldFile; search: Search },
): boolean {
  const [who, when] =
    search.onto === undefined
      ? (['createdBy', 'createdDateTime'] as const)
      : (['lastModifiedBy', 'lastModifiedDateTime'] as const)
  const by = objectOf(item, who)
  const application = by && objectOf(by, 'application')
  if (!application || textOf(application, 'id') !== app) return false
  const at = Date.parse(textOf(item, when) ?? '')
  if (at >= search.since - SKEW_MS) return true
  return DATES.every((name) => dateOf(item, name) === dateOf(file.json, name))
}
