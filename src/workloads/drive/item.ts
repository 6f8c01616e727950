/** Reads one drive, folder or file as it is now. */
import { type JsonObject, objectOf, type SharePoint, textOf } from '../../graph/index.ts'
import { hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { Present } from '../workload.ts'
import type { Addresses } from './addresses.ts'
import { sortOf } from './facets.ts'
import { addressOf, type ItemAddress, itemIdOf } from './ids.ts'
import { DRIVE_SELECT, ITEM_SELECT, presentDrive, presentItem } from './present.ts'
import { readVersion } from './versions.ts'

/** The item's JSON; undefined where it is gone. One unit. */
export async function readItem(
  sharePoint: SharePoint,
  { drive, item }: ItemAddress,
  signal: AbortSignal,
): Promise<JsonObject | undefined> {
  const found = await orGone(() =>
    sharePoint.json(
      {
        name: 'items.get',
        path: ['drives', drive, 'items', item],
        query: { $select: ITEM_SELECT },
        charge: 'item',
      },
      signal,
    ),
  )
  return found === undefined || objectOf(found, 'deleted') !== undefined ? undefined : found
}

/** The item id of a drive's root. Throws `ItemGone` where there is no such drive. */
export async function rootOf(
  sharePoint: SharePoint,
  drive: string,
  signal: AbortSignal,
): Promise<string> {
  const root = await sharePoint.json(
    {
      name: 'drives.root',
      path: ['drives', drive, 'root'],
      query: { $select: 'id' },
      charge: 'item',
    },
    signal,
  )
  return textOf(root, 'id') ?? ''
}

export interface ItemReader {
  read(id: GraphId, signal: AbortSignal): Promise<Present | undefined>
}

export function createItemReader(sharePoint: SharePoint, addresses: Addresses): ItemReader {
  const roots = new Map<string, string>()

  async function rootFor(item: JsonObject, drive: string, signal: AbortSignal): Promise<string> {
    const parent = objectOf(item, 'parentReference')
    const id = parent && textOf(parent, 'id')
    // A read item names its parent's path, which says of the root that it is the root.
    const path = (parent && textOf(parent, 'path')) ?? ''
    const root =
      roots.get(drive) ??
      (id !== undefined && path.endsWith('/root:') ? id : undefined) ??
      (path.includes('/root:/') ? '' : await rootOf(sharePoint, drive, signal))
    if (root !== '') roots.set(drive, root)
    return root
  }

  async function readOne(
    drive: string,
    itemId: string,
    signal: AbortSignal,
  ): Promise<Present | undefined> {
    const item = await readItem(sharePoint, { drive, item: itemId }, signal)
    if (item === undefined || sortOf(item) === undefined || sortOf(item) === 'root') {
      return undefined
    }
    addresses.learn(itemIdOf(drive, itemId), item)
    return presentItem(item, { drive, root: await rootFor(item, drive, signal) })
  }

  return {
    async read(id, signal) {
      const { drive, item, version } = addressOf(id)
      if (item === undefined) return await readDrive(sharePoint, drive, signal)
      const found = await readOne(drive, item, signal)
      if (version === undefined) return found
      return await readVersion(sharePoint, found, id, signal)
    },
  }
}

async function readDrive(
  sharePoint: SharePoint,
  drive: string,
  signal: AbortSignal,
): Promise<Present | undefined> {
  const request = {
    name: 'drives.get',
    path: ['drives', drive],
    query: { $select: DRIVE_SELECT },
    charge: 'item',
  } as const
  const found = await orGone(() => sharePoint.json(request, signal))
  return found && presentDrive(found)
}

async function orGone(ask: () => Promise<JsonObject>): Promise<JsonObject | undefined> {
  try {
    return await ask()
  } catch (error) {
    if (hasCode(error, 'ItemGone')) return undefined
    throw error
  }
}
