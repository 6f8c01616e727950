/**
 * The list of a site's drives: its libraries, also the hidden ones that Graph names.
 *
 * Graph has no delta of it, and two units for each look would be more than an unchanged drive
 * costs. So a list is believed for a while, and then asked for again.
 */
import { type JsonObject, resyncNeeded, type SharePoint, walkPages } from '../../graph/index.ts'
import { AppError, hasCode } from '../../model/errors.ts'
import { CONTAINERS } from '../../model/events.ts'
import type { Clock } from '../../ports.ts'
import type { ChangePage, Removed } from '../workload.ts'
import { isLocked, siteClosed } from './closed-site.ts'
import { decodeListCursor, encodeListCursor, type ListCursor } from './cursors.ts'
import { driveIdOf } from './ids.ts'
import { DRIVE_SELECT, presentDrive } from './present.ts'

const CALL = 'sites.drives'
/** Libraries of one site; SharePoint allows 2,000 lists of all kinds. */
const DRIVES_MAX = 5000

/** How long a list of drives is believed. */
export const LIST_AGE_MS = 6 * 3_600_000

export interface DriveListOptions {
  sharePoint: SharePoint
  site: string
  clock: Clock
  listAgeMs: number
}

export function isListDue(
  cursor: ListCursor,
  options: Pick<DriveListOptions, 'clock' | 'listAgeMs'>,
) {
  return options.clock.now() - cursor.at >= options.listAgeMs
}

/** All of the list in one page, or an empty one where the last one is still believed. */
export async function driveListPage(
  options: DriveListOptions,
  text: string | null,
  signal: AbortSignal,
): Promise<ChangePage> {
  const before = text === null ? undefined : decodeListCursor(text)
  if (text !== null && before === undefined) throw resyncNeeded(CALL)
  if (text !== null && before !== undefined && !isListDue(before, options)) {
    return { changes: [], delta: text }
  }
  const at = options.clock.now()
  const drives = (await readDrives(options, signal)).map(presentDrive)
  const ids = drives.map(({ id }) => id)
  const gone = (before?.drives ?? []).map(driveIdOf).filter((id) => !ids.includes(id))
  const removed = gone.map(
    (id): Removed => ({ op: 'removed', kind: 'container', id, container: CONTAINERS }),
  )
  return { changes: [...drives, ...removed], delta: encodeListCursor({ at, drives: ids }) }
}

async function readDrives(
  { sharePoint, site }: DriveListOptions,
  signal: AbortSignal,
): Promise<JsonObject[]> {
  const first = { path: ['sites', site, 'drives'], query: { $select: DRIVE_SELECT } }
  const pages = walkPages(CALL, (link) => {
    const where = link === null ? first : { link }
    return sharePoint.json({ name: CALL, ...where, charge: 'list' }, signal)
  })
  const all: JsonObject[] = []
  try {
    for await (const drives of pages) {
      all.push(...drives)
      if (all.length > DRIVES_MAX) throw tooMany()
    }
  } catch (error) {
    // The list is the site's own: what it is answered with is meant for all of it.
    if (hasCode(error, 'ItemGone') || isLocked(error)) throw siteClosed(error)
    throw error
  }
  return all
}

function tooMany(): AppError {
  return new AppError({
    code: 'EndlessPages',
    kind: 'transient',
    message: 'The list of the drives of a site does not end.',
    hint: 'Holdfast tries again later; if it persists, report it to Microsoft.',
    context: { call: CALL, drives: DRIVES_MAX },
  })
}
