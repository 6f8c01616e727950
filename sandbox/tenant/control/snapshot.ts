/**
 * The whole true state of a mailbox, for verdicts. Read from the stores, and through none of the
 * code that answers Graph calls: a bug there must not be able to hide here.
 */
import { hash } from 'node:crypto'
import { bodyOf, fileBytes } from '../content/generated.ts'
import { renderItem } from '../mime/render.ts'
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

async function attachmentHash(attachment: Attachment): Promise<string | null> {
  const { kind, content, item, contentType } = attachment
  if (kind === 'reference') return null
  // A generated nested message has no bytes but those that any reader of it is given.
  if (kind === 'item' && item && content === null) {
    return sha256(canonicalMime(await renderItem(item)))
  }
  const bytes = fileBytes(attachment)
  const isMime = kind === 'item' || contentType === 'message/rfc822'
  return sha256(isMime ? canonicalMime(bytes) : bytes)
}

async function attachmentSnapshot(attachment: Attachment): Promise<AttachmentSnapshot> {
  const { kind, name, contentType, isInline, contentId, size, item } = attachment
  const facts = { kind, name, contentType, isInline, contentId, size, item }
  return { ...facts, sha256: await attachmentHash(attachment) }
}

async function messageSnapshot(
  state: TenantState,
  message: Message,
  folder: { id: string; path: string },
): Promise<MessageSnapshot> {
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
    attachments: await Promise.all(state.messages.attachments(message).map(attachmentSnapshot)),
    properties: state.messages.properties(message),
  }
}

/** Folders parents first, messages by folder and then by arrival in this tenant. */
export async function snapshotMailbox(state: TenantState, user: User): Promise<MailboxSnapshot> {
  const folders = state.folders.all(user)
  const ids = new Map(folders.map((folder) => [folder.pk, folder.id]))
  const paths = new Map(folders.map((folder) => [folder.pk, state.folders.path(folder)]))
  const messages = folders.flatMap((folder) => {
    const place = { id: folder.id, path: paths.get(folder.pk) ?? '' }
    return state.messages.inFolder(folder).map((each) => messageSnapshot(state, each, place))
  })
  return {
    user: { id: user.id, profile: user.profile, mailbox: user.mailbox },
    folders: folders.map(({ pk, user: _user, parent, ...fields }) => ({
      ...fields,
      path: paths.get(pk) ?? '',
      parentId: parent === null ? null : (ids.get(parent) ?? null),
    })),
    messages: await Promise.all(messages),
  }
}
