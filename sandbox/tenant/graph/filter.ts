/**
 * `$filter` and `$orderby` of message lists as conditions on the message rows.
 *
 * Served: comparisons of the properties below joined by `and`, and `Any` over an extended
 * property. Everything else is refused, because an ignored filter would return wrong items.
 */
import { canonicalPropertyId } from '../extended-properties.ts'
import { badRequest, GraphError, notBuilt } from './errors.ts'
import { splitTopLevel } from './query.ts'

export interface Condition {
  readonly where: string
  readonly values: readonly (string | number)[]
}

const DATE_COLUMNS: Readonly<Record<string, string>> = {
  receivedDateTime: 'received',
  sentDateTime: 'sent',
  createdDateTime: 'created',
  lastModifiedDateTime: 'modified',
}
const BOOLEAN_COLUMNS: Readonly<Record<string, string>> = {
  isRead: 'is_read',
  isDraft: 'is_draft',
  hasAttachments: 'has_attachments',
}
const TEXT_COLUMNS: Readonly<Record<string, string>> = {
  internetMessageId: 'internet_id',
  conversationId: 'conversation_id',
  subject: 'subject',
  importance: 'importance',
}
const OPERATORS: Readonly<Record<string, string>> = {
  eq: '=',
  ne: '<>',
  gt: '>',
  ge: '>=',
  lt: '<',
  le: '<=',
}

function unquote(text: string): string | null {
  const inner = /^'((?:[^']|'')*)'$/.exec(text)?.[1]
  return inner === undefined ? null : inner.replaceAll("''", "'")
}

/** An OData date-time literal; Graph takes them unquoted only. */
export function dateLiteral(text: string): number {
  const ms = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)
    ? Date.parse(text)
    : Number.NaN
  if (Number.isNaN(ms)) throw badRequest(`Invalid date-time literal '${text}'.`)
  return ms
}

const EXTENDED =
  /^singleValueExtendedProperties\/any\(\s*(\w+)\s*:\s*\1\/id eq ('(?:[^']|'')*') and \1\/value eq ('(?:[^']|'')*')\s*\)$/i

function extendedCondition(clause: string): Condition {
  const found = EXTENDED.exec(clause)
  const id = canonicalPropertyId(unquote(found?.[2] ?? '') ?? '')
  const value = unquote(found?.[3] ?? '')
  if (id === null || value === null) {
    throw badRequest(`Invalid filter on extended properties: ${clause}`)
  }
  // Message-ID and subject live in columns; the others of the computed ones cannot be searched.
  if (id === 'String 0x1035') return { where: 'internet_id = ?', values: [value] }
  // Graph compares values without regard to case (its page on getting extended properties).
  return {
    where:
      'pk IN (SELECT message FROM extended_properties WHERE id = ? AND value = ? COLLATE NOCASE)',
    values: [id, value],
  }
}

function clauseCondition(clause: string): Condition {
  if (/^singleValueExtendedProperties\//i.test(clause)) return extendedCondition(clause)
  const found = /^(\w+) (eq|ne|gt|ge|lt|le) (.+)$/s.exec(clause)
  const [, property = '', operatorName = '', literal = ''] = found ?? []
  const operator = OPERATORS[operatorName]
  if (operator === undefined) throw notBuilt(`the message filter '${clause}'`)
  const date = DATE_COLUMNS[property]
  if (date !== undefined) return { where: `${date} ${operator} ?`, values: [dateLiteral(literal)] }
  const equality = operator === '=' || operator === '<>'
  const flag = BOOLEAN_COLUMNS[property]
  if (flag !== undefined && equality && /^(true|false)$/.test(literal)) {
    return { where: `${flag} ${operator} ?`, values: [literal === 'true' ? 1 : 0] }
  }
  const column = TEXT_COLUMNS[property]
  const text = unquote(literal)
  if (column !== undefined && equality && text !== null) {
    return { where: `${column} ${operator} ?`, values: [text] }
  }
  throw notBuilt(`the message filter '${clause}'`)
}

export function messageCondition(filter: string | null): Condition {
  if (filter === null) return { where: '1', values: [] }
  const conditions = splitTopLevel(filter, ' and ').map(clauseCondition)
  return {
    where: conditions.map(({ where }) => `(${where})`).join(' AND '),
    values: conditions.flatMap(({ values }) => values),
  }
}

/** Lists sort by received time, newest first, unless told otherwise. */
export function messageOrder(orderby: string | null, filter: string | null): string {
  if (orderby === null) return 'received DESC, pk DESC'
  const found = /^(\w+)(?: (asc|desc))?$/i.exec(orderby.trim())
  const property = found?.[1] ?? ''
  const column = DATE_COLUMNS[property] ?? (property === 'subject' ? 'subject' : undefined)
  if (column === undefined) throw notBuilt(`ordering messages by '${orderby}'`)
  // Exchange wants what it sorts by first in the filter, else it answers InefficientFilter.
  if (filter !== null && !filter.trim().startsWith(property)) {
    throw new GraphError(
      400,
      'InefficientFilter',
      'The restriction or sort order is too complex for this operation.',
    )
  }
  const direction = found?.[2]?.toLowerCase() === 'desc' ? 'DESC' : 'ASC'
  return `${column} ${direction}, pk ${direction}`
}

export interface DeltaCondition extends Condition {
  matches(receivedMs: number): boolean
}

/** The delta of messages takes `receivedDateTime ge|gt x` and nothing else (facts 3.2). */
export function deltaSince(filter: string | null): DeltaCondition | null {
  if (filter === null) return null
  const found = /^receivedDateTime (ge|gt) (\S+)$/.exec(filter.trim())
  const literal = found?.[2]
  if (literal === undefined) {
    throw new GraphError(
      400,
      'ErrorInvalidUrlQueryFilter',
      'The delta of messages can be filtered by receivedDateTime ge or gt only.',
    )
  }
  const since = dateLiteral(literal)
  const including = found?.[1] === 'ge'
  return {
    where: `received ${including ? '>=' : '>'} ?`,
    values: [since],
    matches: (receivedMs) => receivedMs > since || (including && receivedMs === since),
  }
}
