/**
 * Writes one commit: packs, pack indexes, event parts, then commit.json (DESIGN 4 and 5).
 *
 * commit.json is the only commit point and names only what is already there, so a death at any
 * await leaves either no commit (and blobs that nothing names) or a whole one. A writer makes
 * one attempt at one seq; after `lost` or an error a new writer starts from roll-forward.
 */
import { AppError, invariant } from '../model/errors.ts'
import type { CommitContent, CommitRef } from '../model/events.ts'
import { SEQ_MAX } from '../model/ids.ts'
import type { BlobStore, Clock, Randomness } from '../ports.ts'
import { type CommitDraft, draftCommit } from './commit-draft.ts'
import { openCommit } from './commit-reader.ts'
import { COMMIT_TIME_TOLERANCE_MS, effectiveTime, statedTime } from './commit-time.ts'
import { createNamedByHash, createOnce } from './create-once.ts'
import { isDamage } from './damage.ts'
import type { DataKeys } from './data-keys.ts'
import { COMMIT_BYTES_MAX, COMMIT_VOIDS_MAX, INLINE_COMMIT_BYTES_MAX } from './limits.ts'
import { extendContent } from './long-content.ts'
import { commitName, type StreamId } from './names.ts'
import { segmentNamer } from './pack-crypto.ts'
import { createPackWriter, type PackWriter, type WrittenPack } from './pack-writer.ts'
import type { CommitOptions, CommitOutcome, CommitWriter, VoidCommit } from './types.ts'
import { writeVersion } from './version-writer.ts'

export interface CommitWriterDeps {
  store: BlobStore
  dataKeys: DataKeys
  clock: Clock
  random: Randomness
  packBytes: number
  toolVersion: string
  stream: StreamId
  /** The owner's index secret. */
  secret: Uint8Array
}

export interface Attempt {
  seq: number
  previous: CommitRef | undefined
  voids: readonly VoidCommit[]
  packs: PackWriter
  content: CommitContent
  options: CommitOptions
}

export function createCommitWriter(
  deps: CommitWriterDeps,
  previous: CommitRef | undefined,
  voids: readonly VoidCommit[],
): CommitWriter {
  const first = (previous?.seq ?? 0) + 1
  const seq = first + voids.length
  const gapless = voids.every((v, i) => v.seq === first + i) && voids.length <= COMMIT_VOIDS_MAX
  invariant(gapless, 'the void commits lie between the previous commit and this one')
  invariant(seq <= SEQ_MAX, 'a stream has a seq left')
  const { owner } = deps.stream
  const packs = createPackWriter({ ...deps, owner, namer: segmentNamer(deps.secret) })
  let used = false
  return {
    get addedBytes() {
      return packs.addedBytes
    },
    async addVersion(version, signal) {
      invariant(!used, 'a commit that is being written takes no more versions')
      return writeVersion(packs, version, new Date(deps.clock.now()).toISOString(), signal)
    },
    async extend(content, piece, signal) {
      invariant(!used, 'a commit that is being written takes no more content')
      return extendContent(packs, content, piece, signal)
    },
    async commit(content, options, signal) {
      invariant(!used, 'a writer commits once')
      used = true
      return writeCommit(deps, { seq, previous, voids, packs, content, options }, signal)
    },
  }
}

async function writeCommit(
  deps: CommitWriterDeps,
  attempt: Attempt,
  signal: AbortSignal,
): Promise<CommitOutcome> {
  const { stream, store, secret } = deps
  const { seq, previous } = attempt
  const written = await attempt.packs.close(signal)
  const draft = await draftCommit(deps, attempt, written, signal)
  const bytes = await writeBeside(deps, attempt, { draft, written }, signal)
  invariant(bytes.length <= COMMIT_BYTES_MAX, 'commit.json stays under its limit')
  // What no reader would accept must not become the commit point.
  const parts = new Map(draft.parts.map((p) => [p.sha256, p.bytes]))
  const readPart = async (sha256: string) => parts.get(sha256)
  const end = { last: previous, voids: attempt.voids }
  const commit = await acceptable(() => openCommit(bytes, { stream, seq, secret, end, readPart }))
  const created = await createOnce(store, commitName(stream, seq), bytes, signal)
  if (created.outcome === 'taken') return { outcome: 'lost' }
  const time = await settledTime(deps, { seq, stated: commit.time, at: created.at }, signal)
  return { outcome: 'committed', commit: { ...commit, time } }
}

/** What is wrong with bytes of our own, before anybody else has seen them, is a defect. */
async function acceptable<T>(open: () => Promise<T>): Promise<T> {
  try {
    return await open()
  } catch (cause) {
    if (!isDamage(cause)) throw cause
    throw new AppError({
      code: 'CommitUnacceptable',
      kind: 'bug',
      message: 'A commit was not written, because no reader would accept it.',
      hint: 'This is a defect in Holdfast. Please report it with the code and the context.',
      context: cause.context,
      cause,
    })
  }
}

/**
 * Creates what commit.json will name and gives the bytes of commit.json. Its time comes from
 * storage's answer to the last create before it.
 */
async function writeBeside(
  { store }: CommitWriterDeps,
  { previous }: Attempt,
  { draft, written }: { draft: CommitDraft; written: readonly WrittenPack[] },
  signal: AbortSignal,
): Promise<Uint8Array> {
  let at = written.at(-1)?.createdAt
  if (draft.base) at = await createNamedByHash(store, draft.base.name, draft.base.bytes, signal)
  const beside = [...draft.indexes, ...draft.parts]
  const besideBytes = beside.reduce((sum, blob) => sum + blob.bytes.length, 0)
  if (at !== undefined && besideBytes < INLINE_COMMIT_BYTES_MAX) {
    const small = await draft.encode({ inline: true, time: statedTime(at, previous?.time) })
    if (small.length < INLINE_COMMIT_BYTES_MAX) return small
  }
  for (const blob of beside) {
    at = await createNamedByHash(store, blob.name, blob.bytes, signal)
  }
  invariant(at !== undefined, 'another blob is created before commit.json')
  return draft.encode({ inline: false, time: statedTime(at, previous?.time) })
}

/**
 * The time that readers will see. Only where commit.json took long is its creation time asked
 * for: the answer to the create is a moment later than it, so a minute is left as a margin.
 */
async function settledTime(
  { store, stream }: CommitWriterDeps,
  { seq, stated, at }: { seq: number; stated: string; at: Date },
  signal: AbortSignal,
): Promise<string> {
  const late = Math.abs(at.getTime() - Date.parse(stated))
  if (late < COMMIT_TIME_TOLERANCE_MS - 60_000) return stated
  const stat = await store.stat(commitName(stream, seq), signal)
  return stat?.createdAt === undefined ? stated : effectiveTime(stated, stat.createdAt)
}
