/**
 * The attachments of a held message as the service listed them when it was read: names, types and
 * sizes, no bytes. It is what a restored copy is held to, because no parser of ours made it.
 */
import { type JsonObject, objectsOf, textOf } from '../../graph/index.ts'
import type { HeldVersion } from '../workload.ts'
import { heldMessage, parseHeld } from './held.ts'

/** What the service listed when the message was read; undefined where no list is held. */
export function listedAttachments(version: HeldVersion): JsonObject[] | undefined {
  const message = heldMessage(version)
  if ('attachments' in message) return objectsOf(message, 'attachments')
  const bytes = version.representations.get('attachments')
  return bytes === undefined ? undefined : objectsOf({ list: parseHeld(bytes) }, 'list')
}

export function isListedItem(entry: JsonObject): boolean {
  return textOf(entry, '@odata.type') === '#microsoft.graph.itemAttachment'
}

export function isLink(entry: JsonObject): boolean {
  return textOf(entry, '@odata.type') === '#microsoft.graph.referenceAttachment'
}

export function isInline({ isInline: said }: JsonObject): boolean {
  return said === true
}

/** Bytes; of an item, of its properties. */
export function sizeOf({ size }: JsonObject): number | undefined {
  return typeof size === 'number' ? size : undefined
}
