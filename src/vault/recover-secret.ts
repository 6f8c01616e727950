/**
 * Brings back an owner's index secret with the owner's key alone: every commit.json carries it,
 * wrapped for the recipients. For the day on which the secret store is lost and the keys are not.
 */
import { AppError } from '../model/errors.ts'
import { isWorkloadName, type OwnerId } from '../model/ids.ts'
import type { BlobStore, OwnerKeys } from '../ports.ts'
import { openBody, parseCommit } from './commit-format.ts'
import { isDamage, mayBeSpoilt } from './damage.ts'
import { COMMIT_BYTES_MAX } from './limits.ts'
import { commitsOfOwnerPrefix, type StreamId, seqOfCommit } from './names.ts'
import type { WrappedKey } from './pack-format.ts'
import { unwrapAny } from './pack-opener.ts'

type Deps = { vault: BlobStore; keys: Pick<OwnerKeys, 'unwrap'> }

/**
 * The secret from the first commit of the owner that is sound and opens with it. Throws
 * `IndexSecretLost` where there is none, and the codes of OwnerKeys.unwrap.
 */
export async function recoverIndexSecret(
  { vault, keys }: Deps,
  owner: OwnerId,
  signal: AbortSignal,
): Promise<Uint8Array> {
  /** Key ids that lead to no key, which are asked for once and not once for each commit. */
  const missing = new Set<string>()
  let noKey: AppError | undefined
  for await (const { bytes, stream, seq } of commitsOf(vault, owner, signal)) {
    let wrapped: WrappedKey[] = []
    try {
      const parsed = parseCommit(bytes, stream, seq)
      wrapped = parsed.envelope.secret.map((one) => ({
        ...one,
        wrapped: Buffer.from(one.wrapped, 'base64'),
      }))
      if (wrapped.every(({ keyId }) => missing.has(keyId))) continue
      const secret = await unwrapAny(keys, owner, wrapped, signal)
      await openBody(parsed, stream, secret)
      return secret
    } catch (error) {
      // The next commit carries the secret as well.
      if (!mayBeSpoilt(error)) throw error
      if (isDamage(error)) continue
      noKey = error
      for (const { keyId } of wrapped) missing.add(keyId)
    }
  }
  if (noKey !== undefined) throw noKey
  throw new AppError({
    code: 'IndexSecretLost',
    kind: 'permanent',
    message: 'No sound commit of this owner carries the index secret.',
    hint: 'Content can still be read from the packs, whose metadata segments name every item.',
    context: { owner },
  })
}

/** The bytes of every commit.json of the owner. */
async function* commitsOf(
  vault: BlobStore,
  owner: OwnerId,
  signal: AbortSignal,
): AsyncGenerator<{ bytes: Uint8Array; stream: StreamId; seq: number }> {
  for await (const { name } of vault.list(commitsOfOwnerPrefix(owner), signal)) {
    const seq = seqOfCommit(name)
    const workload = name.split('/')[2] ?? ''
    if (seq === undefined || !isWorkloadName(workload)) continue
    const found = await vault.read(name, signal, { offset: 0, bytes: COMMIT_BYTES_MAX })
    if (found !== undefined) yield { bytes: found.bytes, stream: { owner, workload }, seq }
  }
}
