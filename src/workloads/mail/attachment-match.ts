/**
 * Which MIME part holds the bytes of which listed attachment. Pure.
 *
 * Graph and MIME name the same attachment differently (`ATT00001.png`, a nested message by its
 * subject), several may have one name, and neither promises an order. So the surest likeness is
 * looked for first, over all entries, and among equals the nearest in size and then in order is
 * taken. Parts that are not listed were no attachments of the original either: delivery reports,
 * the calendar form of an invitation. A wrong match is what check-attachments.ts looks for.
 */
import { type JsonObject, textOf } from '../../graph/index.ts'
import { isListedItem, sizeOf } from './attachment-list.ts'
import type { MimePart } from './attachment-parts.ts'

type Likeness = (part: MimePart, entry: JsonObject) => boolean

const hasName: Likeness = (part, entry) => part.name === textOf(entry, 'name')
const hasType: Likeness = (part, entry) =>
  isListedItem(entry) ? isMessage(part) : part.contentType === typeOf(entry)
const hasSize: Likeness = (part, entry) => part.bytes.length === fileSizeOf(entry)
const isOwn: Likeness = (part) => !part.isNested
const isOwnFile: Likeness = (part) => !part.isNested && !part.isText

/**
 * From the surest to the last resort. Text of the message itself needs its type and size. A
 * message is never taken for a listed file of another type: such a file may be one of its own
 * attachments, because the lists of some forwarded and bounced mail name those.
 */
const LIKENESSES: readonly Likeness[] = [
  all(isOwn, hasName, hasType),
  all(isOwn, hasType, hasSize),
  all(hasType, hasSize),
  all(isOwnFile, hasName),
  all(isOwnFile, hasType),
  all(hasName, hasType),
  all(isOwnFile, (part, entry) => (isListedItem(entry) ? mayBeItem(part) : !isMessage(part))),
]

function all(...likenesses: readonly Likeness[]): Likeness {
  return (part, entry) => likenesses.every((alike) => alike(part, entry))
}

/** Entries without a part are missing from the result. */
export function matchListed(
  parts: readonly MimePart[],
  listed: readonly JsonObject[],
): Map<JsonObject, MimePart> {
  const free = new Set(parts)
  const found = new Map<JsonObject, MimePart>()
  // The largest first: sizes are listed with an overhead, and the nearest to it is the largest.
  const bySize = listed.toSorted((a, b) => (fileSizeOf(b) ?? 0) - (fileSizeOf(a) ?? 0))
  for (const alike of LIKENESSES) {
    for (const entry of bySize) {
      if (found.has(entry)) continue
      const part = nearest(
        [...free].filter((each) => alike(each, entry)),
        entry,
      )
      if (part === undefined) continue
      free.delete(part)
      found.set(entry, part)
    }
  }
  return found
}

function nearest(parts: readonly MimePart[], entry: JsonObject): MimePart | undefined {
  const size = fileSizeOf(entry)
  if (size === undefined) return parts[0]
  const distance = (part: MimePart) => Math.abs(size - part.bytes.length)
  return parts.toSorted((a, b) => distance(a) - distance(b))[0]
}

/** The size of a listed item is that of its properties, which says nothing about its MIME. */
function fileSizeOf(entry: JsonObject): number | undefined {
  return isListedItem(entry) ? undefined : sizeOf(entry)
}

/** Contacts and events among the items. */
function mayBeItem({ contentType }: MimePart): boolean {
  return /^message\/|^text\/(?:calendar|(?:x-)?vcard)$/.test(contentType)
}

function isMessage({ contentType }: MimePart): boolean {
  return contentType === 'message/rfc822'
}

function typeOf(entry: JsonObject): string | undefined {
  return textOf(entry, 'contentType')?.toLowerCase()
}
