/** Carries out what is asked back of sites: finds it in Holdfast's lists and restores it. */
import type { SiteSnapshot } from '../tenant/index.ts'
import { filesOf, foldersOf, type SiteCase, type SiteFile } from '../verdict/index.ts'
import type { ApiClient, Item, RestoreRequest } from './api-client.ts'
import { containersByPath } from './directory.ts'
import type { FileWish } from './file-story.ts'
import { type KnownPoint, refusalsOf } from './fulfil.ts'
import { type RestoreResult, restore } from './restore.ts'
import type { SiteSnapshots } from './sites.ts'
import { Trouble } from './trouble.ts'

const WORKLOAD = 'drive'

export interface FileFulfilContext {
  api: ApiClient
  signal: AbortSignal
  points: ReadonlyMap<string, KnownPoint>
  before: SiteSnapshots
}

/** One restore to the original place. `at`: a time, in place of the known point. */
export async function fulfilFiles(
  wish: FileWish,
  { api, signal, points, before }: FileFulfilContext,
  at?: string,
): Promise<RestoreResult> {
  const point = points.get(wish.site)
  const snapshot = before.get(wish.site)
  if (!point || !snapshot) throw new Error(`nothing is known of ${wish.site}`)
  const request: RestoreRequest = {
    ...{ resource: point.resource.id, workload: WORKLOAD, at: at ?? { seq: point.seq } },
    ...{ destination: { kind: 'original' }, conflict: wish.asked.conflict },
    selection: await selectionOf(wish, { api, point, snapshot }),
  }
  return await restore(api, request, signal)
}

async function selectionOf(
  { asked: { scope } }: FileWish,
  known: Known,
): Promise<RestoreRequest['selection']> {
  if (scope === 'all') return { all: true }
  if ('files' in scope) return { items: await itemsOfFiles(scope.files, known) }
  const containerOf = await containersOf(known)
  return { containers: scope.folders.map(containerOf) }
}

interface Known {
  api: ApiClient
  point: KnownPoint
  snapshot: SiteSnapshot
}

/** Holdfast's ids of these files, which are known by the tenant's. */
export async function itemsOfFiles(files: readonly string[], known: Known): Promise<string[]> {
  const { api, snapshot } = known
  const { resource, at } = known.point
  const containerOf = await containersOf(known)
  const wanted = new Set(files)
  const lists = new Map<string, Promise<Item[]>>()
  const ids: string[] = []
  for (const file of filesOf(snapshot).filter(({ id }) => wanted.has(id))) {
    const container = containerOf(file.folderId)
    const list = lists.get(container) ?? api.items(resource.id, container, at, WORKLOAD)
    lists.set(container, list)
    ids.push(idOf(file, await list))
  }
  return ids
}

/** Holdfast's id of a folder or library, which is known by the tenant's. */
async function containersOf({ api, point, snapshot }: Known): Promise<(folder: string) => string> {
  const { resource, at } = point
  const containers = await containersByPath(api, { resource: resource.id, workload: WORKLOAD, at })
  const pathOf = pathsIn(snapshot)
  return (folder) => {
    const found = containers.get(pathOf(folder))
    if (found) return found.id
    throw notShown(pathOf(folder))
  }
}

function idOf({ name, path }: SiteFile, list: readonly Item[]): string {
  const [found] = list.filter((item) => item.name === name)
  if (found) return found.id
  throw notShown(path)
}

/** Paths as Holdfast's lists have them: they begin with the library. */
function pathsIn(snapshot: SiteSnapshot): (folderId: string) => string {
  const folders = foldersOf(snapshot)
  const libraries = new Map(
    snapshot.drives.flatMap((library) =>
      library.items.map(({ id }) => [id, library.drive.name] as const),
    ),
  )
  return (folderId) => {
    const folder = folders.get(folderId)
    if (!folder) throw new Error('a wish names a folder of the state before')
    if (folder.parentId === null) return folder.name
    return `${libraries.get(folderId)}/${folder.path}`
  }
}

function notShown(path: string): Trouble {
  return new Trouble(`Holdfast's lists do not show ${path}.`, {
    hint: 'The backup before it is not complete, or this is a defect.',
  })
}

/** What the verdict is asked about each site. */
export function siteCasesOf(given: {
  before: SiteSnapshots
  damaged: SiteSnapshots
  after: SiteSnapshots
  restores: ReadonlyMap<FileWish, RestoreResult>
  notStored: ReadonlySet<string>
}): SiteCase[] {
  return [...given.before].flatMap(([url, before]) => {
    const [damaged, after] = [given.damaged.get(url), given.after.get(url)]
    if (!damaged || !after) return []
    const own = [...given.restores].filter(([wish]) => wish.site === url)
    const refused = refusalsOf(own.map(([, result]) => result))
    const restores = own.map(([{ asked }]) => asked)
    return [{ before, damaged, after, restores, refused, notStored: given.notStored }]
  })
}
