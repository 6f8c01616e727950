/** Versions as retention looks at them: name by name. */
import type { OwnerId } from '../../model/ids.ts'
import type { BlobVersion, BlobVersions } from '../../ports.ts'
import {
  commitsOfOwnerPrefix,
  indexesPrefix,
  OWNERS_PREFIX,
  ownerOfRecord,
  ownerRecordsPrefix,
  packsPrefix,
} from '../names.ts'

/** A name with its versions, the oldest, which counts, first. */
export interface VersionedName {
  name: string
  versions: [BlobVersion, ...BlobVersion[]]
}

/** Repeated pages show a version twice; it is told once. */
export async function* versionedNames(
  store: BlobVersions,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<VersionedName> {
  let open: VersionedName | undefined
  for await (const version of store.versions(prefix, signal)) {
    const { name } = version
    if (open === undefined || name > open.name) {
      if (open) yield open
      open = { name, versions: [version] }
    } else if (name === open.name && !open.versions.some((v) => v.version === version.version)) {
      open.versions.push(version)
    }
  }
  if (open) yield open
}

/** Every blob of one owner. */
export async function* namesOfOwner(
  store: BlobVersions,
  owner: OwnerId,
  signal: AbortSignal,
): AsyncGenerator<VersionedName> {
  const prefixes = [ownerRecordsPrefix, commitsOfOwnerPrefix, indexesPrefix, packsPrefix]
  for (const prefix of prefixes) yield* versionedNames(store, prefix(owner), signal)
}

/** By their records, those included whose record is hidden behind a deletion. In order. */
export async function* ownersByVersions(
  store: BlobVersions,
  signal: AbortSignal,
): AsyncGenerator<OwnerId> {
  let last: OwnerId | '' = ''
  for await (const { name } of versionedNames(store, OWNERS_PREFIX, signal)) {
    const owner = ownerOfRecord(name)
    if (owner === undefined || owner <= last) continue
    last = owner
    yield owner
  }
}

/** Neither a lock that is not over nor a hold. By storage's clock. */
export const isFree = ({ lock, held }: BlobVersion, now: number): boolean =>
  !held && (lock === undefined || lock.until.getTime() <= now)
