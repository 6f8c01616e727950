/**
 * Keeps one worker process running and carries invocations to it.
 *
 * Invariants: every invocation ends exactly once, with an answer, a failure, its own timeout, or
 * the end of the worker that ran it. After an unexpected end the next worker is started at once;
 * invocations that come meanwhile wait for it, unless they ask to be refused.
 *
 * Copied from the real host, though unkind: a worker that is replaced because one function timed
 * out, or that left with exit code 0, does not fail its other invocations; those hang until their
 * own timeout. Not copied: the host does not end after three worker deaths unless told to.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  AbandonedError,
  errorText,
  FunctionTimeoutError,
  HostError,
  InvocationFailedError,
  WorkerExitError,
  WorkerNotReadyError,
} from '../errors.ts'
import type { HostLog, LogCategory, LogLevel, LogSink } from '../log.ts'
import type {
  FunctionMetadata,
  HostToWorker,
  InvocationRequest,
  RpcTypedData,
  WorkerToHost,
} from './protocol.ts'

const hostVersion = '4.1037.0'
const restartDelayMsMax = 30_000
const terminateGraceMs = 5_000
const logLevels = ['trace', 'debug', 'information', 'warning', 'error', 'critical'] as const
const signalNumbers: Readonly<Record<string, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGABRT: 6,
  SIGKILL: 9,
  SIGSEGV: 11,
  SIGTERM: 15,
}

export interface SupervisorOptions {
  readonly appDir: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly functionTimeoutMs: number
  readonly sink: LogSink
  readonly log: HostLog
  /** Called with the pid of every worker that became ready after the first one. */
  readonly onReplaced: (pid: number) => void
  /** Called after each unexpected end with the number of such ends so far. */
  readonly onDeath: (deaths: number) => void
}

export interface InvokeOptions {
  /** Reject at once, instead of waiting, while no worker is ready (HTTP does; durable waits). */
  readonly onlyIfReady?: boolean
  /** Called when the request was handed to the worker; used by the fault switches. */
  readonly onSent?: () => 'ignore-answer' | undefined
}

interface InFlight {
  readonly functionName: string
  readonly worker: ChildProcess
  readonly timer: NodeJS.Timeout
  readonly resolve: (returnValue: RpcTypedData | null) => void
  readonly reject: (error: Error) => void
  ignoreAnswer: boolean
}

export interface LoadedApp {
  readonly functions: readonly FunctionMetadata[]
  readonly capabilities: Readonly<Record<string, string>>
}

export class WorkerSupervisor {
  readonly #options: SupervisorOptions
  readonly #inFlight = new Map<string, InFlight>()
  #worker: ChildProcess | undefined
  #ready = false
  #capabilities: Readonly<Record<string, string>> = {}
  #waiting: { resolve: () => void; reject: (error: Error) => void }[] = []
  #deaths = 0
  #whenIdle: (() => void) | undefined
  #stopping = false
  /** Workers that were replaced on purpose: their end fails nothing. */
  readonly #abandoned = new WeakSet<ChildProcess>()

  constructor(options: SupervisorOptions) {
    this.#options = options
  }

  get pid(): number | undefined {
    return this.#worker?.pid
  }

  get ready(): boolean {
    return this.#ready
  }

  /** Those of the worker that runs now. */
  get capabilities(): Readonly<Record<string, string>> {
    return this.#capabilities
  }

  get inFlightCount(): number {
    return this.#inFlight.size
  }

  /** Starts the first worker; rejects with `app-load` when the app cannot be loaded. */
  async start(): Promise<LoadedApp> {
    return await this.#launch()
  }

  /**
   * Runs a function once. Nobody here retries: whether a failure means "again" is the caller's
   * rule. Rejects with InvocationFailedError, WorkerExitError, FunctionTimeoutError,
   * WorkerNotReadyError (only with `onlyIfReady`) or AbandonedError.
   */
  async invoke(
    request: InvocationRequest,
    options: InvokeOptions = {},
  ): Promise<RpcTypedData | null> {
    if (this.#stopping) throw new AbandonedError()
    if (!this.#ready) {
      if (options.onlyIfReady === true) throw new WorkerNotReadyError()
      await new Promise<void>((resolve, reject) => this.#waiting.push({ resolve, reject }))
    }
    const worker = this.#worker
    if (worker === undefined) throw new WorkerNotReadyError()
    return await new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#timeOut(request.invocationId),
        this.#options.functionTimeoutMs,
      )
      const entry: InFlight = {
        functionName: request.functionName,
        worker,
        timer,
        resolve,
        reject,
        ignoreAnswer: false,
      }
      this.#inFlight.set(request.invocationId, entry)
      this.#send(worker, { type: 'invoke', request })
      entry.ignoreAnswer = options.onSent?.() === 'ignore-answer'
    })
  }

  /** SIGKILL, as the kernel does when memory runs out. */
  killWorker(): void {
    this.#worker?.kill('SIGKILL')
  }

  /** Resolves when nothing is in flight any more, or after `limitMs`. */
  async drain(limitMs: number): Promise<void> {
    if (this.#inFlight.size === 0) return
    await new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, limitMs)
      this.#whenIdle = () => {
        clearTimeout(limit)
        resolve()
      }
    })
  }

  /** Lets the app's appTerminate hooks run, then ends the worker; rejects what is in flight. */
  async stop(): Promise<void> {
    this.#stopping = true
    const worker = this.#worker
    for (const waiter of this.#waiting.splice(0)) waiter.reject(new AbandonedError())
    for (const id of [...this.#inFlight.keys()]) this.#take(id)?.reject(new AbandonedError())
    if (worker === undefined || worker.exitCode !== null || worker.signalCode !== null) return
    const exited = new Promise<void>((resolve) => worker.once('exit', () => resolve()))
    this.#send(worker, { type: 'terminate' })
    const kill = setTimeout(() => worker.kill('SIGKILL'), terminateGraceMs)
    await exited
    clearTimeout(kill)
  }

  #send(worker: ChildProcess, message: HostToWorker): void {
    // A send to a dying worker fails; its exit event settles everything that was in flight.
    worker.send(message, () => undefined)
  }

  async #launch(): Promise<LoadedApp> {
    const { appDir, env } = this.#options
    const worker = fork(new URL('./child.ts', import.meta.url), [], {
      cwd: appDir,
      env: { ...env },
      execArgv: workerArguments(env),
      serialization: 'advanced',
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    this.#worker = worker
    this.#forwardLines(worker.stdout, 'stdout', 'information')
    this.#forwardLines(worker.stderr, 'stderr', 'error')
    const loaded = await new Promise<LoadedApp>((resolve, reject) => {
      worker.once('error', (error) => {
        reject(new HostError('app-load', `the worker process cannot start: ${error.message}`))
      })
      worker.once('exit', (code, signal) => {
        const exit = new WorkerExitError(exitCodeOf(code, signal))
        reject(new HostError('app-load', `the worker ended while loading the app: ${exit.message}`))
      })
      worker.on('message', (message: WorkerToHost) => {
        if (message.type === 'loaded') resolve(message)
        else if (message.type === 'load-failed') {
          worker.kill('SIGKILL')
          reject(new HostError('app-load', `the app cannot be loaded: ${describeLoad(message)}`))
        } else this.#receive(message)
      })
      this.#send(worker, { type: 'load', appDir, hostVersion })
    })
    worker.once('exit', (code, signal) => this.#onExit(worker, exitCodeOf(code, signal)))
    this.#capabilities = loaded.capabilities
    this.#ready = true
    for (const waiter of this.#waiting.splice(0)) waiter.resolve()
    return loaded
  }

  #receive(message: Exclude<WorkerToHost, { type: 'loaded' | 'load-failed' }>): void {
    if (message.type === 'log') {
      this.#options.sink({
        atMs: Date.now(),
        level: logLevels.find((level) => level === message.level) ?? 'information',
        category: message.category === 'user' ? 'function' : 'system',
        text: message.message,
        ...(message.functionName === undefined ? {} : { functionName: message.functionName }),
        ...(message.invocationId === undefined ? {} : { invocationId: message.invocationId }),
      })
      return
    }
    if (this.#inFlight.get(message.invocationId)?.ignoreAnswer === true) return
    const entry = this.#take(message.invocationId)
    if (message.type === 'answer') entry?.resolve(message.returnValue)
    else entry?.reject(new InvocationFailedError(message.message, message.stack))
  }

  #take(invocationId: string): InFlight | undefined {
    const entry = this.#inFlight.get(invocationId)
    if (entry !== undefined) {
      this.#inFlight.delete(invocationId)
      clearTimeout(entry.timer)
      if (this.#inFlight.size === 0) this.#whenIdle?.()
    }
    return entry
  }

  #timeOut(invocationId: string): void {
    const entry = this.#take(invocationId)
    if (entry === undefined) return
    const { functionTimeoutMs, log } = this.#options
    const error = new FunctionTimeoutError(entry.functionName, functionTimeoutMs)
    log('error', error.message, entry.functionName)
    entry.reject(error)
    if (entry.worker === this.#worker && this.#ready) {
      // From here on new work waits for the next worker instead of hanging with the siblings.
      this.#ready = false
      this.#abandoned.add(entry.worker)
      entry.worker.kill('SIGKILL')
    }
  }

  #onExit(worker: ChildProcess, exitCode: number): void {
    if (this.#stopping || worker !== this.#worker) return
    this.#ready = false
    const open = [...this.#inFlight].filter(([, entry]) => entry.worker === worker)
    if (this.#abandoned.has(worker)) {
      this.#options.log('warning', 'the worker was replaced after a timeout')
    } else if (exitCode === 0) {
      this.#options.log(
        'error',
        'the app ended its worker with exit code 0; the real host does not notice that, ' +
          `so ${open.length} invocation(s) hang until functionTimeout`,
      )
    } else {
      const error = new WorkerExitError(exitCode)
      this.#options.log('error', `${error.message}; ${open.length} invocation(s) fail with it`)
      for (const [id] of open) this.#take(id)?.reject(error)
    }
    this.#deaths++
    this.#options.onDeath(this.#deaths)
    this.#replace().catch((error: unknown) => {
      this.#options.log('critical', `the worker cannot be replaced: ${errorText(error)}`)
    })
  }

  async #replace(): Promise<void> {
    // Endless on purpose: the app may be in the middle of being rebuilt.
    for (
      let delayMs = 0;
      !this.#stopping;
      delayMs = Math.min(restartDelayMsMax, delayMs * 2 + 500)
    ) {
      if (delayMs > 0) await sleep(delayMs, undefined, { ref: false })
      try {
        await this.#launch()
        if (this.#worker?.pid !== undefined) this.#options.onReplaced(this.#worker.pid)
        return
      } catch (error) {
        this.#options.log('error', `${errorText(error)}; the next try follows`)
      }
    }
  }

  #forwardLines(stream: Readable | null, category: LogCategory, level: LogLevel): void {
    if (stream === null) return
    createInterface({ input: stream }).on('line', (text) => {
      this.#options.sink({ atMs: Date.now(), level, category, text })
    })
  }
}

function exitCodeOf(code: number | null, signal: NodeJS.Signals | null): number {
  if (code !== null) return code
  return 128 + (signal === null ? 0 : (signalNumbers[signal] ?? 0))
}

function describeLoad(message: { message: string; stack: string }): string {
  return message.stack === '' ? message.message : message.stack
}

/**
 * The app setting `languageWorkers__node__arguments` of the real host: arguments of Node for the
 * worker, such as limits of its heap.
 */
function workerArguments(env: Readonly<Record<string, string | undefined>>): string[] {
  const text = env['languageWorkers__node__arguments']?.trim() ?? ''
  return text === '' ? [] : text.split(/\s+/)
}
