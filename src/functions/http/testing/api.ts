/**
 * The API as the host sees it: every route registered, called with requests of @azure/functions,
 * over the real catalogue on a table store in memory and really signed tokens.
 */
import { randomBytes } from 'node:crypto'
import { type HttpFunctionOptions, HttpRequest, HttpResponse } from '@azure/functions'
import type { ApiRole } from '../../../access/index.ts'
import { adjustableClock, newKey, startAuthority } from '../../../access/testing/authority.ts'
import { createAudit } from '../../../audit/index.ts'
import { createCatalogue } from '../../../catalogue/index.ts'
import { memoryTableStore } from '../../../catalogue/testing/memory-table-store.ts'
import { AppError } from '../../../model/errors.ts'
import { keyHash } from '../../../model/ids.ts'
import { DEFAULT_POLICY } from '../../../policy/index.ts'
import type { QueueName } from '../../../ports.ts'
import { createRestore } from '../../../restore/index.ts'
import { createMemoryBlobStore } from '../../../vault/testing/memory-blob-store.ts'
import type { HttpDeps } from '../deps.ts'
import { registerHttp } from '../index.ts'
import { type Contents, contentReader, fillMailbox, OWNER, USER } from './held.ts'

export const NOW = Date.UTC(2026, 2, 1)
export const RESOURCE = keyHash(USER)
/** A resource that no policy asks for. */
export const OTHER = keyHash('user-without')
const sharedKey = newKey('key-1')
const signal = new AbortController().signal

export interface CallOptions {
  role?: ApiRole
  /** Instead of a good token for `role`. */
  token?: string
  query?: Record<string, string>
  /** Sent as JSON, unless `raw` is given. */
  json?: unknown
  raw?: string | Uint8Array
  headers?: Record<string, string>
}

/** What bodies and lines may have: a test asks for the members that it expects. */
export type Body = Partial<
  Record<
    | 'id'
    | 'action'
    | 'address'
    | 'by'
    | 'code'
    | 'container'
    | 'counts'
    | 'coverage'
    | 'detail'
    | 'hint'
    | 'instance'
    | 'items'
    | 'kind'
    | 'ledgerOpen'
    | 'heartbeatAt'
    | 'lockedUntil'
    | 'name'
    | 'next'
    | 'nextAt'
    | 'owners'
    | 'planHash'
    | 'policy'
    | 'ready'
    | 'reason'
    | 'representations'
    | 'request'
    | 'resources'
    | 'seq'
    | 'state'
    | 'status'
    | 'subject'
    | 'time'
    | 'title'
    | 'total'
    | 'totals'
    | 'troubles'
    | 'type',
    unknown
  >
>

export interface Answer {
  status: number
  headers: Headers
  bytes: Uint8Array
  text: string
  /** The body as JSON; an empty object where it is none. */
  json: Body
}

export type TestApi = Awaited<ReturnType<typeof startApi>>

export async function startApi() {
  const clock = adjustableClock(NOW)
  const authority = await startAuthority(clock, sharedKey)
  const tables = memoryTableStore()
  const random = { bytes: (count: number) => randomBytes(count) }
  const stillClock = { ...clock, sleep: () => Promise.resolve() }
  const catalogue = createCatalogue({
    tables,
    tenantId: 'tenant',
    clock: stillClock,
    random,
    protectionDays: 30,
    generationDays: 30,
  })
  const contents: Contents = new Map()
  const faults = { keyMissing: false, queue: false, audit: false }
  const sent: { queue: QueueName; message: Readonly<Record<string, string>> }[] = []
  const logged: string[] = []
  const store = createAudit({ tables, clock, random })
  const log = (event: string, fields: object) => void logged.push(JSON.stringify([event, fields]))

  const deps: HttpDeps = {
    access: authority.access,
    audit: {
      record: (event, until) =>
        faults.audit
          ? Promise.reject(new TypeError('audit table is away'))
          : store.record(event, until),
    },
    catalogue,
    vault: { reader: () => contentReader(contents, faults) },
    queues: {
      send: async (queue, message) => {
        if (faults.queue) {
          throw new AppError({ code: 'QueueBusy', kind: 'transient', message: 'Busy.' })
        }
        sent.push({ queue, message })
      },
    },
    restore: createRestore({
      catalogue,
      clock: stillClock,
      random,
      vault: { reader: never, indexSecret: never },
      pins: createMemoryBlobStore(stillClock.now),
      workloads: (name) => ({
        name,
        compare: never,
        conflicts: { policies: ['skip', 'copy'], others: 'Mail has no versions.' },
        pace: { requestsPerItem: 1, requestsPerMinute: 1, uploadBytesPerMinute: 1 },
        writer: never,
      }),
      settings: { lagMs: 1, sliceMs: 1, leaseMarginMs: 1 },
    }),
    policy: policyDouble(),
    workloads: ['mail'],
    setup: async () => {
      await catalogue.markReady(signal)
      return { ready: true }
    },
    clock,
    random,
    log: { info: log, error: log },
  }
  await protect(deps)
  await fillMailbox(catalogue, contents, NOW + 3_600_000, signal)
  await catalogue.markReady(signal)
  const call = caller(deps, authority)
  return { authority, call, catalogue, clock, contents, deps, faults, logged, sent, store, tables }
}

function policyDouble(): HttpDeps['policy'] {
  let policy = { n: 1, policy: DEFAULT_POLICY }
  return {
    read: async () => policy,
    write: async (next) => {
      policy = { n: policy.n + 1, policy: next }
      return policy
    },
  }
}

async function protect({ catalogue }: HttpDeps): Promise<void> {
  const common = { kind: 'user', reason: '', seenAt: '2026-02-01T00:00:00.000Z' } as const
  await catalogue.resources.update(
    RESOURCE,
    () => ({
      ...common,
      key: RESOURCE,
      graphId: USER,
      name: 'Ada Lovelace',
      address: 'ada@contoso.example',
      state: 'protected',
      owner: OWNER,
      workloads: ['mail'],
    }),
    signal,
  )
  await catalogue.resources.update(
    OTHER,
    () => ({
      ...common,
      key: OTHER,
      graphId: 'user-without' as typeof USER,
      name: 'Bob',
      address: 'bob@contoso.example',
      state: 'unprotected',
      workloads: [],
    }),
    signal,
  )
  await catalogue.owners.insert(
    {
      owner: OWNER,
      resource: RESOURCE,
      graphId: USER,
      workloads: ['mail'],
      dueAt: '2026-03-01T06:00:00.000Z',
      completeAt: '2026-02-28T00:00:00.000Z',
      coverage: 'covered',
      trouble: '',
      attempts: 0,
      ledgerOpen: 1,
    },
    signal,
  )
}

function caller(deps: HttpDeps, authority: Awaited<ReturnType<typeof startAuthority>>) {
  const functions: HttpFunctionOptions[] = []
  registerHttp({ http: (_name, options) => void functions.push(options) }, deps)

  return async (method: string, path: string, options: CallOptions = {}): Promise<Answer> => {
    const found = functions.flatMap((f) => {
      const params = f.methods?.some((m) => m === method)
        ? paramsOf(f.route ?? '', path)
        : undefined
      return params === undefined ? [] : [{ handler: f.handler, params }]
    })
    const [match, ...more] = found
    if (match === undefined || more.length > 0) throw new Error(`${found.length} routes: ${path}`)
    const token = options.token ?? (await authority.token({ roles: [options.role ?? 'Admin'] }))
    const raw =
      options.raw ?? (options.json === undefined ? undefined : JSON.stringify(options.json))
    const request = new HttpRequest({
      method,
      url: `http://127.0.0.1/api/${path}`,
      ...(options.query === undefined ? {} : { query: options.query }),
      params: match.params,
      headers: {
        ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
        ...(raw === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(raw === undefined ? {} : { body: { bytes: Buffer.from(raw) } }),
    })
    // The handlers take no context: they log through their own door.
    const answer = await match.handler(request, undefined as never)
    return readAnswer(answer as object)
  }
}

async function readAnswer(init: object): Promise<Answer> {
  const response = new HttpResponse(init)
  const headers = response.headers as unknown as Headers
  const bytes = new Uint8Array(await response.arrayBuffer())
  const text = Buffer.from(bytes).toString()
  const isJson = headers.get('content-type')?.endsWith('json') ?? false
  return { status: response.status, headers, bytes, text, json: isJson ? JSON.parse(text) : {} }
}

function never(): never {
  throw new Error('the role that faces people neither opens nor writes for a restore')
}

/** The lines of a list. */
export function linesOf(answer: Answer): Body[] {
  const { items } = answer.json
  if (!Array.isArray(items)) throw new Error(`no list, but ${answer.status}: ${answer.text}`)
  return items
}

/** Undefined where the path is not of this route. */
function paramsOf(route: string, path: string): Record<string, string> | undefined {
  const [wanted, given] = [route.split('/'), path.replace(/\?.*$/, '').split('/')]
  if (wanted.length !== given.length) return undefined
  const params: Record<string, string> = {}
  for (const [n, part] of wanted.entries()) {
    const value = given[n] ?? ''
    const name = /^\{(\w+)\}$/.exec(part)?.[1]
    if (name !== undefined) params[name] = decodeURIComponent(value)
    else if (part !== value) return undefined
  }
  return params
}
