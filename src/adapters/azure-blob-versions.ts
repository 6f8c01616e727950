/**
 * BlobVersions, BlobLocks and BlobRemoval over one container of Azure Blob storage: what a container
 * really holds, and what keeper and expirer may do. Apart from azure-blob.ts, so that nobody who reads
 * and writes blobs holds these calls.
 *
 * The container has version-level immutability, its account versioning. Azurite has neither, and
 * no account has met this adapter yet (docs/live-checks.md).
 */
import {
  type BlobClient,
  type BlobGetPropertiesResponse,
  type BlobItem,
  type ContainerClient,
  RestError,
} from '@azure/storage-blob'
import { AppError } from '../model/errors.ts'
import type { BlobLocks, BlobRemoval, BlobVersion, BlobVersions } from '../ports.ts'
import {
  type AzureBlobOptions,
  bodyOf,
  codeOf,
  containerOf,
  DOWNLOAD_RESUMES_MAX,
  found,
  LIST_PAGE,
  refused,
  statFrom,
  translated,
  translateError,
} from './azure-blob.ts'

const SECOND_MS = 1000

/** For an identity with `blobs/read`. */
export function azureBlobVersions(options: AzureBlobOptions): BlobVersions {
  return versionsOf(containerOf(options))
}

/** For an identity with `blobs/read` and `immutableStorage/runAsSuperUser`. */
export function azureBlobLocks(options: AzureBlobOptions): BlobLocks {
  const client = containerOf(options)
  return {
    ...versionsOf(client),
    async lockUntil(name, version, until, signal) {
      const blob = at(client, name, version)
      const wanted = new Date(Math.ceil(until.getTime() / SECOND_MS) * SECOND_MS)
      const policy = { expiriesOn: wanted, policyMode: 'Locked' } as const
      try {
        await within(signal, () => blob.setImmutabilityPolicy(policy))
      } catch (error) {
        if (!isConflict(error)) throw missingOr(error, signal)
        if (!(await isLockedUntil(blob, wanted, signal))) throw lockRefused(error)
      }
    },
    async setHold(name, version, held, signal) {
      try {
        await within(signal, () => at(client, name, version).setLegalHold(held))
      } catch (error) {
        throw missingOr(error, signal)
      }
    },
  }
}

/** For an identity with `blobs/read`, `blobs/delete` and `blobs/deleteBlobVersion`. */
export function azureBlobRemoval(options: AzureBlobOptions): BlobRemoval {
  const client = containerOf(options)
  return {
    ...versionsOf(client),
    async remove(name, version, signal) {
      const blob = at(client, name, version)
      const properties = await existing(signal, () => blob.getProperties({ abortSignal: signal }))
      if (properties === 'missing') return 'missing'
      const { etag, isCurrentVersion, versionId } = properties
      if (versionId !== version || etag === undefined) throw versionsMissing()
      refuseIfProtected(properties)
      // A request with an id never deletes the current version: the name has to let go of it first.
      if (isCurrentVersion) await demote(client.getBlobClient(name), etag, signal)
      const deleted = await existing(signal, () => blob.delete({ abortSignal: signal }))
      return deleted === 'missing' ? 'missing' : 'removed'
    },
  }
}

function versionsOf(client: ContainerClient): BlobVersions {
  return {
    versions: (prefix, signal) => list(client, prefix, signal),
    async readVersion(name, version, signal) {
      const download = await existing(signal, () =>
        at(client, name, version).download(0, undefined, {
          abortSignal: signal,
          maxRetryRequests: DOWNLOAD_RESUMES_MAX,
        }),
      )
      if (download === 'missing') return undefined
      if (download.versionId !== version) throw versionsMissing()
      return await bodyOf(download, signal)
    },
  }
}

const at = (client: ContainerClient, name: string, version: string): BlobClient =>
  client.getBlobClient(name).withVersion(version)

async function* list(
  client: ContainerClient,
  prefix: string,
  signal: AbortSignal,
): AsyncIterable<BlobVersion> {
  const pages = client
    .listBlobsFlat({
      prefix,
      includeVersions: true,
      includeImmutabilityPolicy: true,
      includeLegalHold: true,
      abortSignal: signal,
    })
    .byPage({ maxPageSize: LIST_PAGE })
  for (;;) {
    const page = await translated(signal, () => pages.next())
    if (page.done === true) return
    yield* page.value.segment.blobItems.map(versionFrom)
  }
}

function versionFrom({ name, properties, versionId, isCurrentVersion }: BlobItem): BlobVersion {
  if (versionId === undefined) throw versionsMissing()
  const { immutabilityPolicyExpiresOn: until, immutabilityPolicyMode: mode } = properties
  return {
    ...statFrom(name, properties.contentLength, properties.createdOn),
    version: versionId,
    current: isCurrentVersion ?? false,
    ...(until && { lock: { until, locked: isLocked(mode) } }),
    held: properties.legalHold ?? false,
  }
}

/** Listings write it small, headers with a capital. */
const isLocked = (mode: string | undefined) => mode?.toLowerCase() === 'locked'

/**
 * Asked before anything is deleted, by the service's own clock: if the service took the deletion
 * of a protected current version after all, its name would have lost it.
 */
function refuseIfProtected({
  date,
  legalHold,
  immutabilityPolicyExpiresOn: until,
}: BlobGetPropertiesResponse): void {
  if (legalHold) throw refused('BlobImmutableDueToLegalHold')
  if (until && (date === undefined || until > date)) throw refused('BlobImmutableDueToPolicy')
}

/** By etag: a version that somebody put on top meanwhile stays where it is. */
async function demote(blob: BlobClient, etag: string, signal: AbortSignal): Promise<void> {
  try {
    await blob.delete({ abortSignal: signal, conditions: { ifMatch: etag } })
  } catch (error) {
    // Gone from its name already: by an earlier try whose answer was lost, or by a newer version.
    if (error instanceof RestError && ['BlobNotFound', 'ConditionNotMet'].includes(codeOf(error))) {
      return
    }
    throw translateError(error, signal)
  }
}

/**
 * The SDK takes a signal for locks and holds and does not pass it on (12.33.0), so the deadline is
 * kept here. A request that is under way then may still be done, as with any lost answer.
 */
async function within<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  signal.throwIfAborted()
  const { promise: ended, reject } = Promise.withResolvers<never>()
  const end = () => reject(signal.reason)
  signal.addEventListener('abort', end, { once: true })
  try {
    return await Promise.race([call(), ended])
  } finally {
    signal.removeEventListener('abort', end)
  }
}

/** An earlier try may have done it, whose answer was lost; whether a repetition is taken is open. */
async function isLockedUntil(
  blob: BlobClient,
  wanted: Date,
  signal: AbortSignal,
): Promise<boolean> {
  const properties = await existing(signal, () => blob.getProperties({ abortSignal: signal }))
  if (properties === 'missing') return false
  const { immutabilityPolicyExpiresOn: until, immutabilityPolicyMode: mode } = properties
  return isLocked(mode) && until?.getTime() === wanted.getTime()
}

/** Without `beyond`, which a request for a whole blob cannot meet. */
async function existing<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T | 'missing'> {
  const answer = await found(signal, call)
  return answer === 'beyond' ? 'missing' : answer
}

const isConflict = (error: unknown): error is RestError =>
  error instanceof RestError && error.statusCode === 409

/** Microsoft names no code for it, so every 409 to a new end of a lock means it. */
function lockRefused(error: RestError): AppError {
  return new AppError({
    code: 'LockRefused',
    kind: 'permanent',
    message: 'A lock ends later than it was asked to, and locks are never shortened.',
    hint: 'Nothing needs to be done for the blob. If it was meant to end earlier, it will not.',
    context: { status: 409, storageCode: codeOf(error) },
    cause: error,
  })
}

function missingOr(error: unknown, signal: AbortSignal): unknown {
  if (!(error instanceof RestError) || codeOf(error) !== 'BlobNotFound') {
    return translateError(error, signal)
  }
  return new AppError({
    code: 'BlobMissing',
    kind: 'permanent',
    message: 'There is no such version of this blob.',
    hint: 'List the versions again: somebody removed it meanwhile.',
    context: { status: 404, storageCode: 'BlobNotFound' },
    cause: error,
  })
}

function versionsMissing(): AppError {
  return new AppError({
    code: 'VersionsMissing',
    kind: 'permanent',
    message: 'The storage account keeps no versions of blobs.',
    hint: 'Switch versioning on, and version-level immutability for the containers.',
  })
}
