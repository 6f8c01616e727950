/**
 * The documents of a job: the request as it is kept, and the plan with its cursor and totals.
 */
import { z } from 'zod'
import type { Job } from '../catalogue/types.ts'
import { AppError, invariant } from '../model/errors.ts'
import { parseJson } from './documents.ts'
import { DOCUMENT_MAX } from './limits.ts'
import { type StoredRequest, storedRequestSchema } from './request.ts'
import { count, graphId } from './slot-plans.ts'

const totalsSchema = z.strictObject({
  /** Folders that are made anew. */
  folders: count,
  /** Items: create + skip + alreadyThere + missing + refused, and of a roll back its own five. */
  items: count,
  /** Items that will be made: restore + copy + replace + version. */
  create: count,
  /** Made because nothing of them is there. */
  restore: count,
  /** Made beside one that has other content. */
  copy: count,
  /** Made in the place of one that has other content. */
  replace: count.default(0),
  /** Made as a new version of one that has other content. */
  version: count.default(0),
  /** Left out because one with other content is there. */
  skip: count,
  /** There with the same content: nothing to do. */
  alreadyThere: count,
  /** Listed, but no version is held: planned as failed. */
  missing: count,
  /** Planned as refused: they cannot have their name there. */
  refused: count.default(0),
  /** Items that are in their target folder with other content (skip + copy + replace + version). */
  conflicts: count,
  /** Of a roll back, and absent in others: changed by nobody between the two points. */
  unchanged: count.optional(),
  /** Changed by somebody after the second point: left alone. */
  changedLater: count.optional(),
  /** Put back to their folder and name; the content is what it was. */
  place: count.optional(),
  /** New between the two points: left alone, */
  appeared: count.optional(),
  /** or, where the request says so, thrown away. */
  remove: count.optional(),
  /** Plain bytes that will be written. */
  bytes: count,
  /** Items and folders made anew whose own permissions come back. */
  permissions: count.default(0),
  /** Estimates. */
  requests: count,
  minutes: count,
})
export type PlanTotals = z.output<typeof totalsSchema>

/** Of an undo: what its plan will do with what the restore made. */
const undoTotalsSchema = z.strictObject({
  /** What the restore made or may have made: remove + left + gone + refused + unknown. */
  items: count,
  remove: count,
  /** Edited or moved since, or not provably the restore's. */
  left: count,
  gone: count,
  refused: count,
  unknown: count,
  /** Of the undo of a roll back: go back to where they were before it. */
  place: count.optional(),
  /** Folders that the restore made; those that are empty at the end are removed. */
  folders: count,
  /** Estimates. */
  requests: count,
  minutes: count,
})
export type UndoTotals = z.output<typeof undoTotalsSchema>

export const NO_TOTALS: PlanTotals = {
  folders: 0,
  items: 0,
  create: 0,
  restore: 0,
  copy: 0,
  replace: 0,
  version: 0,
  skip: 0,
  alreadyThere: 0,
  missing: 0,
  refused: 0,
  conflicts: 0,
  bytes: 0,
  permissions: 0,
  requests: 0,
  minutes: 0,
}

/** Where planning goes on. Slots before `next` are written. */
const cursorSchema = z.strictObject({
  /** Folder slots stand at 0 .. folders - 1. */
  folders: count,
  /** The folder whose items are planned now. */
  folder: count,
  continuation: z.string().optional(),
  next: count,
  /** Of a roll back, once all folders are planned: the one in which it is looked for what appeared. */
  appeared: count.optional(),
})
export type PlanCursor = z.output<typeof cursorSchema>

const jobPlanSchema = z.strictObject({
  version: z.literal(1),
  /** Only one step works a job at a time. `until` in ms since 1970. */
  lease: z.strictObject({ holder: z.string(), until: z.number() }).optional(),
  /** Steps in a row that took the lease and never gave it back, the present one included. */
  lostSteps: count.default(0),
  cursor: cursorSchema.optional(),
  /** Graph id of the target resource, fixed by the plan. */
  target: graphId.optional(),
  totals: totalsSchema.default(NO_TOTALS),
  /** Of an undo, in place of `totals`. */
  undoTotals: undoTotalsSchema.optional(),
  /** SHA-256 of the plan, hex; present once it is complete. */
  hash: z.string().optional(),
  slots: count.optional(),
  startedBy: z.string().optional(),
  startedAt: z.number().optional(),
  /** Every slot before this page has ended, and `settled` has counted it. */
  resume: z.strictObject({ continuation: z.string().optional(), end: z.boolean() }).optional(),
  settled: z.record(z.string(), z.number()).optional(),
  /** Graph requests that the steps sent. */
  requestsSent: count.default(0),
  /** Resource units that went to permissions; absent: none. */
  permissionUnits: count.optional(),
  /** Ms since 1970 at which a job that waits goes on; absent while it works. */
  waitsUntil: z.number().optional(),
  /** Why the job failed, for people. */
  problem: z.strictObject({ message: z.string(), hint: z.string() }).optional(),
})
export type JobPlan = z.output<typeof jobPlanSchema>

export const NEW_PLAN: JobPlan = { version: 1, lostSteps: 0, totals: NO_TOTALS, requestsSent: 0 }

export function encodePlan(plan: JobPlan): string {
  const text = JSON.stringify(plan)
  invariant(text.length <= DOCUMENT_MAX, 'a plan document fits into its row')
  return text
}

export function decodePlan(job: Job): JobPlan {
  return read(jobPlanSchema, job.plan, job.id)
}

export function decodeRequest(job: Job): StoredRequest {
  return read(storedRequestSchema, job.request, job.id)
}

function read<T extends z.ZodType>(schema: T, text: string, job: string): z.output<T> {
  const parsed = schema.safeParse(parseJson(text))
  if (parsed.success) return parsed.data
  throw new AppError({
    code: 'JobUnreadable',
    kind: 'corrupt',
    message: 'The row of this restore cannot be read.',
    hint: 'Ask for the restore again; the backup itself is not affected.',
    context: { job },
  })
}
