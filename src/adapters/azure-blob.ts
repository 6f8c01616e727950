/**
 * BlobStore over one container of Azure Blob storage.
 *
 * A blob is made by one Put Blob with `If-None-Match: *`, the only block-blob write that the
 * add-only right permits, and with an MD5 that the service checks. Retries are the SDK's, which
 * are safe because nothing here overwrites. translateError is the only place that reads codes
 * of the SDK.
 */
import { createHash } from 'node:crypto'
import type { TokenCredential } from '@azure/identity'
import {
  type BlobDownloadResponseParsed,
  BlobServiceClient,
  type ContainerClient,
  RestError,
  type StoragePipelineOptions,
} from '@azure/storage-blob'
import { AppError } from '../model/errors.ts'
import type { BlobStat, BlobStore, CreateOutcome } from '../ports.ts'

/** Enough to ride out a failover of a few seconds; what lasts longer is the slice's to wait for. */
const RETRIES = { maxTries: 4, retryDelayInMs: 500, maxRetryDelayInMs: 8000 }
/** A download that breaks off goes on from where it was, so often. */
export const DOWNLOAD_RESUMES_MAX = 3
export const LIST_PAGE = 5000

/** The name exists, a policy protects it, or the right to overwrite is missing. */
const REFUSED_CODES = new Set([
  'BlobAlreadyExists',
  'BlobImmutableDueToPolicy',
  'BlobImmutableDueToLegalHold',
  'ConditionNotMet',
  'UnauthorizedBlobOverwrite',
  'AuthorizationPermissionMismatch',
])

export type AzureBlobOptions = {
  container: string
  retries?: StoragePipelineOptions['retryOptions']
} & ({ connectionString: string } | { url: string; credential: TokenCredential })

export interface AzureBlobStore extends BlobStore {
  /**
   * Makes the container where it is missing: for Azurite and for setup. An identity without that
   * right gets `StorageDenied`; on Azure the template has made it.
   */
  prepare(signal: AbortSignal): Promise<void>
}

export function azureBlobStore(options: AzureBlobOptions): AzureBlobStore {
  const client = containerOf(options)
  return {
    async prepare(signal) {
      await translated(signal, () => client.createIfNotExists({ abortSignal: signal }))
    },
    create: (name, bytes, signal) => create(client, name, bytes, signal),
    async read(name, signal, range) {
      const download = await found(signal, () =>
        client.getBlobClient(name).download(range?.offset ?? 0, range?.bytes, {
          abortSignal: signal,
          maxRetryRequests: DOWNLOAD_RESUMES_MAX,
        }),
      )
      if (download === 'missing') return undefined
      if (download !== 'beyond') return readBody(name, download, { into: range?.into, signal })
      const stat = await statOf(client, name, signal)
      return stat && { bytes: new Uint8Array(0), stat }
    },
    stat: (name, signal) => statOf(client, name, signal),
    list: (prefix, signal) => list(client, prefix, signal),
  }
}

/** With the SDK's own retries. */
export function containerOf(options: AzureBlobOptions): ContainerClient {
  const pipeline: StoragePipelineOptions = { retryOptions: { ...RETRIES, ...options.retries } }
  const service =
    'connectionString' in options
      ? BlobServiceClient.fromConnectionString(options.connectionString, pipeline)
      : new BlobServiceClient(options.url, options.credential, pipeline)
  return service.getContainerClient(options.container)
}

async function create(
  client: ContainerClient,
  name: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<CreateOutcome> {
  // Checked by the service on arrival, and kept with the blob.
  const blobContentMD5 = createHash('md5').update(bytes).digest()
  const blobContentType = name.endsWith('.json') ? 'application/json' : 'application/octet-stream'
  try {
    const answer = await client.getBlockBlobClient(name).upload(bytes, bytes.length, {
      abortSignal: signal,
      conditions: { ifNoneMatch: '*' },
      blobHTTPHeaders: { blobContentMD5, blobContentType },
    })
    return { outcome: 'created', serverTime: serverTime(answer.date) }
  } catch (error) {
    if (error instanceof RestError && REFUSED_CODES.has(codeOf(error))) {
      const date = error.response?.headers.get('date')
      return { outcome: 'refused', serverTime: serverTime(date && new Date(date)) }
    }
    throw translateError(error, signal)
  }
}

function serverTime(date: Date | '' | undefined): Date {
  if (date instanceof Date && !Number.isNaN(date.getTime())) return date
  throw new AppError({
    code: 'StorageFault',
    kind: 'permanent',
    message: 'The storage service answered without a date.',
    hint: 'Check that no proxy between Holdfast and the storage account removes headers.',
  })
}

async function readBody(
  name: string,
  download: BlobDownloadResponseParsed,
  { into, signal }: { into: Uint8Array | undefined; signal: AbortSignal },
): Promise<{ bytes: Uint8Array; stat: BlobStat }> {
  const whole = /\/(\d+)$/.exec(download.contentRange ?? '')?.[1] ?? download.contentLength
  const stat = statFrom(name, Number(whole), download.createdOn)
  return { bytes: await bodyOf(download, signal, into), stat }
}

/** Reads a download to its end; into the room that is given, where it has enough. */
export async function bodyOf(
  { readableStreamBody: body, contentLength }: BlobDownloadResponseParsed,
  signal: AbortSignal,
  into?: Uint8Array,
): Promise<Uint8Array> {
  const room =
    into && contentLength !== undefined && contentLength <= into.length ? into : undefined
  const chunks: Buffer[] = []
  let bytes = 0
  await translated(signal, async () => {
    for await (const chunk of body ?? []) {
      const piece = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      if (room) room.set(piece, bytes)
      else chunks.push(piece)
      bytes += piece.length
    }
  })
  return room ? room.subarray(0, bytes) : Buffer.concat(chunks)
}

export function statFrom(
  name: string,
  bytes: number | undefined,
  createdAt: Date | undefined,
): BlobStat {
  if (bytes === undefined || createdAt === undefined) {
    throw new AppError({
      code: 'StorageFault',
      kind: 'permanent',
      message: 'The storage service did not tell the length or creation time of a blob.',
      hint: 'Check that the account is a StorageV2 account.',
    })
  }
  return { name, bytes, createdAt }
}

async function statOf(
  client: ContainerClient,
  name: string,
  signal: AbortSignal,
): Promise<BlobStat | undefined> {
  const properties = await found(signal, () =>
    client.getBlobClient(name).getProperties({ abortSignal: signal }),
  )
  if (properties === 'missing' || properties === 'beyond') return undefined
  return statFrom(name, properties.contentLength, properties.createdOn)
}

async function* list(
  client: ContainerClient,
  prefix: string,
  signal: AbortSignal,
): AsyncIterable<BlobStat> {
  const pages = client
    .listBlobsFlat({ prefix, abortSignal: signal })
    .byPage({ maxPageSize: LIST_PAGE })
  for (;;) {
    const page = await translated(signal, () => pages.next())
    if (page.done === true) return
    for (const { name, properties } of page.value.segment.blobItems) {
      yield statFrom(name, properties.contentLength, properties.createdOn)
    }
  }
}

/** `missing`: no such blob. `beyond`: the range begins after its end. */
export async function found<T>(
  signal: AbortSignal,
  call: () => Promise<T>,
): Promise<T | 'missing' | 'beyond'> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof RestError && codeOf(error) === 'BlobNotFound') return 'missing'
    if (error instanceof RestError && error.statusCode === 416) return 'beyond'
    throw translateError(error, signal)
  }
}

export async function translated<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    throw translateError(error, signal)
  }
}

/** An answer to HEAD has no body: there the code is in a header only. */
export function codeOf(error: RestError): string {
  return error.code ?? error.response?.headers.get('x-ms-error-code') ?? ''
}

/** 409s that stay as long as what protects the blob, or its tier, stays. */
const REFUSALS = {
  BlobImmutableDueToPolicy: {
    code: 'BlobLocked',
    message: 'A version of a blob is protected by its lock.',
    hint: 'It can be deleted after its lock ends, by nobody before.',
  },
  BlobImmutableDueToLegalHold: {
    code: 'BlobHeld',
    message: 'A version of a blob is protected by a legal hold.',
    hint: 'Clear the hold first, if whoever asked for it agrees.',
  },
  BlobArchived: {
    code: 'BlobArchived',
    message: 'A blob is in the archive tier and cannot be read.',
    hint: 'Move it to another tier, which takes hours, and keep lifecycle rules off the archive.',
  },
  BlobBeingRehydrated: {
    code: 'BlobArchived',
    message: 'A blob is on its way out of the archive tier and cannot be read yet.',
    hint: 'Wait: it takes up to 15 hours.',
  },
} as const
type RefusalCode = keyof typeof REFUSALS

const isRefusal = (storageCode: string): storageCode is RefusalCode =>
  Object.hasOwn(REFUSALS, storageCode)

/** BlobLocked, BlobHeld or BlobArchived: final until something else changes. */
export function refused(storageCode: RefusalCode, cause?: unknown): AppError {
  const context = { status: 409, storageCode }
  return new AppError({ ...REFUSALS[storageCode], kind: 'permanent', context, cause })
}

/** What the SDK threw, in our words; the signal's own reason where the deadline ended the call. */
export function translateError(error: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  if (!(error instanceof RestError)) return error
  const status = error.statusCode ?? 0
  const context = { status, storageCode: codeOf(error) }
  if (status === 429 || status === 503) {
    return new AppError({
      code: 'StorageThrottled',
      kind: 'throttled',
      message: 'The storage account is busy.',
      hint: 'Holdfast waits and goes on by itself. If it lasts, look at the limits of the account.',
      retryAfterMs: 1000 * Number(error.response?.headers.get('retry-after') ?? 10) || 10_000,
      context,
      cause: error,
    })
  }
  if (status === 401 || status === 403) {
    return new AppError({
      code: 'StorageDenied',
      kind: 'denied',
      message: 'The storage account refuses this identity or this network.',
      hint: 'Check the role assignments on the vault container and the network rules.',
      context,
      cause: error,
    })
  }
  if (isRefusal(context.storageCode)) return refused(context.storageCode, error)
  // 501 is an emulator's answer to what it does not have; it will not have it at the next try.
  if (status === 0 || status === 408 || (status >= 500 && status !== 501)) {
    return new AppError({
      code: 'StorageUnavailable',
      kind: 'transient',
      message: 'The storage account cannot be reached, or failed.',
      hint: 'Holdfast tries again by itself.',
      context,
      cause: error,
    })
  }
  return new AppError({
    code: codeOf(error) === 'ContainerNotFound' ? 'ContainerMissing' : 'StorageFault',
    kind: 'permanent',
    message: 'The storage account refused a request.',
    hint: 'Check that the vault container exists and that the account is the right one.',
    context,
    cause: error,
  })
}
