/**
 * What commit.json and event parts look like (docs/format.md, section 8). Pure, but for salts.
 *
 * Whether a commit is void depends on the bytes of its commit.json alone, so that every reader
 * comes to the same answer for ever: `CommitVoid`. A commit that is valid and whose parts are
 * missing or changed is damaged, which is another thing: `CommitDamaged`.
 */
import { z } from 'zod'
import { invariant } from '../model/errors.ts'
import { cursorSchema, eventAt, roundSchema, seqSchema } from '../model/event-schema.ts'
import type { CommitContent, StreamEvent } from '../model/events.ts'
import type { PackId } from '../model/ids.ts'
import { seqName } from '../model/ids.ts'
import { seal, unseal } from '../sealing/seal.ts'
import { sha256Hex } from './create-once.ts'
import { check, damage, isDamage } from './damage.ts'
import {
  BODY_PLAIN_BYTES_MAX,
  COMMIT_PACKS_MAX,
  COMMIT_PARTS_MAX,
  COMMIT_VOIDS_MAX,
  EVENT_BYTES_MAX,
  LINE_VALUES_MAX,
  PART_PLAIN_BYTES_MAX,
  PART_PLAIN_BYTES_TARGET,
  RECIPIENTS_MAX,
} from './limits.ts'
import type { StreamId } from './names.ts'
import { encodeSealedFile, parseJson, parseSealedFile, type SealedFile } from './sealed-file.ts'
import { deflate, inflate } from './segment-codec.ts'

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const packId = hash.transform((text) => text as PackId)
const count = z.int().nonnegative()
const blob = z.object({ sha256: hash, bytes: count, inline: z.boolean() })
const time = z.iso.datetime({ precision: 3 })

export const envelopeSchema = z.object({
  owner: z.string(),
  workload: z.string(),
  seq: z.int().positive(),
  previous: hash.nullable(),
  /** Void commits between the previous one and this. */
  voids: z.array(z.object({ seq: z.int().positive(), sha256: hash })).max(COMMIT_VOIDS_MAX),
  time,
  parts: z.array(blob).max(COMMIT_PARTS_MAX),
  packs: z
    .array(z.object({ id: packId, bytes: count, createdAt: time, index: blob }))
    .max(COMMIT_PACKS_MAX),
  /** Packs of earlier commits whose segments are used again. */
  used: z.array(packId).max(COMMIT_PACKS_MAX),
  counts: z.object({
    seen: count,
    stored: count,
    restated: count,
    unchanged: count,
    left: count,
    deleted: count,
    ledger: count,
    excluded: count,
  }),
  complete: z.boolean(),
  /** The state of the stream that this restates, in blobs of its own (base-format.ts). */
  base: z
    .object({
      asOf: seqSchema,
      hash,
      index: z.object({ sha256: hash, bytes: count }),
    })
    .nullable(),
  /** The owner's index secret, wrapped for each recipient. */
  secret: z
    .array(z.object({ keyId: z.string(), fingerprint: hash, wrapped: z.base64() }))
    .min(1)
    .max(RECIPIENTS_MAX),
  tool: z.string(),
})
export type Envelope = z.infer<typeof envelopeSchema>

const bodySchema = z.object({
  cursors: z.array(cursorSchema),
  round: roundSchema,
  /** Events in each part. */
  events: z.array(count).max(COMMIT_PARTS_MAX),
})

export type CommitBody = Pick<CommitContent, 'cursors' | 'round'> & { events: number[] }

/** A commit.json taken apart; nothing of it is opened yet. */
export interface ParsedCommit {
  /** SHA-256 of the whole file, hex. */
  hash: string
  envelope: Envelope
  file: SealedFile
}

const place = ({ owner, workload }: StreamId, seq: number) => ({ owner, workload, seq })

/** Takes commit.json apart and checks what needs no key. Throws `CommitVoid`, `FormatUnknown`. */
export function parseCommit(bytes: Uint8Array, stream: StreamId, seq: number): ParsedCommit {
  const sha256 = sha256Hex(bytes)
  const context = { ...place(stream, seq), sha256 }
  const file = parseSealedFile(bytes)
  check(file !== undefined, 'CommitVoid', 'commit.json has its outer shape', context)
  const parsed = envelopeSchema.safeParse(parseJson(file.envelope))
  check(parsed.success, 'CommitVoid', 'the envelope has its fields', context)
  const envelope = parsed.data
  const placed =
    envelope.owner === stream.owner && envelope.workload === stream.workload && envelope.seq === seq
  check(placed, 'CommitVoid', 'a commit lies where it says it belongs', context)
  const first = seq - envelope.voids.length
  const linked =
    (envelope.previous === null) === (first === 1) &&
    envelope.voids.every((v, i) => v.seq === first + i)
  check(linked, 'CommitVoid', 'a commit links to the seq before it', context)
  const past = envelope.base === null || envelope.base.asOf < seq
  check(past, 'CommitVoid', 'a base restates a state before its own commit', context)
  const packs = new Set(envelope.packs.map(({ id }) => id))
  const once = packs.size === envelope.packs.length
  check(once, 'CommitVoid', 'a commit names each pack that it adds once', context)
  check(inlineIntact(envelope, file), 'CommitVoid', 'inline blobs have their hashes', context)
  return { hash: sha256, envelope, file }
}

/** Exactly the blobs that the envelope calls inline are there, each with its hash and length. */
function inlineIntact(envelope: Envelope, { inline }: SealedFile): boolean {
  const named = [...envelope.parts, ...envelope.packs.map((p) => p.index)].filter((b) => b.inline)
  const names = new Set(named.map((b) => b.sha256))
  const intact = named.every(({ sha256, bytes }) => {
    const there = inline.get(sha256)
    return there?.length === bytes && sha256Hex(there) === sha256
  })
  return intact && names.size === inline.size
}

/** Opens the body, which also authenticates the envelope. Throws `CommitVoid`. */
export async function openBody(
  parsed: ParsedCommit,
  stream: StreamId,
  secret: Uint8Array,
): Promise<CommitBody> {
  const context = { ...place(stream, parsed.envelope.seq), sha256: parsed.hash }
  let plain: Uint8Array
  try {
    const bound = Buffer.from(parsed.file.envelope)
    const packed = unseal(secret, 'commit-body', parsed.file.body, bound)
    plain = await inflate(packed, BODY_PLAIN_BYTES_MAX)
  } catch (cause) {
    if (!isDamage(cause)) throw cause
    throw damage('CommitVoid', 'the body opens and belongs to its envelope', context, cause)
  }
  const body = bodySchema.safeParse(parseJson(plain))
  check(body.success, 'CommitVoid', 'the body has its fields', context)
  const counted = body.data.events.length === parsed.envelope.parts.length
  check(counted, 'CommitVoid', 'the body counts the events of each part', context)
  return body.data
}

/** Seals the body under the envelope's exact text and gives the bytes of commit.json. */
export async function encodeCommit(
  options: {
    envelope: Envelope
    body: CommitBody
    inline: ReadonlyMap<string, Uint8Array>
    secret: Uint8Array
  },
  salt: Uint8Array,
): Promise<Uint8Array> {
  const envelope = JSON.stringify(options.envelope)
  const plain = await deflate(Buffer.from(JSON.stringify(options.body)))
  const body = seal(options.secret, 'commit-body', plain, salt, Buffer.from(envelope))
  return encodeSealedFile({ envelope, body, inline: options.inline })
}

/** What a part is bound to: it opens at this place of this commit and nowhere else. */
function partBound({ owner, workload }: StreamId, seq: number, index: number): Uint8Array {
  return Buffer.from(`${owner}/${workload}/${seqName(seq)}/${index}`)
}

/** Events as JSON lines, cut at about 4 MiB. */
export function splitEvents(events: readonly StreamEvent[]): { text: string; events: number }[] {
  const parts: { text: string; events: number }[] = []
  let lines: string[] = []
  let bytes = 0
  const flush = () => {
    if (lines.length > 0) parts.push({ text: lines.join(''), events: lines.length })
    lines = []
    bytes = 0
  }
  for (const event of events) {
    const line = `${JSON.stringify(event)}\n`
    const lineBytes = Buffer.byteLength(line)
    invariant(lineBytes <= EVENT_BYTES_MAX, 'an event is not longer than its limit')
    if (bytes + lineBytes > PART_PLAIN_BYTES_TARGET) flush()
    lines.push(line)
    bytes += lineBytes
  }
  flush()
  return parts
}

export async function sealPart(
  text: string,
  at: { stream: StreamId; seq: number; index: number },
  secret: Uint8Array,
  salt: Uint8Array,
): Promise<Uint8Array> {
  const plain = await deflate(Buffer.from(text))
  return seal(secret, 'event-part', plain, salt, partBound(at.stream, at.seq, at.index))
}

/** The events of one part. Throws `CommitDamaged`. */
export async function openPart(
  sealed: Uint8Array,
  at: { stream: StreamId; seq: number; index: number },
  secret: Uint8Array,
): Promise<{ events: StreamEvent[]; plainBytes: number }> {
  const context = { ...place(at.stream, at.seq), part: at.index }
  let plain: Uint8Array
  try {
    const packed = unseal(secret, 'event-part', sealed, partBound(at.stream, at.seq, at.index))
    plain = await inflate(packed, PART_PLAIN_BYTES_MAX)
  } catch (cause) {
    if (!isDamage(cause)) throw cause
    throw damage('CommitDamaged', 'a part opens at its place', context, cause)
  }
  const lines = Buffer.from(plain).toString('utf8').split('\n')
  check(lines.pop() === '', 'CommitDamaged', 'a part ends with a whole line', context)
  const events = lines.map((line) => {
    const event = eventAt(parseJson(line, LINE_VALUES_MAX), at.seq)
    check(event !== undefined, 'CommitDamaged', 'a line is an event', context)
    return event
  })
  return { events, plainBytes: plain.length }
}
