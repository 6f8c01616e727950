/**
 * What each code, status and message of Microsoft Graph means: one table, read by errors.ts alone.
 *
 * The deepest code that stands here decides; then a message, where only that tells; then the
 * status. A code outranks its status, because one status says many things (a corrupt item, a
 * server in trouble and a query that it dislikes are all 500). Sources: facts/graph.md 2.1, 2.2,
 * 2.4 and 7, which name who met each of them; the codes of Exchange that are not there are those
 * of its older protocol, whose words Graph passes on.
 */

export const FAILURE_CLASSES = [
  /** May work when asked again soon. */
  'retry',
  /** Too much was asked, or it is not the time: the key must pause. */
  'wait',
  /** The link is no longer accepted: start over. */
  'resync',
  /** The thing is not there. */
  'gone',
  /** The service will not do this, however often it is asked. */
  'refused',
  /** The item is broken inside the service. */
  'corrupt',
  /** There is no mailbox (or no licence for it): an expected state, not a failure of a run. */
  'not-provisioned',
  /** We asked for something that Graph does not understand. */
  'fault',
] as const
export type FailureClass = (typeof FAILURE_CLASSES)[number]

/**
 * Whose trouble it is. `item`: the thing that the path names; its neighbours may be fine. `call`:
 * this request, its link or this moment. `owner`: the whole mailbox, user or tenant.
 */
export type FailureScope = 'item' | 'call' | 'owner'

export interface Verdict {
  class: FailureClass
  /** Stable code of the AppError. */
  code: string
  scope: FailureScope
  /** Attempts of a call that may be repeated at all; the first one counts. */
  attemptsMax: number
  /** Only under these statuses; elsewhere the status decides. */
  onlyUnder?: readonly number[]
  /** Waited for where the service names no time. */
  waitMs?: number
}

/** Attempts of one call in all. */
export const ATTEMPTS_MAX = 5
/** Attempts after which an answer that is often untrue (7.27) is believed. */
export const DOUBTFUL_ATTEMPTS_MAX = 3
/** A mailbox move takes hours; its owner is left alone meanwhile. */
const MOVE_WAIT_MS = 15 * 60_000

function verdict(of: FailureClass, code: string, scope: FailureScope, attemptsMax = 1): Verdict {
  return { class: of, code, scope, attemptsMax }
}

const unavailable = verdict('retry', 'GraphUnavailable', 'call', ATTEMPTS_MAX)
const throttled = verdict('wait', 'Throttled', 'owner', ATTEMPTS_MAX)
const resync = verdict('resync', 'ResyncNeeded', 'call')
const itemGone = verdict('gone', 'ItemGone', 'item')
const noMailbox = verdict('not-provisioned', 'MailboxNotAvailable', 'owner')
const noContent = verdict('not-provisioned', 'ContentNotAvailable', 'owner')
const corrupt = verdict('corrupt', 'ItemCorrupt', 'item')
const fault = verdict('fault', 'RequestNotUnderstood', 'call')
const denied = verdict('refused', 'AccessDenied', 'item')
// A token that has just run out is answered like a wrong one, and the next one is good.
const signIn = verdict('refused', 'SignInRefused', 'owner', DOUBTFUL_ATTEMPTS_MAX)
const full = verdict('refused', 'QuotaExceeded', 'owner')
const nameTaken = verdict('refused', 'NameTaken', 'item')
const locked = verdict('refused', 'ResourceLocked', 'item')
const tooLarge = verdict('refused', 'TooLarge', 'item')
const movedAway = verdict('refused', 'MovedToAnotherMailbox', 'item')

export const CODES: Readonly<Record<string, Verdict>> = {
  ApplicationThrottled: throttled,
  TooManyRequests: throttled,
  activityLimitReached: throttled,
  ErrorTooManyObjectsOpened: throttled,
  MailboxConcurrency: throttled,
  ErrorServerBusy: throttled,
  ErrorMailboxMoveInProgress: {
    ...verdict('wait', 'MailboxMoving', 'owner'),
    waitMs: MOVE_WAIT_MS,
  },

  SyncStateNotFound: resync,
  SyncStateInvalid: resync,
  ResyncRequired: resync,
  resyncRequired: resync,
  resyncChangesApplyDifferences: resync,
  resyncChangesUploadDifferences: resync,
  ErrorSyncFolderNotFound: resync,
  Directory_ExpiredPageToken: resync,

  ErrorItemNotFound: itemGone,
  itemNotFound: itemGone,
  ErrorFolderNotFound: itemGone,
  // The directory knows the user no more; Exchange has codes of its own for a missing mailbox.
  Request_ResourceNotFound: verdict('gone', 'OwnerGone', 'owner'),

  MailboxNotEnabledForRESTAPI: noMailbox,
  MailboxNotSupportedForRESTAPI: noMailbox,
  ErrorNonExistentMailbox: noMailbox,
  ErrorInvalidUser: noMailbox,
  ResourceNotFound: noMailbox,

  ErrorCorruptData: corrupt,
  ErrorInvalidRecipients: corrupt,
  ErrorCannotOpenFileAttachment: corrupt,

  InvalidAuthenticationToken: signIn,
  Authorization_RequestDenied: verdict('refused', 'AccessDenied', 'owner'),
  ErrorAccessDenied: denied,
  accessDenied: denied,
  notAllowed: denied,
  sharingDisabled: verdict('refused', 'SharingDisabled', 'item'),
  noResolvedUsers: verdict('refused', 'PersonUnknown', 'item'),
  ErrorQuotaExceeded: full,
  quotaLimitReached: full,
  ErrorFolderExists: nameTaken,
  nameAlreadyExists: nameTaken,
  upload_name_conflict: nameTaken,
  malwareDetected: verdict('refused', 'MalwareDetected', 'item'),
  resourceLocked: locked,
  pathIsTooLong: verdict('refused', 'PathTooLong', 'item'),
  ErrorMessageSizeExceeded: tooLarge,
  ErrorArchiveFolderMovedPermanently: movedAway,

  // Passing as the answer 400 to a GET; under another status that status says more.
  invalidRequest: { ...fault, attemptsMax: DOUBTFUL_ATTEMPTS_MAX, onlyUnder: [400] },
  InefficientFilter: fault,
}

/** Conditions that have no code of their own, or come under one that says nothing. */
export const MESSAGES: readonly { pattern: RegExp; verdict: Verdict }[] = [
  { pattern: /MailboxConcurrency limit/i, verdict: throttled },
  {
    pattern: /'DeltaToken' not supported/i,
    verdict: verdict('refused', 'DeltaNotSupported', 'item'),
  },
  { pattern: /mysite not found/i, verdict: noContent },
  {
    pattern: /does not have a SPO license/i,
    verdict: verdict('not-provisioned', 'NoSharePointLicence', 'owner'),
  },
  { pattern: /target session is expected in mailbox/i, verdict: movedAway },
]

export const STATUSES: Readonly<Record<number, Verdict>> = {
  302: fault,
  308: movedAway,
  400: fault,
  401: signIn,
  403: denied,
  404: itemGone,
  405: fault,
  406: fault,
  408: unavailable,
  409: verdict('refused', 'Conflict', 'item'),
  410: resync,
  411: fault,
  412: verdict('refused', 'ChangedMeanwhile', 'item'),
  413: tooLarge,
  415: fault,
  416: fault,
  422: fault,
  423: locked,
  // A step of a batch whose predecessor failed: it was not carried out.
  424: unavailable,
  429: throttled,
  500: unavailable,
  501: fault,
  502: unavailable,
  503: unavailable,
  504: unavailable,
  507: full,
  509: throttled,
}

/** What is not in the table: the service in trouble, or a request that it does not take. */
export function verdictOfStatus(status: number): Verdict {
  return STATUSES[status] ?? (status >= 500 ? unavailable : fault)
}
