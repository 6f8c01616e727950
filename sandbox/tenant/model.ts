/**
 * The words of the simulated tenant: what a user, a folder, a message and an attachment are
 * inside it, before Graph gives them its JSON shape.
 *
 * Invariants: times are epoch milliseconds, always whole seconds, because Exchange shows no more;
 * `seq` is one counter for the whole tenant, and every change of a thing gives it a new one.
 * Nothing here knows HTTP, Graph or SQL.
 */

/**
 * Ways in which a mailbox is not an ordinary one. The first three answer 404
 * `MailboxNotEnabledForRESTAPI`; `blocked` ones are outside the app's scope (403); `moving`
 * ones answer 503 `ErrorMailboxMoveInProgress`; `over-quota` ones can be read, and refuse to take
 * anything.
 */
export const MAILBOX_CONDITIONS = [
  'on-premises',
  'inactive',
  'unlicensed',
  'blocked',
  'moving',
  'over-quota',
] as const

export type MailboxCondition = (typeof MAILBOX_CONDITIONS)[number]

export interface Mailbox {
  /** Missing: nothing is wrong with it. */
  readonly condition?: MailboxCondition
  readonly guid: string
  readonly purpose: 'user' | 'shared' | 'room' | 'equipment'
  readonly timeZone: string
  readonly locale: string
}

/** A directory user. `mailbox` is null for guests, on-premises and unlicensed people. */
export interface User {
  readonly pk: number
  readonly id: string
  readonly seq: number
  readonly deleted: boolean
  readonly profile: UserProfile
  readonly mailbox: Mailbox | null
}

export interface UserProfile {
  readonly displayName: string
  readonly givenName: string | null
  readonly surname: string | null
  readonly userPrincipalName: string
  readonly mail: string | null
  readonly accountEnabled: boolean
  readonly userType: 'Member' | 'Guest'
  readonly jobTitle: string | null
  readonly department: string | null
  readonly officeLocation: string | null
  readonly preferredLanguage: string | null
  readonly createdDateTime: string
}

export interface SearchDefinition {
  readonly filterQuery: string
  readonly includeNestedFolders: boolean
  readonly sourceFolderIds: readonly string[]
}

export interface Folder {
  readonly pk: number
  readonly user: number
  readonly id: string
  readonly seq: number
  /** null only for the root of the mailbox, which has no parent inside it. */
  readonly parent: number | null
  readonly name: string
  readonly wellKnown: string | null
  readonly hidden: boolean
  readonly search: SearchDefinition | null
  readonly total: number
  readonly unread: number
}

export interface Address {
  readonly name: string
  readonly address: string
}

export interface DateTimeTimeZone {
  readonly dateTime: string
  readonly timeZone: string
}

export interface FollowupFlag {
  readonly flagStatus: 'notFlagged' | 'flagged' | 'complete'
  readonly startDateTime?: DateTimeTimeZone
  readonly dueDateTime?: DateTimeTimeZone
  readonly completedDateTime?: DateTimeTimeZone
}

export interface Header {
  readonly name: string
  readonly value: string
}

export type Importance = 'low' | 'normal' | 'high'
export type BodyType = 'text' | 'html'

/** What a caller decides about a message; the state adds ids, seq and folder. */
export interface MessageContent {
  readonly subject: string
  readonly sender: Address | null
  readonly from: Address | null
  readonly to: readonly Address[]
  readonly cc: readonly Address[]
  readonly bcc: readonly Address[]
  readonly replyTo: readonly Address[]
  readonly bodyType: BodyType
  /** null: made from `recipe` whenever it is asked for. */
  readonly body: string | null
  readonly recipe: BodyRecipe | null
  readonly preview: string
  readonly importance: Importance
  readonly isRead: boolean
  readonly isDraft: boolean
  readonly flag: FollowupFlag
  readonly categories: readonly string[]
  readonly internetMessageId: string
  readonly conversationId: string
  readonly conversationIndex: string
  readonly headers: readonly Header[]
  readonly receivedMs: number
  readonly sentMs: number
  readonly createdMs: number
  readonly readReceipt: boolean
  readonly deliveryReceipt: boolean
  readonly focused: boolean
}

export interface Message extends MessageContent {
  readonly pk: number
  readonly user: number
  readonly folder: number
  readonly seq: number
  readonly immutableId: string
  readonly mutableId: string
  readonly modifiedMs: number
  readonly hasAttachments: boolean
}

/** How a generated body is made again: same recipe, same text. */
export interface BodyRecipe {
  readonly seed: number
  readonly kind: 'text' | 'reply' | 'newsletter'
  readonly language: string
  readonly bytes: number
  /** Content-ID of an inline image that the body shows. */
  readonly image?: string
}

/** How the bytes of a generated file are made again. */
export interface FileRecipe {
  readonly seed: number
  readonly kind: 'pdf' | 'png' | 'csv'
  readonly bytes: number
}

/** A message carried inside another one, in the same words as a message. */
export type ItemContent = Pick<
  MessageContent,
  'subject' | 'from' | 'to' | 'cc' | 'bodyType' | 'importance' | 'internetMessageId' | 'sentMs'
> & { readonly body: string }

export interface AttachmentContent {
  readonly kind: 'file' | 'item' | 'reference'
  readonly name: string
  readonly contentType: string | null
  readonly isInline: boolean
  readonly contentId: string | null
  readonly contentLocation: string | null
  /** Bytes of a file, or the MIME of a nested message; null: from `recipe` or `item`. */
  readonly content: Uint8Array | null
  readonly recipe: FileRecipe | null
  readonly item: ItemContent | null
  /** Size in bytes as Graph shows it. */
  readonly size: number
}

export interface Attachment extends AttachmentContent {
  readonly pk: number
  readonly message: number
  /** Opaque seed of the attachment's Graph id. */
  readonly key: string
  readonly modifiedMs: number
}

export interface ExtendedProperty {
  /** Canonical form, see `extended-properties.ts`. */
  readonly id: string
  readonly value: string
}

/** The untouched source of an imported or MIME-created message. */
export interface RawSource {
  readonly bytes: Uint8Array
}

/** Well-known folders that every mailbox has, with English names; nesting by `parent`. */
export const WELL_KNOWN_FOLDERS = [
  { wellKnown: 'msgfolderroot', name: 'Top of Information Store', parent: null, hidden: false },
  { wellKnown: 'archive', name: 'Archive', parent: 'msgfolderroot', hidden: false },
  {
    wellKnown: 'conversationhistory',
    name: 'Conversation History',
    parent: 'msgfolderroot',
    hidden: false,
  },
  { wellKnown: 'deleteditems', name: 'Deleted Items', parent: 'msgfolderroot', hidden: false },
  { wellKnown: 'drafts', name: 'Drafts', parent: 'msgfolderroot', hidden: false },
  { wellKnown: 'inbox', name: 'Inbox', parent: 'msgfolderroot', hidden: false },
  { wellKnown: 'junkemail', name: 'Junk Email', parent: 'msgfolderroot', hidden: false },
  { wellKnown: 'outbox', name: 'Outbox', parent: 'msgfolderroot', hidden: false },
  { wellKnown: 'sentitems', name: 'Sent Items', parent: 'msgfolderroot', hidden: false },
  { wellKnown: 'syncissues', name: 'Sync Issues', parent: 'msgfolderroot', hidden: true },
  { wellKnown: 'conflicts', name: 'Conflicts', parent: 'syncissues', hidden: true },
  { wellKnown: 'localfailures', name: 'Local Failures', parent: 'syncissues', hidden: true },
  { wellKnown: 'serverfailures', name: 'Server Failures', parent: 'syncissues', hidden: true },
  { wellKnown: 'searchfolders', name: 'Search Folders', parent: null, hidden: true },
  { wellKnown: 'recoverableitemsroot', name: 'Recoverable Items', parent: null, hidden: true },
  {
    wellKnown: 'recoverableitemsdeletions',
    name: 'Deletions',
    parent: 'recoverableitemsroot',
    hidden: true,
  },
  {
    wellKnown: 'recoverableitemsversions',
    name: 'Versions',
    parent: 'recoverableitemsroot',
    hidden: true,
  },
  {
    wellKnown: 'recoverableitemspurges',
    name: 'Purges',
    parent: 'recoverableitemsroot',
    hidden: true,
  },
] as const

/** German names, for mailboxes whose owner uses Outlook in German (facts/graph.md 7, no. 34). */
export const GERMAN_FOLDER_NAMES: Readonly<Record<string, string>> = {
  inbox: 'Posteingang',
  drafts: 'Entwürfe',
  sentitems: 'Gesendete Elemente',
  deleteditems: 'Gelöschte Elemente',
  junkemail: 'Junk-E-Mail',
  outbox: 'Postausgang',
  archive: 'Archiv',
}
