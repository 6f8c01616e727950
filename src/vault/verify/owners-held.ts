/** Whom a vault holds something of, by their records. */
import { hasCode } from '../../model/errors.ts'
import type { OwnerId } from '../../model/ids.ts'
import type { BlobStore, BlobVersions } from '../../ports.ts'
import { OWNERS_PREFIX, ownerOfRecord } from '../names.ts'
import { ownersByVersions } from '../retention/blob-versions.ts'

/**
 * In the order of their ids; with `versions` those included whose record somebody hid behind a
 * deletion. An owner of whom no version of a record is left is found by who lists all blobs.
 */
export async function ownersHeld(
  { store, versions }: { store: BlobStore; versions?: BlobVersions },
  signal: AbortSignal,
): Promise<OwnerId[]> {
  const owners = new Set<OwnerId>()
  for await (const { name } of store.list(OWNERS_PREFIX, signal)) {
    const owner = ownerOfRecord(name)
    if (owner !== undefined) owners.add(owner)
  }
  if (versions) await addHidden(owners, versions, signal)
  return [...owners].sort()
}

/** An account that keeps no versions hides nobody; that it keeps none is a finding. */
async function addHidden(
  owners: Set<OwnerId>,
  versions: BlobVersions,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const owner of ownersByVersions(versions, signal)) owners.add(owner)
  } catch (error) {
    if (!hasCode(error, 'VersionsMissing')) throw error
  }
}
