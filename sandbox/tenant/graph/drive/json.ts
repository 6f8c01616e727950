/**
 * The JSON of sites, drives, items, versions and permissions.
 *
 * Invariants: every property is one of the published metadata; with `$select` an answer has what
 * was named and nothing else, not even an id; a delta shows an item differently from a GET of it
 * (facts/graph.md 2.4, 3.7), which `ItemView` says.
 */
import type {
  Actor,
  Drive,
  DriveItem,
  Grantee,
  ItemPermission,
  ItemVersion,
  RemoteTarget,
  Site,
} from '../../drive-model.ts'
import type { Answer } from '../../http.ts'
import type { Json } from '../json.ts'
import { context } from '../lists.ts'
import type { GraphRequest } from '../request.ts'
import { downloadUrl } from './download-urls.ts'
import type { DrivePlace, ItemPlace } from './find.ts'
import { unknownProperty } from './refusals.ts'

function time(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z')
}

function actor({ id, displayName, kind }: Actor): Json {
  const identity = id === '' ? { displayName } : { id, displayName }
  return kind === 'application' ? { application: identity } : { user: identity }
}

type Properties<T> = Readonly<Record<string, (thing: T) => unknown>>

/** Undefined properties are left out, as Graph leaves them out. */
function toJson<T>(
  thing: T,
  names: readonly string[],
  {
    properties,
    type,
    known,
  }: { properties: Properties<T>; type: string; known: ReadonlySet<string> },
): Json {
  const json: Json = {}
  for (const name of names) {
    const property = properties[name]
    if (!property && !known.has(name)) throw unknownProperty(name, type)
    const value = property?.(thing)
    if (value !== undefined) json[name] = value
  }
  return json
}

const SITE_PROPERTIES: Properties<Site> = {
  id: (site) => site.id,
  createdDateTime: (site) => time(site.createdMs),
  lastModifiedDateTime: (site) => time(site.modifiedMs),
  name: (site) => site.path.split('/').at(-1),
  displayName: (site) => site.displayName,
  webUrl: siteUrl,
  isPersonalSite: (site) => site.owner !== null,
  root: (site) => (site.parent === null ? {} : undefined),
  siteCollection: (site) =>
    site.parent === null
      ? { hostname: site.host, dataLocationCode: 'EUR', ...archivalDetails(site) }
      : undefined,
  sharepointIds: (site) => siteIds(site),
}

/** Published properties that nothing here has. */
const SITE_ABSENT: ReadonlySet<string> = new Set([
  ...(['eTag', 'description', 'error', 'parentReference', 'createdBy', 'lastModifiedBy'] as const),
  'deleted',
])
const SITE_DEFAULT = Object.keys(SITE_PROPERTIES).filter((name) => name !== 'sharepointIds')

function archivalDetails({ state }: Site): Json {
  if (state === 'live' || state === 'locked') return {}
  return { archivalDetails: { archiveStatus: state } }
}

function siteUrl({ host, path }: Site): string {
  return `https://${host}${encodeURI(path)}`
}

function siteIds(site: Site): Json {
  return { siteId: site.collection, siteUrl: siteUrl(site), webId: site.web }
}

export function siteJson(site: Site, select: readonly string[] | null): Json {
  const how = { properties: SITE_PROPERTIES, type: 'site', known: SITE_ABSENT }
  return toJson(site, select ?? SITE_DEFAULT, how)
}

interface DriveView extends DrivePlace {
  readonly owner: Json | null
  readonly usedBytes: number
}

const DRIVE_PROPERTIES: Properties<DriveView> = {
  createdDateTime: ({ drive }) => time(drive.createdMs),
  description: () => '',
  id: ({ drive }) => drive.id,
  lastModifiedDateTime: ({ drive }) => time(drive.modifiedMs),
  name: ({ drive }) => drive.name,
  webUrl: ({ site, drive }) => driveUrl(site, drive),
  driveType: ({ drive }) => drive.type,
  createdBy: () => ({ user: { displayName: 'System Account' } }),
  owner: ({ owner }) => owner ?? undefined,
  quota: ({ drive, usedBytes }) => ({
    deleted: 0,
    remaining: Math.max(0, drive.quotaBytes - usedBytes),
    state: usedBytes > drive.quotaBytes ? 'exceeded' : 'normal',
    total: drive.quotaBytes,
    used: usedBytes,
  }),
  sharePointIds: ({ site, drive }) => ({ ...siteIds(site), listId: drive.list }),
  system: ({ drive }) => (drive.system ? {} : undefined),
}

const DRIVE_ABSENT: ReadonlySet<string> = new Set([
  ...(['eTag', 'lastModifiedBy', 'parentReference'] as const),
])
const DRIVE_DEFAULT = Object.keys(DRIVE_PROPERTIES).filter(
  (name) => name !== 'sharePointIds' && name !== 'system',
)

function driveUrl(site: Site, { folder }: Drive): string {
  return `${siteUrl(site)}/${encodeURIComponent(folder)}`
}

/** The person of a OneDrive, the group of a team site. */
function ownerOf(site: Site, { users }: GraphRequest['state']): Json | null {
  if (site.owner !== null) {
    const { id, profile } = users.byPk(site.owner)
    return actor({ id, displayName: profile.displayName, kind: 'user' })
  }
  if (site.group === null) return null
  const email = `${site.path.split('/').at(-1)}@${site.host.replace('.sharepoint.', '.onmicrosoft.')}`
  return { group: { email, id: site.group, displayName: site.displayName } }
}

export function driveJson(
  { state }: GraphRequest,
  place: DrivePlace,
  select: readonly string[] | null,
): Json {
  const { site, drive } = place
  const owner = ownerOf(site, state)
  const view = { ...place, owner, usedBytes: state.items.byPk(drive.root).size }
  const how = { properties: DRIVE_PROPERTIES, type: 'drive', known: DRIVE_ABSENT }
  return toJson(view, select ?? DRIVE_DEFAULT, how)
}

export function driveAnswer(request: GraphRequest, place: DrivePlace): Answer {
  const { select } = request.options
  return {
    status: 200,
    body: {
      '@odata.context': `${context(request, 'drives', select)}/$entity`,
      ...driveJson(request, place, select),
    },
  }
}

/** How an item is shown, beside what it is. */
export interface ItemView {
  readonly request: GraphRequest
  /** A delta has no paths, no names of parents and no cTags. */
  readonly inDelta: boolean
  /** Only what has permissions of its own shows that it is shared; without it, all below too. */
  readonly hierarchicalSharing: boolean
  readonly leavesOutUrl: boolean
}

interface ShownItem extends ItemPlace, ItemView {}

const isFile = ({ item }: ShownItem) => item.kind === 'file'
const isContainer = ({ item: { kind } }: ShownItem) =>
  kind === 'root' || kind === 'folder' || kind === 'notebook'

const ITEM_PROPERTIES: Properties<ShownItem> = {
  '@microsoft.graph.downloadUrl': (shown) =>
    isFile(shown) && !shown.leavesOutUrl ? downloadUrl(shown.request, shown) : undefined,
  createdBy: ({ item }) => actor(item.createdBy),
  createdDateTime: ({ item }) => time(item.createdMs),
  cTag: ({ item, inDelta }) => (inDelta ? undefined : cTagOf(item)),
  eTag: ({ item }) => eTagOf(item),
  id: ({ item }) => item.id,
  lastModifiedBy: ({ item }) => actor(item.modifiedBy),
  lastModifiedDateTime: ({ item }) => time(item.modifiedMs),
  name: ({ item }) => item.name,
  parentReference: parentReference,
  webUrl: ({ request, site, drive, item }) => {
    const path = request.state.items.path(item).split('/').map(encodeURIComponent).join('/')
    return `${driveUrl(site, drive)}${path === '' ? '' : '/'}${path}`
  },
  size: ({ item }) => item.size,
  file: (shown) => (isFile(shown) ? fileFacet(shown.item) : undefined),
  folder: (shown) =>
    isContainer(shown)
      ? { childCount: shown.request.state.items.childCount(shown.item) }
      : undefined,
  package: ({ item }) => (item.kind === 'notebook' ? { type: 'oneNote' } : undefined),
  root: ({ item }) => (item.kind === 'root' ? {} : undefined),
  fileSystemInfo: ({ item }) => ({
    createdDateTime: time(item.fsCreatedMs),
    lastModifiedDateTime: time(item.fsModifiedMs),
  }),
  shared: sharedFacet,
  malware: ({ item }) => (item.malware === null ? undefined : { description: item.malware }),
  remoteItem: ({ item }) => (item.remote === null ? undefined : remoteFacet(item.remote)),
  sharepointIds: ({ site, drive, item }) => ({
    ...siteIds(site),
    listId: drive.list,
    listItemId: String(item.serial),
    listItemUniqueId: item.guid,
  }),
}

const ITEM_ABSENT: ReadonlySet<string> = new Set([
  ...(['audio', 'bundle', 'content', 'deleted', 'description', 'image', 'location'] as const),
  ...(['pendingOperations', 'photo', 'publication', 'searchResult', 'specialFolder'] as const),
  ...(['video', 'webDavUrl'] as const),
])
const ITEM_DEFAULT = Object.keys(ITEM_PROPERTIES).filter((name) => name !== 'sharepointIds')

/** SharePoint's own alias for the download URL. */
function itemNames(select: readonly string[]): readonly string[] {
  return select.map((name) =>
    name === 'content.downloadUrl' ? '@microsoft.graph.downloadUrl' : name,
  )
}

export function eTagOf({ guid, eTag }: DriveItem): string {
  return `"{${guid.toUpperCase()}},${eTag}"`
}

export function cTagOf({ guid, cTag }: DriveItem): string {
  return `"c:{${guid.toUpperCase()}},${cTag}"`
}

function fileFacet({ mimeType, quickXorHash }: DriveItem): Json {
  return {
    ...(mimeType === null ? {} : { mimeType }),
    ...(quickXorHash === null ? {} : { hashes: { quickXorHash } }),
  }
}

function parentReference({ request, site, drive, item, inDelta }: ShownItem): Json {
  const place = { driveType: drive.type, driveId: drive.id }
  if (item.parent === null) return { ...place, siteId: site.id }
  const { items } = request.state
  const parent = items.byPk(item.parent)
  const whole = { ...place, id: parent.id, siteId: site.id }
  if (inDelta) return whole
  const path = items.path(parent).split('/').map(encodeURIComponent).join('/')
  const tail = path === '' ? '' : `/${path}`
  const name = parent.kind === 'root' ? drive.folder : parent.name
  return { ...whole, name, path: `/drives/${drive.id}/root:${tail}` }
}

function sharedFacet({ request, item, hierarchicalSharing }: ShownItem): Json | undefined {
  const { sharing } = request.state
  const by = hierarchicalSharing ? (item.unique ? item : undefined) : sharing.sharedBy(item)
  if (!by || (by.kind === 'root' && !hierarchicalSharing)) return undefined
  const scopes = new Set(sharing.own(by).map(({ link }) => link?.scope ?? 'users'))
  const scope = (['anonymous', 'organization', 'users'] as const).find((each) => scopes.has(each))
  return { scope: scope ?? 'users' }
}

function remoteFacet({ driveId, itemId, siteId, name, isFolder }: RemoteTarget): Json {
  return {
    id: itemId,
    name,
    parentReference: { driveId, driveType: 'documentLibrary', siteId },
    ...(isFolder ? { folder: { childCount: 0 } } : { file: {} }),
  }
}

export function itemJson(place: ItemPlace, view: ItemView, select: readonly string[] | null): Json {
  const names = select === null ? ITEM_DEFAULT : itemNames(select)
  const how = { properties: ITEM_PROPERTIES, type: 'driveItem', known: ITEM_ABSENT }
  return toJson({ ...place, ...view }, names, how)
}

/**
 * A deleted item: it has its kind still, and neither name nor cTag; what says that it is deleted
 * is one property among others, and not there where it was not selected (facts/graph.md 7, no. 1).
 */
export function deletedItemJson(
  place: ItemPlace,
  view: ItemView,
  select: readonly string[] | null,
): Json {
  const kept = ['id', 'parentReference', 'file', 'folder', 'package', 'size'] as const
  const names = itemNames(select ?? [...kept, 'deleted'])
  // The names that were asked for are checked as ever.
  itemJson(place, { ...view, leavesOutUrl: true }, names)
  const whole: Json = {
    ...itemJson(place, view, kept),
    ...(place.item.kind === 'file' ? { file: { mimeType: place.item.mimeType } } : {}),
    size: 0,
    deleted: { state: 'deleted' },
  }
  return Object.fromEntries(Object.entries(whole).filter(([name]) => names.includes(name)))
}

export function versionJson(version: ItemVersion, select: readonly string[] | null): Json {
  const properties: Properties<ItemVersion> = {
    id: ({ number }) => `${number}.0`,
    lastModifiedDateTime: ({ modifiedMs }) => time(modifiedMs),
    lastModifiedBy: ({ modifiedBy }) => actor(modifiedBy),
    size: ({ size }) => size,
  }
  const how = { properties, type: 'driveItemVersion', known: new Set(['content', 'publication']) }
  return toJson(version, select ?? Object.keys(properties), how)
}

function identitySet({ kind, id, displayName, loginName }: Grantee): Json {
  const login = loginName === undefined ? {} : { loginName }
  return { [kind]: { id, displayName, ...login } }
}

/** Old readers know people and applications only. */
function plainIdentitySet({ kind, id, displayName }: Grantee): Json | null {
  if (kind !== 'user' && kind !== 'application' && kind !== 'device') return null
  return { [kind]: { id, displayName } }
}

/** `from`: the item that the permission was given to; another one means that it is inherited. */
export function permissionJson(
  place: ItemPlace,
  { permission, from }: { permission: ItemPermission; from: DriveItem },
): Json {
  const { id, roles, grantees, link, hasPassword, expiresMs } = permission
  const [first] = grantees
  const plain = first ? plainIdentitySet(first) : null
  const host = place.site.host
  return {
    id,
    roles,
    shareId: `u!${Buffer.from(`https://${host}/${id}`).toString('base64url')}`,
    ...(expiresMs === null ? {} : { expirationDateTime: time(expiresMs) }),
    hasPassword,
    ...(from.pk === place.item.pk
      ? {}
      : { inheritedFrom: { driveId: place.drive.id, driveType: place.drive.type, id: from.id } }),
    ...(link === null
      ? first && { grantedToV2: identitySet(first), ...(plain ? { grantedTo: plain } : {}) }
      : {
          grantedToIdentitiesV2: grantees.map(identitySet),
          grantedToIdentities: grantees.flatMap((each) => plainIdentitySet(each) ?? []),
          link: { ...link, webUrl: `https://${host}/:x:/s/${id}` },
        }),
  }
}
