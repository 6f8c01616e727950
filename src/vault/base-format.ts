/**
 * The bytes of a base (docs/format.md, 8.5): sealed parts of lines, and the sealed index that a
 * commit names. Pure, but for salts.
 *
 * A base is read like a commit and never believed more: every line passes a schema, every part
 * the hash that the index names, and the index belongs to one commit and one state.
 */
import { z } from 'zod'
import { invariant } from '../model/errors.ts'
import {
  cursorSchema,
  displaySchema,
  graphIdSchema,
  itemKindSchema,
  ledgerEventSchema,
  leftEventSchema,
  markerSchema,
  pastPlaceSchema,
  representationsSchema,
  roundSchema,
  seqSchema,
  whySchema,
} from '../model/event-schema.ts'
import type { CommitRef } from '../model/events.ts'
import { type KeyHash, keyHash, seqName } from '../model/ids.ts'
import { seal, unseal } from '../sealing/seal.ts'
import { check, damage, isDamage } from './damage.ts'
import {
  BASE_INDEX_BYTES_MAX,
  BASE_PARTS_MAX,
  EVENT_BYTES_MAX,
  LINE_VALUES_MAX,
  PART_PLAIN_BYTES_MAX,
  PART_PLAIN_BYTES_TARGET,
} from './limits.ts'
import type { StreamId } from './names.ts'
import { parseJson } from './sealed-file.ts'
import { deflate, inflate } from './segment-codec.ts'
import type { BaseIndex, BasePart, StateLine } from './types.ts'

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const key = z.string().regex(/^[a-z2-7]{26}$/)

const lineSchema: z.ZodType<StateLine> = z.union([
  z.object({
    is: z.literal('item'),
    item: graphIdSchema,
    kind: itemKindSchema,
    seq: seqSchema,
    why: whySchema,
    place: pastPlaceSchema,
    marker: markerSchema,
    display: displaySchema,
    representations: representationsSchema,
  }),
  z.object({
    is: z.literal('entry'),
    seq: seqSchema,
    event: z.union([ledgerEventSchema, leftEventSchema]),
  }),
  z.object({ is: z.literal('cursor'), seq: seqSchema, cursor: cursorSchema }),
])

export const stateRefSchema: z.ZodType<CommitRef> = z.object({
  seq: seqSchema,
  hash,
  time: z.iso.datetime({ precision: 3 }),
})

export const basePartSchema: z.ZodType<BasePart> = z.object({
  sha256: hash,
  bytes: z.int().nonnegative(),
  holds: z.enum(['state', 'cursors']),
  first: key,
  last: key,
  lines: z.int().positive(),
})

const indexSchema: z.ZodType<BaseIndex> = z.object({
  asOf: stateRefSchema,
  round: roundSchema,
  parts: z.array(basePartSchema).max(BASE_PARTS_MAX),
})

/** Orders the lines of a base. */
export function keyOfLine(line: StateLine): KeyHash {
  if (line.is === 'item') return keyHash(line.item)
  return keyHash(line.is === 'entry' ? line.event.item : line.cursor.container)
}

/** A part opens for the state that it was made for, and for no other. */
function partBound({ owner, workload }: StreamId, { seq, hash: hex }: CommitRef): Uint8Array {
  return Buffer.from(`${owner}/${workload}/base/${seqName(seq)}/${hex}`)
}

/** An index opens in the commit that names it, and in no other. */
function indexBound({ owner, workload }: StreamId, seq: number): Uint8Array {
  return Buffer.from(`${owner}/${workload}/${seqName(seq)}/base`)
}

/** Lines in pieces of about 4 MiB. */
export function* cutLines(lines: Iterable<StateLine>): Generator<StateLine[]> {
  let piece: StateLine[] = []
  let bytes = 0
  for (const line of lines) {
    const size = Buffer.byteLength(JSON.stringify(line)) + 1
    if (piece.length > 0 && bytes + size > PART_PLAIN_BYTES_TARGET) {
      yield piece
      piece = []
      bytes = 0
    }
    piece.push(line)
    bytes += size
  }
  if (piece.length > 0) yield piece
}

export async function sealBasePart(
  lines: readonly StateLine[],
  at: { stream: StreamId; asOf: CommitRef },
  secret: Uint8Array,
  salt: Uint8Array,
): Promise<Uint8Array> {
  const text = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
  invariant(text.length <= EVENT_BYTES_MAX, 'a part of a base stays under its limit')
  return seal(secret, 'base-part', await deflate(text), salt, partBound(at.stream, at.asOf))
}

/** Throws `BaseDamaged`. */
export async function openBasePart(
  sealed: Uint8Array,
  at: { stream: StreamId; asOf: CommitRef },
  secret: Uint8Array,
): Promise<StateLine[]> {
  const context = { ...at.stream, asOf: at.asOf.seq }
  const bound = partBound(at.stream, at.asOf)
  const plain = await opened(context, async () =>
    inflate(unseal(secret, 'base-part', sealed, bound), PART_PLAIN_BYTES_MAX),
  )
  const lines = Buffer.from(plain).toString('utf8').split('\n')
  check(lines.pop() === '', 'BaseDamaged', 'a part of a base ends with a whole line', context)
  return lines.map((line) => {
    const parsed = lineSchema.safeParse(parseJson(line, LINE_VALUES_MAX))
    const fits = parsed.success && parsed.data.seq <= at.asOf.seq
    check(fits, 'BaseDamaged', 'a line of a base has its fields', context)
    return parsed.data
  })
}

export async function sealBaseIndex(
  base: BaseIndex,
  at: { stream: StreamId; seq: number },
  secret: Uint8Array,
  salt: Uint8Array,
): Promise<Uint8Array> {
  invariant(base.parts.length <= BASE_PARTS_MAX, 'a base has not too many parts')
  const plain = await deflate(Buffer.from(JSON.stringify(base)))
  return seal(secret, 'base-index', plain, salt, indexBound(at.stream, at.seq))
}

/** Throws `BaseDamaged`. */
export async function openBaseIndex(
  sealed: Uint8Array,
  at: { stream: StreamId; seq: number },
  secret: Uint8Array,
): Promise<BaseIndex> {
  const context = { ...at.stream, seq: at.seq }
  const bound = indexBound(at.stream, at.seq)
  const plain = await opened(context, async () =>
    inflate(unseal(secret, 'base-index', sealed, bound), BASE_INDEX_BYTES_MAX),
  )
  const parsed = indexSchema.safeParse(parseJson(plain))
  check(parsed.success, 'BaseDamaged', 'the index of a base has its fields', context)
  return parsed.data
}

async function opened(
  context: Record<string, string | number>,
  open: () => Promise<Uint8Array>,
): Promise<Uint8Array> {
  try {
    return await open()
  } catch (cause) {
    if (!isDamage(cause)) throw cause
    throw damage('BaseDamaged', 'a base opens at its place', context, cause)
  }
}
