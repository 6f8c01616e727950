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
function digestOf(object: JsonObject, fields: readonly string[]): string {
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

/** `page`: names the page that told of the item; of one that was read by itself there is none. */
export function fileMarker(item: JsonObject, page = ''): Marker {
  const at = textOf(item, 'lastModifiedDateTime')
  return {
    content: contentKeyOf(item),
    decoration: digestOf(withPlainParent(item), FILE_DECORATION),
    change: textOf(item, 'eTag') ?? '',
    ...(at === undefined ? {} : { at }),
    ...sharingOf(item, sharingChanged(item) ? page : ''),
  }
}

export function folderMarker(folder: JsonObject, page = ''): Marker {
  const info = objectOf(folder, 'fileSystemInfo')
  const made = { made: info && textOf(info, 'createdDateTime') }
  return {
    content: digestOf({ ...withPlainParent(folder), ...made }, [...FOLDER_FIELDS, 'made']),
    decoration: digestOf(folder, ['shared']),
    change: '',
    // No page says of a folder that its permissions changed (7.39), so each that tells it may.
    ...sharingOf(folder, page),
  }
}

/**
 * Who may see it, where that is not simply who may see its folder: with `hierarchicalsharing` the
 * facet stands only there. Of two changes of its permissions nothing else may differ, so each page
 * that tells of one (`told`) makes a state of its own, and the same one when it is read again.
 */
function sharingOf(item: JsonObject, told: string): { sharing?: string } {
  if (objectOf(item, 'shared') === undefined) return {}
  return { sharing: digestOf({ ...item, told }, ['shared', 'told']) }
}

/** The page says that the item's permissions changed. */
function sharingChanged(item: JsonObject): boolean {
  const said = item[SHARED_CHANGED]
  return said === true || String(said).toLowerCase() === 'true'
}

/** A library has permissions, of its own or its site's; no list says when they change. */
const LIBRARY = 'library'

export function driveMarker(drive: JsonObject): Marker {
  const marker = { content: digestOf(drive, DRIVE_FIELDS), decoration: '', change: '' }
  return objectOf(drive, 'system') === undefined ? { ...marker, sharing: LIBRARY } : marker
}

/**
 * Pure. A new ETag or new sharing alone is decoration: the version is told anew, and nothing is
 * downloaded.
 */
export function compareMarkers(before: Marker, now: Marker): Comparison {
  if (before.content !== now.content) return 'content'
  const isSame =
    before.decoration === now.decoration &&
    before.change === now.change &&
    before.sharing === now.sharing
  return isSame ? 'same' : 'decoration'
}
