/**
 * What makes a file's content, and what is only decoration.
 *
 * The content is known by its quickXorHash and its size; where the service gives no hash (OneNote,
 * some Office files, rights-managed ones), by the ETag, which every edit changes. A rename, a move,
 * new dates, new sharing, or a new ETag that nothing explains, costs no download. The hash is easily
 * forged, so it speaks of changes of one item only, and never says that two items are the same.
 *
 * A folder's size, counts, tags and date of change move with what is in it and mean nothing here.
 */
import { createHash } from 'node:crypto'
import { isObject, type JsonObject, objectOf, textOf } from '../../graph/index.ts'
import type { Marker } from '../../model/events.ts'
import type { Comparison } from '../workload.ts'

/** Set by the service on what changed in its sharing, in the one page that tells it. */
export const SHARED_CHANGED = '@microsoft.graph.sharedChanged'

const FILE_DECORATION = [
  'name',
  'parentReference',
  'fileSystemInfo',
  'shared',
  'malware',
  'remoteItem',
  'description',
] as const

const FOLDER_FIELDS = ['name', 'parentReference', 'package'] as const
const DRIVE_FIELDS = ['name', 'driveType', 'description', 'system'] as const

/** JSON with sorted keys; nulls count as missing, because Graph writes either. */
function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical)
  if (!isObject(value)) return value
  const kept = Object.entries(value).filter(([, one]) => one !== null && one !== undefined)
  kept.sort(([a], [b]) => (a < b ? -1 : 1))
  return kept.map(([key, one]) => [key, canonical(one)])
}

/** Equal of equal fields, whatever their order and whether missing or null. */
export function digestOf(object: JsonObject, fields: readonly string[]): string {
  const picked = fields.map((field) => [field, canonical(object[field] ?? undefined)])
  return createHash('sha256').update(JSON.stringify(picked), 'utf8').digest('hex')
}

/** Of the parent only who it is: delta leaves out its path and name, and those are derived. */
function withPlainParent(item: JsonObject): JsonObject {
  const parent = objectOf(item, 'parentReference')
  return { ...item, parentReference: parent && textOf(parent, 'id') }
}

export function hashOf(item: JsonObject): string | undefined {
  const file = objectOf(item, 'file')
  const hashes = file && objectOf(file, 'hashes')
  // An empty one is as good as none.
  return (hashes && textOf(hashes, 'quickXorHash')) || undefined
}

export function sizeOf(item: JsonObject): number {
  const { size } = item
  return typeof size === 'number' && Number.isSafeInteger(size) && size >= 0 ? size : 0
}

/** What the content is known by. */
export function contentKeyOf(item: JsonObject): string {
  return `${hashOf(item) ?? textOf(item, 'eTag') ?? ''}:${sizeOf(item)}`
}

/**
 * `page`: names the page that told of the item. Of two changes of its sharing nothing else may
 * differ, so each page that says "sharing changed" makes a decoration of its own, and the same one
 * when it is read again.
 */
export function fileMarker(item: JsonObject, page = ''): Marker {
  const at = textOf(item, 'lastModifiedDateTime')
  return {
    content: contentKeyOf(item),
    decoration: digestOf({ ...withPlainParent(item), ...sharing(item, page) }, [
      ...FILE_DECORATION,
      SHARED_CHANGED,
    ]),
    change: textOf(item, 'eTag') ?? '',
    ...(at === undefined ? {} : { at }),
  }
}

export function folderMarker(folder: JsonObject, page = ''): Marker {
  const info = objectOf(folder, 'fileSystemInfo')
  const made = { made: info && textOf(info, 'createdDateTime') }
  return {
    content: digestOf({ ...withPlainParent(folder), ...made }, [...FOLDER_FIELDS, 'made']),
    decoration: digestOf({ ...folder, ...sharing(folder, page) }, ['shared', SHARED_CHANGED]),
    change: '',
  }
}

function sharing(item: JsonObject, page: string): JsonObject {
  return { [SHARED_CHANGED]: sharingChanged(item) ? page : undefined }
}

/** The page says that the item's permissions changed. */
export function sharingChanged(item: JsonObject): boolean {
  const said = item[SHARED_CHANGED]
  return said === true || String(said).toLowerCase() === 'true'
}

export function driveMarker(drive: JsonObject): Marker {
  return { content: digestOf(drive, DRIVE_FIELDS), decoration: '', change: '' }
}

/**
 * Pure. A new ETag alone is decoration: the version is told anew, with its ETag, and nothing is
 * downloaded.
 */
export function compareMarkers(before: Marker, now: Marker): Comparison {
  if (before.content !== now.content) return 'content'
  return before.decoration === now.decoration && before.change === now.change
    ? 'same'
    : 'decoration'
}
