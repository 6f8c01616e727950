/**
 * Brings back an owner's index secret with the owner's key alone: every commit.json carries it,
 * wrapped for the recipients. For the day on which the secret store is lost and the keys are not.
 */
import { AppError } from '../model/errors.ts'
import { isWorkloadName, type OwnerId } from '../model/ids.ts'
import type { BlobStore, OwnerKeys } from '../ports.ts'
import { openBody, parseCommit } from './commit-format.ts'
import { isDamage } from './damage.ts'
import { COMMIT_BYTES_MAX } from './limits.ts'
import { commitsOfOwnerPrefix, seqOfCommit } from './names.ts'
import { unwrapAny } from './pack-opener.ts'

/**
 * The secret from the first commit of the owner that is sound and opens with it. Throws
 * `IndexSecretLost` where there is none, and the codes of OwnerKeys.unwrap.
 */
export async function recoverIndexSecret(
  { vault, keys }: { vault: BlobStore; keys: Pick<OwnerKeys, 'unwrap'> },
  owner: OwnerId,
  signal: AbortSignal,
): Promise<Uint8Array> {
  for await (const { name } of vault.list(commitsOfOwnerPrefix(owner), signal)) {
    const seq = seqOfCommit(name)
    const workload = name.split('/')[2] ?? ''
    if (seq === undefined || !isWorkloadName(workload)) continue
    const found = await vault.read(name, signal, { offset: 0, bytes: COMMIT_BYTES_MAX })
    if (found === undefined) continue
    try {
      const stream = { owner, workload }
      const parsed = parseCommit(found.bytes, stream, seq)
      const wrapped = parsed.envelope.secret.map(({ keyId, fingerprint, wrapped: text }) => ({
        keyId,
        fingerprint,
        wrapped: Buffer.from(text, 'base64'),
      }))
      const secret = await unwrapAny(keys, owner, wrapped, signal)
      await openBody(parsed, stream, secret)
      return secret
    } catch (error) {
      // The next commit carries the secret as well.
      if (!isDamage(error)) throw error
    }
  }
  throw new AppError({
    code: 'IndexSecretLost',
    kind: 'permanent',
    message: 'No sound commit of this owner carries the index secret.',
    hint: 'Content can still be read from the packs, whose metadata segments name every item.',
    context: { owner },
  })
}
