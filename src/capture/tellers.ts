/**
 * Which cursor tells of a thing.
 *
 * Most containers have a cursor of their own that tells of what stands in them, and the list of
 * containers tells of the containers. Some services speak of a whole tree through the cursor of
 * one container: a drive's changes tell of its folders and of everything in them
 * (docs/decisions/013-cursors-of-many-containers.md).
 */
import { CONTAINERS, type ItemKind, type Place } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import type { StreamContext } from './stream-capture.ts'

type Capture = { readonly context: Pick<StreamContext, 'workload'> }

/** A thing that is held, listed, or in the ledger. */
export interface Thing {
  item: GraphId
  kind: ItemKind
  place: Pick<Place, 'container'>
}

/** Whose cursor tells of what stands in this container. */
export function cursorOf({ context }: Capture, container: GraphId): GraphId {
  if (container === CONTAINERS) return CONTAINERS
  return context.workload.cursorOf?.(container) ?? container
}

export function hasOwnCursor(capture: Capture, container: GraphId): boolean {
  return cursorOf(capture, container) === container
}

/** True where one cursor may tell of many containers. */
export function hasTrees({ context }: Capture): boolean {
  return context.workload.cursorOf !== undefined
}

/** Whose changes tell of this thing: where it is, and that it is gone. */
export function tellerOf(capture: Capture, { item, kind, place }: Thing): GraphId {
  if (kind === 'item') return cursorOf(capture, place.container)
  const teller = cursorOf(capture, item)
  return teller === item ? CONTAINERS : teller
}
