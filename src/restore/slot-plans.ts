/**
 * What the slots of a plan say: of a restore the folders and items to make, of an undo the items
 * and folders to remove. Fixed once the job is planned, and bound by the plan's hash.
 */
import { z } from 'zod'
import { markerSchema } from '../model/event-schema.ts'
import { REPRESENTATIONS } from '../model/events.ts'
import { type GraphId, parseKeyHash } from '../model/ids.ts'
import type { Seen } from '../workloads/workload.ts'

export const count = z.int().min(0)
export const graphId = z
  .string()
  .min(1)
  .transform((text) => text as GraphId)
const key = z.string().transform(parseKeyHash)

/** Binds a plan to bytes: replay restores exactly these or nothing. */
const contents = z.array(
  z.strictObject({ name: z.enum(REPRESENTATIONS), bytes: count, sha256: z.string() }),
)

/**
 * Of what is made anew and had permissions of its own: they are to come back, or they could not be
 * read when the version was stored.
 */
const permissions = z.enum(['held', 'unread']).optional()

/** An item as it was seen at one moment (workload.ts). */
export const seenSchema: z.ZodType<Seen> = z.strictObject({
  container: graphId,
  marker: markerSchema,
})

/** A folder that items of this plan go to, or that must exist for such a folder. */
export const folderPlanSchema = z.strictObject({
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
  /** Characters of its path in the target, where paths have a limit. */
  pathLength: count.optional(),
  permissions,
  /** The version whose permissions come back. */
  held: z.strictObject({ key, seq: count, contents }).optional(),
  /** `none`, of a roll back: somebody deleted it after the second point, so it stays gone. */
  goneLater: z.literal(true).optional(),
})
export type FolderPlan = z.output<typeof folderPlanSchema>

/** What differs between two states of an item: a file has a name, a message none of its own. */
export const ASPECTS = ['content', 'name', 'folder', 'gone', 'back', 'folder gone'] as const
export type Aspect = (typeof ASPECTS)[number]

/** An item of the target as a plan saw it: it is changed only while it still is that. */
export const plannedSeenSchema = z.strictObject({
  seen: seenSchema,
  /** Where names are unique. */
  name: z.string().optional(),
})
export type PlannedSeen = z.output<typeof plannedSeenSchema>

export const itemPlanSchema = z.strictObject({
  kind: z.literal('item'),
  /** The name that it has in the end. */
  name: z.string(),
  key,
  /** The version: seq of the commit that says it. */
  seq: count,
  /** Slot of the folder that it goes to. */
  folder: count,
  folderName: z.string(),
  /**
   * `restore`: it is missing; `copy`, `replace`, `version` and `skip`: an item of the same identity
   * is there with other content; `there`: one with the same content is; `none`: no version could
   * be found for a listed item, and the slot is planned as failed; `refuse`: it cannot have its
   * name or place. Of a roll back also `unchanged`: the two points have the same of it; `later`:
   * somebody changed it after the second point.
   */
  action: z.enum([
    ...['restore', 'copy', 'replace', 'version', 'skip', 'there', 'none', 'refuse'],
    ...['unchanged', 'later'],
  ] as const),
  contents,
  permissions,
  /** The item of the target that answers for it (all but `restore`, `none` and `refuse`). */
  there: graphId.optional(),
  /** `replace`: its change key when it was planned. A newer one is not thrown away. */
  thereChange: z.string().optional(),
  /** `replace`: the name until the other one is gone. A sensible one, should it have to stay. */
  via: z.string().optional(),
  /** `refuse`: why. */
  refusal: z.strictObject({ code: z.string(), message: z.string() }).optional(),
  /** `later`: in what it is not as at the second point of the roll back. */
  differs: z.array(z.enum(ASPECTS)).optional(),
  /** `version` of a roll back: what the version goes onto. */
  onto: plannedSeenSchema.optional(),
  /** The same, where it goes back to its name and folder as well. */
  placed: z.literal(true).optional(),
})
export type ItemPlan = z.output<typeof itemPlanSchema>

/** Why an undo leaves an item of the restore alone. */
export const LEAVE_CODES = [
  'EditedSince',
  'MovedSince',
  /** There are no facts of its read-back, and it is not, byte for byte, what was restored. */
  'NotAsRestored',
  'AlreadyGone',
  /** A send was never answered, and nothing carries its mark. */
  'NotFound',
  /** A send was never answered, and the folder that it went to is not known. */
  'FolderNotKnown',
  'NotReadable',
  /** Removing it would leave nothing in its place. */
  'Replaced',
  /** The restore made a version of it, and not the item. */
  'NewVersion',
  /** The restore threw it away. */
  'ThrownAway',
  /** Of a roll back: it is new since the first point, and stays. */
  'Appeared',
  /** Of a roll back: it is not as at the second point any more. */
  'ChangedLater',
] as const
export type LeaveCode = (typeof LEAVE_CODES)[number]

/**
 * An item that goes back to a folder and a name, whatever is in it: of a roll back, and of the undo
 * of one.
 */
export const placementPlanSchema = z.strictObject({
  kind: z.literal('placement'),
  /** As people know it; where names are unique, the one that it gets. */
  name: z.string(),
  folderName: z.string(),
  /** Of an undo: the slot of the restore. */
  made: count.optional(),
  action: z.enum(['place', 'leave']),
  item: graphId,
  to: z.union([z.strictObject({ slot: count }), z.strictObject({ target: graphId })]),
  from: plannedSeenSchema,
  code: z.enum(LEAVE_CODES).optional(),
})
export type PlacementPlan = z.output<typeof placementPlanSchema>

/** Of an undo: what one slot of the restore made. Of a roll back: what appeared. */
export const removalPlanSchema = z.strictObject({
  kind: z.literal('removal'),
  name: z.string(),
  folderName: z.string(),
  /** Of an undo: the slot of the restore. */
  made: count.optional(),
  action: z.enum(['remove', 'leave']),
  /** Each is removed only while it is as it was seen. Several: doubles of a send. */
  targets: z.array(z.strictObject({ item: graphId, seen: seenSchema })),
  /** Also beside targets: then one of several is left. */
  code: z.enum(LEAVE_CODES).optional(),
  /** `ChangedLater`: in what. */
  differs: z.array(z.enum(ASPECTS)).optional(),
})
export type RemovalPlan = z.output<typeof removalPlanSchema>

/** Of an undo: a folder that the restore made; removed if nothing is in it at the end. */
export const clearingPlanSchema = z.strictObject({
  kind: z.literal('clearing'),
  /** As it was made; a renamed or moved folder is somebody's own and stays. */
  name: z.string(),
  parent: graphId.optional(),
  made: count,
  folder: graphId,
})
export type ClearingPlan = z.output<typeof clearingPlanSchema>

export type SlotPlan = FolderPlan | ItemPlan | PlacementPlan | RemovalPlan | ClearingPlan
