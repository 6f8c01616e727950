/**
 * A company with Holdfast, for scenarios: tenant, Azurite and host as `npm start` has them, with
 * tiny pages, commits and slices, so that every scenario crosses many of them. Everything goes
 * through the HTTP surfaces; the truth comes from the tenant's own state.
 */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import {
  type ApiClient,
  type Counts,
  createApiClient,
  hasEnded,
  type Run,
} from '../../sandbox/run/api-client.ts'
import { type DataDir, openDataDir } from '../../sandbox/run/data-dir.ts'
import { type Stack, startStack, type TenantSeed } from '../../sandbox/run/stack.ts'
import { NO_VERIFICATION } from '../../sandbox/run/tick.ts'

const SETTINGS = {
  HOLDFAST_SLICE_SECONDS: '5',
  HOLDFAST_LEASE_SLACK_SECONDS: '5',
  HOLDFAST_PAGE_SIZE: '5',
  HOLDFAST_FILE_PAGE_SIZE: '5',
  HOLDFAST_SHAREPOINT_UNITS_PER_MINUTE: '1000000',
  HOLDFAST_COMMIT_EVENTS: '3',
  HOLDFAST_WAVE_PAUSE_SECONDS: '1',
  HOLDFAST_DELETION_LAG_MINUTES: '0',
  HOLDFAST_LANES: '3',
  ...NO_VERIFICATION,
}
const WAIT_MS = 90_000
const POLL_MS = 100
/** A round that sees an item leave, and the next one, which says that it is deleted. */
const ROUNDS_UNTIL_DELETED = 2

export interface Answer {
  status: number
  json: Record<string, unknown>
}

export class Company {
  readonly stack: Stack
  readonly api: ApiClient
  readonly dir: DataDir
  /** A run or a restore that is not over by then is stuck. */
  readonly waitMs: number
  readonly #stop: AbortController

  private constructor(parts: {
    stack: Stack
    api: ApiClient
    dir: DataDir
    waitMs: number
    stop: AbortController
  }) {
    this.stack = parts.stack
    this.api = parts.api
    this.dir = parts.dir
    this.waitMs = parts.waitMs
    this.#stop = parts.stop
  }

  /** `settings`: of the app, beside and above the tiny ones. */
  static async start(options: {
    users: number
    messages: number
    seed?: number
    /** Files and sites beside the mailboxes. */
    files?: Pick<TenantSeed, 'files' | 'sites' | 'oddFiles'>
    settings?: Readonly<Record<string, string>>
    waitMs?: number
  }): Promise<Company> {
    const { users, messages, seed = 11, files = {}, settings = {}, waitMs = WAIT_MS } = options
    const dir = openDataDir(mkdtempSync(join(tmpdir(), 'holdfast-scenario-')))
    const stack = await startStack({
      dir,
      settings: { ...SETTINGS, ...settings },
      seed: { seed, users, messages, ...files },
      azuriteInMemory: true,
    })
    const stop = new AbortController()
    const roles = ['Admin', 'Operator', 'Reader'] as const
    const { apiUrl, control } = stack
    const api = createApiClient({ apiUrl, control, roles, signal: stop.signal })
    return new Company({ stack, api, dir, waitMs, stop })
  }

  get control(): Stack['control'] {
    return this.stack.control
  }

  async call(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.stack.apiUrl}/api/v1/${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await this.api.token()}`,
        'content-type': 'application/json',
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    return { status: response.status, json: (await response.json()) as Answer['json'] }
  }

  /** Runs a timer function now; answers when it was started. */
  async trigger(name: string): Promise<void> {
    const url = `${this.stack.apiUrl}/admin/functions/${name}`
    const answer = await fetch(url, { method: 'POST', body: '{}' })
    assert.equal(answer.status, 202)
  }

  async until(what: string, ready: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + this.waitMs
    while (!(await ready())) {
      assert.ok(Date.now() < end, `${what}: not within ${this.waitMs / 1000} s`)
      await pause(POLL_MS)
    }
  }

  /** Waits for the end of a run; its numbers must add up. */
  async ended(id: string): Promise<Run> {
    await this.until(`run ${id}`, async () => hasEnded(await this.api.run(id)))
    const run = await this.api.run(id)
    addUp(run.counts)
    return run
  }

  async backUp(resources?: readonly string[]): Promise<Run> {
    const asked = await this.call('POST', 'runs', resources ? { resources } : {})
    assert.equal(asked.status, 202, JSON.stringify(asked.json))
    const run = await this.ended(String(asked.json['id']))
    const { total, done } = run.owners
    assert.deepEqual([run.state, done], ['done', total], JSON.stringify(run))
    return run
  }

  async backUpUntilDeleted(resources?: readonly string[]): Promise<void> {
    for (let round = 0; round < ROUNDS_UNTIL_DELETED; round += 1) await this.backUp(resources)
  }

  async runs(): Promise<{ id: string; kind: string; state: string }[]> {
    return (await this.call('GET', 'runs?max=100')).json['items'] as never
  }

  async resourceOf(address: string) {
    return (await this.api.resources()).find((r) => r.address === address)
  }

  /** `folder path/subject` of every message that the tenant has, but what users cannot see. */
  async truth(user: string): Promise<string[]> {
    const { messages } = await this.control.snapshot({ user })
    return messages
      .filter((m) => !m.folderPath.startsWith('Recoverable') && !m.folderPath.startsWith('Sync'))
      .map((m) => `${m.folderPath}/${m.subject}`)
      .sort()
  }

  /** The same, as Holdfast shows it now. */
  async held(user: string): Promise<string[]> {
    const resource = await this.resourceOf(user)
    assert.ok(resource)
    const containers = await this.api.containers(resource.id)
    const named = new Map(containers.map((c) => [c.id, c]))
    const pathOf = (id: string): string => {
      const container = named.get(id)
      assert.ok(container, 'the parent of a folder is held')
      return container.parent ? `${pathOf(container.parent)}/${container.name}` : container.name
    }
    const found: string[] = []
    for (const { id } of containers) {
      const items = await this.api.items(resource.id, id)
      assert.equal(new Set(items.map((i) => i.id)).size, items.length, 'no item is listed twice')
      found.push(...items.map((item) => `${pathOf(id)}/${item.name}`))
    }
    return found.sort()
  }

  hostLog(): string {
    return readFileSync(this.dir.log('host'), 'utf8')
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.stack.stop()
    this.dir.release(true)
    rmSync(this.dir.path, { recursive: true, force: true })
  }
}

export function addUp(counts: Counts): void {
  const { seen, stored, restated, unchanged, left, ledger, excluded } = counts
  const sum = stored + restated + unchanged + left + ledger + excluded
  assert.equal(seen, sum, `the numbers of a run add up: ${JSON.stringify(counts)}`)
}
