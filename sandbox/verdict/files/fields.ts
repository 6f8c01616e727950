/**
 * Compares two files of the tenant's own state, field by field.
 *
 * Every member of a snapshot is compared, also one that is added to it later: nothing has to be
 * remembered here for a loss to be found. Fields are named as Graph names them, because that is
 * how docs/fidelity.md lists them. Where a file stands is not compared here (places.ts).
 */
import { isDeepStrictEqual } from 'node:util'
import type { FieldDifference } from '../fields.ts'
import type { SiteFile } from './places.ts'

const GRAPH_NAMES: Readonly<Record<string, string>> = {
  sha256: 'content',
  bytes: 'content',
  mimeType: 'file.mimeType',
  fsCreatedMs: 'fileSystemInfo.createdDateTime',
  fsModifiedMs: 'fileSystemInfo.lastModifiedDateTime',
  createdMs: 'createdDateTime',
  modifiedMs: 'lastModifiedDateTime',
  modifiedBy: 'lastModifiedBy',
  version: 'versions',
  remote: 'remoteItem',
  guid: 'sharepointIds',
  serial: 'sharepointIds',
  quickXorHash: 'file.hashes',
  unique: 'shared',
}
/** Compared by other code. */
const ELSEWHERE: ReadonlySet<string> = new Set(['folderId', 'parentId', 'path'])

/** One difference for each field. */
export function differencesOfFiles(before: SiteFile, after: SiteFile): FieldDifference[] {
  const [old, now] = [new Map(Object.entries(before)), new Map(Object.entries(after))]
  const found = new Map<string, FieldDifference>()
  for (const member of new Set([...old.keys(), ...now.keys()])) {
    const field = GRAPH_NAMES[member] ?? member
    if (ELSEWHERE.has(member) || found.has(field)) continue
    const [was, is] = [old, now].map((each) => comparable(member, each.get(member)))
    if (!isDeepStrictEqual(was, is)) found.set(field, { field, before: was, after: is })
  }
  return [...found.values()]
}

/** Ids of permissions are given by the service, one by one. */
function comparable(member: string, value: unknown): unknown {
  if (member !== 'permissions' || !Array.isArray(value)) return value
  return value.map(({ id: _id, ...permission }) => permission)
}
