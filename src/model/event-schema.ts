/**
 * The shape of events, cursors and the round: in parts and bodies (docs/format.md, 8.2 and 8.3),
 * and in the rows that are computed from them.
 *
 * Strict on purpose: the writer passes its own commit through these checks before the commit
 * point, because what is committed and cannot become rows would stop the stream for ever.
 */
import { z } from 'zod'
import {
  type Cursor,
  type Display,
  EXCLUSION_REASONS,
  LEDGER_REASONS,
  type LedgerEvent,
  type LeftEvent,
  type LongProgress,
  type Marker,
  type PastPlace,
  type Place,
  REPRESENTATIONS,
  type Representation,
  type RoundState,
  type SegmentRef,
  type StreamEvent,
  UNREAD,
} from './events.ts'
import { type GraphId, type PackId, SEQ_MAX, type SegmentId } from './ids.ts'

const hashPattern = /^[0-9a-f]{64}$/
const hashOf = <T extends string>() =>
  z
    .string()
    .regex(hashPattern)
    .transform((text) => text as T)
export const graphIdSchema = z
  .string()
  .min(1)
  .transform((text) => text as GraphId)
const whole = z.int().nonnegative()
export const seqSchema = z.int().min(1).max(SEQ_MAX)

const place = {
  container: graphIdSchema,
  /** Stands in a table key (model/events.ts, Place). */
  sortKey: z.string().regex(/^[0-9A-Za-z.~_-]{1,64}$/),
}
const placeSchema: z.ZodType<Place> = z.object(place)
export const pastPlaceSchema: z.ZodType<PastPlace> = z.object({ ...place, from: seqSchema })

export const markerSchema: z.ZodType<Marker> = z.object({
  content: z.string(),
  decoration: z.string(),
  change: z.string(),
  at: z.string().exactOptional(),
  sharing: z.string().exactOptional(),
})

export const displaySchema: z.ZodType<Display> = z.object({
  name: z.string(),
  by: z.string().exactOptional(),
  date: z.string().exactOptional(),
  size: z.number().exactOptional(),
  isRead: z.boolean().exactOptional(),
  hasAttachments: z.boolean().exactOptional(),
  unread: z.array(z.enum(UNREAD)).exactOptional(),
  parent: graphIdSchema.exactOptional(),
  wellKnownName: z.string().exactOptional(),
  excluded: z.enum(EXCLUSION_REASONS).exactOptional(),
})

const segment = {
  id: hashOf<SegmentId>(),
  pack: hashOf<PackId>(),
  offset: whole,
  sealedBytes: whole,
  plainBytes: whole,
}
export const segmentsSchema: z.ZodType<SegmentRef[]> = z.array(z.object(segment))
/** Whole packs only: 32 bytes each. */
const packIds = z.base64().refine((text) => Buffer.from(text, 'base64').length % 32 === 0)

const representationSchema: z.ZodType<Representation> = z.object({
  name: z.enum(REPRESENTATIONS),
  bytes: whole,
  sha256: z.string().regex(hashPattern),
  digest: z.literal('segments').exactOptional(),
  lists: z.array(z.object({ ...segment, contentBytes: whole, packs: packIds })).exactOptional(),
  segments: segmentsSchema,
  note: z.record(z.string(), z.unknown()).exactOptional(),
})
export const representationsSchema: z.ZodType<Representation[]> = z.array(representationSchema)

const progressSchema: z.ZodType<LongProgress> = z.object({
  marker: markerSchema,
  position: z.object({ offset: whole, state: z.string() }),
  content: representationSchema,
})

export const itemKindSchema = z.enum(['item', 'container'])
export const whySchema = z.enum(['new', 'content', 'decoration', 'moved'])
const subject = { kind: itemKindSchema, item: graphIdSchema }

export const ledgerEventSchema: z.ZodType<LedgerEvent> = z.object({
  ...subject,
  op: z.literal('ledger'),
  reason: z.enum(LEDGER_REASONS),
  code: z.string(),
  place: placeSchema,
  display: displaySchema,
  attempts: whole,
  nextTry: z.string().exactOptional(),
  progress: progressSchema.exactOptional(),
})

export const leftEventSchema: z.ZodType<LeftEvent> = z.object({
  ...subject,
  op: z.literal('left'),
  place: pastPlaceSchema,
  at: z.string(),
  round: whole,
})

const eventSchema: z.ZodType<StreamEvent> = z.union([
  z.object({
    ...subject,
    op: z.literal('put'),
    why: whySchema,
    place: placeSchema,
    marker: markerSchema,
    display: displaySchema,
    representations: representationsSchema,
    leaves: pastPlaceSchema.exactOptional(),
  }),
  leftEventSchema,
  z.object({
    ...subject,
    op: z.literal('deleted'),
    leaves: pastPlaceSchema,
    leftAt: z.string(),
  }),
  ledgerEventSchema,
  z.object({
    ...subject,
    op: z.literal('resolved'),
    how: z.enum(['gone', 'excluded', 'readable']),
  }),
])

export const cursorSchema: z.ZodType<Cursor> = z.object({
  container: graphIdSchema,
  start: z.string().nullable(),
  position: z.string().nullable(),
  round: whole,
  closed: z.boolean().exactOptional(),
  scan: z.string().exactOptional(),
  pages: whole.exactOptional(),
  emptyPages: whole.exactOptional(),
  orphans: z.literal(true).exactOptional(),
  newest: z.string().exactOptional(),
})

export const roundSchema: z.ZodType<RoundState> = z.object({
  id: whole,
  startedAt: z.string(),
  phase: z.enum(['listing', 'reading', 'confirming', 'complete']),
})

/**
 * Undefined where it is no event that a commit with this seq can say. Fields that a later writer
 * added are kept.
 */
export function eventAt(json: unknown, seq: number): StreamEvent | undefined {
  const parsed = eventSchema.safeParse(json)
  if (!parsed.success) return undefined
  const past = pastOf(parsed.data)
  if (past !== undefined && past.from >= seq) return undefined
  return json as StreamEvent
}

/** The list row, opened by an earlier commit, that the event names. */
function pastOf(event: StreamEvent): PastPlace | undefined {
  if (event.op === 'left') return event.place
  return event.op === 'put' || event.op === 'deleted' ? event.leaves : undefined
}
