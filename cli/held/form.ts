/** As which file an item is given out. */
import type { Representation } from '../../src/model/events.ts'
import type { GraphId } from '../../src/model/ids.ts'

export interface FileForm {
  representation: Representation
  /** Without its dot; undefined: the name has its own. */
  ending: string | undefined
}

/** A message is its MIME, a file its content; undefined where the item has neither. */
export function fileFormOf(representations: readonly Representation[]): FileForm | undefined {
  const of = (name: string) => representations.find((r) => r.name === name)
  const mime = of('mime')
  if (mime) return { representation: mime, ending: 'eml' }
  const content = of('content')
  return content && { representation: content, ending: undefined }
}

/**
 * Whether this container holds the earlier versions of one file: it is called by the file's id and
 * a mark that no other id ends with (workloads/drive), and is in no list of folders.
 */
export function isOfEarlierVersions(container: GraphId): boolean {
  return container.includes('/') && container.endsWith('@')
}
