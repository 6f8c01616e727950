/**
 * Reads who may see an item, where that is not simply who may see its folder.
 *
 * Each look costs five units, the dearest request there is, so only what says that its permissions
 * are its own is asked, or that they changed. The annotation of a change comes on files and never
 * on folders (7.39), so a slow cycle over everything that is shared must stand behind it. What
 * lets in whoever has it (the address of a sharing link) is not kept.
 */
import {
  isObject,
  type JsonObject,
  objectOf,
  type SharePoint,
  textOf,
  walkPages,
} from '../../graph/index.ts'
import { hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { Present } from '../workload.ts'
import { addressOf } from './ids.ts'
import { digestOf, sharingChanged } from './markers.ts'

const CALL = 'permissions.list'
/** Entries of one item; SharePoint allows 5,000 people and groups, and some hundred links. */
const ENTRIES_MAX = 10_000

export interface ItemPermissions {
  /** Given to the item itself, sorted by id. */
  own: JsonObject[]
  /** Of those that it has from above: only how many. */
  inherited: number
  /** Equal digests: nothing changed. */
  digest: string
}

/** With `hierarchicalsharing` the facet stands only where permissions are the item's own. */
export function hasOwnPermissions({ json }: Pick<Present, 'json'>): boolean {
  return isObject(json) && (objectOf(json, 'shared') !== undefined || sharingChanged(json))
}

/** Undefined where the item is gone. A drive: the permissions of its root. */
export async function readPermissions(
  sharePoint: SharePoint,
  id: GraphId,
  signal: AbortSignal,
): Promise<ItemPermissions | undefined> {
  const { drive, item } = addressOf(id)
  const of = item === undefined ? ['root'] : ['items', item]
  const path = ['drives', drive, ...of, 'permissions']
  const pages = walkPages(CALL, (link) =>
    sharePoint.json(
      { name: CALL, ...(link === null ? { path } : { link }), charge: 'permissions' },
      signal,
    ),
  )
  const all: JsonObject[] = []
  try {
    for await (const page of pages) {
      all.push(...page)
      if (all.length > ENTRIES_MAX) break
    }
  } catch (error) {
    if (hasCode(error, 'ItemGone')) return undefined
    throw error
  }
  return permissionsOf(all)
}

/** Pure. */
export function permissionsOf(all: readonly JsonObject[]): ItemPermissions {
  const own = all
    .filter((permission) => objectOf(permission, 'inheritedFrom') === undefined)
    .map(withoutAddresses)
    .sort((a, b) => ((textOf(a, 'id') ?? '') < (textOf(b, 'id') ?? '') ? -1 : 1))
  return { own, inherited: all.length - own.length, digest: digestOf({ own }, ['own']) }
}

/** Old fields that repeat new ones, and what opens the item to whoever has it. */
const DROPPED = ['shareId', 'grantedTo', 'grantedToIdentities']
const DROPPED_OF_LINK = ['webUrl', 'webHtml']

function withoutAddresses(permission: JsonObject): JsonObject {
  const link = objectOf(permission, 'link')
  const kept = without(permission, DROPPED)
  return link === undefined ? kept : { ...kept, link: without(link, DROPPED_OF_LINK) }
}

function without(object: JsonObject, names: readonly string[]): JsonObject {
  const isKept = (key: string): boolean => !names.includes(key) && !key.includes('@')
  return Object.fromEntries(Object.entries(object).filter(([key]) => isKept(key)))
}
