/**
 * SQLite rows to the tenant's own types and back: the only file that knows column names' types.
 * Rows were written by this program, so a shape that does not fit is a bug and throws.
 */
import type { Attachment, Folder, Message, MessageContent, User } from '../model.ts'
import type { SqlRow } from './database.ts'

/** Message fields that no query asks for live together as JSON in one column. */
export type PackedFields = Pick<
  MessageContent,
  | 'sender'
  | 'from'
  | 'to'
  | 'cc'
  | 'bcc'
  | 'replyTo'
  | 'flag'
  | 'categories'
  | 'headers'
  | 'conversationIndex'
  | 'preview'
  | 'readReceipt'
  | 'deliveryReceipt'
  | 'focused'
>

export function packFields(content: PackedFields): string {
  const { sender, from, to, cc, bcc, replyTo, flag, categories, headers } = content
  const { conversationIndex, preview, readReceipt, deliveryReceipt, focused } = content
  return JSON.stringify({
    ...{ sender, from, to, cc, bcc, replyTo, flag, categories, headers },
    ...{ conversationIndex, preview, readReceipt, deliveryReceipt, focused },
  })
}

export function text(row: SqlRow, column: string): string {
  const value = row[column]
  if (typeof value !== 'string') throw new Error(`column ${column} holds no text`)
  return value
}

export function integer(row: SqlRow, column: string): number {
  const value = row[column]
  if (typeof value !== 'number') throw new Error(`column ${column} holds no number`)
  return value
}

export function optionalText(row: SqlRow, column: string): string | null {
  return row[column] === null ? null : text(row, column)
}

export function json<T>(row: SqlRow, column: string): T {
  return JSON.parse(text(row, column))
}

export function optionalJson<T>(row: SqlRow, column: string): T | null {
  return row[column] === null ? null : json<T>(row, column)
}

export function toUser(row: SqlRow): User {
  return {
    pk: integer(row, 'pk'),
    id: text(row, 'id'),
    seq: integer(row, 'seq'),
    deleted: row['deleted'] === 1,
    profile: json(row, 'profile'),
    mailbox: optionalJson(row, 'mailbox'),
  }
}

export function toFolder(row: SqlRow): Folder {
  return {
    pk: integer(row, 'pk'),
    user: integer(row, 'user'),
    id: text(row, 'id'),
    seq: integer(row, 'seq'),
    parent: row['parent'] === null ? null : integer(row, 'parent'),
    name: text(row, 'name'),
    wellKnown: optionalText(row, 'well_known'),
    hidden: row['hidden'] === 1,
    search: optionalJson(row, 'search'),
    total: integer(row, 'total'),
    unread: integer(row, 'unread'),
  }
}

export function toMessage(row: SqlRow): Message {
  return {
    ...json<PackedFields>(row, 'fields'),
    pk: integer(row, 'pk'),
    user: integer(row, 'user'),
    folder: integer(row, 'folder'),
    seq: integer(row, 'seq'),
    immutableId: text(row, 'immutable_id'),
    mutableId: text(row, 'mutable_id'),
    createdMs: integer(row, 'created'),
    modifiedMs: integer(row, 'modified'),
    receivedMs: integer(row, 'received'),
    sentMs: integer(row, 'sent'),
    isRead: row['is_read'] === 1,
    isDraft: row['is_draft'] === 1,
    hasAttachments: row['has_attachments'] === 1,
    importance: text(row, 'importance') as Message['importance'],
    internetMessageId: text(row, 'internet_id'),
    conversationId: text(row, 'conversation_id'),
    subject: text(row, 'subject'),
    bodyType: text(row, 'body_type') as Message['bodyType'],
    recipe: optionalJson(row, 'recipe'),
    body: optionalText(row, 'body'),
  }
}

export function toAttachment(row: SqlRow): Attachment {
  const content = row['content']
  return {
    pk: integer(row, 'pk'),
    message: integer(row, 'message'),
    key: text(row, 'key'),
    kind: text(row, 'kind') as Attachment['kind'],
    name: text(row, 'name'),
    contentType: optionalText(row, 'content_type'),
    isInline: row['is_inline'] === 1,
    contentId: optionalText(row, 'content_id'),
    contentLocation: optionalText(row, 'content_location'),
    size: integer(row, 'size'),
    modifiedMs: integer(row, 'modified'),
    recipe: optionalJson(row, 'recipe'),
    item: optionalJson(row, 'item'),
    content: content instanceof Uint8Array ? content : null,
  }
}
