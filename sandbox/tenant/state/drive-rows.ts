/** SQLite rows of sites and drives to the tenant's types; as `rows.ts` does it for mail. */
import type {
  Content,
  Drive,
  DriveItem,
  ItemKind,
  ItemPermission,
  ItemVersion,
  Site,
  SiteState,
} from '../drive-model.ts'
import type { SqlRow } from './database.ts'
import { integer, json, optionalJson, optionalText, text } from './rows.ts'

function optionalInteger(row: SqlRow, column: string): number | null {
  return row[column] === null ? null : integer(row, column)
}

export function toSite(row: SqlRow): Site {
  return {
    pk: integer(row, 'pk'),
    id: text(row, 'id'),
    seq: integer(row, 'seq'),
    deleted: row['deleted'] === 1,
    parent: optionalInteger(row, 'parent'),
    host: text(row, 'host'),
    collection: text(row, 'collection'),
    web: text(row, 'web'),
    path: text(row, 'path'),
    displayName: text(row, 'display_name'),
    owner: optionalInteger(row, 'owner'),
    group: optionalText(row, 'group_id'),
    state: text(row, 'state') as SiteState,
    createdMs: integer(row, 'created'),
    modifiedMs: integer(row, 'modified'),
  }
}

export function toDrive(row: SqlRow): Drive {
  return {
    pk: integer(row, 'pk'),
    id: text(row, 'id'),
    site: integer(row, 'site'),
    seq: integer(row, 'seq'),
    deleted: row['deleted'] === 1,
    list: text(row, 'list'),
    name: text(row, 'name'),
    folder: text(row, 'folder'),
    type: text(row, 'type') as Drive['type'],
    system: row['system'] === 1,
    root: integer(row, 'root'),
    quotaBytes: integer(row, 'quota'),
    createdMs: integer(row, 'created'),
    modifiedMs: integer(row, 'modified'),
  }
}

export function toItem(row: SqlRow): DriveItem {
  return {
    pk: integer(row, 'pk'),
    drive: integer(row, 'drive'),
    id: text(row, 'id'),
    guid: text(row, 'guid'),
    serial: integer(row, 'serial'),
    seq: integer(row, 'seq'),
    sharedSeq: integer(row, 'shared_seq'),
    parent: optionalInteger(row, 'parent'),
    name: text(row, 'name'),
    kind: text(row, 'kind') as ItemKind,
    deleted: row['deleted'] !== 0,
    eTag: integer(row, 'etag'),
    cTag: integer(row, 'ctag'),
    size: integer(row, 'size'),
    mimeType: optionalText(row, 'mime'),
    content: optionalInteger(row, 'content'),
    quickXorHash: optionalText(row, 'quick_xor'),
    version: integer(row, 'version'),
    createdMs: integer(row, 'created'),
    modifiedMs: integer(row, 'modified'),
    fsCreatedMs: integer(row, 'fs_created'),
    fsModifiedMs: integer(row, 'fs_modified'),
    createdBy: json(row, 'created_by'),
    modifiedBy: json(row, 'modified_by'),
    malware: optionalText(row, 'malware'),
    remote: optionalJson(row, 'remote'),
    unique: row['unique_permissions'] === 1,
  }
}

export function toVersion(row: SqlRow): ItemVersion {
  return {
    item: integer(row, 'item'),
    number: integer(row, 'number'),
    content: integer(row, 'content'),
    size: integer(row, 'size'),
    quickXorHash: optionalText(row, 'quick_xor'),
    modifiedMs: integer(row, 'modified'),
    modifiedBy: json(row, 'modified_by'),
  }
}

export function toContent(row: SqlRow): Content {
  return {
    pk: integer(row, 'pk'),
    size: integer(row, 'size'),
    sha256: text(row, 'sha256'),
    quickXorHash: text(row, 'quick_xor'),
  }
}

export function toPermission(row: SqlRow): ItemPermission {
  return {
    ...json<Omit<ItemPermission, 'pk' | 'id' | 'item'>>(row, 'fields'),
    pk: integer(row, 'pk'),
    id: text(row, 'id'),
    item: integer(row, 'item'),
  }
}
