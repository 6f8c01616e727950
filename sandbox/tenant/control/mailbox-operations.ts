/** Control operations that do what people do in their mailbox. One operation, one transaction. */
import { z } from 'zod'
import { conversationId, stableGuid } from '../ids.ts'
import { parseMessage } from '../mime/parse.ts'
import { previewOf } from '../mime/plain-text.ts'
import type { AttachmentContent, Folder, Message, MessageContent, User } from '../model.ts'
import type { NewMessage } from '../state/messages.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { ControlError, operation } from './operation.ts'
import { userNamed } from './user-operations.ts'

const Mode = z.enum(['soft', 'recoverable', 'hard'])
const AddressInput = z.strictObject({ name: z.string(), address: z.string() })
const MessageRef = { user: z.string(), message: z.string() }
const FolderRef = { user: z.string(), folder: z.string() }

export const Delivery = z.strictObject({
  user: z.string(),
  folder: z.string().default('inbox'),
  /** Base64 of a MIME source; then the fields below are not looked at. */
  mime: z.base64().optional(),
  subject: z.string().default(''),
  from: AddressInput.default({ name: 'Somebody', address: 'somebody@elsewhere.example' }),
  to: z.array(AddressInput).default([]),
  body: z.string().default(''),
  bodyType: z.enum(['text', 'html']).default('text'),
  received: z.iso.datetime().optional(),
  isRead: z.boolean().default(false),
  isDraft: z.boolean().default(false),
  importance: z.enum(['low', 'normal', 'high']).default('normal'),
  categories: z.array(z.string()).default([]),
  internetMessageId: z.string().optional(),
  attachments: z
    .array(
      z.strictObject({
        name: z.string(),
        contentType: z.string().default('application/octet-stream'),
        base64: z.base64(),
        contentId: z.string().optional(),
      }),
    )
    .default([]),
})
type DeliveryInput = z.output<typeof Delivery>

export function folderNamed(state: TenantState, user: User, name: string): Folder {
  const folder = state.folders.find(user, name) ?? state.folders.findByPath(user, name)
  if (!folder) throw new ControlError(`the mailbox has no folder ${name}`)
  return folder
}

export function messageNamed(state: TenantState, user: User, id: string): Message {
  const message = state.messages.find(user, id)
  if (!message) throw new ControlError('the mailbox has no such message')
  return message
}

/** A message from fields. */
export function composed(state: TenantState, input: DeliveryInput): NewMessage {
  const nowMs = state.nowMs()
  const receivedMs =
    input.received === undefined ? nowMs : Math.floor(Date.parse(input.received) / 1000) * 1000
  const serial = state.db.lastSeq()
  const content: MessageContent = {
    ...{ subject: input.subject, sender: input.from, from: input.from, to: input.to },
    ...{ cc: [], bcc: [], replyTo: [], headers: [] },
    ...{ body: input.body, bodyType: input.bodyType, recipe: null },
    preview: previewOf(input.body, input.bodyType),
    ...{ importance: input.importance, isRead: input.isRead, isDraft: input.isDraft },
    flag: { flagStatus: 'notFlagged' },
    categories: input.categories,
    internetMessageId:
      input.internetMessageId ?? `<${stableGuid('delivered', serial, nowMs)}@elsewhere.example>`,
    conversationId: conversationId('delivered', serial),
    conversationIndex: Buffer.alloc(22, 1).toString('base64'),
    ...{ receivedMs, sentMs: receivedMs, createdMs: receivedMs },
    ...{ readReceipt: false, deliveryReceipt: false, focused: true },
  }
  const attachments = input.attachments.map((file): AttachmentContent => {
    const bytes = Buffer.from(file.base64, 'base64')
    return {
      ...{ kind: 'file', name: file.name, contentType: file.contentType },
      isInline: file.contentId !== undefined,
      contentId: file.contentId ?? null,
      ...{ contentLocation: null, content: bytes, recipe: null, item: null, size: bytes.length },
    }
  })
  return { content, attachments, properties: [], source: null }
}

async function delivered(state: TenantState, input: DeliveryInput): Promise<NewMessage> {
  if (input.mime === undefined) return composed(state, input)
  const source = Buffer.from(input.mime, 'base64')
  const seed = `delivered:${state.db.lastSeq()}`
  const parsed = await parseMessage(source, { seed, fallbackMs: state.nowMs() })
  if ('refused' in parsed) throw new ControlError(`not a message: ${parsed.refused}`)
  return { content: parsed.content, attachments: parsed.attachments, properties: [], source }
}

function removeMessage(
  state: TenantState,
  user: User,
  message: Message,
  mode: z.output<typeof Mode>,
): void {
  if (mode === 'hard') state.messages.destroy(message)
  else if (mode === 'recoverable') state.deleteMessage(user, message)
  else {
    const deleted = state.folders.wellKnown(user, 'deleteditems')
    state.messages.move(user, message, deleted, state.nowMs())
  }
}

function messageOperations(state: TenantState) {
  /** Changes one message; edits leave no trace in the folder, as with a client's save. */
  const change = (ref: { user: string; message: string }, fields: Partial<MessageContent>) =>
    state.db.transaction(() => {
      const user = userNamed(state, ref.user)
      const message = messageNamed(state, user, ref.message)
      const preview =
        typeof fields.body === 'string'
          ? { preview: previewOf(fields.body, fields.bodyType ?? message.bodyType) }
          : {}
      state.messages.update(message, { ...fields, ...preview }, state.nowMs())
      return {}
    })
  return {
    deliver: operation(Delivery, async (input) => {
      const message = await delivered(state, input)
      return state.db.transaction(() => {
        const user = userNamed(state, input.user)
        const folder = folderNamed(state, user, input.folder)
        const created = state.messages.create(user, folder, message, state.nowMs())
        return { id: created.immutableId, mutableId: created.mutableId }
      })
    }),
    /** Changes subject or body in place: no folder changes, so folder deltas stay silent. */
    edit: operation(
      z.strictObject({
        ...MessageRef,
        body: z.string().optional(),
        subject: z.string().optional(),
      }),
      ({ body, subject, ...ref }) =>
        change(ref, {
          ...(body === undefined ? {} : { body }),
          ...(subject === undefined ? {} : { subject }),
        }),
    ),
    read: operation(z.strictObject({ ...MessageRef, isRead: z.boolean() }), ({ isRead, ...ref }) =>
      change(ref, { isRead }),
    ),
    flag: operation(
      z.strictObject({ ...MessageRef, flagStatus: z.enum(['notFlagged', 'flagged', 'complete']) }),
      ({ flagStatus, ...ref }) => change(ref, { flag: { flagStatus } }),
    ),
    categorise: operation(
      z.strictObject({ ...MessageRef, categories: z.array(z.string()) }),
      ({ categories, ...ref }) => change(ref, { categories }),
    ),
  }
}

function placeOperations(state: TenantState) {
  return {
    move: operation(z.strictObject({ ...MessageRef, folder: z.string() }), (input) =>
      state.db.transaction(() => {
        const user = userNamed(state, input.user)
        const target = folderNamed(state, user, input.folder)
        const message = messageNamed(state, user, input.message)
        const moved = state.messages.move(user, message, target, state.nowMs())
        return { id: moved.immutableId, mutableId: moved.mutableId }
      }),
    ),
    /** soft: to Deleted Items; recoverable: what Graph's DELETE does; hard: gone for good. */
    delete: operation(z.strictObject({ ...MessageRef, mode: Mode }), (input) =>
      state.db.transaction(() => {
        const user = userNamed(state, input.user)
        removeMessage(state, user, messageNamed(state, user, input.message), input.mode)
        return {}
      }),
    ),
    emptyFolder: operation(z.strictObject({ ...FolderRef, mode: Mode }), (input) =>
      state.db.transaction(() => {
        const user = userNamed(state, input.user)
        const messages = state.messages.inFolder(folderNamed(state, user, input.folder))
        for (const message of messages) removeMessage(state, user, message, input.mode)
        return { messages: messages.length }
      }),
    ),
    /** What is in a folder, for scripts that act on each message (a ransomware day). */
    messages: operation(z.strictObject(FolderRef), (input) => {
      const user = userNamed(state, input.user)
      const messages = state.messages.inFolder(folderNamed(state, user, input.folder))
      return {
        messages: messages.map(({ immutableId, subject, isRead, receivedMs }) => ({
          ...{ id: immutableId, subject, isRead, receivedMs },
        })),
      }
    }),
  }
}

function folderOperations(state: TenantState) {
  const within = <T>(ref: { user: string; folder: string }, work: (u: User, f: Folder) => T): T =>
    state.db.transaction(() => {
      const user = userNamed(state, ref.user)
      return work(user, folderNamed(state, user, ref.folder))
    })
  return {
    folders: operation(z.strictObject({ user: z.string() }), (input) => ({
      folders: state.folders.all(userNamed(state, input.user)).map((folder) => ({
        id: folder.id,
        path: state.folders.path(folder),
        ...{ wellKnown: folder.wellKnown, hidden: folder.hidden, isSearch: folder.search !== null },
        ...{ total: folder.total, unread: folder.unread },
      })),
    })),
    /** `folder` is the parent. Doubled names are allowed here, as Exchange makes them itself. */
    createFolder: operation(
      z.strictObject({ ...FolderRef, name: z.string().min(1), hidden: z.boolean().default(false) }),
      ({ name, hidden, ...ref }) =>
        within(ref, (user, parent) => ({
          id: state.folders.create(user, { parent: parent.pk, name, hidden }).id,
        })),
    ),
    renameFolder: operation(z.strictObject({ ...FolderRef, name: z.string().min(1) }), (input) =>
      within(input, (_user, folder) => ({ id: state.folders.rename(folder, input.name).id })),
    ),
    moveFolder: operation(z.strictObject({ ...FolderRef, target: z.string() }), (input) =>
      within(input, (user, folder) => {
        const target = folderNamed(state, user, input.target)
        if (state.folders.isInside(target, folder)) {
          throw new ControlError('a folder cannot be moved into itself')
        }
        return { id: state.folders.move(folder, target).id }
      }),
    ),
    deleteFolder: operation(z.strictObject(FolderRef), (input) =>
      within(input, (user, folder) => {
        if (folder.wellKnown !== null) throw new ControlError('a well-known folder stays')
        state.deleteFolderTree(user, folder)
        return {}
      }),
    ),
  }
}

export function mailboxOperations(state: TenantState) {
  return { ...messageOperations(state), ...placeOperations(state), ...folderOperations(state) }
}
