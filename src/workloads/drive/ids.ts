/**
 * The ids of drives and of what stands in them, as the rest of Holdfast carries them.
 *
 * A drive is its Graph id. An item or folder is known to Graph only within its drive, so both
 * stand in its id; an earlier version of a file within the file. The earlier versions of one file
 * stand in a container of their own, of which no list of changes tells. Made and read here alone;
 * to everybody else they are opaque.
 */
import { invariant } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'

/** Graph's ids of drives and items are free of it: they stand in paths. */
const SEPARATOR = '/'
const VERSION = '@'

export interface DriveAddress {
  drive: string
  /** Absent: the drive itself. */
  item?: string
  /** Of an earlier version; empty: the container of all of them. */
  version?: string
}

export interface ItemAddress extends DriveAddress {
  item: string
}

export function driveIdOf(drive: string): GraphId {
  invariant(drive !== '' && !drive.includes(SEPARATOR), 'the id of a drive has no slash')
  return drive as GraphId
}

export function itemIdOf(drive: string, item: string): GraphId {
  invariant(item !== '' && !item.includes(VERSION), 'the id of an item is its own')
  return `${driveIdOf(drive)}${SEPARATOR}${item}` as GraphId
}

/** Where the earlier versions of a file stand. */
export function versionsOf(file: GraphId): GraphId {
  return `${file}${VERSION}` as GraphId
}

export function versionIdOf(file: GraphId, version: string): GraphId {
  invariant(version !== '', 'a version has an id')
  return `${versionsOf(file)}${version}` as GraphId
}

export function addressOf(id: GraphId): DriveAddress {
  const at = id.indexOf(SEPARATOR)
  if (at === -1) return { drive: id }
  const [item = '', version] = id.slice(at + 1).split(VERSION)
  return { drive: id.slice(0, at), item, ...(version === undefined ? {} : { version }) }
}

/** Of what is in a drive; the id of a drive is a mistake of ours. */
export function itemAddressOf(id: GraphId): ItemAddress {
  const { item, ...rest } = addressOf(id)
  invariant(item !== undefined, 'what is asked for stands in a drive')
  return { ...rest, item }
}

/** Whose list of changes tells of what stands in this container. */
export function cursorOf(container: GraphId): GraphId {
  const { drive, version } = addressOf(container)
  return version === undefined ? driveIdOf(drive) : container
}
