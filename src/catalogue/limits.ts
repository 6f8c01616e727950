/**
 * Azure Table storage's limits, enforced before every call on every TableStore.
 *
 * Azurite accepts much that Azure refuses (more than 252 properties, entities over 1 MiB, pages
 * over 1,000, odd property names), so a fault of that kind would first show in production.
 * Breaking a limit is a defect of ours: nothing is cut or retried, the call is refused with
 * `TableLimit`. Source: Microsoft's table service data model and query pages.
 */
import { AppError } from '../model/errors.ts'
import {
  BATCH_OPS_MAX,
  type RowQuery,
  type Scalar,
  type TableOp,
  type TableStore,
  type Values,
} from '../ports.ts'

export const KEY_UNITS_MAX = 512
/** 255 less PartitionKey, RowKey and Timestamp. */
export const PROPERTIES_MAX = 252
export const PROPERTY_NAME_UNITS_MAX = 255
export const PROPERTY_BYTES_MAX = 64 * 1024
export const ENTITY_BYTES_MAX = 1024 * 1024
export const PAGE_ROWS_MAX = 1000
/** The whole request of a transaction must stay below this. */
export const BATCH_BYTES_MAX = 4 * 1024 * 1024
/** Bytes that one operation of a transaction adds around its values: headers, address, types. */
const OP_OVERHEAD_BYTES = 1024

// biome-ignore lint/suspicious/noControlCharactersInRegex: Azure forbids exactly these in keys.
const forbiddenInKeys = /[/\\#?\u0000-\u001f\u007f-\u009f]/
const identifierPattern = /^[A-Za-z_][A-Za-z0-9_]*$/
/** The system's own, and the names under which the SDK hides them. */
const reservedNames = new Set(['partitionkey', 'rowkey', 'timestamp', 'etag'])

function refuse(rule: string, context: Readonly<Record<string, string | number>> = {}): never {
  throw new AppError({
    code: 'TableLimit',
    kind: 'bug',
    message: `A table call was refused because Azure would refuse it: ${rule}.`,
    hint: 'This is a defect in Holdfast. Please report it with the code and the context.',
    context,
  })
}

/** Wraps any store; the answers pass through unchanged. */
export function withAzureLimits(store: TableStore): TableStore {
  return {
    prepare: (signal) => store.prepare(signal),
    async get(table, partition, row, signal) {
      checkKey(partition)
      checkKey(row)
      return await store.get(table, partition, row, signal)
    },
    async page(table, query, options, signal) {
      checkQuery(query, options.max)
      return await store.page(table, query, options, signal)
    },
    async batch(table, partition, ops, signal) {
      checkBatch(partition, ops)
      return await store.batch(table, partition, ops, signal)
    },
  }
}

function checkKey(key: string): void {
  if (key.length > KEY_UNITS_MAX) refuse('a key is too long', { units: key.length })
  if (forbiddenInKeys.test(key)) refuse('a key holds a forbidden character')
  if (!key.isWellFormed()) refuse('a key is not well-formed Unicode')
}

function checkQuery(query: RowQuery, max: number): void {
  if ('partition' in query) checkKey(query.partition)
  else for (const key of Object.values(query.partitions)) checkKey(key)
  if (!Number.isInteger(max) || max < 1 || max > PAGE_ROWS_MAX) {
    refuse('a page has 1 to 1,000 rows', { max })
  }
  for (const name of query.select ?? []) checkName(name)
}

function checkBatch(partition: string, ops: readonly TableOp[]): void {
  checkKey(partition)
  if (ops.length === 0) refuse('a transaction is empty')
  if (ops.length > BATCH_OPS_MAX) refuse('a transaction has too many rows', { ops: ops.length })
  const rows = new Set<string>()
  let bytes = 0
  for (const op of ops) {
    checkKey(op.row)
    if (rows.has(op.row)) refuse('a transaction names a row twice')
    rows.add(op.row)
    if (op.op === 'remove') checkRemoval(op.etag, ops.length)
    else checkValues(partition, op.row, op.values)
    bytes += opBytes(op)
  }
  // One operation alone is no transaction: the entity limit holds for it.
  if (ops.length > 1 && bytes >= BATCH_BYTES_MAX) refuse('a transaction is too large', { bytes })
}

/** The SDK sends `If-Match: *` with every removal inside a transaction, whatever it is told. */
function checkRemoval(etag: string | undefined, ops: number): void {
  if (etag !== undefined && ops > 1) refuse('a removal by etag goes alone')
}

function checkName(name: string): void {
  if (name.length > PROPERTY_NAME_UNITS_MAX) refuse('a property name is too long')
  if (!identifierPattern.test(name)) refuse('a property name is no identifier')
  if (reservedNames.has(name.toLowerCase())) refuse('a property name is reserved', { name })
}

function checkValues(partition: string, row: string, values: Values): void {
  const names = Object.keys(values)
  if (names.length > PROPERTIES_MAX) refuse('a row has too many properties', { n: names.length })
  let bytes = 4 + (partition.length + row.length) * 2
  for (const [name, value] of Object.entries(values)) {
    checkName(name)
    checkValue(name, value)
    bytes += 8 + name.length * 2 + storedBytes(value)
  }
  if (bytes > ENTITY_BYTES_MAX) refuse('a row is too large', { bytes })
}

function checkValue(name: string, value: Scalar): void {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    refuse('a number is not finite', { name })
  }
  if (typeof value === 'string' && !value.isWellFormed()) {
    refuse('a text is not well-formed Unicode', { name })
  }
  const bytes = contentBytes(value)
  if (bytes > PROPERTY_BYTES_MAX) refuse('a property is too large', { name, bytes })
}

/** As Microsoft counts it: texts 2 bytes a unit and 4 for the length, binary 4 more. */
function storedBytes(value: Scalar): number {
  const prefix = typeof value === 'string' || typeof value === 'object' ? 4 : 0
  return contentBytes(value) + prefix
}

function contentBytes(value: Scalar): number {
  if (typeof value === 'string') return value.length * 2
  if (typeof value === 'number') return 8
  return typeof value === 'boolean' ? 1 : value.length
}

/** Bytes that this operation adds to the body of a transaction; a little too many, never too few. */
export function opBytes(op: TableOp): number {
  if (op.op === 'remove') return OP_OVERHEAD_BYTES
  let bytes = OP_OVERHEAD_BYTES
  for (const [name, value] of Object.entries(op.values)) {
    bytes += name.length * 2 + 40 + wireBytes(value)
  }
  return bytes
}

function wireBytes(value: Scalar): number {
  if (typeof value === 'string') return Buffer.byteLength(JSON.stringify(value))
  if (typeof value === 'object') return Math.ceil(value.length / 3) * 4
  return 32
}
