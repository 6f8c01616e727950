/**
 * Attachments: list, one, bytes, add, remove. Larger ones come through `upload-sessions.ts`.
 *
 * Rules: lists leave `contentBytes` of files above 3 MB out (facts/graph.md 7, no. 4), a single
 * GET and `$value` do not; `item` of an item attachment comes only when expanded; a reference
 * attachment has no bytes.
 */
import { fileBytes } from '../content/generated.ts'
import type { Answer } from '../http.ts'
import { attachmentId, stableNumber } from '../ids.ts'
import { POSTED_ATTACHMENT_BYTES_MAX } from '../limits.ts'
import { renderItem } from '../mime/render.ts'
import type { Attachment, AttachmentContent, ItemContent, Message } from '../model.ts'
import { checkAdvanced } from './advanced-rule.ts'
import { GraphError, itemNotFound, notBuilt } from './errors.ts'
import type { NestedItemInput } from './inputs.ts'
import { AttachmentBody, type AttachmentInput, addressOf, parseBody } from './inputs.ts'
import { attachmentJson, dateTime, type Json, messageId, recipient } from './json.ts'
import { context, listAnswer, mailboxPath } from './lists.ts'
import {
  checkQuota,
  findMailbox,
  findMessage,
  type GraphRequest,
  type MailboxUser,
} from './request.ts'

const ITEM_EXPAND = /^microsoft\.graph\.itemAttachment\/item$/i

function itemFromInput(input: NestedItemInput, nowMs: number): ItemContent {
  const from = input.from ?? input.sender
  const subject = input.subject ?? ''
  return {
    subject,
    from: from ? addressOf(from) : null,
    to: (input.toRecipients ?? []).map(addressOf),
    cc: (input.ccRecipients ?? []).map(addressOf),
    bodyType: input.body?.contentType ?? 'text',
    body: input.body?.content ?? '',
    importance: input.importance ?? 'normal',
    internetMessageId:
      input.internetMessageId ?? `<nested-${stableNumber(subject, nowMs)}@tenant.holdfast.example>`,
    sentMs: nowMs,
  }
}

export function attachmentFromInput(input: AttachmentInput, nowMs: number): AttachmentContent {
  const common = {
    name: input.name,
    isInline: input.isInline ?? false,
    contentId: null,
    contentLocation: null,
    content: null,
    recipe: null,
    item: null,
  }
  switch (input['@odata.type']) {
    case '#microsoft.graph.fileAttachment': {
      const content = Buffer.from(input.contentBytes, 'base64')
      if (content.length > POSTED_ATTACHMENT_BYTES_MAX) {
        throw new GraphError(
          413,
          'ErrorMessageSizeExceeded',
          'Files of 3 MB and more need an upload session.',
        )
      }
      return {
        ...common,
        kind: 'file',
        contentType: input.contentType ?? 'application/octet-stream',
        contentId: input.contentId ?? null,
        contentLocation: input.contentLocation ?? null,
        content,
        size: content.length,
      }
    }
    case '#microsoft.graph.itemAttachment': {
      const item = itemFromInput(input.item, nowMs)
      const size = Buffer.byteLength(item.body) + Buffer.byteLength(item.subject)
      return { ...common, kind: 'item', contentType: null, item, size }
    }
    case '#microsoft.graph.referenceAttachment':
      return { ...common, kind: 'reference', contentType: null, size: 0 }
  }
}

function attachmentPath(user: MailboxUser, message: string): string {
  return mailboxPath(user, `messages('${encodeURIComponent(message)}')/attachments`)
}

export function listAttachments(request: GraphRequest): Answer {
  const user = findMailbox(request)
  const message = findMessage(request, user)
  if (request.options.expand.length > 0) throw notBuilt('$expand of an attachment list')
  const { select } = request.options
  const value = request.state.messages
    .attachments(message)
    .map((a) => attachmentJson(a, { request, user, message, select, single: false }))
  const contextPath = attachmentPath(user, messageId(request, message))
  return listAnswer(request, { contextPath, select, value, next: null })
}

/** By its id in either form: it contains the message's. */
function findAttachment(request: GraphRequest, message: Message): Attachment {
  const wanted = request.param('attachment')
  const found = request.state.messages
    .attachments(message)
    .find(
      ({ key }) =>
        attachmentId(message.immutableId, key) === wanted ||
        attachmentId(message.mutableId, key) === wanted,
    )
  if (!found) throw itemNotFound()
  return found
}

function itemJson(item: ItemContent, attachment: Attachment): Json {
  return {
    '@odata.type': '#microsoft.graph.message',
    id: '',
    createdDateTime: dateTime(item.sentMs),
    lastModifiedDateTime: dateTime(attachment.modifiedMs),
    sentDateTime: dateTime(item.sentMs),
    receivedDateTime: dateTime(item.sentMs),
    hasAttachments: false,
    internetMessageId: item.internetMessageId,
    subject: item.subject,
    importance: item.importance,
    isDraft: false,
    isRead: true,
    body: { contentType: item.bodyType, content: item.body },
    from: item.from ? recipient(item.from) : null,
    sender: item.from ? recipient(item.from) : null,
    toRecipients: item.to.map(recipient),
    ccRecipients: item.cc.map(recipient),
    bccRecipients: [],
    replyTo: [],
  }
}

export function getAttachment(request: GraphRequest): Answer {
  const user = findMailbox(request)
  const message = findMessage(request, user)
  const attachment = findAttachment(request, message)
  const { select, expand } = request.options
  const unknown = expand.find(({ path }) => !ITEM_EXPAND.test(path))
  if (unknown) throw notBuilt(`$expand=${unknown.path} of an attachment`)
  const json = attachmentJson(attachment, { request, user, message, select, single: true })
  if (expand.length > 0 && attachment.item) json['item'] = itemJson(attachment.item, attachment)
  const path = attachmentPath(user, messageId(request, message))
  return {
    status: 200,
    body: { '@odata.context': `${context(request, path, select)}/$entity`, ...json },
  }
}

export async function getAttachmentBytes(request: GraphRequest): Promise<Answer> {
  const user = findMailbox(request)
  const attachment = findAttachment(request, findMessage(request, user))
  switch (attachment.kind) {
    case 'file':
      return {
        status: 200,
        headers: { 'content-type': attachment.contentType ?? 'application/octet-stream' },
        body: fileBytes(attachment),
      }
    case 'item': {
      const { content, item } = attachment
      const mime = content ?? (item ? await renderItem(item) : new Uint8Array())
      return { status: 200, headers: { 'content-type': 'text/plain' }, body: mime }
    }
    case 'reference':
      throw new GraphError(
        405,
        'ErrorInvalidOperation',
        'A reference attachment has no content stream.',
      )
  }
}

export async function addAttachment(request: GraphRequest): Promise<Answer> {
  const user = findMailbox(request)
  checkQuota(user)
  const input = await parseBody(request, AttachmentBody)
  const { state } = request
  return state.db.transaction(() => {
    const message = findMessage(request, user)
    checkAdvanced(request, message)
    const content = attachmentFromInput(input, state.nowMs())
    const attachment = state.messages.addAttachment(message, content, state.nowMs())
    const view = { request, user, message, select: null, single: true }
    const path = attachmentPath(user, messageId(request, message))
    return {
      status: 201,
      body: {
        '@odata.context': `${context(request, path, null)}/$entity`,
        ...attachmentJson(attachment, view),
      },
    }
  })
}

export function removeAttachment(request: GraphRequest): Answer {
  const user = findMailbox(request)
  const { state } = request
  state.db.transaction(() => {
    const message = findMessage(request, user)
    checkAdvanced(request, message)
    state.messages.removeAttachment(message, findAttachment(request, message), state.nowMs())
  })
  return { status: 204 }
}
