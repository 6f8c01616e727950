/**
 * The whole true state of a mailbox, for verdicts. Read from the stores, and through none of the
 * code that answers Graph calls: a bug there must not be able to hide here.
 */
import { hash } from 'node:crypto'
import { bodyOf, fileBytes } from '../content/generated.ts'
import type { Attachment, ExtendedProperty, Folder, ItemContent, Message, User } from '../model.ts'
import type { TenantState } from '../state/tenant-state.ts'

export interface AttachmentSnapshot {
  readonly kind: Attachment['kind']
  readonly name: string
  readonly contentType: string | null
  readonly isInline: boolean
  readonly contentId: string | null
  readonly size: number
  /** Of the bytes of a file, or of the nested message; null for a reference. */
  readonly sha256: string | null
  readonly item: ItemContent | null
}

export interface MessageSnapshot
  extends Omit<Message, 'pk' | 'user' | 'folder' | 'recipe' | 'body'> {
  readonly folderId: string
  readonly folderPath: string
  readonly bodySha256: string
  readonly bodyBytes: number
  /** SHA-256 of the kept MIME source, boundaries included; null where MIME is made from fields. */
  readonly sourceSha256: string | null
  readonly attachments: readonly AttachmentSnapshot[]
  readonly properties: readonly ExtendedProperty[]
}

export interface FolderSnapshot extends Omit<Folder, 'pk' | 'user' | 'parent'> {
  readonly path: string
  readonly parentId: string | null
}

export interface MailboxSnapshot {
  readonly user: Pick<User, 'id' | 'profile' | 'mailbox'>
  readonly folders: readonly FolderSnapshot[]
  readonly messages: readonly MessageSnapshot[]
}

function sha256(data: string | Uint8Array): string {
  return hash('sha256', data, 'hex')
}

function attachmentHash(attachment: Attachment): string | null {
  if (attachment.kind === 'reference') return null
  if (attachment.kind === 'file') return sha256(fileBytes(attachment))
  return sha256(attachment.content ?? JSON.stringify(attachment.item))
}

function attachmentSnapshot(attachment: Attachment): AttachmentSnapshot {
  const { kind, name, contentType, isInline, contentId, size, item } = attachment
  const facts = { kind, name, contentType, isInline, contentId, size, item }
  return { ...facts, sha256: attachmentHash(attachment) }
}

function messageSnapshot(
  state: TenantState,
  message: Message,
  folder: { id: string; path: string },
): MessageSnapshot {
  const { pk, user, folder: folderPk, recipe, body, ...fields } = message
  const text = bodyOf({ recipe, body })
  const source = state.messages.source(message)
  return {
    ...fields,
    folderId: folder.id,
    folderPath: folder.path,
    bodySha256: sha256(text),
    bodyBytes: Buffer.byteLength(text),
    sourceSha256: source ? sha256(source) : null,
    attachments: state.messages.attachments(message).map(attachmentSnapshot),
    properties: state.messages.properties(message),
  }
}

/** Folders parents first, messages by folder and then by arrival in this tenant. */
export function snapshotMailbox(state: TenantState, user: User): MailboxSnapshot {
  const folders = state.folders.all(user)
  const ids = new Map(folders.map((folder) => [folder.pk, folder.id]))
  const paths = new Map(folders.map((folder) => [folder.pk, state.folders.path(folder)]))
  return {
    user: { id: user.id, profile: user.profile, mailbox: user.mailbox },
    folders: folders.map(({ pk, user: _user, parent, ...fields }) => ({
      ...fields,
      path: paths.get(pk) ?? '',
      parentId: parent === null ? null : (ids.get(parent) ?? null),
    })),
    messages: folders.flatMap((folder) =>
      state.messages
        .inFolder(folder)
        .map((message) =>
          messageSnapshot(state, message, { id: folder.id, path: paths.get(folder.pk) ?? '' }),
        ),
    ),
  }
}
