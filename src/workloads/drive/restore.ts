/**
 * Puts files back into the libraries of a site, or of a OneDrive.
 *
 * Nothing here plans, overwrites or decides about conflicts: the restore role does. A deletion
 * goes into the recycle bin.
 */
import {
  type Graph,
  type JsonObject,
  objectOf,
  SHAREPOINT_CONCURRENCY,
  sharePointOf,
  textOf,
  UPLOAD_PIECE_BYTES,
  walkPages,
} from '../../graph/index.ts'
import { AppError, hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { Clock } from '../../ports.ts'
import {
  CONFLICT_POLICIES,
  type RestorableWorkload,
  type RestorePace,
  type StreamWriter,
  type TargetItem,
} from '../workload.ts'
import { checkFile, matchFile } from './check.ts'
import { createFile } from './create.ts'
import { sortOf } from './facets.ts'
import { unlessFalselyGone } from './false-gone.ts'
import { findCreated } from './find.ts'
import { nameOf } from './held.ts'
import { addressOf, itemIdOf } from './ids.ts'
import { DRIVE_NAMES, nameKey } from './names.ts'
import { itemPath } from './paths.ts'
import { permit } from './permit.ts'
import { placeItem } from './place.ts'
import { readFile, seenOf, type TargetSite, targetSite } from './site.ts'
import { createContainer, deltaPages, readTree, removeEmptyFolder } from './target-folders.ts'

const LIST_PAGE_SIZE = 1000
const LIST_SELECT = 'id,name,eTag,file,folder,package,remoteItem'

/**
 * A session, a piece and a read-back, four files at once, about one second each; that is five units
 * a file, and so just what the smallest tenants are granted. Permissions take two looks and, as a
 * rule, one or two calls. Ten megabytes a second are what such
 * uploads are commonly seen to reach; Microsoft names no limit.
 */
const DRIVE_PACE: RestorePace = {
  requestsPerItem: 3,
  requestsPerPermissions: 4,
  bytesPerRequest: UPLOAD_PIECE_BYTES,
  requestsPerMinute: 240,
  uploadBytesPerMinute: 600_000_000,
}

export interface DriveWritingOptions {
  graph: Graph
  clock: Clock
  /** Directory id of the tenant, whose units all sites share. */
  tenant: string
  /** Client id of the app that restores. */
  app: string
}

/** The writing half of the workload. */
export function driveWriting(
  options: DriveWritingOptions,
): Omit<RestorableWorkload, 'name' | 'compare'> {
  const { graph, clock, tenant, app } = options
  return {
    streamed: ['content'],
    conflicts: { policies: CONFLICT_POLICIES },
    names: DRIVE_NAMES,
    permissions: true,
    pace: DRIVE_PACE,
    versionOf(id) {
      const { drive, item, version } = addressOf(id)
      return item === undefined || !version ? undefined : itemIdOf(drive, item)
    },
    writer({ graphId }) {
      const sharePoint = sharePointOf(graph, tenant)
      return createDriveWriter(targetSite({ sharePoint, clock, site: graphId, app }))
    },
  }
}

export function createDriveWriter(target: TargetSite): StreamWriter {
  const { sharePoint } = target
  return {
    containers: (signal) => readTree(target, signal),
    createContainer: (name, parent, signal) => createContainer(target, { name, parent }, signal),
    existing: (container, signal) => existing(target, container, signal),
    identity: (version) => nameKey(nameOf(version)),
    create: (version, creation, signal) => createFile(target, version, creation, signal),
    find: (search, signal) => findCreated(target, search, signal),
    remove: (id, signal) => remove(target, id, signal),
    rename: (id, name, signal) => rename(target, { id, name }, signal),
    place: (id, spot, signal) => placeItem(target, { id, ...spot }, signal),
    check: (id, version, spot, signal) => checkFile({ target, id, version, signal }, spot),
    async present(id, signal) {
      const item = await readFile(target, id, signal)
      if (item === undefined) return undefined
      const seen = await seenOf(target, id, item, signal)
      const name = textOf(item, 'name')
      const named = name === undefined ? {} : { name }
      return { ...seen, discarded: false, shownWhole: true, ...named }
    },
    matches: (id, version, signal) => matchFile({ target, id, version, signal }),
    removeEmptyContainer: (id, signal) => removeEmptyFolder(target, id, signal),
    permit: (id, permissions, signal) => permit(target, id, permissions, signal),
    concurrency: Math.min(SHAREPOINT_CONCURRENCY, UPLOADS_MAX),
    requests: sharePoint.requests,
    permissionUnits: sharePoint.permissionUnits,
  }
}

/** Files at once: each holds a piece of 10 MiB, and what it is read from. */
const UPLOADS_MAX = 4

async function* existing(
  target: TargetSite,
  container: GraphId,
  signal: AbortSignal,
): AsyncGenerator<TargetItem> {
  const { drive } = addressOf(container)
  let listed = false
  try {
    for await (const items of childPages(target, container, signal)) {
      listed = true
      for (const item of items) yield targetItem(item, drive)
    }
  } catch (error) {
    if (listed || !isUnlistable(error)) throw error
    yield* inDelta(target, container, signal)
  }
}

function childPages({ sharePoint }: TargetSite, container: GraphId, signal: AbortSignal) {
  const name = 'children.list'
  const path = [...itemPath(container), 'children']
  const first = { path, query: { $select: LIST_SELECT, $top: `${LIST_PAGE_SIZE}` } }
  return walkPages(name, (link) =>
    sharePoint.json({ name, ...(link === null ? first : { link }), charge: 'list' }, signal),
  )
}

/** Folders of some 100,000 children are not listed, and their drive's delta works (7.40). */
function isUnlistable(error: unknown): boolean {
  return error instanceof AppError && error.context['status'] === 400
}

async function* inDelta(
  target: TargetSite,
  container: GraphId,
  signal: AbortSignal,
): AsyncGenerator<TargetItem> {
  const { drive, item: id = await target.rootId(drive, signal) } = addressOf(container)
  const select = `${LIST_SELECT},deleted,root,parentReference`
  const found = new Map<string, JsonObject>()
  for await (const page of deltaPages(target.sharePoint, { drive, select }, signal)) {
    for (const item of page.items) {
      const parent = objectOf(item, 'parentReference')
      const isInside = parent !== undefined && textOf(parent, 'id') === id
      // The last time that it is told counts: it may have been moved away.
      if (isInside && sortOf(item) !== 'root') found.set(textOf(item, 'id') ?? '', item)
      else found.delete(textOf(item, 'id') ?? '')
    }
    for (const item of page.deleted) found.delete(textOf(item, 'id') ?? '')
  }
  for (const item of found.values()) yield targetItem(item, drive)
}

function targetItem(item: JsonObject, drive: string): TargetItem {
  const name = textOf(item, 'name') ?? ''
  return {
    id: itemIdOf(drive, textOf(item, 'id') ?? ''),
    identity: nameKey(name),
    change: textOf(item, 'eTag') ?? '',
    name,
    ...(sortOf(item) === 'folder' ? { kind: 'container' as const } : {}),
  }
}

async function remove(target: TargetSite, id: GraphId, signal: AbortSignal): Promise<void> {
  const request = { name: 'file.delete', method: 'DELETE', path: itemPath(id) } as const
  const send = () => target.sharePoint.send({ ...request, charge: 'write' }, signal)
  try {
    await unlessFalselyGone(target, id, send, signal)
  } catch (error) {
    // Already gone is what was wanted; a repeated DELETE finds nothing as well.
    if (!hasCode(error, 'ItemGone')) throw error
  }
}

/** Read first: after a lost answer it may have the name already. */
async function rename(
  target: TargetSite,
  { id, name }: { id: GraphId; name: string },
  signal: AbortSignal,
): Promise<void> {
  const now = await readFile(target, id, signal)
  if (now !== undefined && textOf(now, 'name') === name) return
  const body = JSON.stringify({ name })
  const request = { name: 'file.rename', method: 'PATCH', path: itemPath(id), body } as const
  await target.sharePoint.send({ ...request, charge: 'write' }, signal)
}
