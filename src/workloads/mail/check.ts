/**
 * Reads a restored message back and compares it with what was held.
 *
 * Field by field, dates to the second; attachments in check-attachments.ts. The outcome names
 * fields, never values (P9).
 */
import { type JsonObject, type Mailbox, objectOf, objectsOf, textOf } from '../../graph/index.ts'
import { AppError, hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { CheckOutcome, HeldVersion, Match } from '../workload.ts'
import { MESSAGE_SELECT } from './changes.ts'
import { attachmentDifferences } from './check-attachments.ts'
import { heldMessage } from './held.ts'
import { canonicalJson, DECORATION_FIELDS, messageMarker } from './markers.ts'
import { readMessage } from './read-message.ts'

export interface Check {
  mailbox: Mailbox
  id: GraphId
  version: HeldVersion
  signal: AbortSignal
}

/** Throws `Throttled` and `DeadlineReached`: then the check is not done, rather than failed. */
export async function checkMessage(check: Check): Promise<CheckOutcome> {
  try {
    const { fields, made } = await differences(check)
    const seen = {
      container: (textOf(made, 'parentFolderId') ?? '') as GraphId,
      marker: messageMarker(made),
    }
    return fields.length === 0
      ? { outcome: 'verified', seen }
      : { outcome: 'differs', fields, seen }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.kind === 'throttled' || error.code === 'DeadlineReached') throw error
    return { outcome: 'could-not-check', code: error.code }
  }
}

/** The same comparison, for content alone. Throws what the client throws, but `ItemGone`. */
export async function matchMessage(check: Check): Promise<Match> {
  try {
    const { fields } = await differences(check)
    return fields.every((field) => decoration.has(field)) ? 'same' : 'other'
  } catch (error) {
    if (hasCode(error, 'ItemGone')) return 'gone'
    throw error
  }
}

const decoration: ReadonlySet<string> = new Set(DECORATION_FIELDS)

async function differences(check: Check): Promise<{ fields: string[]; made: JsonObject }> {
  const { mailbox, id, version, signal } = check
  const query = { $select: MESSAGE_SELECT, $expand: 'attachments' }
  const made = await readMessage({ mailbox, name: 'messages.check', id, query, signal })
  const held = heldMessage(version)
  const fields = FIELDS.filter(({ read }) => read(held) !== read(made)).map(({ name }) => name)
  fields.push(...(await attachmentDifferences(check, objectsOf(made, 'attachments'))))
  return { fields, made }
}

interface Field {
  name: string
  /** A text that is equal where the field counts as equal. */
  read: (message: JsonObject) => string
}

function plain(name: string): Field {
  return { name, read: (message) => canonicalJson(message[name] ?? null) }
}

function date(name: string): Field {
  return {
    name,
    read: (message) => String(Math.floor(Date.parse(textOf(message, name) ?? '') / 1000)),
  }
}

/** Addresses without regard to case; a missing name stands for the address. */
function addressText(recipient: JsonObject): string {
  const said = objectOf(recipient, 'emailAddress')
  const address = (said && textOf(said, 'address')) ?? ''
  const name = (said && textOf(said, 'name')) || address
  return JSON.stringify([name, address.toLowerCase()])
}

function person(name: string): Field {
  return {
    name,
    read: (message) => {
      const recipient = objectOf(message, name)
      return recipient === undefined ? '' : addressText(recipient)
    },
  }
}

function people(name: string): Field {
  return { name, read: (message) => objectsOf(message, name).map(addressText).join() }
}

const body: Field = {
  name: 'body',
  read: (message) => {
    const said = objectOf(message, 'body')
    const content = (said && textOf(said, 'content')) ?? ''
    // Exchange writes its own line ends.
    return JSON.stringify([
      said && textOf(said, 'contentType')?.toLowerCase(),
      content.replace(/\r\n/g, '\n').trim(),
    ])
  },
}

const categories: Field = {
  name: 'categories',
  read: (message) => {
    const { categories: said } = message
    return canonicalJson(Array.isArray(said) ? [...new Set(said)].sort() : [])
  },
}

const flag: Field = {
  name: 'flag',
  read: (message) => canonicalJson(objectOf(message, 'flag') ?? { flagStatus: 'notFlagged' }),
}

/** Sender and receiver of a draft may be empty, and Graph fills them in its own way. */
const FIELDS: readonly Field[] = [
  plain('subject'),
  body,
  person('from'),
  person('sender'),
  people('toRecipients'),
  people('ccRecipients'),
  people('bccRecipients'),
  people('replyTo'),
  plain('internetMessageId'),
  date('sentDateTime'),
  date('receivedDateTime'),
  plain('importance'),
  plain('isRead'),
  plain('isDraft'),
  plain('hasAttachments'),
  flag,
  categories,
]
