/**
 * Compares the attachments of a restored message with what the vault holds of the original.
 *
 * Three witnesses, because the code that made the copy must not be the only one to judge it: the
 * service's own list from when the message was read (how many, which kinds, names, types, sizes),
 * the bytes that the restore took from the MIME, and the same MIME as a second parser reads it.
 * The outcome names fields (as Graph and docs/fidelity.md do), never values (P9).
 */
import { createHash } from 'node:crypto'
import PostalMime from 'postal-mime'
import { type JsonObject, type Mailbox, textOf } from '../../graph/index.ts'
import type { GraphId } from '../../model/ids.ts'
import type { HeldVersion } from '../workload.ts'
import { isInline, isLink, isListedItem, listedAttachments, sizeOf } from './attachment-list.ts'
import { type HeldAttachment, heldAttachments } from './attachments.ts'

/**
 * How much more than the copy's the original's listed size may say. The service counts an
 * attachment's properties with its bytes, and the original may have some that the copy lacks; a
 * preview icon is the largest. Where the copy's size shows that only bytes count, nothing more.
 */
const PROPERTIES_BYTES_MAX = 8 * 1024

export interface AttachmentCheck {
  mailbox: Mailbox
  /** The restored message. */
  id: GraphId
  version: HeldVersion
  signal: AbortSignal
}

/** Empty where they are equal. Throws what the client throws. */
export async function attachmentDifferences(
  check: AttachmentCheck,
  made: readonly JsonObject[],
): Promise<string[]> {
  const { all } = await heldAttachments(check.version)
  const listed = listedAttachments(check.version)
  const reads = await secondReading(check.version)
  const free = new Set<Found>()
  for (const entry of made) free.add(await foundOf(check, entry))
  const fields = new Set<string>()
  // The two lists of the service, without anything of ours between them.
  if (listed !== undefined && listed.length !== made.length) fields.add('attachments')
  for (const [index, held] of all.entries()) {
    const twin = twinOf(held, free)
    if (twin === undefined) {
      fields.add('attachments')
      continue
    }
    free.delete(twin)
    const expected = { held, listed: listed?.[index] }
    for (const { name, holds } of RULES) if (!holds(expected, twin)) fields.add(name)
    if (!reads(twin)) fields.add('attachments.contentBytes')
  }
  if (free.size > 0) fields.add('attachments')
  return [...fields].sort()
}

interface Expected {
  held: HeldAttachment
  /** Undefined where no list is held. */
  listed: JsonObject | undefined
}

interface Found {
  entry: JsonObject
  name: string
  isLink: boolean
  /** Empty for links. */
  bytes: Buffer
}

async function foundOf(check: AttachmentCheck, entry: JsonObject): Promise<Found> {
  const link = isLink(entry)
  const bytes = link ? Buffer.alloc(0) : await bytesOf(check, entry)
  return { entry, name: textOf(entry, 'name') ?? '', isLink: link, bytes }
}

/** Lists leave the bytes of larger files out. */
async function bytesOf(check: AttachmentCheck, attachment: JsonObject): Promise<Buffer> {
  const inline = textOf(attachment, 'contentBytes')
  if (inline !== undefined) return Buffer.from(inline, 'base64')
  const response = await check.mailbox.send(
    {
      name: 'attachments.value',
      path: ['messages', check.id, 'attachments', textOf(attachment, 'id') ?? '', '$value'],
    },
    check.signal,
  )
  return Buffer.from(await response.arrayBuffer())
}

/** Of one name and kind; of several, the one with the same bytes. */
function twinOf(held: HeldAttachment, free: ReadonlySet<Found>): Found | undefined {
  const alike = [...free].filter(
    (found) => found.name === held.name && found.isLink === (held.kind === 'reference'),
  )
  return alike.find((found) => hasBytes(held, found)) ?? alike[0]
}

interface Rule {
  name: string
  holds: (expected: Expected, found: Found) => boolean
}

const RULES: readonly Rule[] = [
  {
    name: 'attachments.name',
    holds: ({ listed }, { name }) => {
      const said = listed && textOf(listed, 'name')
      if (!listed || !said) return true
      return isListedItem(listed) ? name.startsWith(said) : name === said
    },
  },
  {
    name: 'attachments.contentType',
    holds: ({ listed }, { entry }) => {
      // An item comes back in the form that MIME has for it.
      const said = listed && !isListedItem(listed) && textOf(listed, 'contentType')
      return !said || said.toLowerCase() === textOf(entry, 'contentType')?.toLowerCase()
    },
  },
  {
    name: 'attachments.isInline',
    holds: ({ held }, { entry }) => held.isInline === isInline(entry),
  },
  {
    name: 'attachments.contentId',
    holds: ({ held }, { entry }) =>
      held.kind === 'reference' ||
      held.contentId === undefined ||
      held.contentId === textOf(entry, 'contentId'),
  },
  {
    name: 'attachments.contentBytes',
    holds: ({ held, listed }, found) => hasBytes(held, found) && hasListedSize(listed, found),
  },
]

function hasBytes(held: HeldAttachment, { bytes }: Found): boolean {
  return held.kind === 'reference' || sha256(held.bytes) === sha256(bytes)
}

function hasListedSize(listed: JsonObject | undefined, { entry, bytes }: Found): boolean {
  if (listed === undefined || isListedItem(listed)) return true
  const [before, now] = [sizeOf(listed), sizeOf(entry)]
  if (before === undefined || now === undefined) return true
  const countsProperties = now !== bytes.length
  return bytes.length <= before && before - now <= (countsProperties ? PROPERTIES_BYTES_MAX : 0)
}

/**
 * True where a parser that shares nothing with the restore finds the same bytes in the MIME.
 * Without blanks and line ends, because that parser writes those of text anew.
 */
async function secondReading(version: HeldVersion): Promise<(found: Found) => boolean> {
  const mime = version.representations.get('mime')
  if (mime === undefined) return () => true
  const known = new Set<string>()
  // Messages in the message: as a whole, and what is in them.
  for (const forceRfc822Attachments of [true, false]) {
    const { attachments } = await PostalMime.parse(mime, { forceRfc822Attachments })
    for (const { content } of attachments) known.add(sha256(withoutBlanks(content)))
  }
  return ({ bytes, isLink: link }) => link || known.has(sha256(withoutBlanks(bytes)))
}

function withoutBlanks(content: ArrayBuffer | Uint8Array | string): string {
  const bytes = typeof content === 'string' ? Buffer.from(content) : new Uint8Array(content)
  return Buffer.from(bytes)
    .toString('latin1')
    .replace(/[\t\n\r ]/g, '')
}

function sha256(content: Uint8Array | string): string {
  return createHash('sha256').update(content).digest('hex')
}
