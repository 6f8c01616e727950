/**
 * The parts of a held message's MIME that are attachments, or may be, with their decoded bytes.
 *
 * Which of them are attachments is not decided here: only the service's own list can say.
 */
import PostalMime from 'postal-mime'
import type { HeldVersion } from '../workload.ts'
import { decodedBytes, headOf, type Leaf, leavesOf, readLeafHeaders } from './mime-parts.ts'

const MESSAGE = 'message/rfc822'
/** Messages in messages in messages; deeper ones are bytes of the one around them. */
const NESTING_MAX = 5

export interface HeldFile {
  kind: 'file'
  name: string
  contentType: string
  bytes: Buffer
  isInline: boolean
  contentId?: string
}

/** A part of the MIME that is an attachment, or may be one if the service says so. */
export interface MimePart extends HeldFile {
  /** Nameless text that mail programs show as the message itself. */
  isText: boolean
  /** In a message that is itself a part. */
  isNested: boolean
}

export async function partsOf(version: HeldVersion): Promise<MimePart[]> {
  const mime = version.representations.get('mime')
  return mime === undefined ? [] : await partsIn(mime, false)
}

/** The parts of the messages among these parts, level by level. */
export async function nestedPartsOf(parts: readonly MimePart[]): Promise<MimePart[]> {
  const nested: MimePart[] = []
  let level = parts
  for (let depth = 0; depth < NESTING_MAX && level.length > 0; depth += 1) {
    const messages = level.filter(({ contentType }) => contentType === MESSAGE)
    level = (await Promise.all(messages.map(({ bytes }) => partsIn(bytes, true)))).flat()
    nested.push(...level)
  }
  return nested
}

async function partsIn(mime: Uint8Array, isNested: boolean): Promise<MimePart[]> {
  // A multipart that cannot be taken apart has no type or name of its own.
  const leaves = leavesOf(mime).filter(({ type }) => !type.startsWith('multipart/'))
  return await Promise.all(leaves.map((leaf) => partOf(leaf, isNested)))
}

async function partOf(leaf: Leaf, isNested: boolean): Promise<MimePart> {
  const headers = await readLeafHeaders(leaf)
  const disposition = headers?.disposition ?? ''
  const fileName = headers?.filename ?? ''
  const contentId = headers?.contentId?.replace(/^<|>$/g, '')
  const bytes = decodedBytes(leaf)
  const isPlain = leaf.type === 'text/plain' || leaf.type === 'text/html'
  return {
    kind: 'file',
    name: await nameOf(leaf, fileName, bytes),
    contentType: leaf.type,
    bytes,
    isInline: disposition === 'inline' || (contentId !== undefined && disposition !== 'attachment'),
    ...(contentId === undefined ? {} : { contentId }),
    isNested,
    isText: isPlain && disposition !== 'attachment' && fileName === '',
  }
}

async function nameOf(leaf: Leaf, fileName: string, bytes: Buffer): Promise<string> {
  if (leaf.type === MESSAGE) {
    return fileName.replace(/\.eml$/i, '') || (await subjectOf(bytes)) || 'message'
  }
  return fileName || (leaf.type === 'text/calendar' ? 'invite.ics' : 'attachment')
}

async function subjectOf(message: Buffer): Promise<string> {
  const { subject } = await PostalMime.parse(headOf(message))
  return subject ?? ''
}
