/**
 * A typed client of Holdfast's HTTP API (docs/api.md), as any caller outside could write it: it
 * shares no code with the app.
 *
 * Tokens come from the tenant's control interface, which stands in for a person's sign-in, and
 * are renewed before they run out. Nothing is retried but an answer that says "not available at
 * the moment" (503), because every call here is either a read or safe to be told of twice.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiRole, ControlClient } from '../tenant/index.ts'
import { Trouble } from './trouble.ts'

const CALL_TIMEOUT_MS = 60_000
const TOKEN_SECONDS = 3600
/** A token is renewed this long before it runs out. */
const TOKEN_SLACK_SECONDS = 300
const BUSY_TRIES_MAX = 20
const BUSY_PAUSE_MS = 500
const PAGE_ROWS = 500
/** A list that goes on for longer than this is a defect of the API. */
const PAGES_MAX = 10_000

export interface Counts {
  seen: number
  stored: number
  restated: number
  unchanged: number
  left: number
  deleted: number
  ledger: number
  excluded: number
}

export interface Run {
  id: string
  state: 'queued' | 'planning' | 'running' | 'paused' | 'done' | 'failed' | 'cancelled'
  wave: number
  trouble?: string
  owners: Record<'total' | 'queued' | 'claimed' | 'done' | 'wait' | 'failed', number>
  counts: Counts
  requests: number
  /** SharePoint's resource units; those for permissions are among them. */
  units: { all: number; permissions: number }
  bytes: number
  /** Codes, each with how many mailboxes have it. */
  troubles: Record<string, number>
}

/** A run in a list: without its sums. */
export type RunLine = Pick<Run, 'id' | 'state'> & { createdAt: string }

export interface Rebuild {
  id: string
  state: 'queued' | 'running' | 'done'
  counts: Record<
    | 'owners'
    | 'rebuilt'
    | 'damaged'
    | 'failed'
    | 'unreadable'
    | 'superseded'
    | 'erased'
    | 'commits',
    number
  >
  /** Codes, each with how many mailboxes have it. */
  troubles: Record<string, number>
}

export function hasEnded({ state }: Pick<Run, 'state'>): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled'
}

export interface Resource {
  id: string
  /** Absent: a user. */
  kind?: 'user' | 'site'
  name: string
  address: string
  state: 'protected' | 'unprotected' | 'no-content' | 'unreachable' | 'gone'
  /** Why there is nothing to protect. */
  reason?: string
  /** Of a site: personal, group or site. */
  site?: string
  /** Whose site it is. */
  group?: { id: string; name: string; address?: string }
  coverage?: Coverage
}

export type Workload = 'mail' | 'drive'

/** Somebody's OneDrive is a site like others, in a place of its own. */
export function isOneDrive({ kind, address }: Pick<Resource, 'kind' | 'address'>): boolean {
  return kind === 'site' && new URL(address).pathname.startsWith('/personal/')
}

/** What is held of a resource of this kind. */
export function workloadOf({ kind }: Pick<Resource, 'kind'>): Workload {
  return kind === 'site' ? 'drive' : 'mail'
}

export interface Coverage {
  state: string
  trouble?: string
  /** End of the last whole round. */
  completeAt?: string
  /** Slices in a row that vanished, the present one included. */
  attempts?: number
  ledgerOpen: number
}

export interface Point {
  seq: number
  time: string
  complete: boolean
}

export interface Container {
  id: string
  name: string
  parent?: string
  wellKnownName?: string
  excluded?: string
}

export interface Item {
  id: string
  name: string
  date?: string
}

export interface LedgerLine {
  id: string
  kind: 'item' | 'container'
  name: string
  container: string
  reason: string
  code: string
  attempts: number
  nextTry?: string
}

export interface RestoreRequest {
  resource: string
  /** Absent: mail. */
  workload?: Workload
  at: string | { seq: number }
  selection: { all: true } | { containers: string[] } | { items: string[] }
  destination: { kind: 'original' }
  conflict: 'skip' | 'copy' | 'replace' | 'version'
}

export interface RestoreJob {
  id: string
  state: 'planning' | 'planned' | 'queued' | 'running' | 'done' | 'failed' | 'cancelled'
  trouble?: string
  problem?: { message: string; hint: string }
  planHash?: string
  totals: { folders: number; items: number; restore: number; copy: number; skip: number }
  counts: Record<string, number>
  requestsSent: number
}

type Outcome = 'refused' | 'unknown' | 'pending'
type RestoreOutcome = Outcome | 'restored' | 'skipped' | 'alreadyThere' | 'failed'
type UndoOutcome = Outcome | 'removed' | 'left' | 'gone'

export interface RestoreLine {
  n: number
  kind: 'item' | 'folder'
  name: string
  container?: string
  outcome: RestoreOutcome | UndoOutcome
  check?: 'verified' | 'differs' | 'could-not-check'
  fields?: string[]
  code?: string
  message?: string
}

export interface ApiClient {
  /** A token of the caller that this client is. */
  token(): Promise<string>
  setup(): Promise<void>
  /** Of everything; `stoppedBefore` (ISO): every worker before it is known to be stopped. */
  startRebuild(stoppedBefore: string): Promise<string>
  rebuild(id: string): Promise<Rebuild>
  startRun(): Promise<string>
  run(id: string): Promise<Run>
  /** The newest ones, newest first. */
  runs(max: number): Promise<RunLine[]>
  resources(): Promise<Resource[]>
  /** The newest complete recovery point; undefined: none yet. */
  newestPoint(resource: string, workload?: Workload): Promise<Point | undefined>
  containers(resource: string, at?: string, workload?: Workload): Promise<Container[]>
  items(resource: string, container: string, at?: string, workload?: Workload): Promise<Item[]>
  content(resource: string, item: string, as?: 'mime' | 'content' | 'json'): Promise<Uint8Array>
  ledger(resource: string, workload?: Workload): Promise<LedgerLine[]>
  planRestore(request: RestoreRequest): Promise<string>
  /** An undo is a job like a restore: it has a plan, is started, and has lines. */
  planUndo(restore: string): Promise<string>
  startRestore(id: string, planHash: string): Promise<void>
  restore(id: string): Promise<RestoreJob>
  restoreLines(id: string): Promise<RestoreLine[]>
}

/** `signal` ends every call that is in flight. */
export function createApiClient(options: {
  apiUrl: string
  control: ControlClient
  roles: readonly ApiRole[]
  signal: AbortSignal
}): ApiClient {
  const caller = new Caller(options)
  const resource = (id: string) => `resources/${encodeURIComponent(id)}`
  return {
    token: () => caller.token(),
    async setup() {
      await caller.json('POST', 'setup', {})
    },
    startRebuild: async (stoppedBefore) =>
      (await caller.json<{ id: string }>('POST', 'rebuilds', { stoppedBefore })).id,
    rebuild: (id) => caller.json('GET', `rebuilds/${id}`),
    startRun: async () => (await caller.json<{ id: string }>('POST', 'runs', {})).id,
    run: (id) => caller.json('GET', `runs/${id}`),
    runs: async (max) => (await caller.json<{ items: RunLine[] }>('GET', `runs?max=${max}`)).items,
    resources: () => caller.all('resources', {}),
    async newestPoint(id, workload) {
      const query = queryOf({ complete: 'true', max: '1', workload })
      const page = await caller.json<{ items: Point[] }>('GET', `${resource(id)}/points${query}`)
      return page.items[0]
    },
    containers: async (id, at, workload) => {
      const path = `${resource(id)}/containers${queryOf({ at, workload })}`
      return (await caller.json<{ items: Container[] }>('GET', path)).items
    },
    items: (id, container, at, workload) =>
      caller.all(`${resource(id)}/items`, { container, at, workload }),
    async content(id, item, as) {
      const path = `${resource(id)}/items/${item}/content${queryOf({ as })}`
      const response = await caller.send('GET', path)
      return new Uint8Array(await response.arrayBuffer())
    },
    ledger: async (id, workload) => {
      const path = `ledger${queryOf({ resource: id, workload })}`
      return (await caller.json<{ items: LedgerLine[] }>('GET', path)).items
    },
    planRestore: async (request) =>
      (await caller.json<{ id: string }>('POST', 'restores', request)).id,
    planUndo: async (id) => (await caller.json<{ id: string }>('POST', `restores/${id}/undo`)).id,
    async startRestore(id, planHash) {
      await caller.json('POST', `restores/${id}/start`, { planHash })
    },
    restore: (id) => caller.json('GET', `restores/${id}`),
    restoreLines: (id) => caller.all(`restores/${id}/items`, {}),
  }
}

function queryOf(values: Readonly<Record<string, string | undefined>>): string {
  const given = Object.entries(values).filter((entry): entry is [string, string] => {
    return entry[1] !== undefined
  })
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}

interface CallerOptions {
  apiUrl: string
  control: ControlClient
  roles: readonly ApiRole[]
  signal: AbortSignal
}

class Caller {
  readonly #options: CallerOptions
  #token: { text: string; goodUntilMs: number } | undefined

  constructor(options: CallerOptions) {
    this.#options = options
  }

  async token(): Promise<string> {
    if (this.#token && Date.now() < this.#token.goodUntilMs) return this.#token.text
    const { control, roles } = this.#options
    const { token } = await control.issueApiToken({
      name: 'sandbox',
      roles: [...roles],
      lifeSeconds: TOKEN_SECONDS,
    })
    const goodUntilMs = Date.now() + (TOKEN_SECONDS - TOKEN_SLACK_SECONDS) * 1000
    this.#token = { text: token, goodUntilMs }
    return token
  }

  async json<T>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<T> {
    const response = await this.send(method, path, body)
    return (await response.json()) as T
  }

  /** Every page of a list. */
  async all<T>(path: string, query: Readonly<Record<string, string | undefined>>): Promise<T[]> {
    const items: T[] = []
    let cursor: string | undefined
    for (let pages = 0; pages < PAGES_MAX; pages += 1) {
      const asked = queryOf({ ...query, max: String(PAGE_ROWS), cursor })
      const page = await this.json<{ items: T[]; next?: string }>('GET', `${path}${asked}`)
      items.push(...page.items)
      cursor = page.next
      if (cursor === undefined) return items
    }
    throw new Error(`the list ${path} does not end`)
  }

  /** Throws a Trouble with the problem document's own sentences. */
  async send(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Response> {
    for (let attempt = 1; ; attempt += 1) {
      const response = await this.#once(method, path, body)
      if (response.ok) return response
      if (response.status !== 503 || attempt >= BUSY_TRIES_MAX) {
        throw await problemOf(response, `${method} ${path.split('?')[0]}`)
      }
      await response.body?.cancel()
      await sleep(BUSY_PAUSE_MS, undefined, { signal: this.#options.signal })
    }
  }

  async #once(method: string, path: string, body: unknown): Promise<Response> {
    const { apiUrl, signal } = this.#options
    const headers = { authorization: `Bearer ${await this.token()}` }
    return await fetch(`${apiUrl}/api/v1/${path}`, {
      method,
      headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
      signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  }
}

const PROBLEM_CHARACTERS_MAX = 500

async function problemOf(response: Response, call: string): Promise<Trouble> {
  const text = await response.text()
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json')
  if (isProblem !== true) {
    return new Trouble(
      `${call}: the app answered ${response.status} ${text.slice(0, PROBLEM_CHARACTERS_MAX)}`,
      { hint: 'The log of the host may say more.' },
    )
  }
  const problem = JSON.parse(text) as { detail: string; code: string; hint?: string }
  return new Trouble(`${call}: ${problem.detail} (${response.status}, ${problem.code})`, {
    hint: problem.hint ?? 'docs/api.md lists every problem code.',
    problem: problem.code,
  })
}
