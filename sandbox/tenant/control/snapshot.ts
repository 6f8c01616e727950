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
  /** Of the bytes of a file, or of a nested message's MIME with CRLF; null for a reference. */
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

/**
 * A nested message's MIME as far as it is content: it is the same under any line ends and any
 * boundary strings, which the service makes anew, and what follows its last part is padding.
 */
function canonicalMime(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString('latin1').replace(/\r?\n/g, '\r\n')
  const tokens = text.matchAll(/\bboundary=(?:"([^"\r\n]+)"|([^\s;"]+))/gi)
  const boundaries = [...new Set([...tokens].map(([, quoted, bare]) => quoted ?? bare ?? ''))]
  const [outermost] = boundaries
  const end = outermost === undefined ? -1 : text.lastIndexOf(`--${outermost}--`)
  const parts = end < 0 ? text : text.slice(0, end)
  // The longest first: one boundary may begin with another one.
  return boundaries
    .map((boundary, n) => ({ boundary, name: `boundary ${n}` }))
    .toSorted((a, b) => b.boundary.length - a.boundary.length)
    .reduce((now, { boundary, name }) => now.replaceAll(boundary, name), parts)
    .trimEnd()
}

function attachmentHash(attachment: Attachment): string | null {
  if (attachment.kind === 'reference') return null
  const isMime = attachment.kind === 'item' || attachment.contentType === 'message/rfc822'
  if (attachment.kind === 'item' && attachment.content === null) {
    return sha256(JSON.stringify(attachment.item))
  }
  return sha256(isMime ? canonicalMime(fileBytes(attachment)) : fileBytes(attachment))
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
