/**
 * Reads the earlier versions of a file: which there are, and the bytes of one.
 *
 * The list costs two units a page and each content one more, so it is the policy that says how
 * many are wanted. The current version is the file itself and is never read as a version. Of
 * earlier ones the service knows little: no hash, only a size to hold their bytes to.
 */
import {
  type DownloadSource,
  download,
  type JsonObject,
  objectOf,
  type SharePoint,
  textOf,
  walkPages,
} from '../../graph/index.ts'
import { AppError, hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import { isRewritten } from './facets.ts'
import { itemAddressOf } from './ids.ts'
import { sizeOf } from './markers.ts'

const LIST_CALL = 'versions.list'
const CONTENT_CALL = 'versions.content'
/** SharePoint keeps at most so many of one file. */
const VERSIONS_MAX = 50_000

export type VersionPolicy = 'none' | 'all' | { last: number }

export interface EarlierVersion {
  /** `3.0`: Graph's own, unique within the file and never given again. */
  id: string
  bytes: number
  /** ISO time. */
  at: string
  by?: string
}

/** Newest first, without the current one; undefined where the file is gone. */
export async function readVersions(
  sharePoint: SharePoint,
  { id, policy }: { id: GraphId; policy: VersionPolicy },
  signal: AbortSignal,
): Promise<EarlierVersion[] | undefined> {
  const wanted = policy === 'all' ? VERSIONS_MAX : policy === 'none' ? 0 : policy.last
  if (wanted === 0) return []
  const { drive, item } = itemAddressOf(id)
  const path = ['drives', drive, 'items', item, 'versions']
  const pages = walkPages(LIST_CALL, (link) =>
    sharePoint.json(
      { name: LIST_CALL, ...(link === null ? { path } : { link }), charge: 'list' },
      signal,
    ),
  )
  const all: JsonObject[] = []
  try {
    for await (const page of pages) {
      all.push(...page)
      if (all.length > wanted) break
    }
  } catch (error) {
    if (hasCode(error, 'ItemGone')) return undefined
    throw error
  }
  return earlierOf(all).slice(0, wanted)
}

/** Pure. The list comes newest first, and the newest one is the file as it is. */
export function earlierOf(versions: readonly JsonObject[]): EarlierVersion[] {
  return versions.slice(1).map((version) => {
    const set = objectOf(version, 'lastModifiedBy')
    const who = set && (objectOf(set, 'user') ?? objectOf(set, 'application'))
    const by = who && textOf(who, 'displayName')
    return {
      id: textOf(version, 'id') ?? '',
      bytes: sizeOf(version),
      at: textOf(version, 'lastModifiedDateTime') ?? '',
      ...(by === undefined ? {} : { by }),
    }
  })
}

export interface VersionContent {
  /** The file that it is a version of, with its JSON: its name says whether it may be rewritten. */
  id: GraphId
  json: JsonObject
  version: EarlierVersion
}

/** Throws `ItemGone`, and `ContentDiffers` where there are more or fewer bytes than it is said. */
export async function* versionBytes(
  sharePoint: SharePoint,
  { id, json, version }: VersionContent,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const source = versionSource(sharePoint, id, version.id)
  let bytes = 0
  for await (const piece of download({ call: CONTENT_CALL, source, signal })) {
    bytes += piece.byteLength
    yield piece
  }
  if (bytes !== version.bytes && !isRewritten(json)) throw contentDiffers()
}

function versionSource(sharePoint: SharePoint, id: GraphId, version: string): DownloadSource {
  const { drive, item } = itemAddressOf(id)
  const path = ['drives', drive, 'items', item, 'versions', version, 'content']
  let address: string | undefined
  const renew = async (signal: AbortSignal): Promise<string> => {
    const request = { name: CONTENT_CALL, path, charge: 'item' } as const
    address = await sharePoint.addressOf(request, signal)
    return address
  }
  return {
    async open(headers, signal) {
      const at = address ?? (await renew(signal))
      const request = { name: CONTENT_CALL, address: at, charge: 'download', headers } as const
      return await sharePoint.sendTo({ ...request, answer: 'streamed' }, signal)
    },
    async renew(signal) {
      await renew(signal)
    },
  }
}

function contentDiffers(): AppError {
  return new AppError({
    code: 'ContentDiffers',
    kind: 'transient',
    message: 'The content of an earlier version has another length than the service says.',
    hint: 'Nothing to do: it is tried again.',
    context: { call: CONTENT_CALL },
  })
}
