/**
 * Renders the MIME of a message the way Exchange does at each `$value`: from its fields, with
 * boundaries that are new every time; or from the kept source, where only boundaries change.
 * Reference attachments have no place in MIME and are left out, as in a real rendering.
 */
import { randomBytes } from 'node:crypto'
import MailComposer from 'nodemailer/lib/mail-composer'
import type Mail from 'nodemailer/lib/mailer'
import { bodyOf, fileBytes } from '../content/generated.ts'
import type { Address, Attachment, ItemContent, Message } from '../model.ts'
import { refreshBoundaries } from './boundaries.ts'

function mailAddress(address: Address): { name: string; address: string } {
  return { name: address.name, address: address.address }
}

function freshToken(): string {
  return randomBytes(12).toString('hex')
}

async function build(options: Mail.Options & { baseBoundary?: string }): Promise<Buffer> {
  const composed = new MailComposer({ ...options, baseBoundary: freshToken() } as Mail.Options)
  const node = composed.compile()
  node.keepBcc = true
  return await node.build()
}

/** MIME of a nested message that exists only as fields. */
export async function renderItem(item: ItemContent): Promise<Buffer> {
  return build({
    ...(item.from ? { from: mailAddress(item.from) } : {}),
    to: item.to.map(mailAddress),
    cc: item.cc.map(mailAddress),
    subject: item.subject,
    messageId: item.internetMessageId,
    date: new Date(item.sentMs),
    [item.bodyType]: item.body,
  })
}

async function mailAttachment(attachment: Attachment): Promise<Mail.Attachment | null> {
  if (attachment.kind === 'reference') return null
  if (attachment.kind === 'item') {
    const content =
      attachment.content ?? (attachment.item ? await renderItem(attachment.item) : Buffer.alloc(0))
    return {
      content: Buffer.from(content),
      contentType: 'message/rfc822',
      filename: `${attachment.name}.eml`,
      contentTransferEncoding: '7bit',
    }
  }
  return {
    content: Buffer.from(fileBytes(attachment)),
    filename: attachment.name,
    contentType: attachment.contentType ?? 'application/octet-stream',
    contentDisposition: attachment.isInline ? 'inline' : 'attachment',
    ...(attachment.contentId ? { cid: attachment.contentId } : {}),
  }
}

/** Headers that MailComposer writes itself from the fields. */
const OWN_HEADERS = new Set(
  [
    ...['from', 'sender', 'to', 'cc', 'bcc', 'reply-to', 'subject', 'date', 'message-id'],
    ...['mime-version', 'content-type', 'content-transfer-encoding', 'content-disposition'],
    ...['importance', 'x-priority', 'x-msmail-priority', 'content-id', 'content-language'],
  ].map((name) => name),
)

export interface Renderable {
  readonly message: Message
  readonly attachments: readonly Attachment[]
  readonly source: Uint8Array | null
}

export async function renderMime({ message, attachments, source }: Renderable): Promise<Buffer> {
  if (source) return refreshBoundaries(source, freshToken)
  const parts = await Promise.all(attachments.map(mailAttachment))
  const { from, sender } = message
  const keptHeaders = message.headers
    .filter((header) => !OWN_HEADERS.has(header.name.toLowerCase()))
    .map((header) => ({ key: header.name, value: header.value }))
  return build({
    ...(from ? { from: mailAddress(from) } : {}),
    ...(sender && sender.address !== from?.address ? { sender: mailAddress(sender) } : {}),
    to: message.to.map(mailAddress),
    cc: message.cc.map(mailAddress),
    bcc: message.bcc.map(mailAddress),
    replyTo: message.replyTo.map(mailAddress),
    subject: message.subject,
    messageId: message.internetMessageId,
    date: new Date(message.sentMs),
    headers: keptHeaders,
    ...(message.importance === 'normal' ? {} : { priority: message.importance }),
    [message.bodyType]: bodyOf(message),
    attachments: parts.filter((part) => part !== null),
  })
}
