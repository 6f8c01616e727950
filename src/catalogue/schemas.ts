/**
 * The shapes of the documents in table rows, checked whenever a row is read.
 *
 * Each schema is tied to its type in model/ or types.ts, so that one cannot change without the
 * other. Unknown fields are dropped: a newer version may have written them.
 */
import { z } from 'zod'
import {
  type Counts,
  type Cursor,
  type Display,
  EXCLUSION_REASONS,
  LEDGER_REASONS,
  type LedgerEvent,
  type LeftEvent,
  type Marker,
  type PastPlace,
  type Place,
  REPRESENTATIONS,
  type Representation,
} from '../model/events.ts'
import {
  type GraphId,
  type KeyHash,
  type OwnerId,
  type PackId,
  type SegmentId,
  WORKLOADS,
} from '../model/ids.ts'
import type { Job, Owner, PlanEntry, Resource, Run } from './types.ts'
import { RESOURCE_STATES } from './types.ts'

const branded = <T extends string>() => z.custom<T>((value) => typeof value === 'string')
export const graphIdSchema = branded<GraphId>()
const keyHashSchema = branded<KeyHash>()
const ownerIdSchema = branded<OwnerId>()
const whole = z.int().nonnegative()
const workloads = z.array(z.enum(WORKLOADS))

export const itemKindSchema = z.enum(['item', 'container'])
export const whySchema = z.enum(['new', 'content', 'decoration', 'moved'])

export const countsSchema: z.ZodType<Counts> = z.object({
  seen: whole,
  stored: whole,
  restated: whole,
  unchanged: whole,
  left: whole,
  deleted: whole,
  ledger: whole,
  excluded: whole,
})

export const markerSchema: z.ZodType<Marker> = z.object({
  content: z.string(),
  decoration: z.string(),
  change: z.string(),
})

export const displaySchema: z.ZodType<Display> = z.object({
  name: z.string(),
  by: z.string().exactOptional(),
  date: z.string().exactOptional(),
  size: z.number().exactOptional(),
  isRead: z.boolean().exactOptional(),
  hasAttachments: z.boolean().exactOptional(),
  parent: graphIdSchema.exactOptional(),
  wellKnownName: z.string().exactOptional(),
  excluded: z.enum(EXCLUSION_REASONS).exactOptional(),
})

const place = { container: graphIdSchema, sortKey: z.string() }
const placeSchema: z.ZodType<Place> = z.object(place)
export const pastPlaceSchema: z.ZodType<PastPlace> = z.object({ ...place, from: whole })

export const representationsSchema: z.ZodType<Representation[]> = z.array(
  z.object({
    name: z.enum(REPRESENTATIONS),
    bytes: whole,
    sha256: z.string(),
    segments: z.array(
      z.object({
        id: branded<SegmentId>(),
        pack: branded<PackId>(),
        offset: whole,
        sealedBytes: whole,
        plainBytes: whole,
      }),
    ),
  }),
)

const ledgerEvent: z.ZodType<LedgerEvent> = z.object({
  op: z.literal('ledger'),
  kind: itemKindSchema,
  item: graphIdSchema,
  reason: z.enum(LEDGER_REASONS),
  code: z.string(),
  place: placeSchema,
  display: displaySchema,
  attempts: whole,
  nextTry: z.string().exactOptional(),
})

const leftEvent: z.ZodType<LeftEvent> = z.object({
  op: z.literal('left'),
  kind: itemKindSchema,
  item: graphIdSchema,
  place: pastPlaceSchema,
  at: z.string(),
  round: whole,
})

export const openEventSchema: z.ZodType<LedgerEvent | LeftEvent> = z.union([ledgerEvent, leftEvent])

export const cursorSchema: z.ZodType<Cursor> = z.object({
  container: graphIdSchema,
  start: z.string().nullable(),
  position: z.string().nullable(),
  round: z.int(),
  closed: z.boolean().exactOptional(),
})

export const resourceSchema: z.ZodType<Resource> = z.object({
  key: keyHashSchema,
  kind: z.literal('user'),
  graphId: graphIdSchema,
  name: z.string(),
  address: z.string(),
  state: z.enum(RESOURCE_STATES),
  reason: z.string(),
  owner: ownerIdSchema.exactOptional(),
  workloads,
  protectedSince: z.string().exactOptional(),
  seenAt: z.string(),
})

export const ownerSchema: z.ZodType<Owner> = z.object({
  owner: ownerIdSchema,
  resource: keyHashSchema,
  graphId: graphIdSchema,
  workloads,
  dueAt: z.string(),
  completeAt: z.string().exactOptional(),
  readAt: z.string().exactOptional(),
  coverage: z.enum(['waiting', 'first-copy', 'covered', 'failing', 'poison']),
  trouble: z.string(),
  attempts: whole,
  ledgerOpen: whole,
})

export const runSchema: z.ZodType<Run> = z.object({
  id: z.string(),
  kind: z.enum(['scheduled', 'asked']),
  state: z.enum(['queued', 'planning', 'running', 'paused', 'done', 'failed', 'cancelled']),
  createdAt: z.string(),
  startedAt: z.string().exactOptional(),
  endedAt: z.string().exactOptional(),
  heartbeatAt: z.string(),
  attempt: whole,
  wave: whole,
  resources: z.array(keyHashSchema),
  by: z.string(),
  flags: z.object({ cancel: z.boolean(), pause: z.boolean() }),
  trouble: z.string(),
})

export const planEntrySchema: z.ZodType<PlanEntry> = z.object({
  owner: ownerIdSchema,
  resource: keyHashSchema,
  state: z.enum(['queued', 'claimed', 'done', 'wait', 'failed']),
  counts: countsSchema,
  requests: whole,
  bytes: whole,
  trouble: z.string(),
  claimedUntil: z.number(),
})

export const jobSchema: z.ZodType<Job> = z.object({
  id: z.string(),
  kind: z.literal('restore'),
  state: z.enum(['planning', 'planned', 'queued', 'running', 'done', 'failed', 'cancelled']),
  createdAt: z.string(),
  updatedAt: z.string(),
  heartbeatAt: z.string(),
  attempt: whole,
  by: z.string(),
  request: z.string(),
  plan: z.string(),
  counts: z.record(z.string(), z.number()),
  flags: z.object({ cancel: z.boolean() }),
  trouble: z.string(),
})

export const slotBodySchema = z.string()
export const noteSchema = z.string()
