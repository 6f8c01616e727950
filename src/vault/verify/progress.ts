/**
 * How far a verification has come: plain JSON of bounded size, without anything of the content.
 *
 * What it counts and found belongs exactly to what was done before `at`, so that going on from any
 * of them ends in the same report.
 */
import { z } from 'zod'
import { type OwnerId, parseOwnerId, WORKLOADS } from '../../model/ids.ts'
import { stateRefSchema } from '../base-format.ts'
import { COMMIT_VOIDS_MAX } from '../limits.ts'
import { FINDINGS, type FindingCode } from './findings.ts'

/** Findings that a report names; beyond it they are counted by their code. */
export const FINDINGS_NAMED_MAX = 500

const ownerSchema = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .transform(parseOwnerId)
const workloadSchema = z.enum(WORKLOADS)
const count = z.int().nonnegative()
const text = z.string().max(300)
const codes = Object.keys(FINDINGS) as [FindingCode, ...FindingCode[]]
const severity = z.enum(['error', 'warning', 'notice'])

export const planSchema = z.object({
  /** Absent: all. */
  owner: ownerSchema.exactOptional(),
  /** Percent of segments and items that are opened; 0: hashes only. */
  openPercent: z.number().min(0).max(100),
  /** Decides which ones: the same sample for the same seed. */
  seed: z.string().max(100),
  /**
   * Versions and locks are looked at: every blob that is needed must be locked until `until`, and
   * none longer than until `most`. Absent: they are not, which whoever asks has to say.
   */
  locks: z.object({ until: z.iso.datetime(), most: z.iso.datetime() }).exactOptional(),
  /** The times at which blobs were created are not those of the vault, and say nothing. */
  copied: z.boolean().exactOptional(),
})
export type VerifyPlan = z.infer<typeof planSchema>

const DAY_MS = 24 * 3_600_000
/** A lock that ends so much later than the longest that is planned was set by somebody else. */
const EXCESS_DAYS = 366

/** What is needed must be locked for R more days; the keeper locks for R + G (DESIGN 2). */
export function plannedLocks(
  now: number,
  { protectionDays, generationDays }: { protectionDays: number; generationDays: number },
): NonNullable<VerifyPlan['locks']> {
  const after = (days: number) => new Date(now + days * DAY_MS).toISOString()
  return {
    until: after(protectionDays),
    most: after(protectionDays + generationDays + EXCESS_DAYS),
  }
}

const findingSchema = z.object({
  code: z.enum(codes),
  owner: ownerSchema.exactOptional(),
  workload: workloadSchema.exactOptional(),
  seq: count.exactOptional(),
  blob: text.exactOptional(),
  pack: text.exactOptional(),
  segment: text.exactOptional(),
  item: text.exactOptional(),
  check: text.exactOptional(),
  count: count.exactOptional(),
  severity: severity.exactOptional(),
})

const countsSchema = z.object({
  owners: count,
  streams: count,
  commits: count,
  events: count,
  bases: count,
  packs: count,
  packBytes: count,
  /** Segments whose framing was checked. */
  segments: count,
  /** Of them: unwrapped, decrypted, and their id found right. */
  opened: count,
  openedBytes: count,
  /** Items of the newest state whose content was put together and compared with its hash. */
  items: count,
  itemBytes: count,
  /** Versions that were looked at, and how many of them have a legal hold. */
  versions: count.default(0),
  held: count.default(0),
})
export type VerifyCounts = z.infer<typeof countsSchema>

/** Where each stream of the owner ended, and at which seq it began. */
const endsSchema = z.partialRecord(workloadSchema, z.object({ last: stateRefSchema, from: count }))
export type Ends = z.infer<typeof endsSchema>

const endSchema = z.object({
  last: stateRefSchema.exactOptional(),
  voids: z.array(z.object({ seq: count, sha256: text })).max(COMMIT_VOIDS_MAX),
})

const inOwner = { owner: ownerSchema, ends: endsSchema }
const positionSchema = z.discriminatedUnion('step', [
  z.object({ step: z.literal('start') }),
  z.object({ step: z.literal('next'), after: ownerSchema.exactOptional() }),
  z.object({ step: z.literal('owner'), owner: ownerSchema }),
  z.object({
    step: z.literal('chain'),
    ...inOwner,
    workload: workloadSchema,
    /** Absent: not begun. `from`: the seq at which it began. */
    end: endSchema.exactOptional(),
    from: count.exactOptional(),
  }),
  z.object({ step: z.literal('bases'), ...inOwner, workload: workloadSchema, after: count }),
  z.object({ step: z.literal('packs'), ...inOwner, after: text.exactOptional() }),
  /** `after`: the name that was looked at last, of the prefix with this number. */
  z.object({
    step: z.literal('versions'),
    ...inOwner,
    prefix: count,
    after: text.exactOptional(),
  }),
  z.object({
    step: z.literal('items'),
    ...inOwner,
    workload: workloadSchema,
    shard: count,
    after: text.exactOptional(),
    /** Of the item after that: the representation and the offset up to which it was read. */
    within: z.object({ part: count, offset: count, isWhole: z.boolean() }).exactOptional(),
  }),
  z.object({ step: z.literal('done') }),
])
export type Position = z.infer<typeof positionSchema>

export const verifyProgressSchema = z.object({
  holdfast: z.literal(1),
  plan: planSchema,
  at: positionSchema,
  counts: countsSchema,
  /** All findings by their code. */
  found: z.partialRecord(z.enum(codes), count),
  /** All findings by how grave they are. */
  severities: z.object({ error: count, warning: count, notice: count }),
  findings: z.array(findingSchema).max(FINDINGS_NAMED_MAX),
})
export type VerifyProgress = z.infer<typeof verifyProgressSchema>

export function verifyStart(plan: VerifyPlan): VerifyProgress {
  return {
    ...{ holdfast: 1, plan, at: { step: 'start' } },
    counts: {
      ...{ owners: 0, streams: 0, commits: 0, events: 0, bases: 0, packs: 0, packBytes: 0 },
      ...{ segments: 0, opened: 0, openedBytes: 0, items: 0, itemBytes: 0 },
      ...{ versions: 0, held: 0 },
    },
    ...{ found: {}, severities: { error: 0, warning: 0, notice: 0 }, findings: [] },
  }
}

/** Of one owner of a vault that was begun to be verified before: what is the vault's is done. */
export function verifyOwnerStart(plan: VerifyPlan & { owner: OwnerId }): VerifyProgress {
  return { ...verifyStart(plan), at: { step: 'owner', owner: plan.owner } }
}
