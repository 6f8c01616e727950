/**
 * One site as a restore writes to it: its calls, and what several of its modules ask for.
 */
import { type JsonObject, objectOf, type SharePoint } from '../../graph/index.ts'
import { hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { Clock } from '../../ports.ts'
import type { Seen } from '../workload.ts'
import { addressOf, itemAddressOf } from './ids.ts'
import { readItem, rootOf } from './item.ts'
import { namedPath } from './paths.ts'
import { ITEM_SELECT, presentItem } from './present.ts'

export interface TargetSite {
  sharePoint: SharePoint
  clock: Clock
  /** Graph id of the site. */
  site: GraphId
  /** Client id of the app that restores: what it made is its own. */
  app: string
  /** The item id of a drive's root: asked for once. */
  rootId(drive: string, signal: AbortSignal): Promise<string>
}

export function targetSite(of: Omit<TargetSite, 'rootId'>): TargetSite {
  const roots = new Map<string, string>()
  return {
    ...of,
    async rootId(drive, signal) {
      const known = roots.get(drive)
      if (known !== undefined) return known
      const root = await rootOf(of.sharePoint, drive, signal)
      roots.set(drive, root)
      return root
    },
  }
}

/** Undefined where it is gone. One unit. */
export function readFile(
  { sharePoint }: TargetSite,
  id: GraphId,
  signal: AbortSignal,
): Promise<JsonObject | undefined> {
  return readItem(sharePoint, itemAddressOf(id), signal)
}

/** What has that name there; undefined where nothing has. One unit. */
export async function readNamed(
  { sharePoint }: TargetSite,
  { container, name }: { container: GraphId; name: string },
  signal: AbortSignal,
): Promise<JsonObject | undefined> {
  const path = namedPath(container, name)
  const request = { name: 'items.named', path, query: { $select: ITEM_SELECT } }
  try {
    const item = await sharePoint.json({ ...request, charge: 'item' }, signal)
    return objectOf(item, 'deleted') === undefined ? item : undefined
  } catch (error) {
    if (hasCode(error, 'ItemGone')) return undefined
    throw error
  }
}

/** Where it stands, and by what to tell later edits. */
export async function seenOf(
  target: TargetSite,
  id: GraphId,
  item: JsonObject,
  signal: AbortSignal,
): Promise<Seen> {
  const { drive } = addressOf(id)
  const { place, marker } = presentItem(item, { drive, root: await target.rootId(drive, signal) })
  return { container: place.container, marker }
}
