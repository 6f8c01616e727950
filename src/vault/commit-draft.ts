/**
 * Everything of a commit that is decided before its time is known: segment hints, sealed event
 * parts, pack indexes, and the envelope around them. No I/O but the data key.
 */
import { invariant } from '../model/errors.ts'
import type { Representation, SegmentRef, StreamEvent } from '../model/events.ts'
import type { OwnerId } from '../model/ids.ts'
import { packsOf as packsNamedBy, refsOf } from '../model/representation.ts'
import { sealBaseIndex } from './base-format.ts'
import {
  type CommitBody,
  type Envelope,
  encodeCommit,
  sealPart,
  splitEvents,
} from './commit-format.ts'
import type { Attempt, CommitWriterDeps } from './commit-writer.ts'
import { sha256Hex } from './create-once.ts'
import type { DataKey } from './data-keys.ts'
import { BASE_INDEX_BYTES_MAX, COMMIT_PACKS_MAX, COMMIT_PARTS_MAX } from './limits.ts'
import { baseIndexName, indexName, partName } from './names.ts'
import { SALT_BYTES } from './pack-format.ts'
import type { PackWriter, WrittenPack } from './pack-writer.ts'

/** A blob that goes beside commit.json or into it. */
export interface SideBlob {
  name: string
  sha256: string
  bytes: Uint8Array
}

export interface CommitDraft {
  /** In the order of the packs. */
  indexes: readonly SideBlob[]
  parts: readonly SideBlob[]
  /** The index of the base that the commit carries: always beside commit.json. */
  base: SideBlob | undefined
  /** The bytes of commit.json; each call seals the body anew. */
  encode(form: { inline: boolean; time: string }): Promise<Uint8Array>
}

export async function draftCommit(
  deps: CommitWriterDeps,
  attempt: Attempt,
  written: readonly WrittenPack[],
  signal: AbortSignal,
): Promise<CommitDraft> {
  const { stream, secret, random } = deps
  const { events, cursors, round } = attempt.content
  settleHints(events, attempt.packs)
  const split = splitEvents(events)
  // Without a pack there is no other blob from whose creation the time of the commit could come,
  // so there is a part beside commit.json then, even if it is empty.
  const base = await draftBase(deps, attempt)
  if (split.length === 0 && written.length === 0 && !base) split.push({ text: '', events: 0 })
  invariant(split.length <= COMMIT_PARTS_MAX, 'a commit has not too many parts')
  const parts: SideBlob[] = []
  for (const [index, { text }] of split.entries()) {
    const at = { stream, seq: attempt.seq, index }
    const bytes = await sealPart(text, at, secret, random.bytes(SALT_BYTES))
    const sha256 = sha256Hex(bytes)
    parts.push({ name: partName(stream, attempt.seq, sha256), sha256, bytes })
  }
  const packs = written.map((pack) => ({ ...pack, index: indexOf(stream.owner, pack) }))
  const indexes = packs.map(({ index }) => index)
  const dataKey = await deps.dataKeys.current(stream.owner, signal)
  const body: CommitBody = { cursors, round, events: split.map((s) => s.events) }
  return {
    indexes,
    parts,
    base: base?.index,
    encode({ inline, time }) {
      const envelope = {
        ...linkOf(deps, attempt),
        base: base?.link ?? null,
        time,
        parts: parts.map((part) => sideOf(part, inline)),
        ...packsOf(events, packs, inline),
        secret: secretOf(dataKey),
      }
      const inside = inline ? [...indexes, ...parts] : []
      const blobs = new Map(inside.map((blob) => [blob.sha256, blob.bytes]))
      const salt = random.bytes(SALT_BYTES)
      return encodeCommit({ envelope, body, inline: blobs, secret }, salt)
    },
  }
}

async function draftBase(
  { stream, secret, random }: CommitWriterDeps,
  { seq, options }: Attempt,
): Promise<{ index: SideBlob; link: Envelope['base'] } | undefined> {
  if (options.base === undefined) return undefined
  invariant(options.base.asOf.seq < seq, 'a base restates an earlier commit')
  const salt = random.bytes(SALT_BYTES)
  const bytes = await sealBaseIndex(options.base, { stream, seq }, secret, salt)
  invariant(bytes.length <= BASE_INDEX_BYTES_MAX, 'the index of a base stays under its limit')
  const sha256 = sha256Hex(bytes)
  const { asOf } = options.base
  const link = { asOf: asOf.seq, hash: asOf.hash, index: { sha256, bytes: bytes.length } }
  return { index: { name: baseIndexName(stream, seq, sha256), sha256, bytes }, link }
}

function indexOf(owner: OwnerId, { month, id, index }: WrittenPack): SideBlob {
  return { name: indexName(owner, month, id), sha256: sha256Hex(index), bytes: index }
}

/**
 * Fills in pack and offset of new segments, in the given events: the refs that addVersion gave
 * are filled in already, copies of them are not. One event for one item.
 */
function settleHints(events: readonly StreamEvent[], packs: PackWriter): void {
  const seen = new Set<string>()
  for (const event of events) {
    invariant(!seen.has(event.item), 'a commit has one event for one item')
    seen.add(event.item)
    for (const ref of refsOfEvent(event)) {
      if (ref.pack !== '') continue
      const place = packs.placeOf(ref.id)
      invariant(place !== undefined && place.pack !== '', 'a new segment is in one of the packs')
      Object.assign(ref, place)
    }
  }
}

function refsOfEvent(event: StreamEvent): SegmentRef[] {
  return contentsOf(event).flatMap(refsOf)
}

/** What an event holds: content of a version, or what is captured of one so far. */
function contentsOf(event: StreamEvent): Representation[] {
  if (event.op === 'put') return event.representations
  return event.op === 'ledger' && event.progress ? [event.progress.content] : []
}

function linkOf({ stream, toolVersion }: CommitWriterDeps, attempt: Attempt) {
  return {
    owner: stream.owner,
    workload: stream.workload,
    seq: attempt.seq,
    previous: attempt.previous?.hash ?? null,
    voids: [...attempt.voids],
    counts: attempt.content.counts,
    complete: attempt.options.complete,
    tool: toolVersion,
  }
}

function packsOf(
  events: readonly StreamEvent[],
  written: readonly (Omit<WrittenPack, 'index'> & { index: SideBlob })[],
  inline: boolean,
): Pick<Envelope, 'packs' | 'used'> {
  const packs = written.map(({ id, bytes, createdAt, index }) => ({
    ...{ id, bytes, createdAt: createdAt.toISOString() },
    index: sideOf(index, inline),
  }))
  const added = new Set(written.map((pack) => pack.id))
  const named = packsNamedBy(events.flatMap(contentsOf))
  const used = named.filter((pack) => !added.has(pack)).sort()
  invariant(packs.length + used.length <= COMMIT_PACKS_MAX, 'a commit has not too many packs')
  return { packs, used }
}

const sideOf = ({ sha256, bytes }: SideBlob, inline: boolean) => ({
  sha256,
  bytes: bytes.length,
  inline,
})

const secretOf = ({ secret }: DataKey): Envelope['secret'] =>
  secret.map(({ keyId, fingerprint, wrapped }) => ({
    keyId,
    fingerprint,
    wrapped: Buffer.from(wrapped).toString('base64'),
  }))
