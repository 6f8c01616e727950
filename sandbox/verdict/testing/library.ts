/** Small libraries for the tests of the verdict over files. */
import type { DriveItemSnapshot, DriveSnapshot, SiteSnapshot } from '../../tenant/index.ts'

let serial = 0
const ANN = { id: 'u', displayName: 'Ann', kind: 'user' } as const

function item(name: string, more: Partial<DriveItemSnapshot>): DriveItemSnapshot {
  serial += 1
  return {
    ...{ id: `i${serial}`, guid: `g${serial}`, serial, name, path: name, parentId: 'root' },
    ...{ deleted: false, eTag: 1, cTag: 1, size: 5, mimeType: null, quickXorHash: null },
    ...{ version: 1, createdMs: serial, modifiedMs: serial, fsCreatedMs: 1_000 },
    ...{ fsModifiedMs: 2_000, createdBy: ANN, modifiedBy: ANN, malware: null, remote: null },
    ...{ unique: false, kind: 'file', sha256: null, bytes: 0, versions: [], permissions: [] },
    ...more,
  }
}

export function folder(id: string, more: Partial<DriveItemSnapshot> = {}): DriveItemSnapshot {
  return item(id, { id, kind: 'folder', ...more })
}

/** With this text; also its versions, newest first. */
export function file(
  name: string,
  texts: string | readonly string[],
  more: Partial<DriveItemSnapshot> = {},
): DriveItemSnapshot {
  const all = typeof texts === 'string' ? [texts] : texts
  const versions = all.map((text, n) => ({
    ...{ id: `${all.length - n}.0`, sha256: `sha of ${text}`, bytes: text.length, modifiedMs: 1 },
  }))
  const [newest] = versions
  const content = { sha256: newest?.sha256 ?? null, bytes: newest?.bytes ?? 0, versions }
  return item(name, { mimeType: 'text/plain', ...content, ...more })
}

/** What a faithful restore makes of a file: the same, under a new id, by the app, now. */
export function restored(
  original: DriveItemSnapshot,
  more: Partial<DriveItemSnapshot> = {},
): DriveItemSnapshot {
  serial += 1
  const by = { id: 'app', displayName: 'Holdfast restore', kind: 'application' } as const
  return {
    ...original,
    ...{ id: `i${serial}`, guid: `g${serial}`, serial, createdMs: 9_000, modifiedMs: 9_000 },
    ...{ createdBy: by, modifiedBy: by, eTag: 2, version: 1 },
    versions: original.versions.slice(0, 1),
    ...more,
  }
}

export function library(
  items: readonly DriveItemSnapshot[],
  more: Partial<DriveSnapshot['drive']> = {},
): DriveSnapshot {
  const drive = { id: 'd', name: 'Documents', folder: 'Shared Documents', system: false }
  return { drive: { ...drive, type: 'documentLibrary', ...more }, siteId: 's', items }
}

export function site(...drives: readonly DriveSnapshot[]): SiteSnapshot {
  const url = 'https://sandbox.sharepoint.com/sites/desk'
  return { site: { id: 's', displayName: 'Desk', path: '/sites/desk', url }, drives }
}
