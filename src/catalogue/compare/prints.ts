/**
 * Prints of rows: for each column that comes from commits 8 bytes of its SHA-256, one after the
 * other in a text. Small enough for half a million rows in memory, and enough to say which column
 * differs. Pure.
 */
import { hash } from 'node:crypto'
import type { Scalar, Values } from '../../ports.ts'

/** Stands for `e0`, `e1` ...: one document, cut into columns (rows.ts). */
const DOCUMENT = 'document'
/** Stands for every column that is neither compared nor measured. */
const OTHER = 'other'
const PRINT_BYTES = 8
const NOTHING = Buffer.alloc(PRINT_BYTES)

/**
 * Tables whose rows are computed from commits. Of `heads` a stream has one row. Rows of packs say how
 * long they are locked, which is measured, and that they may be used, which the expirer takes back.
 */
export const COMPARED_TABLES = [
  'heads',
  'commits',
  'items',
  'listing',
  'cursors',
  'ledger',
] as const
export type ComparedTable = (typeof COMPARED_TABLES)[number]

/** What is compared of a row, and what is measured: times, locks, and how it is sealed. */
const COLUMNS: Readonly<
  Record<ComparedTable, { compared: readonly string[]; measured: readonly string[] }>
> = {
  heads: { compared: ['seq', 'hash', 'time'], measured: [] },
  commits: { compared: ['seq', 'hash', 'time', 'complete', 'asOf', DOCUMENT], measured: [] },
  items: { compared: ['seq', DOCUMENT], measured: [] },
  listing: { compared: ['from', 'to', DOCUMENT], measured: [] },
  // Each seal of a cursor is another one: it is opened, and its text compared as a document.
  cursors: { compared: ['seq', 'round', 'committedAt', DOCUMENT], measured: ['ahead', 'sealed'] },
  ledger: { compared: ['seq', DOCUMENT], measured: ['closedAt'] },
}

/** Of a row of this table: what its columns say, as far as they come from commits. */
export function printOf(table: ComparedTable, values: Values): string {
  const { compared, measured } = COLUMNS[table]
  const { text: document, columns } = documentOf(values)
  const other = Object.keys(values)
    .filter((name) => ![...compared, ...measured].includes(name) && !columns.has(name))
    .sort()
    .map((name) => `${name} ${textOf(values[name])};`)
  const texts = compared.map((name) => (name === DOCUMENT ? document : textOf(values[name])))
  const prints = [...texts, other.join('') || undefined].map(printOfText)
  return Buffer.concat(prints).toString('latin1')
}

/** The print with this text in one of its columns. */
export function printWith(
  table: ComparedTable,
  print: string,
  column: { name: string; text: string },
): string {
  const bytes = Buffer.from(print, 'latin1')
  bytes.set(printOfText(textOf(column.text)), placeOf(table, column.name))
  return bytes.toString('latin1')
}

/** Whether the row has this column. */
export function hasColumn(table: ComparedTable, print: string, name: string): boolean {
  return slot(print, placeOf(table, name)) !== NOTHING.toString('latin1')
}

/** Names of the columns in which two rows differ. */
export function columnsApart(table: ComparedTable, a: string, b: string): string[] {
  const isApart = (n: number) => slot(a, n * PRINT_BYTES) !== slot(b, n * PRINT_BYTES)
  return [...COLUMNS[table].compared, OTHER].filter((_, n) => isApart(n))
}

function placeOf(table: ComparedTable, name: string): number {
  return COLUMNS[table].compared.indexOf(name) * PRINT_BYTES
}

const slot = (print: string, at: number) => print.slice(at, at + PRINT_BYTES)

function printOfText(text: string | undefined): Buffer {
  return text === undefined ? NOTHING : hash('sha256', text, 'buffer').subarray(0, PRINT_BYTES)
}

/**
 * The document of a row, and the columns that hold it. In which order an object says its fields is
 * no difference: a base may say them in another one than the commit.
 */
function documentOf(values: Values): { text: string | undefined; columns: ReadonlySet<string> } {
  const columns = new Set<string>()
  let text: string | undefined
  for (let piece = values['e0']; piece !== undefined; piece = values[`e${columns.size}`]) {
    columns.add(`e${columns.size}`)
    text = (text ?? '') + (typeof piece === 'string' ? piece : textOf(piece))
  }
  return { text: text === undefined ? undefined : inOrder(text), columns }
}

/** What is no JSON stays as it is. */
function inOrder(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), sorted)
  } catch {
    return text
  }
}

function sorted(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Of another type is another value. */
function textOf(value: Scalar | undefined): string | undefined {
  if (value === undefined) return undefined
  const text = typeof value === 'object' ? Buffer.from(value).toString('base64') : String(value)
  return `${typeof value} ${text}`
}
