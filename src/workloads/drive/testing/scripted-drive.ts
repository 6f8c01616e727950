/** For tests: a drive whose answers are written by hand, and the reader of its site on it. */
import { graphError, graphOn, json, type Step } from '../../../graph/testing/scripted.ts'
import type { GraphId } from '../../../model/ids.ts'
import { type DriveOptions, driveReading } from '../index.ts'

export const SITE = 'contoso.sharepoint.com,aaaa,bbbb' as GraphId
export const DRIVE = 'b!drive' as GraphId
export const ROOT = 'ROOT'
export const BASE = 'http://127.0.0.1:9/v1.0'
export const NEXT = '@odata.nextLink'
export const DELTA = '@odata.deltaLink'

/** Name of a request: what its path says below the version, and the token of a link. */
function nameOf(request: Request): string {
  const { host, pathname, searchParams } = new URL(request.url)
  if (host !== '127.0.0.1:9') return request.url
  const token = searchParams.get('token')
  const path = decodeURIComponent(pathname).replace(/^\/v1\.0\//, '')
  return token === null ? path : `${path} ${token}`
}

/** Answers by name; what has no answer is not there. An array is answered one by one. */
export function driveOn(
  answers: Record<string, Step | Step[]>,
  options: Partial<DriveOptions> = {},
) {
  const seen: Request[] = []
  const queues = new Map(Object.entries(answers).map(([name, step]) => [name, [step].flat()]))
  const world = graphOn(async (request) => {
    seen.push(request)
    const queue = queues.get(nameOf(request)) ?? []
    const step = queue.length > 1 ? queue.shift() : queue[0]
    return (await step?.(request)) ?? graphError(404, 'itemNotFound')
  })
  const { clock, graph } = world
  const workload = driveReading({
    ...{ graph, clock, tenant: 'tenant', pageSize: 200, includeInfected: false, ...options },
  })
  const reader = workload.reader({ graphId: SITE })
  return { ...world, workload, reader, seen, names: () => seen.map(nameOf) }
}

export function linkTo(token: string): string {
  return `${BASE}/drives/${DRIVE}/root/delta?token=${token}`
}

/** One page of changes: with `next` or `delta` as the token of its link. */
export function page(value: unknown[], links: { next?: string; delta?: string }): Step {
  return () =>
    json({
      value,
      ...(links.next === undefined ? {} : { [NEXT]: linkTo(links.next) }),
      ...(links.delta === undefined ? {} : { [DELTA]: linkTo(links.delta) }),
    })
}

export const root = { id: ROOT, name: 'root', root: {}, folder: {} }

export function folder(id: string, parent = ROOT, more: object = {}) {
  return {
    id,
    name: `Folder ${id}`,
    folder: { childCount: 1 },
    parentReference: { driveId: DRIVE, id: parent },
    ...more,
  }
}

export function file(id: string, parent = ROOT, more: object = {}) {
  return {
    id,
    name: `${id}.bin`,
    eTag: `"{${id}},1"`,
    size: 4,
    file: { mimeType: 'application/octet-stream', hashes: { quickXorHash: `hash-${id}` } },
    parentReference: { driveId: DRIVE, id: parent },
    fileSystemInfo: {
      createdDateTime: '2026-01-01T00:00:00Z',
      lastModifiedDateTime: '2026-01-02T00:00:00Z',
    },
    lastModifiedDateTime: '2026-01-03T00:00:00Z',
    lastModifiedBy: { user: { displayName: 'Ada' } },
    ...more,
  }
}
