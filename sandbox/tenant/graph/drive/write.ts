/**
 * What changes drives, but for content: folders made, items renamed, moved, dated and deleted
 * (facts/graph.md 3.7 "Restore").
 *
 * Invariants: a change is one transaction; what is deleted goes to the recycle bin, which nothing
 * here can look into; setting dates of a file makes another version of it (7, no. 18).
 */
import { z } from 'zod'
import type { DriveItem } from '../../drive-model.ts'
import type { Answer } from '../../http.ts'
import { GraphError, notBuilt } from '../errors.ts'
import { parseBody } from '../inputs.ts'
import type { GraphRequest } from '../request.ts'
import { findItem, type ItemPlace } from './find.ts'
import { itemAnswer } from './items.ts'
import { eTagOf } from './json.ts'
import { checkName, checkPath, lengthBelow, placeName } from './names.ts'
import { checkWritable } from './office.ts'
import { invalidRequest, nameExists, notFound } from './refusals.ts'
import { actorOf, CONFLICT_BEHAVIOR, datesOf, FileSystemInfo } from './write-inputs.ts'

const FolderBody = z.strictObject({
  ...CONFLICT_BEHAVIOR,
  '@odata.type': z.string().optional(),
  name: z.string(),
  folder: z.strictObject({ '@odata.type': z.string().optional(), childCount: z.int().optional() }),
  fileSystemInfo: FileSystemInfo.optional(),
})

export function isContainer({ kind }: DriveItem): boolean {
  return kind === 'root' || kind === 'folder' || kind === 'notebook'
}

export function checkContainer({ item }: ItemPlace): void {
  if (!isContainer(item)) throw invalidRequest('The parent item is no folder.')
}

export async function createFolder(request: GraphRequest): Promise<Answer> {
  const body = await parseBody(request, FolderBody)
  const place = findItem(request)
  const { state } = request
  checkContainer(place)
  checkName(body.name)
  checkPath(state, place, body)
  const behavior = body['@microsoft.graph.conflictBehavior'] ?? 'fail'
  return state.db.transaction(() => {
    const { name, there } = placeName(state, place.item, { name: body.name, behavior })
    if (there) return existingFolder(request, { ...place, item: there })
    const dates = datesOf(body.fileSystemInfo)
    const by = actorOf(request)
    const item = state.items.createFolder(place.item, { name, by, ...dates }, state.nowMs())
    return itemAnswer(request, { ...place, item }, 201)
  })
}

/** Replacing a folder leaves what is in it; a file cannot make room for one. */
function existingFolder(request: GraphRequest, place: ItemPlace): Answer {
  if (!isContainer(place.item)) throw nameExists()
  return itemAnswer(request, place)
}

const ItemBody = z.strictObject({
  ...CONFLICT_BEHAVIOR,
  '@odata.type': z.string().optional(),
  id: z.string().optional(),
  name: z.string().optional(),
  parentReference: z
    .strictObject({
      id: z.string().optional(),
      driveId: z.string().optional(),
      driveType: z.string().optional(),
      siteId: z.string().optional(),
      path: z.string().optional(),
    })
    .optional(),
  fileSystemInfo: FileSystemInfo.optional(),
})

/** The tag that a caller saw must be the present one, where it names one. */
function checkMatch(request: GraphRequest, item: DriveItem): void {
  const expected = request.header('if-match')
  if (expected === undefined || expected === '*' || expected === eTagOf(item)) return
  throw new GraphError(412, 'resourceModified', 'ETag does not match current item.')
}

function checkNotRoot({ kind }: DriveItem): void {
  if (kind === 'root') throw invalidRequest('The root of a drive cannot be changed.')
}

/** The folder that the body names, or the present one. */
function targetFolder(
  { state }: GraphRequest,
  place: ItemPlace,
  reference: z.output<typeof ItemBody>['parentReference'],
): DriveItem {
  const { drive, item } = place
  const { id, driveId, path } = reference ?? {}
  if (driveId !== undefined && driveId !== drive.id) {
    throw invalidRequest('Items cannot be moved between drives by this request.')
  }
  if (path !== undefined && id === undefined) throw notBuilt('a move by path')
  if (id === undefined) return state.items.byPk(item.parent ?? drive.root)
  const isRoot = id.toLowerCase() === 'root'
  const folder = isRoot ? state.items.byPk(drive.root) : state.items.find(drive.pk, id)
  if (!folder) throw notFound()
  checkContainer({ ...place, item: folder })
  const above = [folder, ...state.items.ancestors(folder)]
  if (above.some(({ pk }) => pk === item.pk)) {
    throw invalidRequest('An item cannot be moved into itself.')
  }
  return folder
}

export async function updateItem(request: GraphRequest): Promise<Answer> {
  const body = await parseBody(request, ItemBody)
  const { state } = request
  return state.db.transaction(() => {
    const place = findItem(request)
    const { item } = place
    checkNotRoot(item)
    checkMatch(request, item)
    const folder = targetFolder(request, place, body.parentReference)
    const name = newName(request, place, { folder, body })
    const how = { nowMs: state.nowMs(), by: actorOf(request) }
    const dates = datesOf(body.fileSystemInfo)
    const changed = state.items.update(item, { name, parent: folder, ...dates }, how)
    const isDated = body.fileSystemInfo !== undefined && item.kind === 'file'
    return itemAnswer(request, {
      ...place,
      item: isDated ? state.items.repeatVersion(changed) : changed,
    })
  })
}

function newName(
  { state }: GraphRequest,
  place: ItemPlace,
  { folder, body }: { folder: DriveItem; body: z.output<typeof ItemBody> },
): string {
  const { item } = place
  const wanted = body.name ?? item.name
  if (wanted === item.name && folder.pk === item.parent) return item.name
  checkName(wanted)
  const below = isContainer(item) ? lengthBelow(state, item) : 0
  checkPath(state, { ...place, item: folder }, { name: wanted, below })
  const behavior = body['@microsoft.graph.conflictBehavior'] ?? 'fail'
  const { name, there } = placeName(state, folder, { name: wanted, behavior, itself: item })
  if (!there) return name
  if (isContainer(there) || isContainer(item)) throw nameExists()
  checkWritable(state, there)
  state.items.remove(there)
  return name
}

export function deleteItem(request: GraphRequest): Answer {
  const { state } = request
  const { item } = findItem(request)
  checkNotRoot(item)
  checkMatch(request, item)
  checkWritable(state, item)
  state.db.transaction(() => {
    state.items.remove(item, { tellAll: state.settings.deletedDescendants })
  })
  return { status: 204 }
}
