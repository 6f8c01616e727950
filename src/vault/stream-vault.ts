/**
 * One stream as its writer sees it: reads commits with the index secret and begins new ones.
 * There is no content key here, and no way to get one.
 */
import { createHash } from 'node:crypto'
import { hasCode } from '../model/errors.ts'
import type { CommitRef } from '../model/events.ts'
import type { BlobStat, BlobStore } from '../ports.ts'
import { type BaseReaderDeps, createBaseReader, createBaseWriter } from './base-store.ts'
import { nextSeq } from './chain.ts'
import { type CommitLink, type CommitSource, openEvents, openLink } from './commit-reader.ts'
import { type CommitWriterDeps, createCommitWriter } from './commit-writer.ts'
import { check, damage, voidCommitOf } from './damage.ts'
import { COMMIT_BYTES_MAX, PART_PLAIN_BYTES_MAX } from './limits.ts'
import { commitName, commitsPrefix, partName, type StreamId, seqOfCommit } from './names.ts'
import type {
  ChainEnd,
  ChainStep,
  CommitBlob,
  StreamReader,
  StreamVault,
  VaultCommit,
} from './types.ts'

/** A sealed part is hardly longer than its plain text, whatever zstd makes of it. */
const PART_SEALED_BYTES_MAX = 2 * PART_PLAIN_BYTES_MAX

export function createStreamVault(deps: CommitWriterDeps): StreamVault {
  return {
    ...createStreamReader(deps),
    ...createBaseWriter(deps),
    begin: (previous, voids = []) => createCommitWriter(deps, previous, voids),
  }
}

/** A stream for whoever has its index secret and writes nothing. */
export function createStreamReader(deps: BaseReaderDeps): StreamReader {
  const { stream, secret } = deps
  return {
    ...stream,
    ...createBaseReader(deps),
    secret,
    readCommit: (seq, signal, previous) => readCommit(deps, seq, previous, signal),
    next: (end, signal) => nextStep(deps, end, signal),
    async *seqs(signal) {
      for await (const { seq } of commitBlobs(deps, signal)) yield seq
    },
    async commitBlobs(signal) {
      const found: CommitBlob[] = []
      for await (const blob of commitBlobs(deps, signal)) found.push(blob)
      return found
    },
  }
}

async function* commitBlobs(
  { store, stream }: BaseReaderDeps,
  signal: AbortSignal,
): AsyncGenerator<CommitBlob> {
  let last = 0
  for await (const { name, createdAt } of store.list(commitsPrefix(stream), signal)) {
    const seq = seqOfCommit(name)
    // A page may be repeated after a lost connection.
    if (seq === undefined || seq <= last) continue
    last = seq
    yield { seq, ...(createdAt && { createdAt }) }
  }
}

async function readCommit(
  deps: BaseReaderDeps,
  seq: number,
  previous: CommitRef | undefined,
  signal: AbortSignal,
): Promise<VaultCommit | undefined> {
  const found = await readFile(deps, seq, signal)
  if (found === undefined) return undefined
  const link = await openLink(found.bytes, found.source)
  if (previous !== undefined) checkPrevious(link, previous, deps.stream)
  return openEvents(link, found.source)
}

/** Without the void commits in between, of which the caller knows nothing: they are not checked. */
function checkPrevious({ parsed, ref }: CommitLink, previous: CommitRef, stream: StreamId): void {
  const context = { ...stream, seq: ref.seq, sha256: ref.hash }
  const linked =
    parsed.envelope.previous === previous.hash &&
    previous.seq === ref.seq - parsed.envelope.voids.length - 1
  check(linked, 'CommitVoid', 'a commit names the hash of the commit before it', context)
  const later = Date.parse(ref.time) > Date.parse(previous.time)
  check(later, 'CommitVoid', 'a commit is later than the commit before it', context)
}

async function nextStep(
  deps: BaseReaderDeps,
  end: ChainEnd,
  signal: AbortSignal,
): Promise<ChainStep | undefined> {
  try {
    const found = await readFile(deps, nextSeq(end), signal)
    if (found === undefined) return undefined
    const source = { ...found.source, end }
    const link = await openLink(found.bytes, source)
    return await stepOver(link, source)
  } catch (error) {
    const passed = voidCommitOf(error)
    if (passed === undefined) throw error
    return { is: 'void', passed }
  }
}

async function stepOver(link: CommitLink, source: CommitSource): Promise<ChainStep> {
  try {
    return { is: 'commit', commit: await openEvents(link, source) }
  } catch (cause) {
    if (!hasCode(cause, 'CommitDamaged')) throw cause
    return { is: 'damaged', ref: link.ref, cause }
  }
}

/** The bytes of commit.json, and where the rest of the commit is read from. */
async function readFile(
  { store, stream, secret }: BaseReaderDeps,
  seq: number,
  signal: AbortSignal,
): Promise<{ bytes: Uint8Array; source: CommitSource } | undefined> {
  const range = { offset: 0, bytes: COMMIT_BYTES_MAX + 1 }
  const found = await store.read(commitName(stream, seq), signal, range)
  if (found === undefined) return undefined
  if (found.bytes.length > COMMIT_BYTES_MAX) {
    const context = { ...stream, seq, sha256: await hashOfLong(store, found.stat, signal) }
    throw damage('CommitVoid', 'commit.json is not longer than its limit', context)
  }
  const readPart = async (sha256: string, bytes: number) => {
    if (bytes > PART_SEALED_BYTES_MAX) return undefined
    const part = { offset: 0, bytes: bytes + 1 }
    return (await store.read(partName(stream, seq, sha256), signal, part))?.bytes
  }
  const { createdAt = 'unknown' } = found.stat
  return { bytes: found.bytes, source: { stream, seq, secret, createdAt, readPart } }
}

/** SHA-256 of a blob that is too long to be held: the whole of it names the void commit. */
async function hashOfLong(store: BlobStore, stat: BlobStat, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  for (let offset = 0; offset < stat.bytes; offset += COMMIT_BYTES_MAX) {
    const piece = await store.read(stat.name, signal, { offset, bytes: COMMIT_BYTES_MAX })
    check(piece !== undefined, 'CommitDamaged', 'a blob stays where it is')
    hash.update(piece.bytes)
  }
  return hash.digest('hex')
}
