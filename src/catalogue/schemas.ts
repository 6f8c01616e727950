/**
 * The shapes of the documents in table rows, checked whenever a row is read.
 *
 * Each schema is tied to its type in model/ or types.ts, so that one cannot change without the
 * other. Unknown fields are dropped: a newer version may have written them.
 */
import { z } from 'zod'
import { graphIdSchema, ledgerEventSchema, leftEventSchema } from '../model/event-schema.ts'
import type { Counts, LedgerEvent, LeftEvent } from '../model/events.ts'
import { type KeyHash, type OwnerId, RESOURCE_KINDS, WORKLOADS } from '../model/ids.ts'
import type {
  FirstCopyEstimate,
  HintCounts,
  Job,
  Owner,
  PlanEntry,
  Rebuild,
  Resource,
  Run,
  Verification,
} from './types.ts'
import { BINDING, COVERAGES, RESOURCE_STATES } from './types.ts'

const branded = <T extends string>() => z.custom<T>((value) => typeof value === 'string')
const keyHashSchema = branded<KeyHash>()
const ownerIdSchema = branded<OwnerId>()
const whole = z.int().nonnegative()
const workloads = z.array(z.enum(WORKLOADS))

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

export const openEventSchema: z.ZodType<LedgerEvent | LeftEvent> = z.union([
  ledgerEventSchema,
  leftEventSchema,
])

export const resourceSchema: z.ZodType<Resource> = z.object({
  key: keyHashSchema,
  kind: z.enum(RESOURCE_KINDS),
  graphId: graphIdSchema,
  name: z.string(),
  address: z.string(),
  state: z.enum(RESOURCE_STATES),
  reason: z.string(),
  owner: ownerIdSchema.exactOptional(),
  workloads,
  purpose: z.string().exactOptional(),
  belongsTo: keyHashSchema.exactOptional(),
  group: z
    .strictObject({ id: graphIdSchema, name: z.string(), address: z.string() })
    .exactOptional(),
  oneDrive: keyHashSchema.exactOptional(),
  enabled: z.boolean().exactOptional(),
  protectedSince: z.string().exactOptional(),
  seenAt: z.string(),
  seenIn: whole.exactOptional(),
})

export const ownerSchema: z.ZodType<Owner> = z.object({
  owner: ownerIdSchema,
  resource: keyHashSchema,
  graphId: graphIdSchema,
  workloads,
  earlierVersions: z.union([z.literal('all'), whole]).exactOptional(),
  dueAt: z.string(),
  hintAt: z.string().exactOptional(),
  followAt: z.string().exactOptional(),
  completeAt: z.string().exactOptional(),
  readAt: z.string().exactOptional(),
  coverage: z.enum(COVERAGES),
  trouble: z.string(),
  attempts: whole,
  ledgerOpen: whole,
  source: z.object({ items: whole.exactOptional(), bytes: whole.exactOptional() }).exactOptional(),
  held: z.object({ items: whole, bytes: whole }).exactOptional(),
  verified: z
    .object({
      at: z.string(),
      errors: whole,
      opened: z.string().exactOptional(),
      sampled: z.string().exactOptional(),
      hashes: z.string().exactOptional(),
    })
    .exactOptional(),
})

const hintCountsSchema: z.ZodType<HintCounts> = z.object({
  unchanged: whole,
  changed: whole,
  unanswered: whole,
  requests: whole,
})

const estimateSchema: z.ZodType<FirstCopyEstimate> = z.object({
  owners: whole,
  unknown: whole,
  items: whole,
  bytes: whole,
  units: whole,
  binds: z.enum(BINDING),
  completeAt: z.string(),
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
  hints: hintCountsSchema.exactOptional(),
  estimate: estimateSchema.exactOptional(),
})

export const planEntrySchema: z.ZodType<PlanEntry> = z.object({
  owner: ownerIdSchema,
  resource: keyHashSchema,
  state: z.enum(['queued', 'claimed', 'done', 'wait', 'failed']),
  counts: countsSchema,
  requests: whole,
  units: z.object({ all: whole, permissions: whole }).exactOptional(),
  bytes: whole,
  trouble: z.string(),
  claimedUntil: z.number(),
})

export const rebuildSchema: z.ZodType<Rebuild> = z.object({
  id: z.string(),
  scope: z.enum(['all', 'named']),
  state: z.enum(['queued', 'running', 'done']),
  phase: z.enum(['identify', 'rows']),
  createdAt: z.string(),
  startedAt: z.string().exactOptional(),
  endedAt: z.string().exactOptional(),
  heartbeatAt: z.string(),
  attempt: whole,
  by: z.string(),
  stoppedBefore: z.string().exactOptional(),
  position: z.string(),
  open: z.array(
    z.object({
      owner: ownerIdSchema,
      dueAt: z.string(),
      tries: whole,
      trouble: z.string(),
      worker: z.string().exactOptional(),
    }),
  ),
  counts: z.object({
    owners: whole,
    rebuilt: whole,
    damaged: whole,
    failed: whole,
    unreadable: whole,
    superseded: whole,
    // Rows of earlier versions of Holdfast do not have it.
    erased: whole.default(0),
    commits: whole,
  }),
  troubles: z.record(z.string(), whole),
})

const sums = z.record(z.string(), whole)

export const verificationSchema: z.ZodType<Verification> = z.object({
  id: z.string(),
  state: z.enum(['queued', 'running', 'done']),
  createdAt: z.string(),
  firstAt: z.string(),
  startedAt: z.string().exactOptional(),
  endedAt: z.string().exactOptional(),
  heartbeatAt: z.string(),
  attempt: whole,
  openPercent: z.number(),
  seed: z.string(),
  locks: z.object({ until: z.string(), most: z.string() }).exactOptional(),
  position: z.string(),
  open: z
    .object({
      owner: ownerIdSchema,
      began: z.string(),
      worker: z.string(),
      until: z.string(),
      tries: whole,
      trouble: z.string(),
      again: z.literal(true).exactOptional(),
      progress: z.unknown().exactOptional(),
    })
    .exactOptional(),
  counts: z.object({
    owners: whole,
    opened: whole,
    sampled: whole,
    hashes: whole,
    damaged: whole,
    nothing: whole,
    failed: whole,
    erased: whole,
  }),
  sums,
  found: sums,
  severities: z.object({ error: whole, warning: whole, notice: whole }),
  findings: z.array(z.record(z.string(), z.union([z.string(), z.number()]))),
  troubles: sums,
  report: z.string().exactOptional(),
})

export const jobSchema: z.ZodType<Job> = z.object({
  id: z.string(),
  kind: z.enum(['restore', 'undo']),
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
