/**
 * The links of the audit chain: one row for each event, each with the hash of the one before.
 *
 * A row's hash covers everything in it, its place and its predecessor's hash, so that a row
 * cannot be changed, moved, taken out or put in without breaking every later one. The row key is
 * the complement of the row's number in its month: it sorts newest first as time does, and makes
 * the insert itself the lock, since two writers that follow the same row want the same key.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { AppError } from '../model/errors.ts'
import type { Row, Values } from '../ports.ts'
import { AUDIT_ACTIONS, type AuditEvent } from './event.ts'

/** Row numbers have 9 digits: a thousand million events in a month. */
const NUMBER_MAX = 999_999_999

/** The predecessor of the very first row. */
export const GENESIS = '0'.repeat(64)

export interface Link {
  /** Which month, `yyyy-mm`. */
  month: string
  /** Counts from 1 in each month. */
  n: number
  /** Random: tells a row of ours whose answer was lost from an equal event of another writer. */
  id: string
  /** ISO time, never before that of the row before. */
  time: string
  event: AuditEvent
  previous: string
  hash: string
}

const rowSchema = z.object({
  id: z.string(),
  time: z.string(),
  action: z.enum(AUDIT_ACTIONS),
  by: z.string(),
  subject: z.string(),
  previous: z.string(),
  hash: z.string(),
})
const subjectSchema = z.record(z.string(), z.union([z.string(), z.number()]))

export function rowKeyOf(n: number): string {
  return String(NUMBER_MAX - n).padStart(9, '0')
}

/** Makes the link that follows `before`, or the first of a month. */
export function nextLink(
  before: { hash: string; time: string },
  place: { month: string; n: number },
  now: { event: AuditEvent; time: string; id: string },
): Link {
  const time = now.time > before.time ? now.time : before.time
  const link = { ...place, id: now.id, time, event: now.event, previous: before.hash }
  return { ...link, hash: hashOf(link) }
}

export function valuesOf(link: Link): Values {
  const { id, time, event, previous, hash } = link
  const { action, by } = event
  return { id, time, action, by, subject: subjectOf(event), previous, hash }
}

/** Throws `AuditChainBroken` where the row is not one of ours or its hash is not its own. */
export function linkOf(month: string, row: Row): Link {
  const n = NUMBER_MAX - Number(row.row)
  const parsed = rowSchema.safeParse(row.values)
  if (!parsed.success) throw chainBroken(month, n)
  const { id, time, action, by, subject, previous, hash } = parsed.data
  const event = { ...parsedSubject(subject, () => chainBroken(month, n)), action, by }
  const link = { month, n, id, time, event, previous, hash }
  if (row.row !== rowKeyOf(n) || hashOf(link) !== hash) throw chainBroken(month, n)
  return link
}

export function chainBroken(month: string, n: number): AppError {
  return new AppError({
    code: 'AuditChainBroken',
    kind: 'corrupt',
    message: 'A row of the audit is missing, or was changed after it was written.',
    hint: 'Compare the table with the copy in the ops container; treat the account as touched.',
    context: { month, n },
  })
}

/** Members in alphabetical order: equal events give equal texts. */
function subjectOf(event: AuditEvent): string {
  const members = Object.entries(event).filter(([name]) => name !== 'action' && name !== 'by')
  return JSON.stringify(Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1))))
}

function parsedSubject(text: string, broken: () => AppError): Partial<AuditEvent> {
  try {
    return subjectSchema.parse(JSON.parse(text))
  } catch {
    throw broken()
  }
}

function hashOf(link: Omit<Link, 'hash'>): string {
  const { month, n, id, time, event, previous } = link
  const covered = ['holdfast-audit/1', previous, month, n, id, time, event.action, event.by]
  return createHash('sha256')
    .update(JSON.stringify([...covered, subjectOf(event)]))
    .digest('hex')
}
