/** Where Graph has a drive, a folder, a file, and what stands in a folder by its name. */
import type { GraphId } from '../../model/ids.ts'
import { addressOf } from './ids.ts'

/** Of a drive's id: its root folder. */
export function itemPath(id: GraphId): string[] {
  const { drive, item } = addressOf(id)
  return item === undefined ? ['drives', drive, 'root'] : ['drives', drive, 'items', item]
}

/** What has that name in the container. A name holds no colon. */
export function namedPath(container: GraphId, name: string): string[] {
  return [...begun(container), name]
}

/** Something to be done with what has, or will have, that name. */
export function namedAction(container: GraphId, name: string, action: string): string[] {
  return [...begun(container), `${name}:`, action]
}

function begun(container: GraphId): string[] {
  const path = itemPath(container)
  const last = path.pop() ?? ''
  return [...path, `${last}:`]
}
