/**
 * The ids of drives and of what stands in them, as the rest of Holdfast carries them.
 *
 * A drive is its Graph id. An item or folder is known to Graph only within its drive, so both
 * stand in its id. Made and read here alone; to everybody else they are opaque.
 */
import { invariant } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'

/** Graph's ids of drives and items are free of it: they stand in paths. */
const SEPARATOR = '/'

export interface DriveAddress {
  drive: string
  /** Absent: the drive itself. */
  item?: string
}

export interface ItemAddress extends DriveAddress {
  item: string
}

export function driveIdOf(drive: string): GraphId {
  invariant(drive !== '' && !drive.includes(SEPARATOR), 'the id of a drive has no slash')
  return drive as GraphId
}

export function itemIdOf(drive: string, item: string): GraphId {
  invariant(item !== '', 'an item has an id')
  return `${driveIdOf(drive)}${SEPARATOR}${item}` as GraphId
}

export function addressOf(id: GraphId): DriveAddress {
  const at = id.indexOf(SEPARATOR)
  return at === -1 ? { drive: id } : { drive: id.slice(0, at), item: id.slice(at + 1) }
}

/** Of what is in a drive; the id of a drive is a mistake of ours. */
export function itemAddressOf(id: GraphId): ItemAddress {
  const { drive, item } = addressOf(id)
  invariant(item !== undefined, 'what is asked for stands in a drive')
  return { drive, item }
}
