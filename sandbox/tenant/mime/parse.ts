/**
 * Real mail to the tenant's own fields, as far as Exchange would show them.
 *
 * Invariants: malformed mail still becomes a message wherever a header or a body can be found;
 * what cannot is refused with a reason, never imported as something else. Dates that nobody can
 * read become the caller's fallback. The same source gives the same fields.
 */
import type { AddressObject, Attachment as ParsedAttachment, ParsedMail } from 'mailparser'
import { simpleParser } from 'mailparser'
import { conversationId, stableGuid, stableNumber } from '../ids.ts'
import type { Address, AttachmentContent, Header, Importance, MessageContent } from '../model.ts'
import { previewOf } from './plain-text.ts'

/** Dates outside this range are mistakes of the sender; Exchange shows the arrival instead. */
const DATE_MS_MIN = Date.UTC(1970, 0, 2)
const DATE_MS_MAX = Date.UTC(2037, 11, 31)
const SUBJECT_CHARACTERS_MAX = 255
const NESTING_MAX = 5
const RECIPIENTS_MAX = 1_000

export interface ParseOptions {
  /** Makes generated ids differ between equal sources in different places. */
  readonly seed: string
  readonly fallbackMs: number
}

export type ParseResult =
  | { readonly content: MessageContent; readonly attachments: readonly AttachmentContent[] }
  | { readonly refused: string }

function addresses(field: AddressObject | AddressObject[] | undefined): Address[] {
  const objects = field === undefined ? [] : Array.isArray(field) ? field : [field]
  return objects
    .flatMap(({ value }) => value)
    .flatMap((entry) => entry.group ?? [entry])
    .filter(({ address, name }) => address || name)
    .map(({ address, name }) => ({ name: clean(name || address || ''), address: address ?? '' }))
    .slice(0, RECIPIENTS_MAX)
}

/** Header text in one line, without controls that JSON clients choke on. */
function clean(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are the target
  return text.replace(/[\u0000-\u001f\u007f]+/g, ' ').trim()
}

function importanceOf(mail: ParsedMail): Importance {
  const named = String(mail.headers.get('importance') ?? mail.priority ?? 'normal').toLowerCase()
  return named === 'high' || named === 'low' ? named : 'normal'
}

/** mailparser puts the present in place of a date that it cannot read, so the header is read here. */
function dateOf(mail: ParsedMail, fallbackMs: number): number {
  const line = mail.headerLines.find(({ key }) => key === 'date')?.line ?? ''
  const text = line.slice(line.indexOf(':') + 1).replace(/\([^)]*\)/g, '')
  const ms = Date.parse(clean(text))
  if (Number.isNaN(ms) || ms < DATE_MS_MIN || ms > DATE_MS_MAX) return fallbackMs
  return Math.floor(ms / 1000) * 1000
}

function headersOf(mail: ParsedMail): Header[] {
  return mail.headerLines.flatMap(({ line }) => {
    const colon = line.indexOf(':')
    if (colon <= 0) return []
    return [{ name: clean(line.slice(0, colon)), value: clean(line.slice(colon + 1)) }]
  })
}

function categoriesOf(mail: ParsedMail): string[] {
  const keywords = mail.headers.get('keywords')
  const text = Array.isArray(keywords) ? keywords.join(',') : String(keywords ?? '')
  return [...new Set(text.split(',').map(clean))].filter((keyword) => keyword !== '')
}

function bodyOf(mail: ParsedMail): { body: string; bodyType: 'text' | 'html' } {
  if (typeof mail.html === 'string') return { body: mail.html, bodyType: 'html' }
  return { body: mail.text ?? '', bodyType: 'text' }
}

function fileName(part: ParsedAttachment, index: number): string {
  const name = clean(part.filename ?? '')
  if (name !== '') return name
  const extension = part.contentType.split('/')[1]?.replace(/[^\w.+-]/g, '') ?? 'dat'
  return `ATT${String(index + 1).padStart(5, '0')}.${extension}`
}

async function attachmentOf(
  part: ParsedAttachment,
  index: number,
  options: ParseOptions & { depth: number },
): Promise<AttachmentContent> {
  const common = { contentLocation: null, recipe: null, content: part.content, size: part.size }
  const contentId = part.cid ?? null
  if (part.contentType === 'message/rfc822' && options.depth < NESTING_MAX) {
    const nested = await parse(part.content, { ...options, depth: options.depth + 1 })
    if (!('refused' in nested)) {
      const { subject, from, to, cc, bodyType, importance } = nested.content
      const { internetMessageId, sentMs, body } = nested.content
      const item = { subject, from, to, cc, bodyType, importance, internetMessageId, sentMs }
      const name = subject === '' ? fileName(part, index) : subject
      const facts = { kind: 'item', name, contentType: null, isInline: false } as const
      return { ...common, ...facts, contentId: null, item: { ...item, body: body ?? '' } }
    }
  }
  return {
    ...common,
    kind: 'file',
    name: fileName(part, index),
    contentType: clean(part.contentType) || 'application/octet-stream',
    isInline: part.related === true && contentId !== null,
    contentId,
    item: null,
  }
}

/** A source with no header at all and nothing to read is no message. */
function refusal(source: Uint8Array, mail: ParsedMail): string | null {
  if (Buffer.from(source).toString('latin1').trim() === '') return 'the file is empty'
  if (mail.headerLines.length === 0 && !mail.text && typeof mail.html !== 'string') {
    return 'neither a header nor a body can be found'
  }
  return null
}

async function parse(
  source: Uint8Array,
  options: ParseOptions & { depth: number },
): Promise<ParseResult> {
  const mail = await simpleParser(Buffer.from(source), {
    skipImageLinks: true,
    skipTextToHtml: true,
    skipHtmlToText: true,
    keepCidLinks: true,
  } as Parameters<typeof simpleParser>[1])
  const refused = refusal(source, mail)
  if (refused !== null) return { refused }
  const attachments = await Promise.all(
    mail.attachments.map((part, index) => attachmentOf(part, index, options)),
  )
  return { content: contentOf(mail, options), attachments }
}

function contentOf(mail: ParsedMail, options: ParseOptions): MessageContent {
  const sentMs = dateOf(mail, options.fallbackMs)
  const { body, bodyType } = bodyOf(mail)
  const [from = null] = addresses(mail.from)
  const sender = mail.headers.get('sender')
  const [senderAddress = from] =
    typeof sender === 'object' && 'value' in sender ? addresses(sender as AddressObject) : []
  const messageId = clean(mail.messageId ?? '')
  const references = Array.isArray(mail.references) ? mail.references[0] : mail.references
  const thread = references ?? mail.inReplyTo ?? (messageId || options.seed)
  return {
    subject: clean(mail.subject ?? '').slice(0, SUBJECT_CHARACTERS_MAX),
    sender: senderAddress,
    from,
    to: addresses(mail.to),
    cc: addresses(mail.cc),
    bcc: addresses(mail.bcc),
    replyTo: addresses(mail.replyTo),
    body,
    bodyType,
    recipe: null,
    preview: previewOf(body, bodyType),
    importance: importanceOf(mail),
    isRead: false,
    isDraft: false,
    flag: { flagStatus: 'notFlagged' },
    categories: categoriesOf(mail),
    internetMessageId:
      messageId || `<${stableGuid('imported', options.seed)}@tenant.holdfast.example>`,
    conversationId: conversationId(thread),
    conversationIndex: Buffer.from([1, ...stableBytes(thread)]).toString('base64'),
    headers: headersOf(mail),
    receivedMs: sentMs,
    sentMs,
    createdMs: sentMs,
    readReceipt: mail.headers.has('disposition-notification-to'),
    deliveryReceipt: mail.headers.has('return-receipt-to'),
    focused: true,
  }
}

/** The 21 bytes after the first of a conversation index. */
function stableBytes(thread: string): Buffer {
  const bytes = Buffer.alloc(21)
  bytes.writeUInt32BE(stableNumber('thread', thread), 0)
  return bytes
}

/** Reads a message; what nobody could read as one comes back as `refused`, with the reason. */
export function parseMessage(source: Uint8Array, options: ParseOptions): Promise<ParseResult> {
  return parse(source, { ...options, depth: 0 })
}
