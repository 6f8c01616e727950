/**
 * What changes messages: creation from JSON or MIME, PATCH, move, copy, delete.
 *
 * Invariants: a creation is one transaction; dates and the draft state come from the extended
 * properties of the creating POST only (facts/graph.md 3.2); a MIME creation is always a draft.
 * With `mailAdvanced` on, content of a non-draft is refused to apps without the new permission
 * (facts/graph.md 1.4).
 */
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import { fieldsFromProperties, isFieldProperty } from '../extended-properties.ts'
import type { Answer } from '../http.ts'
import { conversationId, stableNumber } from '../ids.ts'
import { parseMessage } from '../mime/parse.ts'
import { previewOf } from '../mime/plain-text.ts'
import type { Folder, FollowupFlag, Header, MessageContent } from '../model.ts'
import type { NewMessage } from '../state/messages.ts'
import { checkAdvanced } from './advanced-rule.ts'
import { attachmentFromInput } from './attachments.ts'
import { badRequest, GraphError } from './errors.ts'
import {
  addressOf,
  MessageBody,
  type MessageInput,
  parseBody,
  propertiesOf,
  readBody,
} from './inputs.ts'
import { messageAnswer } from './messages.ts'
import {
  checkQuota,
  findFolder,
  findMailbox,
  findMessage,
  folderNamed,
  type GraphRequest,
  type MailboxUser,
} from './request.ts'

const CUSTOM_HEADERS_MAX = 5

function headersOf(input: MessageInput): Header[] {
  const headers = input.internetMessageHeaders ?? []
  if (headers.length > CUSTOM_HEADERS_MAX) {
    throw new GraphError(
      400,
      'InvalidInternetMessageHeaderCollection',
      'Maximum number of headers in one message should be less than or equal to 5.',
    )
  }
  for (const { name } of headers) {
    if (/^x-/i.test(name)) continue
    throw new GraphError(
      400,
      'InvalidInternetMessageHeader',
      `The internet message header name '${name}' should start with 'x-' or 'X-'.`,
    )
  }
  return headers
}

function flagOf(input: MessageInput): FollowupFlag {
  const { flag } = input
  if (!flag) return { flagStatus: 'notFlagged' }
  const { flagStatus, startDateTime, dueDateTime, completedDateTime } = flag
  return {
    flagStatus,
    ...(startDateTime ? { startDateTime } : {}),
    ...(dueDateTime ? { dueDateTime } : {}),
    ...(completedDateTime ? { completedDateTime } : {}),
  }
}

/** The fields that a body names; used by creation and by PATCH alike. */
function namedFields(input: MessageInput): Partial<MessageContent> {
  const { body, conversationIndex } = input
  return {
    ...('subject' in input ? { subject: input.subject ?? '' } : {}),
    ...(body
      ? {
          body: body.content,
          bodyType: body.contentType,
          preview: previewOf(body.content, body.contentType),
        }
      : {}),
    ...(input.from ? { from: addressOf(input.from) } : {}),
    ...(input.sender ? { sender: addressOf(input.sender) } : {}),
    ...(input.toRecipients ? { to: input.toRecipients.map(addressOf) } : {}),
    ...(input.ccRecipients ? { cc: input.ccRecipients.map(addressOf) } : {}),
    ...(input.bccRecipients ? { bcc: input.bccRecipients.map(addressOf) } : {}),
    ...(input.replyTo ? { replyTo: input.replyTo.map(addressOf) } : {}),
    ...(input.importance ? { importance: input.importance } : {}),
    ...(input.isRead === undefined ? {} : { isRead: input.isRead }),
    ...(input.flag ? { flag: flagOf(input) } : {}),
    ...(input.categories ? { categories: [...new Set(input.categories)] } : {}),
    ...(input.internetMessageId ? { internetMessageId: input.internetMessageId } : {}),
    ...(conversationIndex ? { conversationIndex } : {}),
    ...(input.inferenceClassification
      ? { focused: input.inferenceClassification === 'focused' }
      : {}),
    ...(input.isReadReceiptRequested == null ? {} : { readReceipt: input.isReadReceiptRequested }),
    ...(input.isDeliveryReceiptRequested == null
      ? {}
      : { deliveryReceipt: input.isDeliveryReceiptRequested }),
  }
}

/** A new draft of this mailbox with nothing in it. */
function blankMessage(user: MailboxUser, subject: string, nowMs: number): MessageContent {
  const thread = `${user.mailbox.guid}:${subject.replace(/^((re|fw|fwd|aw|wg):\s*)+/i, '')}`
  return {
    subject: '',
    sender: null,
    from: null,
    to: [],
    cc: [],
    bcc: [],
    replyTo: [],
    bodyType: 'text',
    body: '',
    recipe: null,
    preview: '',
    importance: 'normal',
    isRead: true,
    isDraft: true,
    flag: { flagStatus: 'notFlagged' },
    categories: [],
    internetMessageId: `<${randomUUID()}@tenant.holdfast.example>`,
    conversationId: conversationId(thread),
    conversationIndex: conversationIndexOf(thread),
    headers: [],
    receivedMs: nowMs,
    sentMs: nowMs,
    createdMs: nowMs,
    readReceipt: false,
    deliveryReceipt: false,
    focused: true,
  }
}

export function conversationIndexOf(thread: string): string {
  const bytes = Buffer.alloc(22)
  bytes[0] = 1
  bytes.writeUInt32BE(stableNumber('index', thread), 1)
  bytes.writeUInt32BE(stableNumber('index2', thread), 6)
  return bytes.toString('base64')
}

function fromJson(user: MailboxUser, input: MessageInput, nowMs: number): NewMessage {
  const properties = propertiesOf(input)
  const named = namedFields(input)
  const fromProperties = fieldsFromProperties(properties)
  const content = {
    ...blankMessage(user, input.subject ?? '', nowMs),
    ...named,
    headers: headersOf(input),
    ...fromProperties,
    ...(input.isRead === undefined ? {} : { isRead: input.isRead }),
  }
  const own = { name: user.profile.displayName, address: user.profile.mail ?? '' }
  return {
    content: {
      ...content,
      // Who sends is known for a draft only when it is sent; a finished message has a sender.
      sender: content.sender ?? content.from ?? (content.isDraft ? null : own),
      from: content.from ?? content.sender ?? (content.isDraft ? null : own),
    },
    attachments: (input.attachments ?? []).map((item) => attachmentFromInput(item, nowMs)),
    properties: properties.filter(({ id }) => !isFieldProperty(id)),
    source: null,
  }
}

/** `text/plain` is base64 of MIME, and nothing else is. */
async function fromMime(request: GraphRequest): Promise<NewMessage> {
  const base64 = (await readBody(request)).toString('latin1').trim()
  if (!/^[A-Za-z0-9+/\s]+={0,2}$/.test(base64)) {
    throw new GraphError(400, 'ErrorMimeContentInvalidBase64String', 'The MIME is not base64.')
  }
  const source = Buffer.from(base64, 'base64')
  const nowMs = request.state.nowMs()
  const parsed = await parseMessage(source, { seed: 'created', fallbackMs: nowMs })
  if ('refused' in parsed) {
    throw new GraphError(400, 'ErrorMimeContentInvalid', `The MIME is not valid: ${parsed.refused}`)
  }
  const content = {
    ...parsed.content,
    isDraft: true,
    isRead: true,
    receivedMs: nowMs,
    createdMs: nowMs,
  }
  return { content, attachments: parsed.attachments, properties: [], source }
}

async function create(request: GraphRequest, user: MailboxUser, folder: Folder): Promise<Answer> {
  const { state } = request
  checkQuota(user)
  const mime = /^text\/plain/i.test(request.contentType)
  const message = mime
    ? await fromMime(request)
    : fromJson(user, await parseBody(request, MessageBody), state.nowMs())
  return state.db.transaction(() => {
    // The folder may have gone while the body was read.
    const target = state.folders.byPk(folder.pk)
    const created = state.messages.create(user, target, message, state.nowMs())
    return messageAnswer({ request, user }, created, 201)
  })
}

export function createMessage(request: GraphRequest): Promise<Answer> {
  const user = findMailbox(request)
  return create(request, user, request.state.folders.wellKnown(user, 'drafts'))
}

export function createFolderMessage(request: GraphRequest): Promise<Answer> {
  const user = findMailbox(request)
  const folder = findFolder(request, user)
  if (folder.search) throw badRequest('A search folder holds no messages of its own.')
  return create(request, user, folder)
}

const ADVANCED_FIELDS: readonly (keyof MessageInput)[] = [
  ...(['subject', 'body', 'from', 'sender', 'toRecipients'] as const),
  ...(['ccRecipients', 'bccRecipients', 'replyTo', 'internetMessageId'] as const),
]

export async function patchMessage(request: GraphRequest): Promise<Answer> {
  const user = findMailbox(request)
  const input = await parseBody(request, MessageBody)
  if (input.attachments) throw badRequest('Attachments cannot be changed by PATCH of the message.')
  if (input.internetMessageHeaders) throw badRequest('Headers can be set at creation only.')
  const properties = propertiesOf(input)
  const { state } = request
  return state.db.transaction(() => {
    const message = findMessage(request, user)
    if (ADVANCED_FIELDS.some((field) => input[field] !== undefined)) {
      checkAdvanced(request, message)
    }
    if (input.internetMessageId && !message.isDraft) {
      throw badRequest('internetMessageId can be changed on drafts only.')
    }
    if (properties.some(({ id }) => isFieldProperty(id))) {
      throw new GraphError(
        400,
        'ErrorInvalidPropertySet',
        'Set action is invalid for property: it can be set when the message is created only.',
      )
    }
    state.messages.setProperties(message, properties)
    const changed = state.messages.update(message, namedFields(input), state.nowMs())
    return messageAnswer({ request, user }, changed, 200)
  })
}

const Destination = z.object({ destinationId: z.string().min(1) })

async function relocate(request: GraphRequest, how: 'move' | 'copy'): Promise<Answer> {
  const user = findMailbox(request)
  const { destinationId } = await parseBody(request, Destination)
  const { state } = request
  return state.db.transaction(() => {
    const message = findMessage(request, user)
    const target = folderNamed(request, user, destinationId)
    if (target.search) throw badRequest('A search folder holds no messages of its own.')
    if (how === 'copy') checkQuota(user)
    const result = state.messages[how](user, message, target, state.nowMs())
    return messageAnswer({ request, user }, result, 201)
  })
}

export function moveMessage(request: GraphRequest): Promise<Answer> {
  return relocate(request, 'move')
}

export function copyMessage(request: GraphRequest): Promise<Answer> {
  return relocate(request, 'copy')
}

export function deleteMessage(request: GraphRequest): Answer {
  const user = findMailbox(request)
  request.state.deleteMessage(user, findMessage(request, user))
  return { status: 204 }
}

/** Past the recoverable items, into the purges. */
export function purgeMessage(request: GraphRequest): Answer {
  const user = findMailbox(request)
  const { state } = request
  state.db.transaction(() => {
    const purges = state.folders.wellKnown(user, 'recoverableitemspurges')
    state.messages.move(user, findMessage(request, user), purges, state.nowMs())
  })
  return { status: 204 }
}
