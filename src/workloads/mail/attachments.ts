/**
 * The attachments of a held message, as they can be created again.
 *
 * Files, inline files and nested messages come from the MIME; links from the attachments that
 * the JSON (or a list of its own) names, because MIME has no place for them. (v1.0 of Graph names links but not their targets.) A nested
 * message that has attachments itself is restored as an `.eml` file: whole, instead of in parts.
 */
import { createHash } from 'node:crypto'
import PostalMime, { type Address, type Email } from 'postal-mime'
import { type JsonObject, objectsOf, textOf } from '../../graph/index.ts'
import type { HeldVersion } from '../workload.ts'
import { heldMessage, parseHeld } from './held.ts'
import { decodedBytes, type Leaf, leavesOf, readLeafHeaders } from './mime-parts.ts'

export type HeldAttachment =
  | {
      kind: 'file'
      name: string
      contentType: string
      bytes: Buffer
      isInline: boolean
      contentId?: string
    }
  | { kind: 'item'; name: string; message: JsonObject }
  | { kind: 'reference'; name: string; isInline: boolean }

export interface HeldAttachments {
  all: HeldAttachment[]
  /** False: the attachment list names more than we hold, so a restore would lose something. */
  whole: boolean
}

export async function heldAttachments(version: HeldVersion): Promise<HeldAttachments> {
  const mime = version.representations.get('mime')
  const parts: HeldAttachment[] = []
  for (const leaf of mime === undefined ? [] : leavesOf(mime)) {
    const attachment = await attachmentOf(leaf)
    if (attachment !== undefined) parts.push(attachment)
  }
  const listed = listedAttachments(version)
  const claimed = version.display.hasAttachments === true
  if (listed === undefined) return { all: parts, whole: !claimed || parts.length > 0 }
  const links = listed.flatMap(linkOf)
  const others = listed.filter((entry) => linkOf(entry).length === 0)
  const matched = matchListed(parts, others)
  const all = [...matched, ...links]
  return { all, whole: matched.length === others.length && (!claimed || all.length > 0) }
}

/** Undefined where nothing says what the attachments are. */
function listedAttachments(version: HeldVersion): JsonObject[] | undefined {
  const message = heldMessage(version)
  if ('attachments' in message) return objectsOf(message, 'attachments')
  const bytes = version.representations.get('attachments')
  return bytes === undefined ? undefined : objectsOf({ list: parseHeld(bytes) }, 'list')
}

type Likeness = (part: HeldAttachment, entry: JsonObject) => boolean

/** From the surest to the last resort. */
const LIKENESSES: readonly Likeness[] = [
  (part, entry) => part.name === textOf(entry, 'name') && isItem(part) === isListedItem(entry),
  (part, entry) => part.name === textOf(entry, 'name'),
  (part, entry) =>
    isListedItem(entry) ? isItem(part) : typeOf(part) === textOf(entry, 'contentType'),
  () => true,
]

/**
 * The parts that Graph lists, under its own names and inline marks, which MIME need not have
 * (`ATT00001.png`). Parts that it does not list were no attachments of the original either:
 * delivery reports, the calendar form of an invitation.
 */
function matchListed(
  parts: readonly HeldAttachment[],
  listed: readonly JsonObject[],
): HeldAttachment[] {
  const free = new Set(parts)
  const found = new Map<JsonObject, HeldAttachment>()
  for (const alike of LIKENESSES) {
    for (const entry of listed.filter((each) => !found.has(each))) {
      const part = [...free].find((each) => alike(each, entry))
      if (part === undefined) continue
      free.delete(part)
      found.set(entry, part)
    }
  }
  return [...found].map(([entry, part]) => named(part, entry))
}

function typeOf(part: HeldAttachment): string {
  return part.kind === 'file' ? part.contentType : 'message/rfc822'
}

function isItem(part: HeldAttachment): boolean {
  return typeOf(part) === 'message/rfc822'
}

function isListedItem(entry: JsonObject): boolean {
  return textOf(entry, '@odata.type') === '#microsoft.graph.itemAttachment'
}

function named(part: HeldAttachment, entry: JsonObject): HeldAttachment {
  const name = textOf(entry, 'name') || part.name
  if (part.kind !== 'file') return { ...part, name }
  // A nested message that is restored as a file needs the ending by which a client opens it.
  if (isListedItem(entry)) return { ...part, name: `${name}.eml` }
  const { isInline } = entry
  const contentType = textOf(entry, 'contentType') || part.contentType
  return { ...part, name, contentType, isInline: isInline === true }
}

function linkOf(listed: JsonObject): HeldAttachment[] {
  if (textOf(listed, '@odata.type') !== '#microsoft.graph.referenceAttachment') return []
  const { isInline } = listed
  return [{ kind: 'reference', name: textOf(listed, 'name') ?? '', isInline: isInline === true }]
}

/** Undefined for the text of the message itself. */
async function attachmentOf(leaf: Leaf): Promise<HeldAttachment | undefined> {
  const headers = await readLeafHeaders(leaf)
  const disposition = headers?.disposition ?? ''
  const fileName = headers?.filename ?? ''
  const isText = leaf.type === 'text/plain' || leaf.type === 'text/html'
  if (isText && disposition !== 'attachment' && fileName === '') return undefined
  if (leaf.type.startsWith('multipart/')) return undefined
  if (leaf.type === 'message/rfc822') return nestedOf(leaf, fileName)
  const contentId = headers?.contentId?.replace(/^<|>$/g, '')
  const isInline =
    disposition === 'inline' || (contentId !== undefined && disposition !== 'attachment')
  return {
    kind: 'file',
    name: fileName || (leaf.type === 'text/calendar' ? 'invite.ics' : 'attachment'),
    contentType: leaf.type,
    bytes: decodedBytes(leaf),
    isInline,
    ...(contentId === undefined ? {} : { contentId }),
  }
}

async function nestedOf(leaf: Leaf, fileName: string): Promise<HeldAttachment> {
  const bytes = decodedBytes(leaf)
  const email = await PostalMime.parse(bytes, { forceRfc822Attachments: true })
  const name = fileName.replace(/\.eml$/i, '') || email.subject || 'message'
  if (email.attachments.length === 0) return { kind: 'item', name, message: messageOf(email) }
  return {
    kind: 'file',
    name: `${name}.eml`,
    contentType: 'message/rfc822',
    bytes,
    isInline: false,
  }
}

function messageOf(email: Email): JsonObject {
  const body =
    email.html === undefined
      ? { contentType: 'text', content: email.text ?? '' }
      : { contentType: 'html', content: email.html }
  const [from] = recipientsOf(email.from === undefined ? [] : [email.from])
  return {
    '@odata.type': '#microsoft.graph.message',
    subject: email.subject ?? '',
    body,
    ...(from === undefined ? {} : { from, sender: from }),
    toRecipients: recipientsOf(email.to ?? []),
    ccRecipients: recipientsOf(email.cc ?? []),
    ...(email.messageId === undefined ? {} : { internetMessageId: email.messageId }),
  }
}

function recipientsOf(addresses: readonly Address[]): JsonObject[] {
  return addresses
    .flatMap((address) => address.group ?? [address])
    .map(({ name, address }) => ({ emailAddress: { name, address } }))
}

/** As the creating POST names it. */
export function attachmentJson(attachment: HeldAttachment): JsonObject {
  const { name } = attachment
  switch (attachment.kind) {
    case 'file':
      return {
        '@odata.type': '#microsoft.graph.fileAttachment',
        name,
        contentType: attachment.contentType,
        isInline: attachment.isInline,
        ...(attachment.contentId === undefined ? {} : { contentId: attachment.contentId }),
        contentBytes: attachment.bytes.toString('base64'),
      }
    case 'item':
      return { '@odata.type': '#microsoft.graph.itemAttachment', name, item: attachment.message }
    case 'reference':
      return {
        '@odata.type': '#microsoft.graph.referenceAttachment',
        name,
        isInline: attachment.isInline,
      }
  }
}

/** One line for each attachment that is equal exactly for equal ones, as far as can be read. */
export function fingerprint(attachment: HeldAttachment): string {
  if (attachment.kind !== 'file') return JSON.stringify([attachment.kind, attachment.name])
  const { name, isInline, bytes } = attachment
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  return JSON.stringify(['file', name, isInline, sha256])
}
