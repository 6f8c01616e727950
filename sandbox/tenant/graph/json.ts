/**
 * The JSON of users, folders, messages and attachments, property by property, so that `$select`
 * costs only what it asks for. Shapes follow the v1.0 metadata; a test holds them to it.
 */

import { bodyOf, fileBytes } from '../content/generated.ts'
import { canonicalPropertyId, computedProperty } from '../extended-properties.ts'
import { attachmentId, changeKey, folderId } from '../ids.ts'
import { INLINE_CONTENT_BYTES_MAX } from '../limits.ts'
import { htmlToText } from '../mime/plain-text.ts'
import type { Address, Attachment, Folder, MailboxCondition, Message, User } from '../model.ts'
import { badRequest, unknownProperty } from './errors.ts'
import { type GraphRequest, type MailboxUser, mayReadContent } from './request.ts'

export type Json = Record<string, unknown>

export function dateTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

export function recipient(address: Address): Json {
  return { emailAddress: { name: address.name, address: address.address } }
}

function optionalRecipient(address: Address | null): Json | null {
  return address ? recipient(address) : null
}

/** Everything that the JSON of a message needs beside the message. */
export interface MessageView {
  readonly request: GraphRequest
  readonly user: MailboxUser
}

export function messageId(request: GraphRequest, message: Message): string {
  return request.prefer.immutableIds ? message.immutableId : message.mutableId
}

type MessageProperty = (message: Message, view: MessageView) => unknown

function bodyJson(message: Message, { request }: MessageView): Json {
  const content = bodyOf(message)
  if (request.prefer.textBody && message.bodyType === 'html') {
    return { contentType: 'text', content: htmlToText(content) }
  }
  return { contentType: message.bodyType, content }
}

const MESSAGE_PROPERTIES: Readonly<Record<string, MessageProperty>> = {
  createdDateTime: (m) => dateTime(m.createdMs),
  lastModifiedDateTime: (m) => dateTime(m.modifiedMs),
  changeKey: (m, { user }) => changeKey(user.mailbox.guid, m.seq),
  categories: (m) => m.categories,
  receivedDateTime: (m) => dateTime(m.receivedMs),
  sentDateTime: (m) => dateTime(m.sentMs),
  hasAttachments: (m) => m.hasAttachments,
  internetMessageId: (m) => m.internetMessageId,
  subject: (m) => m.subject,
  bodyPreview: (m) => m.preview,
  importance: (m) => m.importance,
  parentFolderId: (m, { request }) => request.state.folders.byPk(m.folder).id,
  conversationId: (m) => m.conversationId,
  conversationIndex: (m) => m.conversationIndex,
  isDeliveryReceiptRequested: (m) => m.deliveryReceipt,
  isReadReceiptRequested: (m) => m.readReceipt,
  isRead: (m) => m.isRead,
  isDraft: (m) => m.isDraft,
  webLink: (m) =>
    `https://outlook.office365.com/owa/?ItemID=${encodeURIComponent(m.mutableId)}` +
    '&exvsurl=1&viewmodel=ReadMessageItem',
  inferenceClassification: (m) => (m.focused ? 'focused' : 'other'),
  body: bodyJson,
  sender: (m) => optionalRecipient(m.sender),
  from: (m) => optionalRecipient(m.from),
  toRecipients: (m) => m.to.map(recipient),
  ccRecipients: (m) => m.cc.map(recipient),
  bccRecipients: (m) => m.bcc.map(recipient),
  replyTo: (m) => m.replyTo.map(recipient),
  flag: (m) => m.flag,
}

/** Only when selected, as with Graph. */
const SELECTED_ONLY: Readonly<Record<string, MessageProperty>> = {
  internetMessageHeaders: (m) => (m.headers.length === 0 ? null : m.headers),
  uniqueBody: bodyJson,
}

const CONTENT_PROPERTIES = new Set(['body', 'bodyPreview', 'uniqueBody', 'internetMessageHeaders'])
const DEFAULT_MESSAGE_PROPERTIES = Object.keys(MESSAGE_PROPERTIES)

function selectedMessageProperties(view: MessageView, select: readonly string[] | null): string[] {
  const names = select ?? DEFAULT_MESSAGE_PROPERTIES
  const canonical = names.map((name) => {
    if (name in MESSAGE_PROPERTIES || name in SELECTED_ONLY || name === 'id') return name
    throw unknownProperty(name, 'message')
  })
  const content = mayReadContent(view.request)
  return canonical.filter((name) => content || !CONTENT_PROPERTIES.has(name))
}

export interface MessageJsonOptions {
  readonly select: readonly string[] | null
  /** Delta answers name the type of every entry. */
  readonly typed?: boolean
}

export function messageJson(message: Message, view: MessageView, how: MessageJsonOptions): Json {
  const json: Json = {
    ...(how.typed ? { '@odata.type': '#microsoft.graph.message' } : {}),
    '@odata.etag': `W/"${changeKey(view.user.mailbox.guid, message.seq)}"`,
    id: messageId(view.request, message),
  }
  for (const name of selectedMessageProperties(view, how.select)) {
    const property = MESSAGE_PROPERTIES[name] ?? SELECTED_ONLY[name]
    if (property) json[name] = property(message, view)
  }
  for (const expand of view.request.options.expand) {
    if (expand.path === 'attachments') {
      const attachments = view.request.state.messages.attachments(message)
      json['attachments'] = attachments.map((attachment) =>
        attachmentJson(attachment, { ...view, message, select: expand.select, single: false }),
      )
    } else if (expand.path === 'singleValueExtendedProperties') {
      const found = extendedProperties(message, view.request, propertyIds(expand.filter))
      if (found.length > 0) json['singleValueExtendedProperties'] = found
    }
  }
  return json
}

/** The ids that `id eq '...' or id eq '...'` names, canonical. */
export function propertyIds(filter: string | null): string[] {
  if (filter === null) {
    throw badRequest('Expanding singleValueExtendedProperties needs a $filter on id.')
  }
  return filter.split(/\s+or\s+/i).map((clause) => {
    const quoted = /^\(?\s*id eq '((?:[^']|'')*)'\s*\)?$/i.exec(clause.trim())?.[1]
    const id = quoted === undefined ? null : canonicalPropertyId(quoted.replaceAll("''", "'"))
    if (id === null) throw badRequest(`Invalid filter on extended properties: ${clause}`)
    return id
  })
}

function extendedProperties(message: Message, request: GraphRequest, ids: readonly string[]) {
  const stored = new Map(
    request.state.messages.properties(message).map(({ id, value }) => [id, value]),
  )
  const found: { id: string; value: string }[] = []
  for (const id of ids) {
    const value = computedProperty(id, message) ?? stored.get(id)
    if (value !== undefined) found.push({ id, value })
  }
  return found
}

const FOLDER_PROPERTIES: Readonly<Record<string, (f: Folder, view: MessageView) => unknown>> = {
  displayName: (f) => f.name,
  parentFolderId: (f, { request, user }) =>
    f.parent === null ? folderId(user.mailbox.guid, 0) : request.state.folders.byPk(f.parent).id,
  childFolderCount: (f, { request }) => request.state.folders.childCount(f),
  unreadItemCount: (f) => f.unread,
  totalItemCount: (f) => f.total,
  isHidden: (f) => f.hidden,
}

export function folderJson(folder: Folder, view: MessageView, select: readonly string[] | null) {
  const { search } = folder
  const json: Json = {
    ...(search ? { '@odata.type': '#microsoft.graph.mailSearchFolder' } : {}),
    id: folder.id,
  }
  for (const name of select ?? Object.keys(FOLDER_PROPERTIES)) {
    const property = FOLDER_PROPERTIES[name]
    if (property) json[name] = property(folder, view)
    else if (name !== 'id') throw unknownProperty(name, 'mailFolder')
  }
  if (search && select === null) {
    json['isSupported'] = true
    json['includeNestedFolders'] = search.includeNestedFolders
    json['sourceFolderIds'] = search.sourceFolderIds
    json['filterQuery'] = search.filterQuery
  }
  return json
}

export interface AttachmentView extends MessageView {
  readonly message: Message
  readonly select: readonly string[] | null
  /** A single attachment shows its bytes whatever their size; lists do not above 3 MB. */
  readonly single: boolean
}

const ATTACHMENT_TYPES = {
  file: '#microsoft.graph.fileAttachment',
  item: '#microsoft.graph.itemAttachment',
  reference: '#microsoft.graph.referenceAttachment',
} as const

type AttachmentProperty = (attachment: Attachment, view: AttachmentView) => unknown

const ATTACHMENT_PROPERTIES: Readonly<Record<string, AttachmentProperty>> = {
  lastModifiedDateTime: (a) => dateTime(a.modifiedMs),
  name: (a) => a.name,
  contentType: (a) => a.contentType,
  size: (a) => a.size,
  isInline: (a) => a.isInline,
}

const FILE_PROPERTIES: Readonly<Record<string, AttachmentProperty>> = {
  ...ATTACHMENT_PROPERTIES,
  contentId: (a) => a.contentId,
  contentLocation: (a) => a.contentLocation,
  contentBytes: (a, view) =>
    view.single || a.size <= INLINE_CONTENT_BYTES_MAX
      ? Buffer.from(fileBytes(a)).toString('base64')
      : undefined,
}

export function attachmentJson(attachment: Attachment, view: AttachmentView): Json {
  const known = attachment.kind === 'file' ? FILE_PROPERTIES : ATTACHMENT_PROPERTIES
  const json: Json = {
    '@odata.type': ATTACHMENT_TYPES[attachment.kind],
    ...(attachment.kind === 'file'
      ? { '@odata.mediaContentType': attachment.contentType ?? 'application/octet-stream' }
      : {}),
    id: attachmentId(messageId(view.request, view.message), attachment.key),
  }
  for (const name of view.select ?? Object.keys(known)) {
    const property = known[name]
    // A derived property on another kind is not an error: the collection is of mixed types.
    if (property) json[name] = property(attachment, view)
    else if (name !== 'id' && !(name in FILE_PROPERTIES)) throw unknownProperty(name, 'attachment')
  }
  if (json['contentBytes'] === undefined) delete json['contentBytes']
  return json
}

type UserProperty = (user: User) => unknown

/** The properties that `/users` gives without `$select`. */
const DEFAULT_USER_PROPERTIES: Readonly<Record<string, UserProperty>> = {
  businessPhones: () => [],
  displayName: (u) => u.profile.displayName,
  givenName: (u) => u.profile.givenName,
  jobTitle: (u) => u.profile.jobTitle,
  mail: (u) => u.profile.mail,
  mobilePhone: () => null,
  officeLocation: (u) => u.profile.officeLocation,
  preferredLanguage: (u) => u.profile.preferredLanguage,
  surname: (u) => u.profile.surname,
  userPrincipalName: (u) => u.profile.userPrincipalName,
}

const EXCHANGE_PLAN = {
  assignedDateTime: '2024-01-08T09:00:00Z',
  capabilityStatus: 'Enabled',
  service: 'exchange',
  servicePlanId: 'efb87545-963c-4e0d-99df-69c6916d9eb0',
}

const USER_PROPERTIES: Readonly<Record<string, UserProperty>> = {
  ...DEFAULT_USER_PROPERTIES,
  accountEnabled: (u) => u.profile.accountEnabled,
  userType: (u) => u.profile.userType,
  department: (u) => u.profile.department,
  createdDateTime: (u) => u.profile.createdDateTime,
  assignedPlans: (u) => (isLicensed(u) ? [EXCHANGE_PLAN] : []),
  assignedLicenses: () => [],
  proxyAddresses: (u) => (u.profile.mail === null ? [] : [`SMTP:${u.profile.mail}`]),
  mailNickname: (u) => u.profile.userPrincipalName.split('@')[0] ?? null,
  onPremisesSyncEnabled: (u) => (u.mailbox?.condition === 'on-premises' ? true : null),
}

/** Shared mailboxes and rooms need no licence and have none. */
function isLicensed({ mailbox }: User): boolean {
  const { condition } = mailbox ?? {}
  return mailbox?.purpose === 'user' && (condition === undefined || HAS_PLAN.has(condition))
}

const HAS_PLAN: ReadonlySet<MailboxCondition> = new Set(['blocked', 'moving', 'over-quota'])

export function userJson(user: User, select: readonly string[] | null): Json {
  const json: Json = { id: user.id }
  for (const name of select ?? Object.keys(DEFAULT_USER_PROPERTIES)) {
    const property = USER_PROPERTIES[name]
    if (property) json[name] = property(user)
    else if (name !== 'id') throw unknownProperty(name, 'user')
  }
  return json
}
