/** What kind of thing a drive item is, by its facets (facts 3.7). */
import { type JsonObject, objectOf, textOf } from '../../graph/index.ts'
import type { ItemKind } from '../../model/events.ts'

export type ItemSort =
  | 'root'
  | 'folder'
  | 'file'
  /** A shortcut to what stands in another drive: kept as it is, never followed. */
  | 'shortcut'

/**
 * A notebook has `package`, with `folder` or without it, and things stand in it: a folder. A
 * shortcut to a folder has `folder` too, and nothing stands in it. Undefined: nothing says it.
 */
export function sortOf(item: JsonObject): ItemSort | undefined {
  const has = (facet: string): boolean => objectOf(item, facet) !== undefined
  if (has('root')) return 'root'
  if (has('remoteItem')) return 'shortcut'
  if (has('folder') || has('package')) return 'folder'
  return has('file') ? 'file' : undefined
}

/** Too little to be shown: what a page sometimes leaves of an item. */
export function isBare(item: JsonObject): boolean {
  return sortOf(item) === undefined || (textOf(item, 'name') ?? '') === ''
}

/** Of what is deleted, as far as the page still says it. */
export function kindOf(item: JsonObject): ItemKind | undefined {
  const sort = sortOf(item)
  if (sort === undefined) return undefined
  return sort === 'folder' || sort === 'root' ? 'container' : 'item'
}

/** The service thinks that it is malware and does not hand it out as usual. */
export function isInfected(item: JsonObject): boolean {
  return objectOf(item, 'malware') !== undefined
}

const OFFICE_NAMES =
  /\.(doc|docx|docm|dot|dotx|dotm|xls|xlsx|xlsm|xlsb|xlt|xltx|xltm|ppt|pptx|pptm|pot|potx|potm|pps|ppsx|ppsm|vsd|vsdx|vsdm|mpp|pub|one|onetoc2|aspx)$/i
const OFFICE_TYPES =
  /^application\/(msword|msonenote|onenote|vnd\.openxmlformats-officedocument\.|vnd\.ms-)/i

/** SharePoint writes properties into such files: what it hands out is not what it has a hash of. */
export function isRewritten(item: JsonObject): boolean {
  const file = objectOf(item, 'file')
  return (
    OFFICE_NAMES.test(textOf(item, 'name') ?? '') ||
    OFFICE_TYPES.test((file && textOf(file, 'mimeType')) ?? '')
  )
}
