/**
 * Creating blobs that are never overwritten, with an answer that can be trusted (DESIGN 4).
 *
 * A refused create says nothing about whose bytes are there, and a lost answer says nothing at
 * all: in both cases the blob is read back and compared. Nothing is retried here; the adapter
 * retries what is safe.
 */
import { createHash } from 'node:crypto'
import { AppError, invariant } from '../model/errors.ts'
import type { BlobStore } from '../ports.ts'
import { damage } from './damage.ts'

export type Created =
  | {
      outcome: 'mine'
      /** The clock of the storage service when it answered; the creation time if read back. */
      at: Date
    }
  /** Somebody else's bytes have the name. */
  | { outcome: 'taken' }

export function sha256Hex(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/**
 * Creates the blob or finds out what has its name. Throws the store's error where the answer was
 * lost and the blob is not there: it may still appear, which does no harm, because the next
 * reader finds it. Throws `CreateRefused` where nothing is there and nothing may be created.
 */
export async function createOnce(
  store: BlobStore,
  name: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<Created> {
  let lost: unknown
  try {
    const answer = await store.create(name, bytes, signal)
    if (answer.outcome === 'created') return { outcome: 'mine', at: answer.serverTime }
  } catch (error) {
    const mayBeThere = error instanceof AppError && error.kind === 'transient'
    if (!mayBeThere || signal.aborted) throw error
    lost = error
  }
  const there = await store.read(name, signal, { offset: 0, bytes: bytes.length + 1 })
  if (there === undefined) throw lost ?? refused()
  if (Buffer.compare(there.bytes, bytes) === 0) {
    const { createdAt } = there.stat
    invariant(createdAt !== undefined, 'a store that creates blobs knows when it did')
    return { outcome: 'mine', at: createdAt }
  }
  return { outcome: 'taken' }
}

/** For names that are the hash of their bytes: there, "exists" means success. */
export async function createNamedByHash(
  store: BlobStore,
  name: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<Date> {
  const created = await createOnce(store, name, bytes, signal)
  if (created.outcome === 'taken') {
    throw damage('BlobForged', 'a blob that is named by its hash has that hash')
  }
  return created.at
}

function refused(): AppError {
  return new AppError({
    code: 'CreateRefused',
    kind: 'denied',
    message: 'The storage service refused to create a blob that does not exist.',
    hint: 'Give the backup identity the right to add blobs to the vault container.',
  })
}
