/**
 * The documents of a restore: slots, the job's plan, and the hash that binds them.
 *
 * A slot's body has a `plan` part, fixed once the job is planned, and a `run` part, which the
 * replay changes. The plan's SHA-256 goes over a header (job, request, target) and the plan part
 * of every slot in order: any change of what would be written, from which bytes, to which place,
 * voids it (DESIGN 8). Names are personal data and allowed in row values, never in keys (P9).
 */
import { createHash, type Hash } from 'node:crypto'
import { z } from 'zod'
import type { Job, Slot } from '../catalogue/types.ts'
import { AppError, invariant } from '../model/errors.ts'
import { REPRESENTATIONS } from '../model/events.ts'
import { type GraphId, parseKeyHash } from '../model/ids.ts'
import { DOCUMENT_MAX } from './limits.ts'
import { type StoredRequest, storedRequestSchema } from './request.ts'

const graphId = z
  .string()
  .min(1)
  .transform((text) => text as GraphId)
const key = z.string().transform(parseKeyHash)
const count = z.int().min(0)

/** A folder that items of this plan go to, or that must exist for such a folder. */
const folderPlanSchema = z.strictObject({
  kind: z.literal('folder'),
  name: z.string(),
  /** The held container; absent for the folder that the request itself names. */
  source: graphId.optional(),
  /** Its items are part of the selection (not only an ancestor). */
  selected: z.boolean(),
  /** `none`: an ancestor that nothing needs, because its descendants were found elsewhere. */
  action: z.enum(['use', 'make', 'none']),
  /** `use`: the target container. */
  target: graphId.optional(),
  /** `make`: the parent is the folder of this slot, or this container, or (absent) the root. */
  parent: z
    .union([z.strictObject({ slot: count }), z.strictObject({ target: graphId })])
    .optional(),
})
export type FolderPlan = z.output<typeof folderPlanSchema>

const itemPlanSchema = z.strictObject({
  kind: z.literal('item'),
  name: z.string(),
  key,
  /** The version: seq of the commit that says it. */
  seq: count,
  /** Slot of the folder that it goes to. */
  folder: count,
  folderName: z.string(),
  /**
   * `restore`: it is missing; `copy` and `skip`: an item of the same identity is there with other
   * content; `there`: one with the same content is; `none`: no version could be found for a listed
   * item, and the slot is planned as failed.
   */
  action: z.enum(['restore', 'copy', 'skip', 'there', 'none']),
  /** Binds the plan to bytes: replay restores exactly these or nothing. */
  contents: z.array(
    z.strictObject({ name: z.enum(REPRESENTATIONS), bytes: count, sha256: z.string() }),
  ),
  /** The item of the target that answers for it (`copy`, `skip`, `there`). */
  there: graphId.optional(),
})
export type ItemPlan = z.output<typeof itemPlanSchema>

export const CHECKS = ['verified', 'differs', 'could-not-check'] as const

const runSchema = z.strictObject({
  /** Sends so far, the open one included. */
  attempt: count,
  /** The hidden property under which the item is made; the same for every attempt. */
  mark: z.string().optional(),
  /** Ms since 1970: no send of the newest attempt happens later. */
  sentBefore: z.number().optional(),
  /** Ms since 1970 at which its creation was known. */
  createdAt: z.number().optional(),
  newId: graphId.optional(),
  check: z.enum(CHECKS).optional(),
  fields: z.array(z.string()).optional(),
  code: z.string().optional(),
  message: z.string().optional(),
  /** The item as the read-back found it: an undo tells later edits by it. */
  seen: z
    .strictObject({
      container: graphId,
      marker: z.strictObject({ content: z.string(), decoration: z.string(), change: z.string() }),
    })
    .optional(),
  /** Copies under the same mark that were found beside the one that was kept. */
  doubles: count.optional(),
})
export type SlotRun = z.output<typeof runSchema>

/**
 * The life of a slot. Items: pending -> doing -> created -> (settling ->) done, or to an end on
 * the way; folders: pending -> done | failed. `settling` is an item that was sent more than
 * once: it is looked at again after the lag, because the earlier send may only now be visible.
 */
export const SLOT_STATES = [
  'pending',
  'doing',
  'created',
  'settling',
  'done',
  'skipped',
  'there',
  'refused',
  'failed',
  'unknown',
] as const
export type SlotState = (typeof SLOT_STATES)[number]

const bodySchema = z.strictObject({
  v: z.literal(1),
  plan: z.discriminatedUnion('kind', [folderPlanSchema, itemPlanSchema]),
  run: runSchema,
})

export type SlotPlan = FolderPlan | ItemPlan
/** A slot, decoded. `etag` is there once it was read from or written to the table. */
export interface OpenSlot<P extends SlotPlan = SlotPlan> {
  n: number
  state: SlotState
  plan: P
  run: SlotRun
  etag: string
}

/** How a slot begins: a pure function of its plan, so that a start can check it. */
export function beginning(plan: SlotPlan): { state: SlotState; run: SlotRun } {
  if (plan.kind === 'folder') {
    return { state: plan.action === 'make' ? 'pending' : 'done', run: { attempt: 0 } }
  }
  if (plan.action === 'skip') return { state: 'skipped', run: { attempt: 0 } }
  if (plan.action === 'there') return { state: 'there', run: { attempt: 0 } }
  if (plan.action !== 'none') return { state: 'pending', run: { attempt: 0 } }
  const message = 'The item is listed, but no version of it is held at that time.'
  return { state: 'failed', run: { attempt: 0, code: 'VersionMissing', message } }
}

/** Ended: no step will touch it again. */
export function isFinal(state: SlotState): boolean {
  return !['pending', 'doing', 'created', 'settling'].includes(state)
}

export function isItem(slot: OpenSlot): slot is OpenSlot<ItemPlan> {
  return slot.plan.kind === 'item'
}

export function isFolder(slot: OpenSlot): slot is OpenSlot<FolderPlan> {
  return slot.plan.kind === 'folder'
}

export function encodeSlot(slot: Omit<OpenSlot, 'etag'>): Slot {
  const body = JSON.stringify({ v: 1, plan: slot.plan, run: slot.run })
  invariant(body.length <= DOCUMENT_MAX, 'a slot fits into its row')
  return { n: slot.n, state: slot.state, body }
}

/** Throws `SlotUnreadable`: the row is not one that this version wrote. */
export function decodeSlot(slot: Slot & { etag: string }): OpenSlot {
  const state = z.enum(SLOT_STATES).safeParse(slot.state)
  const body = bodySchema.safeParse(parseJson(slot.body))
  if (!state.success || !body.success) {
    throw new AppError({
      code: 'SlotUnreadable',
      kind: 'corrupt',
      message: 'A row of the restore plan cannot be read.',
      hint: 'Cancel this restore and plan it again; the backup itself is not affected.',
      context: { n: slot.n },
    })
  }
  return { n: slot.n, state: state.data, etag: slot.etag, plan: body.data.plan, run: body.data.run }
}

const totalsSchema = z.strictObject({
  /** Folders that are made anew. */
  folders: count,
  /** Items of the selection: create + skip + alreadyThere + missing. */
  items: count,
  /** Items that will be made: restore + copy. */
  create: count,
  /** Made because nothing of them is there. */
  restore: count,
  /** Made beside one that has other content. */
  copy: count,
  /** Left out because one with other content is there. */
  skip: count,
  /** There with the same content: nothing to do. */
  alreadyThere: count,
  /** Listed, but no version is held: planned as failed. */
  missing: count,
  /** Items that are in their target folder with other content (skip + copy). */
  conflicts: count,
  /** Plain bytes that will be written. */
  bytes: count,
  /** Estimates. */
  requests: count,
  minutes: count,
})
export type PlanTotals = z.output<typeof totalsSchema>

export const NO_TOTALS: PlanTotals = {
  folders: 0,
  items: 0,
  create: 0,
  restore: 0,
  copy: 0,
  skip: 0,
  alreadyThere: 0,
  missing: 0,
  conflicts: 0,
  bytes: 0,
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The schemas refuse it, and their caller says which row it was.
    return undefined
  }
}

/** Opaque, fixed for job and slot: a slot that is sent again carries the same mark. */
export function markOf(job: string, n: number): string {
  return createHash('sha256')
    .update(`holdfast-restore-mark\n${job}\n${n}`)
    .digest('hex')
    .slice(0, 32)
}

/** Collects a plan's SHA-256. Slots must be added in order, none left out. */
export class PlanHash {
  readonly #hash: Hash
  #next = 0

  constructor(header: { job: string; request: StoredRequest; target: GraphId }) {
    const { job, request, target } = header
    this.#hash = createHash('sha256')
    this.#hash.update(`${JSON.stringify(['holdfast-restore-plan-1', job, request, target])}\n`)
  }

  add(slot: Pick<OpenSlot, 'n' | 'plan'>): void {
    invariant(slot.n === this.#next, 'slots of a plan are hashed in order, without a gap')
    this.#next += 1
    this.#hash.update(`${slot.n} ${JSON.stringify(slot.plan)}\n`)
  }

  get slots(): number {
    return this.#next
  }

  digest(): string {
    return this.#hash.digest('hex')
  }
}
