/**
 * The limits of a restore, each with what happens when it is reached.
 *
 * Limits of the request itself (items, folders) stand in request.ts, where people meet them.
 */

const MIB = 1024 * 1024

/** Folders of one stream that are held in memory for a plan. More: `TooManyFolders`. */
export const HELD_CONTAINERS_MAX = 100_000
/** Slots of one plan, folders included. More: `RestoreTooLarge`, restore in parts. */
export const SLOTS_MAX = 200_000
/**
 * Items of one target folder that are compared for conflicts, about 400 bytes of memory each.
 * More: `TargetFolderTooLarge`.
 */
export const EXISTING_MAX = 500_000
/** One version, opened, but for what is streamed. More: the slot fails with `ItemTooLarge`. Exchange stops at 150 MB. */
export const VERSION_BYTES_MAX = 160 * MIB
/** Versions that are open at once, in sum; a slot waits for its share before it reads. */
export const OPEN_BYTES_MAX = 256 * MIB
/** Of a version that is streamed: a piece on its way up and the segments that it is read from. */
export const STREAM_BYTES = 32 * MIB
/** Items of one identity in one folder that are compared with a version. More: a conflict. */
export const ALIKE_MAX = 4
/** Items planned between two saves of the planning cursor. */
export const PLAN_PAGE = 100
/** Slots worked between two heartbeats. */
export const SLOT_PAGE = 200
/** Slots read at once where they are only counted or hashed: the limit of a table page. */
export const SCAN_PAGE = 1000
/** Sends of one item. After so many lost answers, each looked for in vain, the slot fails. */
export const CREATE_ATTEMPTS_MAX = 5
/** Times that the permissions of one item are begun; then they are told as not restored. */
export const PERMIT_ATTEMPTS_MAX = 5
/** Permissions that were not restored, and new links, that one line lists; what is above is counted. */
export const PERMITS_LISTED_MAX = 40
export const LINKS_LISTED_MAX = 20
/** Catalogue look-ups at once while a request is checked. */
export const LOOKUPS_MAX = 16
/** Removals of one item whose answers are lost. After so many, the item is told as left. */
export const REMOVE_ATTEMPTS_MAX = 5
/** Characters of a subject or folder name that a slot keeps for the report. */
export const NAME_MAX = 255
/** Characters of a job's or slot's document (catalogue/types.ts). */
export const DOCUMENT_MAX = 30_000

/** A job that is not through after so long ends as failed: nobody waits for it any more. */
export const JOB_LIFE_MS = 7 * 24 * 3_600_000
/** Steps in a row that vanished without an answer. More: the job fails with `RestorePoisoned`. */
export const LOST_STEPS_MAX = 10
/** No new create begins in the last part of a slice, so that those in flight can be answered. */
export const QUIET_END_MS = 10_000
/** Wait where the other side names no time. */
export const WAIT_DEFAULT_MS = 30_000
export const WAIT_MIN_MS = 1_000
/** Longer waits are cut, so that a cancel is seen and the heartbeat stays fresh. */
export const WAIT_MAX_MS = 15 * 60_000
/** Undos of one restore, one after the other. More: `TooManyUndos`. */
export const UNDOS_MAX = 100
