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
  const fromMime: HeldAttachment[] = []
  for (const leaf of mime === undefined ? [] : leavesOf(mime)) {
    const attachment = await attachmentOf(leaf)
    if (attachment !== undefined) fromMime.push(attachment)
  }
  const listed = listedAttachments(version)
  const links = listed.flatMap(linkOf)
  const apparent = version.display.hasAttachments !== true || fromMime.length + links.length > 0
  const others = listed.filter((entry) => linkOf(entry).length === 0)
  return {
    all: [...asListed(fromMime, others), ...links],
    whole: apparent && fromMime.length >= listed.length - links.length,
  }
}

function listedAttachments(version: HeldVersion): JsonObject[] {
  const named = objectsOf(heldMessage(version), 'attachments')
  const bytes = version.representations.get('attachments')
  if (named.length > 0 || bytes === undefined) return named
  return objectsOf({ list: parseHeld(bytes) }, 'list')
}

/**
 * Graph's own names and inline marks, which MIME need not have (`ATT00001.png`). First those of
 * equal names, then the others in order; only where both name the same number of attachments.
 */
function asListed(parts: readonly HeldAttachment[], listed: readonly JsonObject[]) {
  if (parts.length !== listed.length) return parts
  const left = [...listed]
  const take = (index: number): JsonObject | undefined => left.splice(index, 1)[0]
  const equal = parts.map(({ name }) => {
    const index = left.findIndex((entry) => textOf(entry, 'name') === name)
    return index === -1 ? undefined : take(index)
  })
  return parts.map((part, at) => named(part, equal[at] ?? take(0)))
}

function named(part: HeldAttachment, entry: JsonObject | undefined): HeldAttachment {
  const name = (entry && textOf(entry, 'name')) || part.name
  if (part.kind !== 'file') return { ...part, name }
  // A nested message that is restored as a file needs the ending by which a client opens it.
  if (part.contentType === 'message/rfc822') return part
  const { isInline = part.isInline } = entry ?? {}
  const contentType = (entry && textOf(entry, 'contentType')) || part.contentType
  return { ...part, name, isInline: isInline === true, contentType }
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
