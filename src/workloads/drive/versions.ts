/**
 * The earlier versions of a file, as many as the policy says: each is an item of its own, in a
 * container that only the versions of that file stand in.
 *
 * The list costs two units a page and each content two more, so nobody is asked where the policy
 * says none. The current version is the file itself and is never read as a version. Of earlier
 * ones the service knows little: no hash, only a size to hold their bytes to. A version never
 * changes, so what names it is all of its marker.
 */
import { type JsonObject, objectOf, type SharePoint, textOf, walkPages } from '../../graph/index.ts'
import { hasCode } from '../../model/errors.ts'
import type { Marker } from '../../model/events.ts'
import { type GraphId, keyHash } from '../../model/ids.ts'
import { itemFailure } from '../failure.ts'
import type { EarlierVersions, Present } from '../workload.ts'
import { sortOf } from './facets.ts'
import { type ItemAddress, itemAddressOf, versionIdOf, versionsOf } from './ids.ts'
import { sizeOf } from './markers.ts'
import { jsonOf } from './present.ts'

const LIST_CALL = 'versions.list'
/** SharePoint keeps at most so many of one file. */
const VERSIONS_MAX = 50_000

export interface EarlierOptions {
  sharePoint: SharePoint
  policy: EarlierVersions
}

/**
 * Newest first, without the present one and without the one that is held as the file's own. Empty
 * where the file is gone; `unread` where the service does not say which versions there are.
 */
export async function earlierVersions(
  { sharePoint, policy }: EarlierOptions,
  item: Present,
  held: Marker | undefined,
  signal: AbortSignal,
): Promise<Present[] | 'unread'> {
  const wanted = policy === 'all' ? VERSIONS_MAX : policy === 'none' ? 0 : policy
  const address = itemAddressOf(item.id)
  const isFile = address.version === undefined && sortOf(jsonOf(item)) === 'file'
  if (wanted === 0 || !isFile) return []
  try {
    // The list comes newest first, and the newest one is the file as it is.
    const listed = await listVersions(sharePoint, address, wanted + 1, signal)
    return listed
      .slice(1, wanted + 1)
      .filter((version) => !isHeld(version, held))
      .map((version) => presentVersion(item, version))
  } catch (error) {
    // Of what is gone its content will tell.
    if (hasCode(error, 'ItemGone')) return []
    if (itemFailure(error) !== undefined) return 'unread'
    throw error
  }
}

async function listVersions(
  sharePoint: SharePoint,
  { drive, item }: ItemAddress,
  versionsMax: number,
  signal: AbortSignal,
): Promise<JsonObject[]> {
  const path = ['drives', drive, 'items', item, 'versions']
  const pages = walkPages(LIST_CALL, (link) =>
    sharePoint.json(
      { name: LIST_CALL, ...(link === null ? { path } : { link }), charge: 'list' },
      signal,
    ),
  )
  const all: JsonObject[] = []
  for await (const page of pages) {
    all.push(...page)
    if (all.length >= versionsMax) break
  }
  return all
}

/** What we hold as the file became an earlier version of it when the next one was made. */
function isHeld(version: JsonObject, held: Marker | undefined): boolean {
  const isSameTime = held?.at !== undefined && held.at === textOf(version, 'lastModifiedDateTime')
  return isSameTime && held.content.endsWith(`:${sizeOf(version)}`)
}

/** `file`: what it is a version of, as it is now. */
export function presentVersion(
  file: Pick<Present, 'id' | 'display'>,
  version: JsonObject,
): Present {
  const id = versionIdOf(file.id, textOf(version, 'id') ?? '')
  const at = textOf(version, 'lastModifiedDateTime')
  const set = objectOf(version, 'lastModifiedBy')
  const who = set && (objectOf(set, 'user') ?? objectOf(set, 'application'))
  const by = who && textOf(who, 'displayName')
  const bytes = sizeOf(version)
  const isKept = (key: string): boolean => !key.includes('@')
  return {
    op: 'present',
    kind: 'item',
    id,
    place: { container: versionsOf(file.id), sortKey: keyHash(id) },
    marker: {
      content: `version:${textOf(version, 'id') ?? ''}:${bytes}`,
      ...{ decoration: '', change: '' },
      ...(at === undefined ? {} : { at }),
    },
    display: {
      name: file.display.name,
      size: bytes,
      ...(by === undefined ? {} : { by }),
      ...(at === undefined ? {} : { date: at }),
    },
    json: Object.fromEntries(Object.entries(version).filter(([key]) => isKept(key))),
    expectedBytes: bytes,
  }
}

/** One earlier version; undefined where it, or its file, is gone. One unit beside the file's. */
export async function readVersion(
  sharePoint: SharePoint,
  file: Present | undefined,
  id: GraphId,
  signal: AbortSignal,
): Promise<Present | undefined> {
  if (file === undefined) return undefined
  const { drive, item, version = '' } = itemAddressOf(id)
  const path = ['drives', drive, 'items', item, 'versions', version]
  try {
    const found = await sharePoint.json({ name: 'versions.get', path, charge: 'item' }, signal)
    return presentVersion(file, found)
  } catch (error) {
    if (hasCode(error, 'ItemGone')) return undefined
    throw error
  }
}
