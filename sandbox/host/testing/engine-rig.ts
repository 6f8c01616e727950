/**
 * Test helper: the durable engine with the real SDK in one process, without worker and listeners.
 *
 * Functions are registered with `df.app`, exported here: the core module must be in place before
 * the SDK is loaded. A test file registers its functions, then makes an EngineRig, then asks it
 * over the same HTTP values that the listeners pass on.
 */
import { randomUUID } from 'node:crypto'
import { ClientApi } from '../durable/client-api.ts'
import { Dispatcher } from '../durable/dispatcher.ts'
import { type DurableRuntime, engineMemory } from '../durable/runtime.ts'
import { openState } from '../durable/schema.ts'
import { StatusQueries } from '../durable/status-queries.ts'
import { DurableStore } from '../durable/store.ts'
import { InvocationFailedError } from '../errors.ts'
import { FaultSwitches } from '../faults.ts'
import { FunctionIndex } from '../functions.ts'
import type { RpcAnswer } from '../http/plain.ts'
import { hostLogTo, type LogLine } from '../log.ts'
import { type ProfileName, profiles } from '../profiles.ts'
import type { RunFunction } from '../run-function.ts'
import { type HostSettings, readSettings } from '../settings.ts'
import { AppRegistry, installCoreModule } from '../worker/core-module.ts'
import { invoke } from '../worker/invoke.ts'
import { type Status, until } from './harness.ts'

const registry = new AppRegistry()
installCoreModule(registry, 'test', () => undefined)

/** The SDK, whose `app` registers functions with every rig of this process. */
export const df = await import('durable-functions')

const openStatuses: readonly string[] = ['Pending', 'Running', 'Suspended']

export interface RigOptions {
  readonly settings?: Partial<HostSettings>
  readonly profile?: ProfileName
  /** Called before each run of a function; what it throws is what the run ends with. */
  readonly beforeRun?: (functionName: string) => void
  /** Whatever another rig left behind: a restart of the host. */
  readonly stateFile?: string
}

export interface HistoryEntry {
  readonly EventType: string
  readonly [member: string]: unknown
}

export class EngineRig {
  readonly logs: LogLine[] = []
  readonly store: DurableStore
  readonly #api: ClientApi
  readonly #dispatcher: Dispatcher
  readonly #database
  readonly #stopping = new AbortController()
  readonly #options: RigOptions

  constructor(options: RigOptions = {}) {
    this.#options = options
    this.#database = openState(options.stateFile ?? ':memory:')
    this.store = new DurableStore(this.#database)
    const functions = [...registry.functions.values()].map(({ metadata }) => metadata)
    const overrides = { timerGranularityMs: 0, ...options.settings }
    const profile = profiles[options.profile ?? 'azure-storage']
    const { settings } = readSettings({ appDir: '/nonexistent', env: {}, overrides, profile })
    const log = hostLogTo((line) => this.logs.push(line))
    const runtime: DurableRuntime = {
      store: this.store,
      functions: new FunctionIndex(functions),
      run: this.#run,
      faults: new FaultSwitches([]),
      log,
      settings,
      killWorker: () => undefined,
      ...engineMemory(log, settings),
    }
    this.#dispatcher = new Dispatcher(runtime)
    this.#api = new ClientApi({
      runtime,
      queries: new StatusQueries(this.#database),
      wake: (id) => this.#dispatcher.wake(id),
      links: { base: 'http://host/durable', query: 'code=x' },
      stopping: this.#stopping.signal,
    })
    this.#dispatcher.start()
  }

  /** Lets nothing new begin and closes the state; call once. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#dispatcher.stop(1000)
    this.#database.close()
  }

  /** `target` is a path with a query, as behind the base of the durable API. */
  async request(method: string, target: string, body?: unknown): Promise<RpcAnswer> {
    const { pathname, searchParams } = new URL(target, 'http://host/')
    const segments = pathname.slice(1).split('/').map(decodeURIComponent)
    const headers = { 'content-type': 'application/json' }
    const text = body === undefined ? '' : JSON.stringify(body)
    return await this.#api.handle({ method, query: searchParams, headers, body: text }, segments)
  }

  async start(name: string, id: string, input?: unknown, query = ''): Promise<void> {
    const answer = await this.request('POST', `orchestrators/${name}/${id}${query}`, input ?? '')
    if (answer.status !== 202) throw new Error(`the start answered ${JSON.stringify(answer)}`)
  }

  async raise(id: string, event: string, data: unknown): Promise<void> {
    await this.request('POST', `instances/${id}/raiseEvent/${event}`, data)
  }

  async status(id: string): Promise<Status> {
    return (await this.request('GET', `instances/${id}`)).json as Status
  }

  async history(id: string): Promise<readonly HistoryEntry[]> {
    const { json } = await this.request('GET', `instances/${id}?showHistory=true`)
    return (json as { historyEvents: HistoryEntry[] }).historyEvents
  }

  async finished(id: string): Promise<Status> {
    return await until(async () => {
      const status = await this.status(id)
      return openStatuses.includes(status.runtimeStatus) ? undefined : status
    }, `${id} to finish`)
  }

  async runToEnd(name: string, id: string, input?: unknown): Promise<Status> {
    await this.start(name, id, input)
    return await this.finished(id)
  }

  /** Waits for a line of the host's log. */
  async said(text: string): Promise<LogLine> {
    return await until(() => this.logs.find((line) => line.text.includes(text)), `"${text}"`)
  }

  readonly #run: RunFunction = async (appFunction, { value, metadata: triggerMetadata }) => {
    const { name, trigger } = appFunction
    // As over a channel: never in the same turn.
    await new Promise((resolve) => setImmediate(resolve))
    this.#options.beforeRun?.(name)
    const inputData = [{ name: trigger.bindingName, data: value ?? {} }]
    const request = { invocationId: randomUUID(), functionName: name, inputData, triggerMetadata }
    try {
      return await invoke(registry, request, () => undefined)
    } catch (error) {
      if (error instanceof Error) throw new InvocationFailedError(error.message, error.stack ?? '')
      throw new InvocationFailedError(String(error), '')
    }
  }
}
