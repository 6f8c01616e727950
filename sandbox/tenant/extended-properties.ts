/**
 * Extended (MAPI) properties of messages: their ids in canonical form, and those that Exchange
 * keeps in the message's own fields.
 *
 * Canonical ids are what Graph answers with, not what the client sent: tags in lower case and
 * without leading zeros (`Integer 0x0E07` comes back as `Integer 0xe07`), GUIDs in lower case,
 * names as sent. The source for 0x0E07, 0x0039 and 0x0E06 is facts/graph.md 3.2.
 */
import type { Importance, Message, MessageContent } from './model.ts'

const TYPES = [
  ...['String', 'Integer', 'Boolean', 'SystemTime', 'Binary', 'Long', 'Short', 'Double'],
  ...['Float', 'Currency', 'CLSID', 'ApplicationTime', 'Error', 'Null', 'Object'],
]

const MESSAGE_FLAGS = 'Integer 0xe07'
const SUBMIT_TIME = 'SystemTime 0x39'
const DELIVERY_TIME = 'SystemTime 0xe06'
const FLAG_READ = 0x1
const FLAG_UNSENT = 0x8
const FLAG_HAS_ATTACHMENT = 0x10

/** null: not an id that Exchange understands. */
export function canonicalPropertyId(id: string): string | null {
  const found =
    /^(\w+) (?:0x([0-9a-f]{1,8})|\{?([0-9a-f-]{36})\}? (?:Name (.+)|Id (0x[0-9a-f]{1,8})))$/i.exec(
      id.trim(),
    )
  if (!found) return null
  const [, rawType = '', tag, guid, name, dispatchId] = found
  const type = TYPES.find((known) => known.toLowerCase() === rawType.toLowerCase())
  if (type === undefined) return null
  if (tag !== undefined) return `${type} 0x${tag.toLowerCase().replace(/^0+(?=.)/, '')}`
  const set = `{${guid?.toLowerCase()}}`
  if (name !== undefined) return `${type} ${set} Name ${name}`
  return `${type} ${set} Id 0x${dispatchId
    ?.slice(2)
    .toLowerCase()
    .replace(/^0+(?=.)/, '')}`
}

/** Whether `value` is a value of the property's type; Exchange refuses others. */
export function isPropertyValue(canonicalId: string, value: string): boolean {
  const type = canonicalId.slice(0, canonicalId.indexOf(' '))
  switch (type) {
    case 'Integer':
    case 'Short':
      return /^-?\d{1,10}$/.test(value)
    case 'SystemTime':
      return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value) && !Number.isNaN(Date.parse(value))
    case 'Boolean':
      return /^(true|false)$/i.test(value)
    case 'Binary':
      return /^[A-Za-z0-9+/]*={0,2}$/.test(value)
    default:
      return true
  }
}

function seconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}

const IMPORTANCE_NUMBERS: Readonly<Record<Importance, string>> = {
  low: '0',
  normal: '1',
  high: '2',
}

/** Properties that are another view of the message's fields; undefined: not one of them. */
export function computedProperty(canonicalId: string, message: Message): string | undefined {
  switch (canonicalId) {
    case MESSAGE_FLAGS:
      return String(
        (message.isRead ? FLAG_READ : 0) |
          (message.isDraft ? FLAG_UNSENT : 0) |
          (message.hasAttachments ? FLAG_HAS_ATTACHMENT : 0),
      )
    case SUBMIT_TIME:
      return seconds(message.sentMs)
    case DELIVERY_TIME:
      return seconds(message.receivedMs)
    case 'String 0x37':
      return message.subject
    case 'String 0x1035':
      return message.internetMessageId
    case 'Integer 0x17':
      return IMPORTANCE_NUMBERS[message.importance]
    case 'String 0x1a':
      return 'IPM.Note'
    default:
      return undefined
  }
}

type CreationFields = Pick<MessageContent, 'isDraft' | 'isRead' | 'sentMs' | 'receivedMs'>

/**
 * What the properties of a creating POST say about the message's own fields. Only at creation:
 * a later PATCH of these properties is refused elsewhere. Values are checked before.
 */
export function fieldsFromProperties(
  properties: readonly { id: string; value: string }[],
): Partial<CreationFields> {
  const fields: { -readonly [K in keyof CreationFields]?: CreationFields[K] } = {}
  for (const { id, value } of properties) {
    if (id === MESSAGE_FLAGS) {
      fields.isDraft = (Number(value) & FLAG_UNSENT) !== 0
      fields.isRead = (Number(value) & FLAG_READ) !== 0
    }
    if (id === SUBMIT_TIME) fields.sentMs = Math.floor(Date.parse(value) / 1000) * 1000
    if (id === DELIVERY_TIME) fields.receivedMs = Math.floor(Date.parse(value) / 1000) * 1000
  }
  return fields
}

const FIELD_PROPERTIES: readonly string[] = [MESSAGE_FLAGS, SUBMIT_TIME, DELIVERY_TIME]

/** Properties whose value lives in a field, so that no second copy may be stored. */
export function isFieldProperty(canonicalId: string): boolean {
  return FIELD_PROPERTIES.includes(canonicalId)
}
