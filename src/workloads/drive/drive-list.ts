/**
 * The list of a site's drives: its libraries, also the hidden ones that Graph names.
 *
 * Graph has no delta of it, so a round asks for the whole list, once, and tells what differs from
 * the one before. A hint does not: two units for each look would be more than an unchanged drive
 * costs.
 */
import {
  type JsonObject,
  resyncNeeded,
  type SharePoint,
  textOf,
  walkPages,
} from '../../graph/index.ts'
import { AppError, hasCode } from '../../model/errors.ts'
import { CONTAINERS, type Marker } from '../../model/events.ts'
import type { Clock } from '../../ports.ts'
import type { ChangePage, Removed } from '../workload.ts'
import { isLocked, siteClosed } from './closed-site.ts'
import { decodeListCursor, encodeListCursor, type ListCursor } from './cursors.ts'
import { driveIdOf } from './ids.ts'
import { sizeOf } from './markers.ts'
import { DRIVE_SELECT, presentDrive } from './present.ts'

const CALL = 'sites.drives'
/** Libraries of one site; SharePoint allows 2,000 lists of all kinds. */
const DRIVES_MAX = 5000

/** How old a list of drives may be for a hint to be believed. */
export const LIST_AGE_MS = 6 * 3_600_000

export interface DriveListOptions {
  sharePoint: SharePoint
  site: string
  clock: Clock
  listAgeMs: number
  /** The link of the list that this reader has asked for: it need not be asked for twice. */
  listed: { link?: string }
}

export function isListDue(
  cursor: ListCursor,
  options: Pick<DriveListOptions, 'clock' | 'listAgeMs'>,
) {
  return options.clock.now() - cursor.at >= options.listAgeMs
}

/** What differs from the list before; nothing where this reader has asked for it already. */
export async function driveListPage(
  options: DriveListOptions,
  text: string | null,
  signal: AbortSignal,
): Promise<ChangePage> {
  const before = text === null ? undefined : decodeListCursor(text)
  if (text !== null && before === undefined) throw resyncNeeded(CALL)
  if (text !== null && text === options.listed.link) return { changes: [], delta: text }
  const at = options.clock.now()
  const drives = (await readDrives(options, DRIVE_SELECT, signal)).map(presentDrive)
  const now = Object.fromEntries(drives.map(({ id, marker }) => [id, digestOf(marker)]))
  const held = before?.drives ?? {}
  const told = drives.filter(({ id }) => held[id] !== now[id])
  const gone = Object.keys(held)
    .map(driveIdOf)
    .filter((id) => now[id] === undefined)
  const removed = gone.map(
    (id): Removed => ({ op: 'removed', kind: 'container', id, container: CONTAINERS }),
  )
  const delta = encodeListCursor({ at, drives: now })
  options.listed.link = delta
  return { changes: [...told, ...removed], delta }
}

/** Short: it tells one state of a drive from another. */
function digestOf({ content }: Marker): string {
  return content.slice(0, 16)
}

async function readDrives(
  { sharePoint, site }: Pick<DriveListOptions, 'sharePoint' | 'site'>,
  fields: string,
  signal: AbortSignal,
): Promise<JsonObject[]> {
  const first = { path: ['sites', site, 'drives'], query: { $select: fields } }
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

/** Drives whose size is asked for; a site with more is estimated by these. */
const MEASURED_MAX = 20

/** Bytes in the site's drives: two units, and one for each drive. How many files, nobody says. */
export async function sizeOfDrives(
  options: Pick<DriveListOptions, 'sharePoint' | 'site'>,
  signal: AbortSignal,
): Promise<{ bytes: number }> {
  const drives = await readDrives(options, 'id,system', signal)
  const measured = drives.slice(0, MEASURED_MAX)
  let bytes = 0
  for (const drive of measured) {
    const path = ['drives', textOf(drive, 'id') ?? '', 'root']
    const request = { name: 'drives.root', path, query: { $select: 'id,size' } }
    bytes += sizeOf(await options.sharePoint.json({ ...request, charge: 'item' }, signal))
  }
  const share = measured.length === 0 ? 1 : drives.length / measured.length
  return { bytes: Math.round(bytes * share) }
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
