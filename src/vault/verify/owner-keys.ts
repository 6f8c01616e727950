/**
 * What the keys of one owner open: the index secret, and whether the owner's key opens what was
 * wrapped for it, which is shown on the index secret that the newest commit carries.
 */
import { AppError, hasCode } from '../../model/errors.ts'
import { type OwnerId, WORKLOADS } from '../../model/ids.ts'
import type { BlobStore } from '../../ports.ts'
import { parseCommit } from '../commit-format.ts'
import { isDamage } from '../damage.ts'
import { COMMIT_BYTES_MAX, COMMIT_VOIDS_MAX } from '../limits.ts'
import { commitName, commitsPrefix, type StreamId, seqOfCommit } from '../names.ts'
import type { WrappedKey } from '../pack-format.ts'
import { unwrapAny } from '../pack-opener.ts'
import type { Finding, FindingCode } from './findings.ts'
import type { Access, Work } from './work.ts'

/** What the keys open, and what is wrong with them. Asks again each time it is called. */
export async function accessOf(
  { keys, store, plan, signal }: Work,
  owner: OwnerId,
): Promise<{ access: Access; troubles: Finding[] }> {
  const none: Access = { owner, secret: undefined, canUnwrap: false }
  if (keys === undefined) return { access: none, troubles: [] }
  const troubles: Finding[] = []
  const find = (code: FindingCode) => troubles.push({ code, owner })
  const secret = await ofKeys(keys.indexSecret(owner, signal))
  if (!(secret instanceof Uint8Array)) {
    find(secret === 'KeyMissing' ? 'IndexSecretMissing' : secret)
  }
  const wrapped = await newestWrapped(store, owner, signal)
  const unwrapped = wrapped && (await ofKeys(unwrapAny(keys, owner, wrapped, signal)))
  const known = secret instanceof Uint8Array ? secret : undefined
  if (typeof unwrapped === 'string') {
    // Whoever checks hashes needs no right to open anything.
    const isMeant = unwrapped !== 'KeyDenied' || plan.openPercent > 0
    if (isMeant) find(unwrapped)
  } else if (unwrapped && known && Buffer.compare(unwrapped, known) !== 0) {
    find('IndexSecretDiffers')
  }
  return {
    access: {
      owner,
      secret: known,
      canUnwrap: typeof unwrapped !== 'string' && known !== undefined,
    },
    troubles,
  }
}

type KeyTrouble = 'KeyMissing' | 'KeyDisabled' | 'KeyDenied' | 'KeyCannotOpen'

/** What is wrong with the owner's key is an answer; that no key can be asked is thrown. */
export async function ofKeys<T>(answer: Promise<T>): Promise<T | KeyTrouble> {
  try {
    return await answer
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const { code, kind } = error
    if (code === 'KeyMissing' || code === 'KeyDisabled' || code === 'KeyDenied') return code
    if (kind === 'corrupt') return 'KeyCannotOpen'
    throw error
  }
}

/** The wrapped index secret of the newest commit of any stream that has its shape. */
async function newestWrapped(
  store: BlobStore,
  owner: OwnerId,
  signal: AbortSignal,
): Promise<WrappedKey[] | undefined> {
  for (const workload of WORKLOADS) {
    const stream = { owner, workload }
    const seqs: number[] = []
    for await (const { name } of store.list(commitsPrefix(stream), signal)) {
      const seq = seqOfCommit(name)
      if (seq !== undefined) seqs.push(seq)
      if (seqs.length > COMMIT_VOIDS_MAX) seqs.shift()
    }
    for (const seq of seqs.reverse()) {
      const wrapped = await wrappedIn(store, stream, seq, signal)
      if (wrapped) return wrapped
    }
  }
  return undefined
}

/** Undefined where it is no commit: its stream will tell, and the one before carries it too. */
async function wrappedIn(
  store: BlobStore,
  stream: StreamId,
  seq: number,
  signal: AbortSignal,
): Promise<WrappedKey[] | undefined> {
  const range = { offset: 0, bytes: COMMIT_BYTES_MAX }
  const found = await store.read(commitName(stream, seq), signal, range)
  if (found === undefined) return undefined
  try {
    const { secret } = parseCommit(found.bytes, stream, seq).envelope
    return secret.map(({ wrapped, ...of }) => ({ ...of, wrapped: Buffer.from(wrapped, 'base64') }))
  } catch (error) {
    if (!isDamage(error) && !hasCode(error, 'FormatUnknown')) throw error
    return undefined
  }
}
