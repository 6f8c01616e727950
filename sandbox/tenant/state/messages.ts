/**
 * Messages, their attachments, sources and extended properties.
 *
 * Invariants: each change gives the message a new seq, and with it a new changeKey; a message
 * that leaves a folder leaves a `left_messages` row there, in the same transaction; the folder's
 * counters follow. Reading never parses a whole mailbox: one row for one message.
 */
import { immutableMessageId, mutableMessageId } from '../ids.ts'
import type {
  Attachment,
  AttachmentContent,
  ExtendedProperty,
  Folder,
  Message,
  MessageContent,
  User,
} from '../model.ts'
import type { Database, SqlRow } from './database.ts'
import type { FolderStore } from './folders.ts'
import { integer, packFields, text, toAttachment, toMessage } from './rows.ts'

export interface LeftMessage {
  readonly seq: number
  readonly immutableId: string
  readonly mutableId: string
}

export interface NewMessage {
  readonly content: MessageContent
  readonly attachments: readonly AttachmentContent[]
  readonly properties: readonly ExtendedProperty[]
  /** The bytes that `$value` answers with, where the message came as MIME. */
  readonly source: Uint8Array | null
}

/** Who wants to know of changes while they happen; must not change anything itself. */
export interface MessageWatch {
  created(message: Message): void
  /** Before each change, move or departure, with the state that ends. */
  changing(before: Message): void
  /** After a change of fields. */
  updated(before: Message, after: Message, change: Partial<MessageContent>): void
}

export class MessageStore {
  readonly #db: Database
  readonly #folders: FolderStore
  readonly #watch: MessageWatch

  constructor(db: Database, folders: FolderStore, watch: MessageWatch) {
    this.#db = db
    this.#folders = folders
    this.#watch = watch
  }

  create(user: User, folder: Folder, message: NewMessage, nowMs: number): Message {
    if (!user.mailbox) throw new Error('the user has no mailbox')
    const { content } = message
    const seq = this.#db.nextSeq()
    const visible = message.attachments.some((attachment) => !attachment.isInline)
    const pk = this.#db.run(
      `INSERT INTO messages(user, folder, seq, immutable_id, mutable_id, moves, created, modified,
         received, sent, is_read, is_draft, has_attachments, importance, internet_id,
         conversation_id, subject, fields, body_type, recipe, body)
       VALUES(?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      user.pk,
      folder.pk,
      seq,
      immutableMessageId(user.mailbox.guid, seq),
      mutableMessageId(user.mailbox.guid, seq, 0),
      content.createdMs,
      nowMs,
      content.receivedMs,
      content.sentMs,
      content.isRead ? 1 : 0,
      content.isDraft ? 1 : 0,
      visible ? 1 : 0,
      content.importance,
      content.internetMessageId,
      content.conversationId,
      content.subject,
      packFields(content),
      content.bodyType,
      content.recipe ? JSON.stringify(content.recipe) : null,
      content.body,
    )
    if (message.source) {
      this.#db.run('INSERT INTO sources(message, bytes) VALUES(?, ?)', pk, message.source)
    }
    for (const [index, attachment] of message.attachments.entries()) {
      this.#insertAttachment(pk, `${seq}:${index}`, attachment, nowMs)
    }
    for (const property of message.properties) this.#setProperty(pk, property)
    this.#folders.count(folder.pk, { total: 1, unread: content.isRead ? 0 : 1 })
    const created = this.byPk(pk)
    this.#watch.created(created)
    return created
  }

  /** Changes fields. A change of content makes a kept MIME source stale: it is dropped. */
  update(message: Message, change: Partial<MessageContent>, nowMs: number): Message {
    this.#watch.changing(message)
    const next = { ...message, ...change }
    if ('body' in change && change.body !== null) next.recipe = null
    this.#db.run(
      `UPDATE messages SET seq = ?, modified = ?, received = ?, sent = ?, is_read = ?,
         is_draft = ?, importance = ?, internet_id = ?, conversation_id = ?, subject = ?,
         fields = ?, body_type = ?, recipe = ?, body = ? WHERE pk = ?`,
      this.#db.nextSeq(),
      nowMs,
      next.receivedMs,
      next.sentMs,
      next.isRead ? 1 : 0,
      next.isDraft ? 1 : 0,
      next.importance,
      next.internetMessageId,
      next.conversationId,
      next.subject,
      packFields(next),
      next.bodyType,
      next.recipe ? JSON.stringify(next.recipe) : null,
      next.body,
      message.pk,
    )
    if (CONTENT_FIELDS.some((field) => field in change)) this.#dropSource(message)
    const unread = Number(!next.isRead) - Number(!message.isRead)
    this.#folders.count(message.folder, { total: 0, unread })
    const updated = this.byPk(message.pk)
    this.#watch.updated(message, updated, change)
    return updated
  }

  /** To another folder: new mutable id, same immutable one. */
  move(user: User, message: Message, target: Folder, nowMs: number): Message {
    if (!user.mailbox) throw new Error('the user has no mailbox')
    if (message.folder === target.pk) return message
    this.#leave(message)
    const moves = integer(this.#row('SELECT moves FROM messages WHERE pk = ?', message.pk), 'moves')
    const seq = this.#db.nextSeq()
    this.#db.run(
      `UPDATE messages SET folder = ?, seq = ?, modified = ?, moves = ?, mutable_id = ?
       WHERE pk = ?`,
      target.pk,
      seq,
      nowMs,
      moves + 1,
      mutableMessageId(user.mailbox.guid, seq, moves + 1),
      message.pk,
    )
    this.#folders.count(target.pk, { total: 1, unread: message.isRead ? 0 : 1 })
    return this.byPk(message.pk)
  }

  /** A new message with the same content; nothing in the source folder changes. */
  copy(user: User, message: Message, target: Folder, nowMs: number): Message {
    const copy = {
      content: { ...message, createdMs: nowMs },
      attachments: this.attachments(message),
      properties: this.properties(message),
      source: this.source(message),
    }
    return this.create(user, target, copy, nowMs)
  }

  /** For good: not even the recoverable items hold it afterwards. */
  destroy(message: Message): void {
    this.#leave(message)
    this.#db.run('DELETE FROM attachments WHERE message = ?', message.pk)
    this.#db.run('DELETE FROM sources WHERE message = ?', message.pk)
    this.#db.run('DELETE FROM extended_properties WHERE message = ?', message.pk)
    this.#db.run('DELETE FROM messages WHERE pk = ?', message.pk)
  }

  addAttachment(message: Message, attachment: AttachmentContent, nowMs: number): Attachment {
    this.#watch.changing(message)
    const key = `${this.#db.nextSeq()}:0`
    const pk = this.#insertAttachment(message.pk, key, attachment, nowMs)
    this.#attachmentsChanged(message, nowMs)
    return toAttachment(this.#row('SELECT * FROM attachments WHERE pk = ?', pk))
  }

  removeAttachment(message: Message, attachment: Attachment, nowMs: number): void {
    this.#watch.changing(message)
    this.#db.run('DELETE FROM attachments WHERE pk = ?', attachment.pk)
    this.#attachmentsChanged(message, nowMs)
  }

  setProperties(message: Message, properties: readonly ExtendedProperty[]): void {
    for (const property of properties) this.#setProperty(message.pk, property)
  }

  byPk(pk: number): Message {
    return toMessage(this.#row('SELECT * FROM messages WHERE pk = ?', pk))
  }

  /** By mutable or immutable id, of this mailbox only. */
  find(user: User, id: string): Message | undefined {
    const row =
      this.#db.get('SELECT * FROM messages WHERE immutable_id = ? AND user = ?', id, user.pk) ??
      this.#db.get('SELECT * FROM messages WHERE mutable_id = ? AND user = ?', id, user.pk)
    return row ? toMessage(row) : undefined
  }

  inFolder(folder: Folder): Message[] {
    return this.#db
      .all('SELECT * FROM messages WHERE folder = ? ORDER BY pk', folder.pk)
      .map(toMessage)
  }

  /** Rows by a condition on the message columns; `where` is our own text, never a client's. */
  query(where: string, values: readonly (string | number)[]): Message[] {
    return this.#db.all(`SELECT * FROM messages WHERE ${where}`, ...values).map(toMessage)
  }

  countWhere(where: string, values: readonly (string | number)[]): number {
    return integer(this.#row(`SELECT count(*) AS n FROM messages WHERE ${where}`, ...values), 'n')
  }

  /** Messages that left the folder after `seq`, oldest first. */
  leftSince(folder: Folder, seq: number, countMax: number): LeftMessage[] {
    return this.#db
      .all(
        'SELECT * FROM left_messages WHERE folder = ? AND seq > ? ORDER BY seq LIMIT ?',
        folder.pk,
        seq,
        countMax,
      )
      .map((row) => ({
        seq: integer(row, 'seq'),
        immutableId: text(row, 'immutable_id'),
        mutableId: text(row, 'mutable_id'),
      }))
  }

  attachments(message: Message): Attachment[] {
    return this.#db
      .all('SELECT * FROM attachments WHERE message = ? ORDER BY pk', message.pk)
      .map(toAttachment)
  }

  properties(message: Message): ExtendedProperty[] {
    return this.#db
      .all('SELECT id, value FROM extended_properties WHERE message = ? ORDER BY id', message.pk)
      .map((row) => ({ id: text(row, 'id'), value: text(row, 'value') }))
  }

  source(message: Message): Uint8Array | null {
    const row = this.#db.get('SELECT bytes FROM sources WHERE message = ?', message.pk)
    return row?.['bytes'] instanceof Uint8Array ? row['bytes'] : null
  }

  #leave(message: Message): void {
    this.#watch.changing(message)
    this.#db.run(
      `INSERT INTO left_messages(seq, user, folder, immutable_id, mutable_id)
       VALUES(?, ?, ?, ?, ?)`,
      this.#db.nextSeq(),
      message.user,
      message.folder,
      message.immutableId,
      message.mutableId,
    )
    this.#folders.count(message.folder, { total: -1, unread: message.isRead ? 0 : -1 })
  }

  #attachmentsChanged(message: Message, nowMs: number): void {
    this.#db.run(
      `UPDATE messages SET seq = ?, modified = ?, has_attachments = EXISTS(
         SELECT 1 FROM attachments WHERE message = ? AND is_inline = 0) WHERE pk = ?`,
      this.#db.nextSeq(),
      nowMs,
      message.pk,
      message.pk,
    )
    this.#dropSource(message)
  }

  #dropSource(message: Message): void {
    this.#db.run('DELETE FROM sources WHERE message = ?', message.pk)
  }

  #insertAttachment(message: number, key: string, a: AttachmentContent, nowMs: number): number {
    return this.#db.run(
      `INSERT INTO attachments(message, key, kind, name, content_type, is_inline, content_id,
         content_location, size, modified, recipe, item, content)
       VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      message,
      key,
      a.kind,
      a.name,
      a.contentType,
      a.isInline ? 1 : 0,
      a.contentId,
      a.contentLocation,
      a.size,
      nowMs,
      a.recipe ? JSON.stringify(a.recipe) : null,
      a.item ? JSON.stringify(a.item) : null,
      a.content,
    )
  }

  #setProperty(message: number, property: ExtendedProperty): void {
    this.#db.run(
      'INSERT OR REPLACE INTO extended_properties(message, id, value) VALUES(?, ?, ?)',
      message,
      property.id,
      property.value,
    )
  }

  #row(sql: string, ...values: (string | number)[]): SqlRow {
    const row = this.#db.get(sql, ...values)
    if (!row) throw new Error('a message row that must be there is missing')
    return row
  }
}

/** Fields that the MIME of a message shows: with one of them changed, the kept source lies. */
const CONTENT_FIELDS: readonly (keyof MessageContent)[] = [
  ...(['subject', 'body', 'sender', 'from', 'to', 'cc', 'bcc', 'replyTo'] as const),
  ...(['internetMessageId', 'importance', 'sentMs', 'headers'] as const),
]
