/**
 * Opens a commit: from the bytes of commit.json and its parts to what the catalogue needs.
 *
 * Needs the index secret and no content key. The writer passes its own bytes through here before
 * it uploads them, so that nothing becomes a commit point which no reader would accept.
 */
import type { Commit, CommitRef, StreamEvent } from '../model/events.ts'
import { openBody, openPart, type ParsedCommit, parseCommit } from './commit-format.ts'
import { effectiveTime } from './commit-time.ts'
import { sha256Hex } from './create-once.ts'
import { check } from './damage.ts'
import { COMMIT_PLAIN_BYTES_MAX } from './limits.ts'
import type { StreamId } from './names.ts'

export interface CommitSource {
  stream: StreamId
  seq: number
  secret: Uint8Array
  /** Given: the hash chain is checked. */
  previous?: CommitRef | undefined
  /** When storage says that commit.json was created. */
  createdAt?: Date
  /** The bytes of a part that lies beside commit.json. */
  readPart(sha256: string, bytes: number): Promise<Uint8Array | undefined>
}

/** Throws `CommitVoid`, `CommitDamaged`, `FormatUnknown`. */
export async function openCommit(bytes: Uint8Array, source: CommitSource): Promise<Commit> {
  const { stream, seq, secret } = source
  const parsed = parseCommit(bytes, stream, seq)
  const body = await openBody(parsed, stream, secret)
  const { envelope, hash } = parsed
  const { createdAt } = source
  const time = createdAt === undefined ? envelope.time : effectiveTime(envelope.time, createdAt)
  checkChain(parsed, time, source)
  return {
    ...stream,
    seq,
    hash,
    previous: envelope.previous,
    time,
    complete: envelope.complete,
    packs: envelope.packs.map((pack) => ({
      id: pack.id,
      bytes: pack.bytes,
      createdAt: pack.createdAt,
    })),
    counts: envelope.counts,
    cursors: body.cursors,
    round: body.round,
    events: await readEvents(parsed, body.events, source),
  }
}

function checkChain({ envelope, hash }: ParsedCommit, time: string, source: CommitSource): void {
  const { previous, seq, stream } = source
  if (previous === undefined) return
  const context = { ...stream, seq, sha256: hash }
  const linked =
    envelope.previous === previous.hash && previous.seq === seq - envelope.voids.length - 1
  check(linked, 'CommitVoid', 'a commit names the hash of the commit before it', context)
  const later = Date.parse(time) > Date.parse(previous.time)
  check(later, 'CommitVoid', 'a commit is later than the commit before it', context)
}

async function readEvents(
  { envelope, file }: ParsedCommit,
  counted: readonly number[],
  source: CommitSource,
): Promise<StreamEvent[]> {
  const { stream, seq, secret } = source
  const all: StreamEvent[][] = []
  let plainBytes = 0
  for (const [index, part] of envelope.parts.entries()) {
    const context = { ...stream, seq, part: index }
    const sealed = part.inline
      ? file.inline.get(part.sha256)
      : await source.readPart(part.sha256, part.bytes)
    check(sealed !== undefined, 'CommitDamaged', 'a part is there', context)
    const intact = sealed.length === part.bytes && sha256Hex(sealed) === part.sha256
    check(intact, 'CommitDamaged', 'a part has the hash that its commit names', context)
    const opened = await openPart(sealed, { stream, seq, index }, secret)
    const complete = opened.events.length === counted[index]
    check(complete, 'CommitDamaged', 'a part has all its events', context)
    plainBytes += opened.plainBytes
    const fits = plainBytes <= COMMIT_PLAIN_BYTES_MAX
    check(fits, 'CommitDamaged', 'the events of a commit fit into memory', context)
    all.push(opened.events)
  }
  return all.flat()
}
