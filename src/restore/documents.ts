/**
 * The slots of a restore or an undo, and the hash that binds them.
 *
 * A slot's body has a `plan` part, fixed once the job is planned, and a `run` part, which the
 * replay changes. The plan's SHA-256 goes over a header (job, request, target) and the plan part
 * of every slot in order: any change of what would be written, from which bytes, to which place,
 * voids it (DESIGN 8). Names are personal data and allowed in row values, never in keys (P9).
 */
import { createHash, type Hash } from 'node:crypto'
import { z } from 'zod'
import type { Slot } from '../catalogue/types.ts'
import { AppError, invariant } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import { DOCUMENT_MAX } from './limits.ts'
import type { StoredRequest } from './request.ts'
import {
  type Aspect,
  type ClearingPlan,
  clearingPlanSchema,
  count,
  type FolderPlan,
  folderPlanSchema,
  graphId,
  type ItemPlan,
  itemPlanSchema,
  type LeaveCode,
  type PlacementPlan,
  placementPlanSchema,
  type RemovalPlan,
  removalPlanSchema,
  type SlotPlan,
  seenSchema,
} from './slot-plans.ts'

export type {
  ClearingPlan,
  FolderPlan,
  ItemPlan,
  PlacementPlan,
  RemovalPlan,
  SlotPlan,
} from './slot-plans.ts'

export const CHECKS = ['verified', 'differs', 'could-not-check'] as const

/** Names people and links: for the report alone. */
const permittedSchema = z.strictObject({
  /** Held permissions that are in force again. */
  restored: count,
  notRestored: z.array(z.strictObject({ what: z.string(), code: z.string(), message: z.string() })),
  /** Not restored either, beyond those that are listed. */
  more: count.optional(),
  links: z
    .array(z.strictObject({ type: z.string(), scope: z.string(), address: z.string().optional() }))
    .optional(),
})
export type Permitted = z.output<typeof permittedSchema>

const runSchema = z.strictObject({
  /** Sends so far, the open one included. */
  attempt: count,
  /** The hidden property under which the item is made; the same for every attempt. */
  mark: z.string().optional(),
  /** Ms since 1970: no send of the newest attempt happens later. */
  sentBefore: z.number().optional(),
  /** Ms since 1970 at which its creation was known. */
  createdAt: z.number().optional(),
  /** Ms since 1970: nothing was sent for this slot earlier. */
  since: z.number().optional(),
  newId: graphId.optional(),
  /** Where a long upload goes on; sealed, because it holds a pre-authenticated address (P9). */
  upload: z.string().optional(),
  /** The item that it takes the place of was thrown away for it. */
  replaced: z.literal(true).optional(),
  check: z.enum(CHECKS).optional(),
  fields: z.array(z.string()).optional(),
  code: z.string().optional(),
  message: z.string().optional(),
  /** The item as the read-back found it: an undo tells later edits by it. */
  seen: seenSchema.optional(),
  /** Copies under the same mark that were found beside the one that was kept. */
  doubles: count.optional(),
  permissions: permittedSchema.optional(),
  /** Times that bringing them back came to no end. */
  permitAttempts: count.optional(),
})
export type SlotRun = z.output<typeof runSchema>

/**
 * The life of a slot. Items: pending -> doing -> created -> (settling ->) done, or to an end on
 * the way; folders: pending -> done | failed. `settling` is an item that was sent more than
 * once: it is looked at again after the lag, because the earlier send may only now be visible.
 * One that replaces another, once it is read back: created -> replacing (the other one is thrown
 * away) -> renaming (it gets the name) -> done.
 * What had permissions of its own, item or folder, is `permitting` right before it is done.
 * Of a roll back, a version that goes back to its name and folder as well: created -> renaming ->
 * done; what somebody changed later ends as `later`.
 * Of an undo: pending -> doing -> done (removed) | left | gone | refused | unknown.
 */
const OPEN_STATES = [
  'pending',
  'doing',
  'created',
  'settling',
  'replacing',
  'renaming',
  'permitting',
] as const
export const SLOT_STATES = [
  ...OPEN_STATES,
  'done',
  'skipped',
  'there',
  'left',
  'gone',
  'refused',
  'failed',
  'unknown',
  'unchanged',
  'later',
  'appeared',
] as const
export type SlotState = (typeof SLOT_STATES)[number]

const bodySchema = z.strictObject({
  v: z.literal(1),
  plan: z.discriminatedUnion('kind', [
    folderPlanSchema,
    itemPlanSchema,
    placementPlanSchema,
    removalPlanSchema,
    clearingPlanSchema,
  ]),
  run: runSchema,
})

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
  if (plan.kind === 'clearing') return { state: 'pending', run: { attempt: 0 } }
  if (plan.kind === 'removal') return beginningOfRemoval(plan)
  if (plan.kind === 'placement') return beginningOfPlacement(plan)
  if (plan.kind === 'folder') {
    return { state: plan.action === 'make' ? 'pending' : 'done', run: { attempt: 0 } }
  }
  if (plan.action === 'skip') return { state: 'skipped', run: { attempt: 0 } }
  if (plan.action === 'there') return { state: 'there', run: { attempt: 0 } }
  if (plan.action === 'unchanged') return { state: 'unchanged', run: { attempt: 0 } }
  if (plan.action === 'later') return { state: 'later', run: { attempt: 0, ...changedLater(plan) } }
  if (plan.action === 'refuse') {
    return { state: 'refused', run: { attempt: 0, ...(plan.refusal ?? NOT_POSSIBLE) } }
  }
  if (plan.action !== 'none') return { state: 'pending', run: { attempt: 0 } }
  const message = 'The item is listed, but no version of it is held at that time.'
  return { state: 'failed', run: { attempt: 0, code: 'VersionMissing', message } }
}

const NOT_POSSIBLE = { code: 'NameRefused', message: 'It cannot have its name there.' }

const LEFT = {
  EditedSince: ['left', 'It was edited after the restore.'],
  MovedSince: ['left', 'It was moved to another folder after the restore.'],
  NotAsRestored: ['left', 'It cannot be shown that it still is what the restore made.'],
  AlreadyGone: ['gone', 'It is not there any more.'],
  NotFound: ['gone', 'Nothing is there that the restore made for this item.'],
  FolderNotKnown: ['unknown', 'The folder in which the item was being made is not known.'],
  NotReadable: ['refused', 'The service does not let it be read.'],
  Replaced: [
    'left',
    'It took the place of another one, which is in the recycle bin; without it nothing would be there.',
  ],
  NewVersion: [
    'left',
    'It is a version of what was there; the one before is in its version history.',
  ],
  ThrownAway: [
    'left',
    'The restore threw it away: it is where deleted items are recovered from, such as the recycle bin.',
  ],
  Appeared: ['appeared', 'It appeared between the two points, and it stays.'],
  ChangedLater: ['later', 'It was changed after the second point, so it stays as it is.'],
} as const satisfies Record<LeaveCode, readonly [SlotState, string]>

/** How a removal ends that leaves the item alone. */
export function leftFor(code: LeaveCode): { state: SlotState; code: LeaveCode; message: string } {
  const [state, message] = LEFT[code]
  return { state, code, message }
}

function beginningOfRemoval(plan: RemovalPlan): { state: SlotState; run: SlotRun } {
  if (plan.action === 'remove') return { state: 'pending', run: { attempt: 0 } }
  const { state, code, message } = leftFor(plan.code ?? 'NotFound')
  const later = code === 'ChangedLater' ? changedLater(plan) : {}
  return { state, run: { attempt: 0, code, message, ...later } }
}

function beginningOfPlacement(plan: PlacementPlan): { state: SlotState; run: SlotRun } {
  if (plan.action === 'place') return { state: 'pending', run: { attempt: 0 } }
  const { state, code, message } = leftFor(plan.code ?? 'NotFound')
  return { state, run: { attempt: 0, code, message } }
}

const LATER = {
  content: 'its content is another one',
  name: 'it has another name',
  folder: 'it is in another folder',
  gone: 'it is gone',
  back: 'it is there again',
  'folder gone': 'its folder is gone',
} as const satisfies Record<Aspect, string>

/** Why a roll back leaves it alone, with what differs. */
export function changedLater({ differs = [] }: Pick<ItemPlan, 'differs'>): {
  code: LeaveCode
  message: string
} {
  const { code, message } = leftFor('ChangedLater')
  const what = differs.map((aspect) => LATER[aspect]).join(', ')
  return { code, message: what === '' ? message : `${message.slice(0, -1)}: ${what}.` }
}

/** Ended: no step will touch it again. */
export function isFinal(state: SlotState): boolean {
  return !(OPEN_STATES as readonly SlotState[]).includes(state)
}

export function isItem(slot: OpenSlot): slot is OpenSlot<ItemPlan> {
  return slot.plan.kind === 'item'
}

export function isFolder(slot: OpenSlot): slot is OpenSlot<FolderPlan> {
  return slot.plan.kind === 'folder'
}

export function isPlacement(slot: OpenSlot): slot is OpenSlot<PlacementPlan> {
  return slot.plan.kind === 'placement'
}

export function isRemoval(slot: OpenSlot): slot is OpenSlot<RemovalPlan> {
  return slot.plan.kind === 'removal'
}

export function isClearing(slot: OpenSlot): slot is OpenSlot<ClearingPlan> {
  return slot.plan.kind === 'clearing'
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

export function parseJson(text: string): unknown {
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
