/**
 * The attachments of a held message, as they can be created again.
 *
 * What counts as an attachment, its name and its marks, is what the service listed; the bytes are
 * those of the MIME part that fits (`attachment-match.ts`). Links come from the list alone,
 * because MIME has no place for them, and v1.0 names links but not their targets.
 *
 * A nested message comes back as an `.eml` file, byte for byte. As an item attachment it would
 * lose its dates, its headers and its own attachments: Graph takes the first as read-only, has no
 * place for the second, and is reported to drop the last without a word (msgraph-sdk-dotnet 2876).
 */
import { type JsonObject, textOf } from '../../graph/index.ts'
import type { HeldVersion } from '../workload.ts'
import { isInline, isLink, isListedItem, listedAttachments } from './attachment-list.ts'
import { matchListed } from './attachment-match.ts'
import { type HeldFile, type MimePart, nestedPartsOf, partsOf } from './attachment-parts.ts'

export type HeldAttachment = HeldFile | { kind: 'reference'; name: string; isInline: boolean }

export interface HeldAttachments {
  all: HeldAttachment[]
  /** False: the attachment list names more than we hold, so a restore would lose something. */
  whole: boolean
}

export async function heldAttachments(version: HeldVersion): Promise<HeldAttachments> {
  const parts = await partsOf(version)
  const claimed = version.display.hasAttachments === true
  const listed = listedAttachments(version)
  if (listed === undefined) {
    const all = parts.filter(({ isText }) => !isText).map(unlisted)
    return { all, whole: !claimed || all.length > 0 }
  }
  const files = listed.filter((entry) => !isLink(entry))
  const own = matchListed(parts, files)
  // Seldom, and costly: what lies in the messages in the message is read where nothing else fits.
  const isShort = own.size < files.length
  const matched = isShort ? matchListed([...parts, ...(await nestedPartsOf(parts))], files) : own
  const all = listed.flatMap((entry) => {
    const part = matched.get(entry)
    if (isLink(entry)) return [linkOf(entry)]
    return part === undefined ? [] : [named(part, entry)]
  })
  return { all, whole: all.length === listed.length && (!claimed || all.length > 0) }
}

function linkOf(entry: JsonObject): HeldAttachment {
  return { kind: 'reference', name: textOf(entry, 'name') ?? '', isInline: isInline(entry) }
}

/** By the form in which MIME carries an item: the endings with which clients open them. */
const ITEM_ENDINGS: Readonly<Record<string, string>> = {
  'message/rfc822': '.eml',
  'text/calendar': '.ics',
  'text/vcard': '.vcf',
  'text/x-vcard': '.vcf',
}

function named(part: MimePart, entry: JsonObject): HeldFile {
  const name = textOf(entry, 'name') || part.name
  const file = { ...fileOf(part), isInline: isInline(entry) }
  if (isListedItem(entry)) {
    return { ...file, name: `${name}${ITEM_ENDINGS[part.contentType] ?? ''}` }
  }
  return { ...file, name, contentType: textOf(entry, 'contentType') || part.contentType }
}

function unlisted(part: MimePart): HeldFile {
  const isMessage = part.contentType === 'message/rfc822'
  return { ...fileOf(part), name: isMessage ? `${part.name}.eml` : part.name }
}

function fileOf({ isText: _text, isNested: _nested, ...file }: MimePart): HeldFile {
  return file
}

/** As the creating POST names it. */
export function attachmentJson(attachment: HeldAttachment): JsonObject {
  const { name, isInline: inline } = attachment
  if (attachment.kind === 'reference') {
    return { '@odata.type': '#microsoft.graph.referenceAttachment', name, isInline: inline }
  }
  return {
    '@odata.type': '#microsoft.graph.fileAttachment',
    name,
    contentType: attachment.contentType,
    isInline: inline,
    ...(attachment.contentId === undefined ? {} : { contentId: attachment.contentId }),
    contentBytes: attachment.bytes.toString('base64'),
  }
}
