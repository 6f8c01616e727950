/**
 * Rows as texts: how long JSON is cut into columns, and how columns are read back.
 *
 * A property holds at most 64 KiB, so a document is spread over `e0`, `e1` ... A cut never falls
 * inside a surrogate pair, because half a pair does not survive UTF-8. Numbers that must sort or
 * be exact (seqs, times) are texts.
 */
import type { z } from 'zod'
import { AppError } from '../model/errors.ts'
import { SEQ_MAX, seqName } from '../model/ids.ts'
import type { Row, Scalar } from '../ports.ts'

/** UTF-16 units in one column; Azure's limit is 32,768. */
export const COLUMN_UNITS_MAX = 32_000
/** 900 KiB in UTF-16, so that keys and the other columns fit into the 1 MiB of an entity. */
export const BODY_UNITS_MAX = 460_800
const COLUMNS_MAX = Math.ceil(BODY_UNITS_MAX / COLUMN_UNITS_MAX) + 1

/** Columns `e0` ... that hold the document. Throws `RowTooLarge` above BODY_UNITS_MAX. */
export function encodeBody(document: unknown): Record<string, string> {
  const text = JSON.stringify(document)
  if (text.length > BODY_UNITS_MAX) throw rowTooLarge(text.length)
  const columns: Record<string, string> = {}
  let at = 0
  for (let n = 0; at < text.length; n += 1) {
    const end = cutBefore(text, at + COLUMN_UNITS_MAX)
    columns[`e${n}`] = text.slice(at, end)
    at = end
  }
  return columns
}

/** `end`, or one less where it would part a surrogate pair. */
function cutBefore(text: string, end: number): number {
  if (end >= text.length) return text.length
  const unit = text.charCodeAt(end - 1)
  return unit >= 0xd800 && unit <= 0xdbff ? end - 1 : end
}

function rowTooLarge(units: number): AppError {
  return new AppError({
    code: 'RowTooLarge',
    kind: 'permanent',
    message: 'What the catalogue must say of one item does not fit into a table row.',
    hint: 'The item has an extreme number of segments or names; please report it with the context.',
    context: { units, unitsMax: BODY_UNITS_MAX },
  })
}

/** Throws `RowUnreadable` where the row does not hold such a document. */
export function decodeBody<T>(row: Row, schema: z.ZodType<T>): T {
  let text = ''
  for (let n = 0; n < COLUMNS_MAX; n += 1) {
    const piece = column(row, `e${n}`)
    if (piece === undefined) break
    text += String(piece)
  }
  const parsed = schema.safeParse(parseJson(text))
  // The issues of zod quote values, which may be personal: only their paths are told.
  if (!parsed.success) throw rowUnreadable(parsed.error.issues[0]?.path.join('.') ?? '')
  return parsed.data
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // The cause is left out on purpose: V8's message quotes the text, which is personal (P9).
    throw rowUnreadable('')
  }
}

export function rowUnreadable(where: string): AppError {
  return new AppError({
    code: 'RowUnreadable',
    kind: 'corrupt',
    message: 'A row of the catalogue does not have the shape that Holdfast writes.',
    hint: 'Rebuild the catalogue of this owner from the vault.',
    context: { where },
  })
}

export function column(row: Pick<Row, 'values'>, name: string): Scalar | undefined {
  return row.values[name]
}

/** Throws `RowUnreadable` where the column is no text. */
export function textColumn(row: Pick<Row, 'values'>, name: string): string {
  const value = column(row, name)
  if (typeof value === 'string') return value
  throw rowUnreadable(name)
}

/** Throws `RowUnreadable` where the column is no seq. */
export function seqColumn(row: Pick<Row, 'values'>, name: string): number {
  const text = textColumn(row, name)
  const seq = Number(text)
  if (!/^\d{10}$/.test(text) || seq > SEQ_MAX) throw rowUnreadable(name)
  return seq
}

export { seqName as seqText }
