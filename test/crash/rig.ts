/**
 * A running Holdfast for kill tests: Azurite and the tenant live in their own processes and are
 * never killed; the host and its worker are, and start again over the same state. Storage is
 * reached through proxies that can stop a call on its way, Graph stops by a fault of the tenant
 * (decision 003).
 */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { type Azurite, startAzurite } from '../../sandbox/azurite/start.ts'
import { type ApiClient, createApiClient } from '../../sandbox/run/api-client.ts'
import { type Child, startChild } from '../../sandbox/run/child.ts'
import { type DataDir, openDataDir } from '../../sandbox/run/data-dir.ts'
import { appSettings, ownEnvironment } from '../../sandbox/run/stack.ts'
import { NO_VERIFICATION } from '../../sandbox/run/tick.ts'
import { Trouble } from '../../sandbox/run/trouble.ts'
import {
  type ControlClient,
  createControlClient,
  startTenant,
  type Tenant,
} from '../../sandbox/tenant/index.ts'
import { ROOT } from '../structure/sources.ts'
import {
  type Held as HeldRequest,
  type HoldingProxy,
  type HoldRule,
  startHoldingProxy,
} from './holding-proxy.ts'

/** Short slices and leases, so that what a kill left behind is free again within seconds. */
const SETTINGS = {
  HOLDFAST_SLICE_SECONDS: '5',
  HOLDFAST_LEASE_SLACK_SECONDS: '2',
  // A message that a killed worker had taken stays hidden for ten minutes.
  HOLDFAST_START_WITHIN_SECONDS: '5',
  HOLDFAST_WAVE_PAUSE_SECONDS: '1',
  HOLDFAST_RESTORE_LAG_SECONDS: '1',
  HOLDFAST_DELETION_LAG_MINUTES: '0',
  HOLDFAST_LANES: '2',
  ...NO_VERIFICATION,
}
const WAIT_MS = 90_000
const POLL_MS = 150

export const VICTIMS = ['worker', 'host', 'both'] as const
export type Victim = (typeof VICTIMS)[number]

/** A call whose answer is kept back. */
export interface Held {
  release(): Promise<void>
}

/** Where the app talks to others: each of its calls there is a moment to be killed at. */
export const DOORS = ['blobs', 'tables', 'graph'] as const
export type Door = (typeof DOORS)[number]

export interface Moment {
  door: Door
  /** The n-th call from now on, counted from 1. */
  nth: number
  /** At Graph always after. */
  when: HoldRule['when']
}

/** A moment that is waited for. */
export interface Watch {
  reached(): boolean
  /** Loses the held call, or takes the watch away. */
  end(): Promise<void>
}

export class Rig {
  readonly azurite: Azurite
  readonly tenant: Tenant
  readonly control: ControlClient
  readonly blobs: HoldingProxy
  readonly tables: HoldingProxy
  readonly dir: DataDir
  #host: Child | undefined
  #workerPid = 0
  #workers = 0
  #api: ApiClient | undefined
  readonly #stop = new AbortController()

  private constructor(parts: Pick<Rig, 'azurite' | 'tenant' | 'blobs' | 'tables' | 'dir'>) {
    this.azurite = parts.azurite
    this.tenant = parts.tenant
    this.blobs = parts.blobs
    this.tables = parts.tables
    this.dir = parts.dir
    this.control = createControlClient(parts.tenant.controlUrl)
  }

  static async start(): Promise<Rig> {
    const dir = openDataDir(mkdtempSync(join(tmpdir(), 'holdfast-crash-')))
    const azurite = await startAzurite({ inMemory: true })
    const tenant = await startTenant({ seed: { seed: 7, users: 1, messages: 12 } })
    const origin = (url: string) => new URL(url).origin
    const rig = new Rig({
      azurite,
      tenant,
      dir,
      blobs: await startHoldingProxy(origin(azurite.blobUrl)),
      tables: await startHoldingProxy(origin(azurite.tableUrl)),
    })
    await rig.startHost()
    await rig.api.setup()
    return rig
  }

  get api(): ApiClient {
    assert.ok(this.#api, 'the host runs')
    return this.#api
  }

  /** Storage as the app sees it: blobs and tables through their proxies. */
  get connection(): string {
    const through = (url: string, proxy: HoldingProxy) =>
      url.replace(new URL(url).origin, proxy.url)
    return this.azurite.connectionString
      .replace(this.azurite.blobUrl, through(this.azurite.blobUrl, this.blobs))
      .replace(this.azurite.tableUrl, through(this.azurite.tableUrl, this.tables))
  }

  /** Fault switches hold for this start only. */
  async startHost(faults: readonly string[] = []): Promise<void> {
    const note = (line: Readonly<Record<string, unknown>>) => {
      if (typeof line['workerPid'] !== 'number') return
      this.#workerPid = line['workerPid']
      this.#workers += 1
    }
    const env = appSettings({ dir: this.dir, settings: SETTINGS }, this.connection, this.tenant.url)
    this.#host = await startChild({
      title: 'The host',
      script: new URL('../../sandbox/host/main.ts', import.meta.url),
      args: [
        ...['--app', ROOT, '--port', '0', '--state', this.dir.hostState],
        ...faults.flatMap((fault) => ['--fault', fault]),
      ],
      env: { ...ownEnvironment(), ...env },
      logFile: this.dir.log('host'),
      onLine: note,
    })
    note(this.#host.ready)
    this.#api = createApiClient({
      apiUrl: String(this.#host.ready['url']),
      control: this.control,
      roles: ['Admin', 'Operator', 'Reader'],
      signal: this.#stop.signal,
    })
  }

  /** Workers that have come so far: one more means that one has died. */
  deaths(): number {
    return this.#workers
  }

  async stopHost(): Promise<void> {
    await this.#host?.stop()
  }

  /** SIGKILL. A host that was killed is started again, as Azure would. */
  async kill(victim: Victim): Promise<void> {
    const before = this.#workers
    if (victim !== 'host') process.kill(this.#workerPid, 'SIGKILL')
    if (victim === 'worker' || !this.#host) {
      await this.until('a new worker', async () => this.#workers > before)
      return
    }
    process.kill(this.#host.pid, 'SIGKILL')
    await this.hostDied()
  }

  /** Waits for a host that a fault switch ended, and starts it again. */
  async hostDied(): Promise<void> {
    await this.#host?.exited
    await this.startHost()
  }

  /** The next create of a message takes effect in the tenant, and its answer is kept back. */
  async holdNextCreate(): Promise<Held> {
    const { id } = await this.control.addFault({
      method: 'POST',
      path: '/mailFolders/[^/]+/messages$',
      action: 'hold',
    })
    await this.until('a create', async () => {
      const { faults } = await this.control.listFaults({})
      return faults.some((fault) => fault.id === id && fault.holding)
    })
    const release = async () => {
      await this.control.releaseFault({ id })
    }
    return { release }
  }

  /** The call of that moment will be held on its way, or its answer kept back. */
  async watch(moment: Moment): Promise<Watch> {
    if (moment.door === 'graph') return await this.#watchGraph(moment.nth)
    return this.#watchProxy(moment.door === 'blobs' ? this.blobs : this.tables, moment)
  }

  #watchProxy(proxy: HoldingProxy, { nth, when }: Moment): Watch {
    let seen = 0
    let isOver = false
    let held: HeldRequest | undefined
    const match = () => {
      if (isOver) return false
      seen += 1
      return seen === nth
    }
    void proxy.holdNext({ when, match }).then((request) => {
      held = request
      if (isOver) request.drop()
    })
    return {
      reached: () => held !== undefined,
      async end() {
        isOver = true
        held?.drop()
      },
    }
  }

  async #watchGraph(nth: number): Promise<Watch> {
    const { id } = await this.control.addFault({ path: '/v1.0/', action: 'hold', nth })
    let holding = false
    const look = async () => {
      const { faults } = await this.control.listFaults({})
      holding = faults.some((fault) => fault.id === id && fault.holding)
    }
    let trouble: unknown
    const note = (error: unknown) => {
      trouble = error
    }
    const timer = setInterval(() => void look().catch(note), POLL_MS)
    return {
      reached: () => {
        if (trouble !== undefined) throw trouble
        return holding
      },
      end: async () => {
        clearInterval(timer)
        await this.control.releaseFault({ id })
        await this.control.clearFaults({})
      },
    }
  }

  /** Runs a timer function at once, as the Functions host's admin address does. */
  async trigger(name: string): Promise<void> {
    const url = `${String(this.#host?.ready['url'])}/admin/functions/${name}`
    const answer = await fetch(url, { method: 'POST', body: '{}' })
    assert.equal(answer.status, 202, await answer.text())
  }

  /** Polls; the app works in real time, and a test here has no clock to turn. */
  async until(what: string, ready: () => Promise<boolean>): Promise<void> {
    const end = Date.now() + WAIT_MS
    while (!(await answered(ready))) {
      assert.ok(Date.now() < end, `${what}: not within ${WAIT_MS / 1000} s`)
      await pause(POLL_MS)
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#host?.stop()
    await Promise.all([this.blobs.stop(), this.tables.stop()])
    await this.tenant.stop()
    await this.azurite.stop()
    this.dir.release(true)
    rmSync(this.dir.path, { recursive: true, force: true })
  }
}

/** A call that was in flight when the worker died is dropped or answered with 500: ask again. */
async function answered(ready: () => Promise<boolean>): Promise<boolean> {
  try {
    return await ready()
  } catch (error) {
    const dropped = error instanceof TypeError && error.message === 'fetch failed'
    const died = error instanceof Trouble && error.message.includes('answered 500')
    if (dropped || died) return false
    throw error
  }
}
