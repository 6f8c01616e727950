/** The errors that the adapters throw for the same trouble: same codes, same kinds. */
import { AppError } from '../../src/model/errors.ts'
import type { Trouble } from './process.ts'

/** What the adapter of the blobs asks for when the service names no time. */
const THROTTLED_MS = 10_000

export const blobTrouble: Trouble = {
  unavailable: () =>
    new AppError({
      code: 'StorageUnavailable',
      kind: 'transient',
      message: 'The storage account cannot be reached, or failed.',
    }),
  throttled: () =>
    new AppError({
      code: 'StorageThrottled',
      kind: 'throttled',
      message: 'The storage account is busy.',
      retryAfterMs: THROTTLED_MS,
    }),
}

export function blobDenied(right: string): AppError {
  return new AppError({
    code: 'StorageDenied',
    kind: 'denied',
    message: 'The storage account refuses this identity or this network.',
    context: { status: 403, right },
  })
}

/** 403, whatever the rights: the current version is deleted by name first. */
export function blobIsCurrent(): AppError {
  return new AppError({
    code: 'StorageDenied',
    kind: 'denied',
    message: 'The current version of a blob cannot be deleted by its id.',
    context: { status: 403, storageCode: 'OperationNotAllowedOnRootBlob' },
  })
}

/** 409: what protects a version, or the tier that it is in, refuses the call. Final. */
export function blobRefused(
  code: 'BlobLocked' | 'BlobHeld' | 'LockRefused' | 'BlobArchived',
  storageCode: string,
): AppError {
  return new AppError({
    code,
    kind: 'permanent',
    message: `The storage account answered ${storageCode}.`,
    context: { status: 409, storageCode },
  })
}

/** 404 for a version that must be there. */
export function blobMissing(): AppError {
  return new AppError({
    code: 'BlobMissing',
    kind: 'permanent',
    message: 'There is no such version of this blob.',
    context: { status: 404, storageCode: 'BlobNotFound' },
  })
}

/** 400. */
export function blobUnfit(rule: string): AppError {
  return new AppError({
    code: 'StorageFault',
    kind: 'permanent',
    message: `The storage account refused a request: ${rule}.`,
    context: { status: 400, storageCode: 'InvalidHeaderValue' },
  })
}

/** The adapter of the tables makes no difference between the two. */
export const tableTrouble: Trouble = {
  unavailable: () => tablesUnavailable(500),
  throttled: () => tablesUnavailable(503),
}

function tablesUnavailable(status: number): AppError {
  return new AppError({
    code: 'TablesUnavailable',
    kind: 'transient',
    message: 'The table service could not be reached, or was too busy, over several tries.',
    context: { status },
  })
}

export function tablesDenied(): AppError {
  return new AppError({
    code: 'TablesDenied',
    kind: 'denied',
    message: 'The table service refused the identity of this app.',
    context: { status: 403 },
  })
}

export function tablesMissing(table: string): AppError {
  return new AppError({
    code: 'TablesMissing',
    kind: 'permanent',
    message: 'A table of the catalogue does not exist.',
    context: { table },
  })
}

/** What Azure answers with 400 or 413. */
export function tablesRefused(rule: string): AppError {
  return new AppError({
    code: 'TablesRefused',
    kind: 'bug',
    message: `The table service refused a request of Holdfast: ${rule}.`,
    context: { status: 400, rule },
  })
}

export const queueTrouble: Trouble = {
  unavailable: () => queueError('QueuesUnavailable', 'transient'),
  throttled: () => queueError('QueuesUnavailable', 'transient'),
}

export function queueError(
  code: 'QueuesUnavailable' | 'QueuesDenied' | 'QueuesMissing' | 'QueueMessageTooLarge',
  kind: AppError['kind'],
): AppError {
  return new AppError({ code, kind, message: `The queue service answered ${code}.` })
}

export const keyTrouble: Trouble = {
  unavailable: () => keyError('KeyStoreUnavailable', 'transient'),
  throttled: () => keyError('KeyStoreUnavailable', 'transient'),
}

export function keyError(
  code: 'KeyMissing' | 'KeyDisabled' | 'KeyDenied' | 'KeyStoreUnavailable' | 'WrappedKeyDamaged',
  kind: AppError['kind'],
): AppError {
  return new AppError({ code, kind, message: `The key store answered ${code}.` })
}
