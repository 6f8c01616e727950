/**
 * What a person asks for: the request of a restore, as it arrives and as the job keeps it.
 *
 * The schema turns every problem into a sentence that says what to do. It checks form only;
 * whether the things named exist is admission.ts. The stored request is bound by the plan's
 * hash (documents.ts), so its shape has a version.
 */
import { z } from 'zod'
import { AppError } from '../model/errors.ts'
import {
  type GraphId,
  type KeyHash,
  keyHash,
  type OwnerId,
  parseKeyHash,
  parseOwnerId,
  SEQ_MAX,
  WORKLOADS,
} from '../model/ids.ts'
import { CONFLICT_POLICIES } from '../workloads/workload.ts'

/** Items in one request. Above it: restore their folders, or send several requests. */
export const ITEMS_SELECTED_MAX = 1_000
/** Folders in one request. Above it: restore a common parent folder, or everything. */
export const CONTAINERS_SELECTED_MAX = 100
/** Exchange's limit for a folder name. */
const FOLDER_NAME_MAX = 255
/** Outlook ids are about 150 characters; nothing sensible is longer than this. */
const ID_CHARACTERS_MAX = 1_024

const keyPattern = /^[a-z2-7]{26}$/

/** A key as Holdfast prints it (KeyHash). */
const keyText = z.string().regex(keyPattern, {
  error: 'is not a key: use the 26 letters and digits exactly as Holdfast printed them',
})
const keySchema = keyText.transform(parseKeyHash)
const ownerSchema = z.string().transform(parseOwnerId)

/** A container by its key or by its Graph id; both become the key. */
const containerSchema = z
  .string()
  .min(1)
  .max(ID_CHARACTERS_MAX)
  .transform(
    (text): KeyHash => (keyPattern.test(text) ? parseKeyHash(text) : keyHash(text as GraphId)),
  )

const FEWER_FOLDERS = 'select a common parent folder (subfolders come with it), or everything'
const FEWER_ITEMS = 'select their folders instead, or send several requests'

const selectionSchema = z
  .strictObject({
    all: z.literal(true, { error: 'can only be true; leave it out to select less' }).optional(),
    containers: z
      .array(containerSchema)
      .min(1, { error: 'is empty: name at least one folder' })
      .max(CONTAINERS_SELECTED_MAX, {
        error: `holds more than ${CONTAINERS_SELECTED_MAX} folders: ${FEWER_FOLDERS}`,
      })
      .optional(),
    items: z
      .array(keySchema)
      .min(1, { error: 'is empty: name at least one item' })
      .max(ITEMS_SELECTED_MAX, {
        error: `holds more than ${ITEMS_SELECTED_MAX} items: ${FEWER_ITEMS}`,
      })
      .optional(),
  })
  .refine((s) => Object.values(s).filter((part) => part !== undefined).length === 1, {
    error: 'must be exactly one of {"all": true}, {"containers": [...]} and {"items": [...]}',
  })

const folderName = z
  .string()
  .trim()
  .min(1, { error: 'is empty: give the folder a name, or leave it out' })
  .max(FOLDER_NAME_MAX, { error: `is longer than ${FOLDER_NAME_MAX} characters` })

const destinationSchema = z.discriminatedUnion(
  'kind',
  [
    z.strictObject({ kind: z.literal('original') }),
    z.strictObject({
      kind: z.literal('resource'),
      resource: keySchema,
      folder: folderName.optional(),
    }),
  ],
  {
    error:
      'must be {"kind": "original"}, or {"kind": "resource", "resource": id} with or without a "folder"',
  },
)

const atProblem =
  'must be an ISO time with its zone (2026-01-31T09:00:00Z) or {"seq": number} of a recovery point'

/** Whether who may see a file or folder comes back with it. */
const PERMISSIONS = ['restore', 'leave'] as const

const pointSchema = z.union(
  [
    z.iso.datetime({ offset: true, error: atProblem }),
    z.strictObject({ seq: z.int().min(1).max(SEQ_MAX) }, { error: atProblem }),
  ],
  { error: atProblem },
)
export type PointInTime = z.output<typeof pointSchema>

/** What becomes of what appeared between the two points, if nobody touched it since. */
const appearedSchema = z.enum(['keep', 'remove'])

const rollBackSchema = z.strictObject({
  /** The state that comes back. */
  from: pointSchema,
  /** The state after the damage; absent: the newest recovery point. */
  until: pointSchema.optional(),
  appeared: appearedSchema.default('keep'),
})

/** The body of a restore request. Sizes and forms only; see `Restore.create` for the rest. */
export const restoreRequestSchema = z
  .strictObject({
    resource: keySchema,
    /** Absent: mail of a user, the files of a site. */
    workload: z.enum(WORKLOADS).optional(),
    at: pointSchema.optional(),
    rollBack: rollBackSchema.optional(),
    selection: selectionSchema,
    destination: destinationSchema,
    conflict: z.enum(CONFLICT_POLICIES).optional(),
    /** Absent: `restore` in its own place, `leave` elsewhere, where they were given for no such place. */
    permissions: z
      .enum(PERMISSIONS, { error: 'must be "restore" or "leave"; leave it out for the default' })
      .optional(),
  })
  .refine(({ at, rollBack }) => (at === undefined) !== (rollBack === undefined), {
    error: 'names exactly one of "at" and "rollBack"',
  })
  .refine(({ rollBack, destination }) => !rollBack || destination.kind === 'original', {
    path: ['destination'],
    error: 'of a roll back can only be {"kind": "original"}',
  })
  .refine(({ rollBack, conflict }) => !rollBack || conflict === undefined, {
    path: ['conflict'],
    error: 'has no meaning for a roll back: leave it out',
  })
  .transform((request) => ({
    ...request,
    conflict: request.conflict ?? (request.rollBack ? undefined : ('skip' as const)),
  }))

export type RestoreRequest = z.output<typeof restoreRequestSchema>
export type Selection = RestoreRequest['selection']

/** The request in the job row: everything resolved that the catalogue alone could resolve. */
export const storedRequestSchema = z.strictObject({
  version: z.literal(1),
  resource: keySchema,
  owner: ownerSchema,
  workload: z.enum(WORKLOADS),
  /** The commit whose state is restored. */
  seq: z.int().min(1).max(SEQ_MAX),
  selection: selectionSchema,
  destination: destinationSchema,
  conflict: z.enum(CONFLICT_POLICIES),
  /** Absent: they are left. */
  permissions: z.literal('restore').optional(),
  /** `seq` comes back where it is still as in the commit `until`; absent: an ordinary restore. */
  rollBack: z
    .strictObject({ until: z.int().min(1).max(SEQ_MAX), appeared: appearedSchema })
    .optional(),
  /** Of an undo: the restore whose request this is. */
  undoes: z.string().optional(),
})
export type StoredRequest = z.output<typeof storedRequestSchema> & { owner: OwnerId }

/** Throws `RequestInvalid`, whose message has one clause for each problem. */
export function parseRestoreRequest(body: unknown): RestoreRequest {
  const parsed = restoreRequestSchema.safeParse(body)
  if (parsed.success) return parsed.data
  const problems = parsed.error.issues.map((i) => `${i.path.join('.') || 'the body'} ${i.message}`)
  throw new AppError({
    code: 'RequestInvalid',
    kind: 'permanent',
    message: `The restore request cannot be used: ${problems.join('; ')}.`,
    hint: 'Correct the request and send it again; nothing was started.',
    context: { problems: problems.length },
  })
}
