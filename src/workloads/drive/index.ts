/**
 * Drive: the files and folders of a site's libraries. A OneDrive is a site of its own.
 *
 * Only drives have cursors; everything in one is told by its drive's list of changes.
 */
import { type Graph, SHAREPOINT_CONCURRENCY, sharePointOf } from '../../graph/index.ts'
import { CONTAINERS } from '../../model/events.ts'
import type { Clock } from '../../ports.ts'
import type { RestorableWorkload, StreamReader, Workload } from '../workload.ts'
import { Addresses } from './addresses.ts'
import { createChangeReader } from './changes.ts'
import { createContentReader } from './content.ts'
import { LIST_AGE_MS, sizeOfDrives } from './drive-list.ts'
import { drivesChangedSince } from './hint.ts'
import { cursorOf } from './ids.ts'
import { createItemReader } from './item.ts'
import { createLongReader } from './long.ts'
import { compareMarkers } from './markers.ts'
import { fetchPermissions } from './permissions.ts'
import { driveWriting } from './restore.ts'
import { earlierVersions } from './versions.ts'

/** Content of at least so many bytes is read over several slices. */
export const LONG_BYTES = 64 * 1024 * 1024

export interface DriveOptions {
  graph: Graph
  clock: Clock
  /** Directory id of the tenant, whose units all sites share. */
  tenant: string
  /** Items asked for in one page of changes. */
  pageSize: number
  /** Fetches what the service takes for malware, through its beta override. */
  includeInfected: boolean
  /** How old a list of drives may be for a hint to be believed. */
  listAgeMs?: number
  longBytes?: number
}

/** Files and folders, read and put back. */
export function driveWorkload(
  options: DriveOptions & { app: string },
): Workload & RestorableWorkload {
  return { name: 'drive', ...driveReading(options), ...driveWriting(options) }
}

/** The reading half of the workload. */
export function driveReading(options: DriveOptions): Omit<Workload, 'name'> {
  const { graph, clock, tenant, pageSize, includeInfected } = options
  const { listAgeMs = LIST_AGE_MS, longBytes = LONG_BYTES } = options
  return {
    isForgeable: true,
    compare: compareMarkers,
    cursorOf: (container) => (container === CONTAINERS ? container : cursorOf(container)),
    reader(owner): StreamReader {
      const sharePoint = sharePointOf(graph, tenant)
      const addresses = new Addresses()
      const { earlierVersions: policy = 'none' } = owner
      const ways = { sharePoint, clock, listAgeMs, pageSize, addresses, includeInfected }
      const changes = createChangeReader({ ...ways, site: owner.graphId, listed: {} })
      return {
        changes: changes.page,
        newest: changes.newest,
        changedSince: (links, signal) => drivesChangedSince(ways, links, signal),
        size: (signal) => sizeOfDrives({ sharePoint, site: owner.graphId }, signal),
        content: createContentReader(ways).fetch,
        earlier: (item, held, signal) =>
          earlierVersions({ sharePoint, policy }, item, held, signal),
        permissions: (item, signal) => fetchPermissions(sharePoint, item.id, signal),
        item: createItemReader(sharePoint, addresses).read,
        long: createLongReader({ ...ways, fromBytes: longBytes }),
        concurrency: SHAREPOINT_CONCURRENCY,
        requests: sharePoint.requests,
        units: () => ({ all: sharePoint.units(), permissions: sharePoint.permissionUnits() }),
      }
    },
  }
}
