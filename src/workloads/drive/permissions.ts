/**
 * Reads who may see an item, where that is not simply who may see its folder.
 *
 * Each look costs five units, the dearest request there is, so only what says that its permissions
 * are its own is asked (markers.ts, `sharing`). The annotation of a change comes on files and never
 * on folders (7.39), so a slow cycle over everything that is shared must stand behind it. What
 * lets in whoever has it (the address of a sharing link) is not kept.
 */
import { type JsonObject, objectOf, type SharePoint, textOf, walkPages } from '../../graph/index.ts'
import { hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import { itemFailure } from '../failure.ts'
import type { ContentOutcome } from '../workload.ts'
import { addressOf } from './ids.ts'

const CALL = 'permissions.list'
/** Entries of one item; SharePoint allows 5,000 people and groups, and some hundred links. */
const ENTRIES_MAX = 10_000

/** The representation `permissions`, as JSON. */
export interface HeldPermissions {
  /** Given to the item itself, as Graph says them, sorted by id. */
  own: JsonObject[]
}

/** As a part of the item's version. */
export async function fetchPermissions(
  sharePoint: SharePoint,
  id: GraphId,
  signal: AbortSignal,
): Promise<ContentOutcome> {
  try {
    const held = await readPermissions(sharePoint, id, signal)
    const bytes = once(Buffer.from(JSON.stringify(held), 'utf8'))
    return { outcome: 'content', parts: [{ name: 'permissions', bytes }] }
  } catch (error) {
    if (hasCode(error, 'ItemGone')) return { outcome: 'gone' }
    const failure = itemFailure(error)
    if (failure === undefined) throw error
    return { outcome: 'ledger', ...failure }
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

/** Of a drive those of its root. Throws `ItemGone`. */
export async function readPermissions(
  sharePoint: SharePoint,
  id: GraphId,
  signal: AbortSignal,
): Promise<HeldPermissions> {
  return heldPermissions(await listPermissions(sharePoint, id, signal))
}

/** As the service says them, also those that it has from above. Throws `ItemGone`. */
export async function listPermissions(
  sharePoint: SharePoint,
  id: GraphId,
  signal: AbortSignal,
): Promise<JsonObject[]> {
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
  for await (const page of pages) {
    all.push(...page)
    if (all.length > ENTRIES_MAX) break
  }
  return all
}

/** Pure. What the item has from above is told with what stands above. */
export function heldPermissions(all: readonly JsonObject[]): HeldPermissions {
  const own = all
    .filter((permission) => objectOf(permission, 'inheritedFrom') === undefined)
    .map(withoutAddresses)
    .sort((a, b) => ((textOf(a, 'id') ?? '') < (textOf(b, 'id') ?? '') ? -1 : 1))
  return { own }
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
