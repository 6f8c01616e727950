/**
 * The whole true state of a drive, for verdicts. Read from the stores, and through none of the
 * code that answers Graph calls: a bug there must not be able to hide here.
 */
import type { Drive, DriveItem, ItemPermission, ItemVersion } from '../drive-model.ts'
import type { TenantState } from '../state/tenant-state.ts'

export interface FileVersionSnapshot {
  readonly id: string
  readonly sha256: string
  readonly bytes: number
  readonly modifiedMs: number
}

export interface DriveItemSnapshot
  extends Omit<DriveItem, 'pk' | 'drive' | 'parent' | 'content' | 'seq' | 'sharedSeq'> {
  /** Names from the root on, joined by `/`. */
  readonly path: string
  readonly parentId: string | null
  /** Of the true bytes; null for what has none. */
  readonly sha256: string | null
  /** True size; `size` is the one that SharePoint shows. */
  readonly bytes: number
  /** Newest first, the current one included. */
  readonly versions: readonly FileVersionSnapshot[]
  /** Its own, not those that hold from above. */
  readonly permissions: readonly Omit<ItemPermission, 'pk' | 'item'>[]
}

export interface DriveSnapshot {
  readonly drive: Pick<Drive, 'id' | 'name' | 'folder' | 'type' | 'system'>
  readonly siteId: string
  /** Parents first; without the root. */
  readonly items: readonly DriveItemSnapshot[]
}

function versionSnapshot(state: TenantState, version: ItemVersion): FileVersionSnapshot {
  const { sha256, size } = state.contents.byPk(version.content)
  return { id: `${version.number}.0`, sha256, bytes: size, modifiedMs: version.modifiedMs }
}

interface Place {
  readonly path: string
  readonly parentId: string | null
}

function itemSnapshot(state: TenantState, item: DriveItem, place: Place): DriveItemSnapshot {
  const { pk, drive, parent, content: contentPk, seq, sharedSeq, ...fields } = item
  const content = contentPk === null ? null : state.contents.byPk(contentPk)
  return {
    ...fields,
    ...place,
    sha256: content?.sha256 ?? null,
    bytes: content?.size ?? 0,
    versions: state.items.versions(item).map((each) => versionSnapshot(state, each)),
    permissions: state.sharing
      .own(item)
      .map(({ pk: _pk, item: _item, ...permission }) => permission),
  }
}

export function snapshotDrive(state: TenantState, drive: Drive): DriveSnapshot {
  const root = state.items.byPk(drive.root)
  const places = new Map<number, { readonly id: string; readonly path: string }>()
  const items: DriveItemSnapshot[] = []
  for (const item of state.items.subtree(root)) {
    const above = item.parent === null ? undefined : places.get(item.parent)
    const prefix = above === undefined || above.path === '' ? '' : `${above.path}/`
    const path = item.kind === 'root' ? '' : `${prefix}${item.name}`
    places.set(item.pk, { id: item.id, path })
    const parentId = above?.id ?? null
    if (item.kind !== 'root') items.push(itemSnapshot(state, item, { path, parentId }))
  }
  const { id, name, folder, type, system } = drive
  return {
    drive: { id, name, folder, type, system },
    siteId: state.sites.byPk(drive.site).id,
    items,
  }
}
