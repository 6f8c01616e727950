/**
 * A chain for who has no index secret: what lies in the clear of its commits. Structure, links and
 * hashes of parts are checked; that a body opens, and what events say, is not.
 */
import { hasCode } from '../../model/errors.ts'
import type { CommitRef } from '../../model/events.ts'
import type { BlobStore } from '../../ports.ts'
import { type ChainSource, nextSeq } from '../chain.ts'
import { type ParsedCommit, parseCommit } from '../commit-format.ts'
import { checkLinks } from '../commit-reader.ts'
import { sha256Hex } from '../create-once.ts'
import { check, voidCommitOf } from '../damage.ts'
import { COMMIT_BYTES_MAX } from '../limits.ts'
import { commitName, partName, type StreamId } from '../names.ts'

export function clearChain(store: BlobStore, stream: StreamId): ChainSource<CommitRef> {
  return {
    ...stream,
    async next(end, signal) {
      const seq = nextSeq(end)
      const range = { offset: 0, bytes: COMMIT_BYTES_MAX + 1 }
      const found = await store.read(commitName(stream, seq), signal, range)
      if (found === undefined) return undefined
      try {
        const parsed = parseCommit(found.bytes, stream, seq)
        checkLinks(parsed, stream, end)
        return await stepOver(store, stream, parsed, signal)
      } catch (error) {
        const passed = voidCommitOf(error)
        if (passed === undefined) throw error
        return { is: 'void', passed }
      }
    },
  }
}

async function stepOver(
  store: BlobStore,
  stream: StreamId,
  parsed: ParsedCommit,
  signal: AbortSignal,
) {
  const { envelope, hash } = parsed
  const ref: CommitRef = { seq: envelope.seq, hash, time: envelope.time }
  try {
    await checkParts(store, stream, parsed, signal)
    return { is: 'commit', commit: ref } as const
  } catch (cause) {
    if (!hasCode(cause, 'CommitDamaged')) throw cause
    return { is: 'damaged', ref, cause } as const
  }
}

async function checkParts(
  store: BlobStore,
  stream: StreamId,
  { envelope }: ParsedCommit,
  signal: AbortSignal,
): Promise<void> {
  for (const [part, { sha256, bytes, inline }] of envelope.parts.entries()) {
    if (inline) continue
    const context = { ...stream, seq: envelope.seq, part }
    const name = partName(stream, envelope.seq, sha256)
    const found = await store.read(name, signal, { offset: 0, bytes: bytes + 1 })
    check(found !== undefined, 'CommitDamaged', 'a part is there', context)
    const intact = found.bytes.length === bytes && sha256Hex(found.bytes) === sha256
    check(intact, 'CommitDamaged', 'a part has the hash that its commit names', context)
  }
}
