/**
 * Opens a commit: from the bytes of commit.json and its parts to what the catalogue needs.
 *
 * Needs the index secret and no content key. The writer passes its own bytes through here before
 * it uploads them, so that nothing becomes a commit point which no reader would accept.
 */
import type { CommitRef, StreamEvent } from '../model/events.ts'
import {
  type CommitBody,
  openBody,
  openPart,
  type ParsedCommit,
  parseCommit,
} from './commit-format.ts'
import { effectiveTime } from './commit-time.ts'
import { sha256Hex } from './create-once.ts'
import { check } from './damage.ts'
import { COMMIT_PLAIN_BYTES_MAX } from './limits.ts'
import type { StreamId } from './names.ts'
import type { ChainEnd, VaultCommit } from './types.ts'

export interface CommitSource {
  stream: StreamId
  seq: number
  secret: Uint8Array
  /** Given: the commit must continue the chain that ends here. */
  end?: ChainEnd | undefined
  /**
   * When storage says that commit.json was created. `unknown`: in a copy of a vault; there the
   * stated times count, unchecked. Absent: it is not stored yet.
   */
  createdAt?: Date | 'unknown'
  /** The bytes of a part that lies beside commit.json. */
  readPart(sha256: string, bytes: number): Promise<Uint8Array | undefined>
}

/** A valid commit, as far as commit.json tells: its events are not read yet. */
export interface CommitLink {
  ref: CommitRef
  parsed: ParsedCommit
  body: CommitBody
}

/** Throws `CommitVoid`, `FormatUnknown`. */
export async function openLink(bytes: Uint8Array, source: CommitSource): Promise<CommitLink> {
  const { stream, seq, secret, createdAt } = source
  const parsed = parseCommit(bytes, stream, seq)
  const body = await openBody(parsed, stream, secret)
  const { envelope, hash } = parsed
  const time = createdAt instanceof Date ? effectiveTime(envelope.time, createdAt) : envelope.time
  if (source.end !== undefined) {
    checkLinks(parsed, stream, source.end)
    if (createdAt !== 'unknown') checkTime(parsed, time, stream, source.end)
  }
  return { ref: { seq, hash, time }, parsed, body }
}

/** Throws `CommitDamaged` where a part is missing or changed. */
export async function openEvents(link: CommitLink, source: CommitSource): Promise<VaultCommit> {
  const { envelope } = link.parsed
  return {
    ...source.stream,
    ...link.ref,
    previous: envelope.previous,
    complete: envelope.complete,
    packs: envelope.packs.map((pack) => ({
      id: pack.id,
      bytes: pack.bytes,
      createdAt: pack.createdAt,
    })),
    counts: envelope.counts,
    cursors: link.body.cursors,
    round: link.body.round,
    events: await readEvents(link.parsed, link.body.events, source),
    ...(envelope.base === null ? {} : { base: envelope.base }),
  }
}

/** Throws `CommitVoid`, `CommitDamaged`, `FormatUnknown`. */
export async function openCommit(bytes: Uint8Array, source: CommitSource): Promise<VaultCommit> {
  return openEvents(await openLink(bytes, source), source)
}

/** Throws `CommitVoid` where a commit does not go on where the chain ends. Needs no key. */
export function checkLinks(
  { envelope, hash }: ParsedCommit,
  stream: StreamId,
  { last, voids }: ChainEnd,
): void {
  const context = { ...stream, seq: envelope.seq, sha256: hash }
  const linked = envelope.previous === (last?.hash ?? null)
  check(linked, 'CommitVoid', 'a commit names the hash of the commit before it', context)
  const passed =
    envelope.voids.length === voids.length &&
    envelope.voids.every((v, i) => v.seq === voids[i]?.seq && v.sha256 === voids[i]?.sha256)
  check(passed, 'CommitVoid', 'a commit names the void commits that it passes', context)
}

function checkTime(
  { envelope, hash }: ParsedCommit,
  time: string,
  stream: StreamId,
  { last }: ChainEnd,
): void {
  const context = { ...stream, seq: envelope.seq, sha256: hash }
  const later = last === undefined || Date.parse(time) > Date.parse(last.time)
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
  const events = all.flat()
  const items = new Set(events.map((event) => event.item))
  const single = items.size === events.length
  check(single, 'CommitDamaged', 'a commit has one event for one item', { ...stream, seq })
  return events
}
