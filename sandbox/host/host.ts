/**
 * Puts the host together: state, listeners, worker, triggers; and takes it apart again.
 *
 * Order at the start: settings, state file, listeners (the app must know their addresses), worker,
 * check of the functions, then the dispatcher and the triggers. Order at the end: triggers,
 * dispatcher (drains), worker, listeners, state file. A start that fails closes what it opened.
 */
import { randomUUID } from 'node:crypto'
import { resolve } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { ClientApi } from './durable/client-api.ts'
import { clientBindingValue, webhookPath } from './durable/client-binding.ts'
import { Dispatcher } from './durable/dispatcher.ts'
import { type DurableRuntime, engineMemory } from './durable/runtime.ts'
import { openState } from './durable/schema.ts'
import { StatusQueries } from './durable/status-queries.ts'
import { DurableStore } from './durable/store.ts'
import { errorText } from './errors.ts'
import { FaultSwitches } from './faults.ts'
import { FunctionIndex } from './functions.ts'
import { HttpFront, handleManagement } from './http/front.ts'
import { HostKeys } from './http/keys.ts'
import { Listener } from './http/listener.ts'
import { readLocalSettings } from './local-settings.ts'
import { type HostLog, hostLogTo, type LogSink } from './log.ts'
import { AdminPages } from './pages/admin.ts'
import { InstanceQueries } from './pages/instance-queries.ts'
import { LogNotes } from './pages/log-notes.ts'
import { type ProfileName, profiles } from './profiles.ts'
import type { QueueTriggers } from './queues/queue-triggers.ts'
import type { RunFunction } from './run-function.ts'
import { type HostSettings, readEnvironment, readSettings } from './settings.ts'
import { type FunctionSummary, summaryOf } from './summaries.ts'
import { TimerTriggers } from './timers/timer-triggers.ts'
import type { FunctionMetadata, RpcTypedData } from './worker/protocol.ts'
import { WorkerSupervisor } from './worker/supervisor.ts'

export interface StartOptions {
  readonly appDir: string
  readonly port: number
  readonly stateFile: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly log: LogSink
  readonly faults: readonly string[]
  readonly profile: ProfileName
  readonly settings: Partial<HostSettings>
  readonly onWorkerReplaced: (pid: number) => void
}

const rpcPath = '/durabletask/'

export class RunningHost {
  readonly #options: StartOptions
  readonly #log: HostLog
  readonly #settings: HostSettings
  readonly #env: Record<string, string>
  readonly #database: DatabaseSync
  readonly #runtime: Omit<DurableRuntime, 'functions'>
  readonly #supervisor: WorkerSupervisor
  readonly #public: Listener
  readonly #rpc = new Listener()
  readonly #keys: HostKeys
  readonly #notes = new LogNotes()
  readonly #ended = Promise.withResolvers<number>()
  readonly #stopping = new AbortController()
  #functions = new FunctionIndex([])
  #dispatcher: Dispatcher | undefined
  #timers: TimerTriggers | undefined
  #queues: QueueTriggers | undefined
  #state: 'starting' | 'running' | 'stopping' | 'stopped' = 'starting'
  #stopped: Promise<void> | undefined

  constructor(options: StartOptions) {
    this.#options = options
    this.#log = hostLogTo((line) => {
      this.#notes.note(line)
      options.log(line)
    })
    const faults = new FaultSwitches(options.faults)
    const local = readLocalSettings(options.appDir)
    this.#env = readEnvironment(local, options.env)
    const { settings, warnings } = readSettings({
      appDir: options.appDir,
      env: this.#env,
      profile: profiles[options.profile],
      overrides: options.settings,
    })
    this.#settings = settings
    for (const warning of [...local.warnings, ...warnings]) this.#log('warning', warning)
    this.#database = openState(resolve(options.stateFile))
    this.#keys = new HostKeys(this.#database, this.#env)
    this.#public = new Listener()
    this.#supervisor = new WorkerSupervisor({
      appDir: resolve(options.appDir),
      env: this.#env,
      functionTimeoutMs: settings.functionTimeoutMs,
      sink: options.log,
      log: this.#log,
      onReplaced: options.onWorkerReplaced,
      onDeath: (deaths) => this.#onWorkerDeath(deaths),
    })
    this.#runtime = {
      store: new DurableStore(this.#database),
      run: this.#run,
      faults,
      log: this.#log,
      settings,
      killWorker: () => this.#supervisor.killWorker(),
      ...engineMemory(this.#log, settings),
    }
  }

  get port(): number {
    return this.#public.port
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get workerPid(): number | undefined {
    return this.#supervisor.pid
  }

  get masterKey(): string {
    return this.#keys.master
  }

  get functions(): FunctionSummary[] {
    const options = { routePrefix: this.#settings.routePrefix, env: this.#env }
    return this.#functions.all.map((appFunction) => summaryOf(appFunction, options))
  }

  /** Resolves with 0 after stop(), or with 1 when too many workers died. */
  get exited(): Promise<number> {
    return this.#ended.promise
  }

  async start(): Promise<void> {
    try {
      await this.#public.listen(this.#options.port)
      await this.#rpc.listen(0)
      // The SDK rewrites the addresses of its client binding when this is unset.
      this.#env['WEBSITE_HOSTNAME'] = `127.0.0.1:${this.port}`
      const { functions } = await this.#supervisor.start()
      this.#functions = new FunctionIndex(chosen(functions, this.#settings.functions))
      await this.#serve()
      this.#state = 'running'
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Idempotent; see the head of this file for the order. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop(0)
    return this.#stopped
  }

  async #serve(): Promise<void> {
    const runtime: DurableRuntime = { ...this.#runtime, functions: this.#functions }
    const { settings, run, log } = runtime
    const dispatcher = new Dispatcher(runtime)
    this.#dispatcher = dispatcher
    const query = `taskHub=${settings.hubName}&connection=Storage&code=${encodeURIComponent(this.#keys.system)}`
    const api = new ClientApi({
      runtime,
      queries: new StatusQueries(this.#database),
      wake: (id) => dispatcher.wake(id),
      stopping: this.#stopping.signal,
      links: { base: `${this.url}${webhookPath}`, query },
    })
    const manage = api.handle.bind(api)
    const triggers = { env: this.#env, run, log }
    const pages = new AdminPages({
      queries: new InstanceQueries(this.#database),
      instance: (id) => runtime.store.instance(id),
      history: (id) => runtime.store.historyTexts(id),
      notes: (id) => this.#notes.of(id),
      manage,
      place: () => ({
        app: resolve(this.#options.appDir),
        hubName: settings.hubName,
        workerPid: this.workerPid,
      }),
      data: (page) => this.#adminData(page),
      runTimer: (name) => this.#timers?.runNow(name) ?? false,
    })
    const front = new HttpFront({
      ...triggers,
      functions: this.#functions.ofType('httpTrigger'),
      routePrefix: settings.routePrefix,
      keys: this.#keys,
      keysEnforced: settings.keysEnforced,
      customHeaders: settings.customHeaders,
      webhookPath,
      manage,
      streaming: () => {
        const target = this.#supervisor.capabilities['HttpUri']
        return target === undefined ? undefined : { target, ready: this.#supervisor.ready }
      },
      admin: (...call) => pages.handle(...call),
    })
    this.#timers = new TimerTriggers({
      ...triggers,
      functions: this.#functions.ofType('timerTrigger'),
      database: this.#database,
    })
    const queueFunctions = this.#functions.ofType('queueTrigger')
    if (queueFunctions.length > 0) {
      // The storage client is loaded only for apps that have queues: a start is twice as fast.
      const { QueueTriggers } = await import('./queues/queue-triggers.ts')
      const options = { ...triggers, functions: queueFunctions, settings: settings.queues }
      this.#queues = await QueueTriggers.create(options)
    }
    this.#public.serve((request, response) => front.handle(request, response))
    this.#rpc.serve(async (request, response) => {
      const path = new URL(request.url ?? '/', 'http://localhost').pathname
      const lateMs = runtime.faults.condition('slow-rpc')
      if (lateMs > 0) await sleep(lateMs)
      if (!path.startsWith(rpcPath)) response.writeHead(404).end()
      else await handleManagement(manage, request, response, path.slice(rpcPath.length))
    })
    dispatcher.start()
    this.#timers.start()
    this.#queues?.start()
  }

  readonly #run: RunFunction = async (appFunction, trigger, options) => {
    const { bindingName } = appFunction.trigger
    const inputData: { name: string; data: RpcTypedData }[] = []
    // Without a value the entry is there and empty: the handler's first argument is undefined.
    inputData.push({ name: bindingName, data: trigger.value ?? {} })
    for (const name of appFunction.clientBindings) {
      inputData.push({ name, data: this.#clientValue() })
    }
    const request = {
      invocationId: trigger.invocationId ?? randomUUID(),
      functionName: appFunction.name,
      inputData,
      triggerMetadata: trigger.metadata,
    }
    return await this.#supervisor.invoke(request, options)
  }

  #clientValue(): RpcTypedData {
    return clientBindingValue({
      origin: this.url,
      rpcBaseUrl: `http://127.0.0.1:${this.#rpc.port}${rpcPath}`,
      hubName: this.#settings.hubName,
      systemKey: this.#keys.system,
    })
  }

  #adminData(page: string): unknown {
    if (page === 'instances') return new StatusQueries(this.#database).measures()
    if (page !== 'host/status') return undefined
    const functions = this.#functions.all.map(({ name, trigger }) => ({
      name,
      trigger: trigger.type,
    }))
    return {
      state: this.#state,
      workerPid: this.workerPid ?? null,
      workerReady: this.#supervisor.ready,
      inFlight: this.#supervisor.inFlightCount,
      functions,
    }
  }

  #onWorkerDeath(deaths: number): void {
    if (deaths < this.#settings.workerDeathsMax) return
    this.#log('critical', `${deaths} workers died; the host ends, as it was told to`)
    this.#stopped ??= this.#stop(1)
    this.#stopped.catch((error: unknown) => this.#log('critical', errorText(error)))
  }

  async #stop(exitCode: number): Promise<void> {
    this.#state = 'stopping'
    this.#stopping.abort()
    const deadlineMs = Date.now() + this.#settings.drainMs
    const leftMs = (): number => Math.max(0, deadlineMs - Date.now())
    this.#timers?.stop()
    await this.#queues?.stop(leftMs())
    await this.#dispatcher?.stop(leftMs())
    await this.#supervisor.drain(leftMs())
    await this.#supervisor.stop()
    await this.#dispatcher?.settled()
    await Promise.all([this.#public.close(), this.#rpc.close()])
    this.#database.close()
    this.#state = 'stopped'
    this.#ended.resolve(exitCode)
  }
}

/** `functions` of host.json names those that run. */
function chosen(
  functions: readonly FunctionMetadata[],
  names: readonly string[] | undefined,
): readonly FunctionMetadata[] {
  if (names === undefined) return functions
  const wanted = new Set(names.map((name) => name.toLowerCase()))
  return functions.filter(({ name }) => wanted.has(name.toLowerCase()))
}
