/**
 * One stream as its writer sees it: reads commits with the index secret and begins new ones.
 * There is no content key here, and no way to get one.
 */
import type { Commit, CommitRef } from '../model/events.ts'
import { openCommit } from './commit-reader.ts'
import { type CommitWriterDeps, createCommitWriter } from './commit-writer.ts'
import { sha256Hex } from './create-once.ts'
import { damage } from './damage.ts'
import { COMMIT_BYTES_MAX, PART_PLAIN_BYTES_MAX } from './limits.ts'
import { commitName, commitsPrefix, partName, seqOfCommit } from './names.ts'
import type { StreamVault } from './types.ts'

/** A sealed part is hardly longer than its plain text, whatever zstd makes of it. */
const PART_SEALED_BYTES_MAX = 2 * PART_PLAIN_BYTES_MAX

export function createStreamVault(deps: CommitWriterDeps): StreamVault {
  const { store, stream, secret } = deps
  return {
    ...stream,
    secret,
    begin: (previous, voids = []) => createCommitWriter(deps, previous, voids),
    readCommit: (seq, signal, previous) => readCommit(deps, { seq, previous }, signal),
    async *seqs(signal) {
      let last = 0
      for await (const { name } of store.list(commitsPrefix(stream), signal)) {
        const seq = seqOfCommit(name)
        // A page may be repeated after a lost connection.
        if (seq === undefined || seq <= last) continue
        last = seq
        yield seq
      }
    },
  }
}

async function readCommit(
  { store, stream, secret }: CommitWriterDeps,
  { seq, previous }: { seq: number; previous: CommitRef | undefined },
  signal: AbortSignal,
): Promise<Commit | undefined> {
  const range = { offset: 0, bytes: COMMIT_BYTES_MAX + 1 }
  const found = await store.read(commitName(stream, seq), signal, range)
  if (found === undefined) return undefined
  if (found.bytes.length > COMMIT_BYTES_MAX) {
    const context = { ...stream, seq, sha256: sha256Hex(found.bytes) }
    throw damage('CommitVoid', 'commit.json is not longer than its limit', context)
  }
  const readPart = async (sha256: string, bytes: number) => {
    if (bytes > PART_SEALED_BYTES_MAX) return undefined
    const part = { offset: 0, bytes: bytes + 1 }
    return (await store.read(partName(stream, seq, sha256), signal, part))?.bytes
  }
  const { createdAt } = found.stat
  return openCommit(found.bytes, { stream, seq, secret, previous, createdAt, readPart })
}
