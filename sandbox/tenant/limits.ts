/** Numbers that the simulated service enforces, each with where it comes from. */

/** facts/graph.md 2.2, Outlook: per app and mailbox. */
export const MAILBOX_CONCURRENT_MAX = 4
export const MAILBOX_REQUESTS_MAX = 10_000
export const MAILBOX_WINDOW_MS = 600_000

/** Default and largest page of Outlook delta answers (facts/graph.md 3.2). */
export const DELTA_PAGE_DEFAULT = 10
export const DELTA_PAGE_MAX = 1_000
/** Lists: `$top` of messages and folders. */
export const LIST_PAGE_DEFAULT = 10
export const LIST_PAGE_MAX = 1_000
/** Directory lists and delta. */
export const USERS_PAGE_DEFAULT = 100
export const USERS_PAGE_MAX = 999
/** With `$filter` or `$orderby` a message delta returns at most this many (facts 3.2). */
export const FILTERED_DELTA_ITEMS_MAX = 5_000

/** SharePoint's pages: drive deltas, children, sites and libraries. */
export const DRIVE_PAGE_DEFAULT = 200
export const DRIVE_PAGE_MAX = 1_000

/** Resource units of SharePoint (facts/graph.md 2.2). */
export const UNITS_ONE = 1
export const UNITS_LIST = 2
export const UNITS_PERMISSIONS = 5
/** Above this share of the minute's budget, answers carry `RateLimit-*` headers. */
export const RATE_LIMIT_SHOWN_FROM = 0.8

/** Largest request body that Graph takes (facts 3.2: about 4 MB). */
export const REQUEST_BYTES_MAX = 4 * 1024 * 1024
/** Above it, lists and `$expand` leave `contentBytes` out (facts 7, no. 4). */
export const INLINE_CONTENT_BYTES_MAX = 3 * 1024 * 1024
/** Graph takes single attachments below this in one POST (facts 3.2). */
export const POSTED_ATTACHMENT_BYTES_MAX = 3 * 1024 * 1024

/** Largest attachment, and largest range, of an upload session (facts 3.2). */
export const UPLOADED_ATTACHMENT_BYTES_MAX = 150 * 1024 * 1024
export const UPLOAD_RANGE_BYTES_MAX = 4 * 1024 * 1024

/** Files of SharePoint (facts 3.7): in one PUT, ranges of a session, characters of a path. */
export const PUT_CONTENT_BYTES_MAX = 250 * 1024 * 1024
export const FILE_RANGE_BYTES_STEP = 320 * 1024
export const FILE_RANGE_BYTES_UNDER = 60 * 1024 * 1024
export const ITEM_PATH_CHARACTERS_MAX = 400

/** Requests in one `$batch` (facts 2.3). */
export const BATCH_REQUESTS_MAX = 20

/** Access tokens of a managed identity live 24 h, others 60-90 min. */
export const MANAGED_IDENTITY_TOKEN_SECONDS = 86_400
export const APP_TOKEN_SECONDS = 4_500
export const USER_TOKEN_SECONDS = 4_500

/** One in so many delta pages is empty and still has a next link; one in so many repeats. */
export const EMPTY_PAGE_EVERY = 12
export const REPEAT_PAGE_EVERY = 8

/** Imported messages and parts. */
export const IMPORT_FILES_MAX = 100_000
export const IMPORT_BYTES_MAX = 150 * 1024 * 1024
