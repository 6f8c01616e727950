/**
 * What makes a message's content, and what is only decoration.
 *
 * Exchange gives a message a new `changeKey` when it is read, flagged or moved, and renders MIME
 * anew at each call; so neither tells whether content must be fetched. Three digests do:
 * content-bearing fields, decoration (with the folder), and the change key as it came. A new
 * change key that no field explains is a content change: an attachment was replaced.
 *
 * Known limit: an attachment that is replaced by one of the same name and size, between the same
 * two reads as a move or a flag, is not seen.
 */
import { createHash } from 'node:crypto'
import { isObject, type JsonObject, objectsOf, textOf } from '../../graph/index.ts'
import type { Marker } from '../../model/events.ts'
import type { Comparison } from '../workload.ts'

export const CONTENT_FIELDS = [
  'subject',
  'body',
  'from',
  'sender',
  'toRecipients',
  'ccRecipients',
  'bccRecipients',
  'replyTo',
  'internetMessageId',
  'sentDateTime',
  'receivedDateTime',
  'hasAttachments',
  'isDraft',
  'isDeliveryReceiptRequested',
  'isReadReceiptRequested',
] as const

export const DECORATION_FIELDS = [
  'isRead',
  'flag',
  'categories',
  'importance',
  'inferenceClassification',
  'parentFolderId',
] as const

/** Of an attachment. Its id is left out: Exchange gives a restored or copied one another. */
const ATTACHMENT_FIELDS = ['@odata.type', 'name', 'contentType', 'size', 'isInline']

/** JSON with sorted keys; nulls count as missing, because Graph writes either. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value ?? null)
  const entries = Object.keys(value)
    .filter((key) => value[key] !== null && value[key] !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${canonicalJson(value[key])}`)
  return `{${entries.join(',')}}`
}

export function digestOf(object: JsonObject, fields: readonly string[]): string {
  const picked = Object.fromEntries(fields.map((field) => [field, object[field]]))
  return createHash('sha256').update(canonicalJson(picked), 'utf8').digest('hex')
}

export function messageMarker(message: JsonObject): Marker {
  const at = textOf(message, 'lastModifiedDateTime')
  return {
    content: digestOf({ ...message, attachments: attachmentList(message) }, [
      ...CONTENT_FIELDS,
      'attachments',
    ]),
    decoration: digestOf(message, DECORATION_FIELDS),
    change: textOf(message, 'changeKey') ?? '',
    ...(at === undefined ? {} : { at }),
  }
}

/** In one order, because Graph promises none. */
function attachmentList(message: JsonObject): string[] {
  return objectsOf(message, 'attachments')
    .map((attachment) => digestOf(attachment, ATTACHMENT_FIELDS))
    .sort()
}

/** Folders have no change key; their counts change all the time and mean nothing to us. */
export function folderMarker(folder: JsonObject, shown: JsonObject): Marker {
  const named = digestOf(folder, ['displayName', 'parentFolderId', 'isHidden', '@odata.type'])
  return { content: named, decoration: digestOf(shown, Object.keys(shown).sort()), change: '' }
}

/** Pure. Lists of unchanged markers are `same`, so replays cost nothing. */
export function compareMarkers(before: Marker, now: Marker): Comparison {
  if (before.content !== now.content) return 'content'
  if (before.decoration !== now.decoration) return 'decoration'
  return before.change === now.change ? 'same' : 'content'
}
