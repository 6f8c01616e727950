/**
 * Builds the one POST that makes a held message again.
 *
 * A message is finished, with its dates, by extended properties of the creating call; nothing is
 * changed afterwards, because from 2027 on changing a non-draft needs another permission. What
 * does not fit into one call is refused: never a draft, never half a message.
 */
import { type JsonObject, objectOf, objectsOf, textOf } from '../../graph/index.ts'
import type { HeldVersion } from '../workload.ts'
import { attachmentJson, heldAttachments } from './attachments.ts'
import { heldMessage } from './held.ts'

/** Graph's cap for the body of one request. */
const REQUEST_BYTES_MAX = 4 * 1024 * 1024
/** A file of this size must come by an upload session, which would be a second write. */
const POSTED_FILE_BYTES_MAX = 3 * 1024 * 1024

/** PidTagMessageFlags: submitted and, as 8 is missing, not unsent. Only for non-drafts. */
const MESSAGE_FLAGS = { id: 'Integer 0x0E07', value: '4' }
const CLIENT_SUBMIT_TIME = 'SystemTime 0x0039'
const DELIVERY_TIME = 'SystemTime 0x0E06'

/** Our own hidden property; its GUID is fixed for ever, because restores are found by it. */
export const SLOT_PROPERTY = 'String {5f0c7b52-6c1d-4a0e-9c39-7c7f6f0f2d11} Name HoldfastSlot'

export type BuildOutcome =
  | { outcome: 'built'; body: string }
  | { outcome: 'refused'; code: string; message: string }

export async function buildMessage(version: HeldVersion, mark: string): Promise<BuildOutcome> {
  const message = heldMessage(version)
  const { all, whole } = await heldAttachments(version)
  if (!whole) {
    return {
      outcome: 'refused',
      code: 'attachment-not-held',
      message: 'The message had attachments that are not held in a form that can be restored.',
    }
  }
  const tooLarge = all.some((a) => a.kind === 'file' && a.bytes.length >= POSTED_FILE_BYTES_MAX)
  const body = tooLarge
    ? ''
    : JSON.stringify({
        ...fieldsOf(message),
        ...(all.length === 0 ? {} : { attachments: all.map(attachmentJson) }),
        singleValueExtendedProperties: propertiesOf(message, mark),
      })
  if (tooLarge || Buffer.byteLength(body) > REQUEST_BYTES_MAX) return NEEDS_EXACT_LANE
  return { outcome: 'built', body }
}

export const NEEDS_EXACT_LANE: BuildOutcome & { outcome: 'refused' } = {
  outcome: 'refused',
  code: 'needs-exact-lane',
  message: 'The message is larger than what one call can create; it needs the exact lane.',
}

/** Of a received message the request for a receipt would mail its sender again: left out. */
const DRAFT_ONLY = ['isDeliveryReceiptRequested', 'isReadReceiptRequested']

const COPIED = [
  'subject',
  'body',
  'from',
  'sender',
  'importance',
  'categories',
  'isRead',
  'inferenceClassification',
  'internetMessageId',
  'conversationIndex',
]

const RECIPIENT_LISTS = ['toRecipients', 'ccRecipients', 'bccRecipients', 'replyTo']

function fieldsOf(message: JsonObject): JsonObject {
  const isDraft = isDraftMessage(message)
  const fields = Object.fromEntries(
    [...COPIED, ...(isDraft ? DRAFT_ONLY : [])]
      .map((name) => [name, message[name]] as const)
      .filter(([, value]) => value !== null && value !== undefined),
  )
  for (const name of RECIPIENT_LISTS) {
    const list = objectsOf(message, name)
    if (list.length > 0) fields[name] = list
  }
  const flag = objectOf(message, 'flag')
  return flag === undefined ? fields : { ...fields, flag: withoutNulls(flag) }
}

function isDraftMessage({ isDraft }: JsonObject): boolean {
  return isDraft === true
}

function withoutNulls(object: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null))
}

function propertiesOf(message: JsonObject, mark: string): { id: string; value: string }[] {
  const sent = textOf(message, 'sentDateTime')
  const received = textOf(message, 'receivedDateTime')
  return [
    ...(isDraftMessage(message) ? [] : [MESSAGE_FLAGS]),
    ...(sent === undefined ? [] : [{ id: CLIENT_SUBMIT_TIME, value: sent }]),
    ...(received === undefined ? [] : [{ id: DELIVERY_TIME, value: received }]),
    { id: SLOT_PROPERTY, value: mark },
  ]
}
