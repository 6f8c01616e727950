/**
 * Limits of the vault format (docs/format.md, section 3).
 *
 * Writers stay within them and readers refuse what goes beyond, so that no length found in a
 * blob can make a reader take more memory than these numbers say.
 */

const KIB = 1024
const MIB = 1024 * KIB

/** A pack is closed when it has grown to so many bytes, unless createVault is told otherwise. */
export const PACK_BYTES_DEFAULT = 32 * MIB
/** Content is cut into segments of at most so many plain bytes. */
export const CONTENT_SEGMENT_BYTES_MAX = 8 * MIB
/** Metadata is one segment, so that a pack explains itself: an item's JSON is at most so long. */
export const METADATA_SEGMENT_BYTES_MAX = 32 * MIB
/** A pack is closed at so many segments, however small it is: bounds the footer at 3 MiB. */
export const PACK_SEGMENTS_MAX = 65_536
/** No valid pack is larger: 64 MiB is the greatest target, and one segment may go beyond it. */
export const PACK_BYTES_MAX = 128 * MIB
/** Salvaging opens in vain at most so many times the bytes of the pack: broken segments need one. */
export const SALVAGE_TRIES_MAX = 16
/** The owner's key, one in a second vault, an offline recovery key, and one to spare. */
export const RECIPIENTS_MAX = 4
export const KEY_ID_BYTES_MAX = 200
/** RSA-3072 gives 384; the field leaves room for RSA-8192. */
export const WRAPPED_KEY_BYTES_MAX = 1024
/** Clear pack header with four recipients, each at its limit. */
export const PACK_HEADER_BYTES_MAX = 8 * KIB

/** Event lines are collected into parts of about so many plain bytes. */
export const PART_PLAIN_BYTES_TARGET = 4 * MIB
/** One event. Writers stay far below it (VERSION_SEGMENTS_MAX). */
export const EVENT_BYTES_MAX = 8 * MIB
/** A part is closed before a line would make it longer than the target; one line may be longer. */
export const PART_PLAIN_BYTES_MAX = 8 * MIB
export const COMMIT_PARTS_MAX = 4096
/** Plain bytes of all parts that readCommit holds in memory at once. */
export const COMMIT_PLAIN_BYTES_MAX = 512 * MIB
/** Under this, parts and pack indexes lie inside commit.json: two blobs instead of four. */
export const INLINE_COMMIT_BYTES_MAX = 256 * KIB
/** Cursors of some ten thousand containers fit. */
export const COMMIT_BYTES_MAX = 64 * MIB
/** Plain bytes of a commit's sealed body. */
export const BODY_PLAIN_BYTES_MAX = 64 * MIB
/** New ones and those that events use: content of 500 GB in packs of 32 MiB names so many. */
export const COMMIT_PACKS_MAX = 16_384
/** Void commits that one commit may pass over. */
export const COMMIT_VOIDS_MAX = 16
/** Owner records and format.json are a few hundred bytes. */
export const SMALL_FILE_BYTES_MAX = 64 * KIB
/** Parts of a base: 64 GiB of plain lines, some fifty million items. */
export const BASE_PARTS_MAX = 16_384
/** Plain and sealed bytes of a base's index. */
export const BASE_INDEX_BYTES_MAX = 16 * MIB
/**
 * Segments of all representations of one version: some 15 GiB. Its event must fit into a table
 * row (catalogue/rows.ts), or the commit could never be applied.
 */
export const VERSION_SEGMENTS_MAX = 1900
/** Long content: so many refs go into a list of their own, as soon as there are as many. */
export const LIST_SEGMENTS = 256
/**
 * Characters of a long representation as JSON. Its event must fit into a table row, like that of
 * any version: 250 GiB in packs of 32 MiB are some 445,000 of the 460,800 that a row holds.
 */
export const LONG_CONTENT_CHARS_MAX = 455_000
/** Levels of JSON inside each other: far more than any item has, and far from any stack's end. */
export const JSON_DEPTH_MAX = 500
/** Values of one JSON text, about: an empty object takes twenty times its text in memory. */
export const JSON_VALUES_MAX = 1_000_000
/**
 * The same of one line of events or of a base, or of a list of refs. Four times what fits into a
 * table row; zod keeps an issue for each value that is wrong, and passes them on as arguments.
 */
export const LINE_VALUES_MAX = 50_000
