/** Makes of Graph's JSON what the rest of Holdfast knows of drives, folders and files. */
import { isObject, type JsonObject, objectOf, textOf } from '../../graph/index.ts'
import { CONTAINERS, type Display } from '../../model/events.ts'
import { type GraphId, keyHash } from '../../model/ids.ts'
import type { Present } from '../workload.ts'
import { sortOf } from './facets.ts'
import { driveIdOf, itemIdOf } from './ids.ts'
import { driveMarker, fileMarker, folderMarker, SHARED_CHANGED, sizeOf } from './markers.ts'

export const DRIVE_SELECT =
  'id,name,description,driveType,system,createdDateTime,lastModifiedDateTime,owner,sharePointIds'

/**
 * Everything that makes or decorates an item. Without `deleted` every deletion would be hidden:
 * what is gone would look like a file without a name (7.1).
 */
export const ITEM_SELECT = [
  ...['id', 'name', 'eTag', 'size', 'deleted', 'file', 'folder', 'package', 'root'],
  ...['parentReference', 'fileSystemInfo', 'shared', 'malware', 'remoteItem', 'bundle'],
  ...['sharepointIds', 'description', 'createdBy', 'lastModifiedBy'],
  ...['createdDateTime', 'lastModifiedDateTime', '@microsoft.graph.downloadUrl'],
].join(',')

/** What Graph lets nobody keep: it opens the content to whoever has it (P9). */
export const DOWNLOAD_URL = '@microsoft.graph.downloadUrl'

/** The JSON that an item was read as. */
export function jsonOf({ json }: Pick<Present, 'json'>): JsonObject {
  return isObject(json) ? json : {}
}

export function presentDrive(drive: JsonObject): Present {
  const id = driveIdOf(textOf(drive, 'id') ?? '')
  return {
    op: 'present',
    kind: 'container',
    id,
    place: { container: CONTAINERS, sortKey: keyHash(id) },
    marker: driveMarker(drive),
    display: { name: textOf(drive, 'name') ?? '' },
    json: withoutAnnotations(drive),
    hasCursor: true,
  }
}

export interface Where {
  drive: string
  /** Item id of the drive's root, which is the drive itself to us. */
  root: string
  /** Names the page that told of the item. */
  page?: string
}

/** A folder, file or shortcut; never the root. */
export function presentItem(item: JsonObject, where: Where): Present {
  const id = itemIdOf(where.drive, textOf(item, 'id') ?? '')
  const parent = parentOf(item, where)
  const json = withoutAnnotations(item)
  const name = textOf(item, 'name') ?? ''
  if (sortOf(item) === 'folder') {
    return {
      op: 'present',
      kind: 'container',
      id,
      place: { container: CONTAINERS, sortKey: keyHash(id) },
      marker: folderMarker(item, where.page),
      display: { name, parent },
      json,
    }
  }
  return {
    op: 'present',
    kind: 'item',
    id,
    place: { container: parent, sortKey: keyHash(id) },
    marker: fileMarker(item, where.page),
    display: displayOf(item, name),
    json,
    expectedBytes: sizeOf(item),
  }
}

function parentOf(item: JsonObject, { drive, root }: Where): GraphId {
  const reference = objectOf(item, 'parentReference')
  const parent = (reference && textOf(reference, 'id')) ?? root
  return parent === root ? driveIdOf(drive) : itemIdOf(drive, parent)
}

function displayOf(item: JsonObject, name: string): Display {
  const info = objectOf(item, 'fileSystemInfo')
  const date =
    (info && textOf(info, 'lastModifiedDateTime')) ?? textOf(item, 'lastModifiedDateTime')
  const by = authorOf(item)
  return {
    name,
    size: sizeOf(item),
    ...(by === undefined ? {} : { by }),
    ...(date === undefined ? {} : { date }),
  }
}

function authorOf(item: JsonObject): string | undefined {
  const set = objectOf(item, 'lastModifiedBy')
  const who = set && (objectOf(set, 'user') ?? objectOf(set, 'application'))
  return who && textOf(who, 'displayName')
}

/** Links and counters of OData go; what is said of the sharing stays. */
function withoutAnnotations(object: JsonObject): JsonObject {
  const isKept = (key: string): boolean => !key.includes('@') || key === SHARED_CHANGED
  return Object.fromEntries(Object.entries(object).filter(([key]) => isKept(key)))
}
