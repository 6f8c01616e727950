/**
 * TableStore over Azure Table storage (and Azurite).
 *
 * One instance serves all tables of an account. Retries of throttled, failed and lost requests
 * happen inside the SDK's pipeline; a repeated write whose first answer was lost may therefore
 * answer `conflict` although it was done, which callers expect (catalogue/write.ts). Only
 * `translateError` reads the SDK's codes. Limits are checked by withAzureLimits, not here.
 */

import {
  type GetTableEntityResponse,
  odata,
  RestError,
  TableClient,
  type TableEntity,
  type TransactionAction,
} from '@azure/data-tables'
import type { TokenCredential } from '@azure/identity'
import { AppError } from '../model/errors.ts'
import {
  type BatchOutcome,
  type Row,
  type RowQuery,
  type Scalar,
  TABLES,
  type TableName,
  type TableOp,
  type TableStore,
  type Values,
} from '../ports.ts'
import { refusal, translated as translatedBy } from './runtime-storage.ts'

/** Tries after the first, with exponential waits; throttling answers say themselves how long. */
const RETRIES_MAX = 6
const RETRY_DELAY_MS = 300
const RETRY_DELAY_MAX_MS = 20_000

export type AzureTableOptions = (
  | { connectionString: string }
  | { url: string; credential: TokenCredential }
) & {
  /** Put before every table name; letters and digits, beginning with a letter. */
  prefix?: string
}

export function azureTableStore(options: AzureTableOptions): TableStore {
  const clients = new Map<TableName, TableClient>(
    TABLES.map((table) => [table, clientFor(options, table)]),
  )
  const clientOf = (table: TableName): TableClient => {
    const client = clients.get(table)
    if (client) return client
    throw new TypeError(`There is no table ${table}.`)
  }
  return {
    async prepare(signal) {
      const create = (client: TableClient) => client.createTable({ abortSignal: signal })
      await translated(signal, () => Promise.all([...clients.values()].map(create)))
    },
    async get(table, partition, row, signal) {
      const found = await translated(signal, () =>
        getOrMissing(clientOf(table), partition, row, signal),
      )
      return found && rowOf(found)
    },
    async page(table, query, { max, continuation }, signal) {
      const select = query.select && ['PartitionKey', 'RowKey', ...query.select]
      const queryOptions = { filter: filterOf(query), ...(select ? { select } : {}) }
      const pages = clientOf(table)
        .listEntities({ queryOptions, abortSignal: signal })
        .byPage({
          maxPageSize: max,
          ...(continuation === undefined ? {} : { continuationToken: continuation }),
        })
      const { value } = await translated(signal, () => pages.next())
      const rows = [...(value ?? [])].map(rowOf)
      const next: string | undefined = value?.continuationToken
      return next === undefined ? { rows } : { rows, continuation: next }
    },
    async batch(table, partition, ops, signal) {
      const send = () => sendBatch(clientOf(table), partition, ops, signal)
      return await translated(signal, () => orConflict(send))
    },
  }
}

function clientFor(options: AzureTableOptions, table: TableName): TableClient {
  const name = `${options.prefix ?? ''}${table}`
  const retryOptions = {
    maxRetries: RETRIES_MAX,
    retryDelayInMs: RETRY_DELAY_MS,
    maxRetryDelayInMs: RETRY_DELAY_MAX_MS,
  }
  if ('url' in options)
    return new TableClient(options.url, name, options.credential, { retryOptions })
  // Only an emulator is reached over plain HTTP, and only a connection string may say so.
  const allowInsecureConnection = /(TableEndpoint=http:|UseDevelopmentStorage=true)/i.test(
    options.connectionString,
  )
  return TableClient.fromConnectionString(options.connectionString, name, {
    allowInsecureConnection,
    retryOptions,
  })
}

async function getOrMissing(
  client: TableClient,
  partition: string,
  row: string,
  signal: AbortSignal,
): Promise<GetTableEntityResponse<Record<string, unknown>> | undefined> {
  try {
    return await client.getEntity(partition, row, { abortSignal: signal })
  } catch (error) {
    if (error instanceof RestError && codeOf(error) === 'ResourceNotFound') return undefined
    throw error
  }
}

function filterOf(query: RowQuery): string {
  if ('partitions' in query) {
    const { from, below } = query.partitions
    return odata`PartitionKey ge ${from} and PartitionKey lt ${below}`
  }
  const { partition, from, below } = query
  const parts = [odata`PartitionKey eq ${partition}`]
  if (from) parts.push(odata`RowKey ge ${from}`)
  if (below !== undefined) parts.push(odata`RowKey lt ${below}`)
  return parts.join(' and ')
}

/** One operation goes alone: cheaper, and only so a removal can carry an etag. */
async function sendBatch(
  client: TableClient,
  partition: string,
  ops: readonly TableOp[],
  signal: AbortSignal,
): Promise<void> {
  const [only] = ops
  if (ops.length === 1 && only) await sendOne(client, partition, only, signal)
  else
    await client.submitTransaction(
      ops.map((op) => actionOf(partition, op)),
      { abortSignal: signal },
    )
}

async function sendOne(
  client: TableClient,
  partition: string,
  op: TableOp,
  abortSignal: AbortSignal,
): Promise<void> {
  switch (op.op) {
    case 'insert':
      await client.createEntity(entityOf(partition, op), { abortSignal })
      return
    case 'put':
      await client.upsertEntity(entityOf(partition, op), 'Replace', { abortSignal })
      return
    case 'replace':
      await client.updateEntity(entityOf(partition, op), 'Replace', { etag: op.etag, abortSignal })
      return
    case 'remove':
      await client.deleteEntity(partition, op.row, { etag: op.etag ?? '*', abortSignal })
  }
}

function actionOf(partition: string, op: TableOp): TransactionAction {
  switch (op.op) {
    case 'insert':
      return ['create', entityOf(partition, op)]
    case 'put':
      return ['upsert', entityOf(partition, op), 'Replace']
    case 'replace':
      return ['update', entityOf(partition, op), 'Replace', { etag: op.etag }]
    case 'remove':
      return ['delete', { partitionKey: partition, rowKey: op.row }]
  }
}

function entityOf(
  partition: string,
  { row, values }: { row: string; values: Values },
): TableEntity {
  const entity: TableEntity<Record<string, unknown>> = { partitionKey: partition, rowKey: row }
  for (const [name, value] of Object.entries(values)) entity[name] = typed(value)
  return entity
}

/** A whole number beyond 32 bits would be sent, and refused, as an Int32. */
function typed(value: Scalar): unknown {
  if (typeof value !== 'number' || value === (value | 0)) return value
  return { type: 'Double', value }
}

/** What comes with every entity and is not ours. */
const systemNames = new Set(['partitionKey', 'rowKey', 'etag', 'timestamp'])

function rowOf(entity: Readonly<Record<string, unknown>>): Row {
  const { partitionKey, rowKey, etag } = entity
  if (typeof partitionKey !== 'string' || typeof rowKey !== 'string' || typeof etag !== 'string') {
    throw foreignRow()
  }
  const values: Record<string, Scalar> = {}
  for (const [name, value] of Object.entries(entity)) {
    // A column that was selected and is not there comes as null.
    if (systemNames.has(name) || name.startsWith('odata.') || value === null) continue
    values[name] = scalarOf(value)
  }
  return { partition: partitionKey, row: rowKey, etag, values }
}

function scalarOf(value: unknown): Scalar {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return value
  }
  if (value instanceof Uint8Array) return new Uint8Array(value)
  throw foreignRow()
}

function foreignRow(): AppError {
  return new AppError({
    code: 'RowForeign',
    kind: 'corrupt',
    message: 'A table row holds a type that Holdfast never writes.',
    hint: 'Something else writes into the tables of Holdfast. Find it, then rebuild the catalogue.',
  })
}

/** Answers of the service that are outcomes of a write, not failures. */
const CONFLICT_CODES = new Set([
  'EntityAlreadyExists',
  'UpdateConditionNotSatisfied',
  'ConditionNotMet',
  'ResourceNotFound',
])

async function orConflict(send: () => Promise<void>): Promise<BatchOutcome> {
  try {
    await send()
    return { outcome: 'applied' }
  } catch (error) {
    if (!(error instanceof RestError) || !CONFLICT_CODES.has(codeOf(error))) throw error
    // A failed transaction names its operation as "<n>:<text>".
    const index = /^(\d{1,2}):/.exec(messageOf(error))?.[1]
    return { outcome: 'conflict', index: Number(index ?? 0) }
  }
}

function translated<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  return translatedBy(signal, call, translateError)
}

/** Unknown answers keep their status and code; messages are dropped, they may quote keys. */
function translateError(error: unknown): unknown {
  if (!(error instanceof RestError)) return error
  const { statusCode: status } = error
  const code = codeOf(error)
  const context = { status: status ?? 0, serviceCode: code }
  if (code === 'TableNotFound' || code === 'TableBeingDeleted') {
    return new AppError({
      code: 'TablesMissing',
      kind: 'permanent',
      message: 'A table of the catalogue does not exist.',
      hint: 'Run the setup, which makes the tables, and then the rebuild of the catalogue.',
      context,
    })
  }
  return refusal('table', status, code)
}

/** The service's code, which the SDK leaves in different places. */
function codeOf(error: RestError): string {
  const { details } = error as { details?: { odataError?: { code?: string } } }
  return details?.odataError?.code ?? error.code ?? ''
}

function messageOf(error: RestError): string {
  const { details } = error as { details?: { odataError?: { message?: { value?: string } } } }
  return details?.odataError?.message?.value ?? error.message
}
