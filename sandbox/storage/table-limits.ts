/**
 * What Azure Table storage refuses and Azurite takes. Written from Microsoft's pages on the table
 * service data model, its queries and its transactions, without looking at the product's own
 * wrapper: two statements of one rule that must agree.
 */
import { BATCH_OPS_MAX, type Scalar, type TableOp } from '../../src/ports.ts'

const KEY_UNITS_MAX = 512
const ROW_BYTES_MAX = 1024 * 1024
const VALUE_BYTES_MAX = 64 * 1024
/** 255 less the three of the system. */
const COLUMNS_MAX = 252
const BATCH_BYTES_MAX = 4 * 1024 * 1024
export const PAGE_ROWS_MAX = 1000

// biome-ignore lint/suspicious/noControlCharactersInRegex: exactly what the service forbids.
const KEY_FORBIDDEN = /[/\\#?\u0000-\u001f\u007f-\u009f]/
const COLUMN = /^[A-Za-z_][A-Za-z0-9_]{0,254}$/
const INT32_MAX = 2 ** 31

/** The rule that is broken, or undefined. */
export function brokenKey(key: string): string | undefined {
  if (key.length > KEY_UNITS_MAX) return 'a key has at most 512 units'
  return KEY_FORBIDDEN.test(key) || !key.isWellFormed() ? 'a key has no such character' : undefined
}

export function brokenBatch(partition: string, ops: readonly TableOp[]): string | undefined {
  if (ops.length < 1 || ops.length > BATCH_OPS_MAX) return 'a transaction has 1 to 100 operations'
  if (new Set(ops.map((op) => op.row)).size < ops.length) return 'a transaction has a row once'
  const bytes = ops.reduce((sum, op) => sum + rowBytes(partition, op), 0)
  if (ops.length > 1 && bytes >= BATCH_BYTES_MAX) return 'a transaction stays below 4 MiB'
  const broken = [brokenKey(partition), ...ops.map((op) => brokenOp(partition, op))]
  return broken.find((rule) => rule !== undefined)
}

function brokenOp(partition: string, op: TableOp): string | undefined {
  const key = brokenKey(op.row)
  if (key !== undefined || op.op === 'remove') return key
  const columns = Object.entries(op.values)
  if (columns.length > COLUMNS_MAX) return 'a row has at most 252 columns'
  if (!columns.every(([name]) => COLUMN.test(name))) return 'a column has a C# identifier as name'
  if (!columns.every(([, value]) => fits(value))) return 'a value is finite and at most 64 KiB'
  return rowBytes(partition, op) > ROW_BYTES_MAX ? 'a row has at most 1 MiB' : undefined
}

function fits(value: Scalar): boolean {
  if (typeof value === 'number') return Number.isFinite(value)
  return typeof value === 'boolean' || sizeBytes(value) <= VALUE_BYTES_MAX
}

function rowBytes(partition: string, op: TableOp): number {
  const keys = 4 + 2 * (partition.length + op.row.length)
  if (op.op === 'remove') return keys
  const values = Object.entries(op.values)
  return values.reduce((sum, [name, value]) => sum + 8 + 2 * name.length + sizeBytes(value), keys)
}

function sizeBytes(value: Scalar): number {
  if (typeof value === 'string') return 2 * value.length
  if (typeof value === 'boolean') return 1
  if (typeof value === 'number')
    return Number.isInteger(value) && Math.abs(value) < INT32_MAX ? 4 : 8
  return value.length
}
