/**
 * The errors of the embedded host, each with a stable code.
 *
 * Texts that reach the app (TaskFailed reasons, HTTP answers) are built elsewhere, because
 * they copy the wording of the real host; these errors are for whoever runs the sandbox.
 */

/**
 * app-load: the app cannot be loaded or indexed. unsupported: the app wants something that this
 * host refuses. bad-setting: host.json, a binding or an option is wrong. port-in-use,
 * state-in-use: somebody else holds the port or the state file. stopping: no new work any more.
 */
export type HostErrorCode =
  | 'app-load'
  | 'unsupported'
  | 'bad-setting'
  | 'bad-fault'
  | 'port-in-use'
  | 'state-in-use'
  | 'stopping'

export class HostError extends Error {
  readonly code: HostErrorCode

  constructor(code: HostErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'HostError'
    this.code = code
  }
}

/** The handler threw, or its answer could not be serialised. `message` is the worker's text. */
export class InvocationFailedError extends Error {
  readonly remoteStack: string

  constructor(message: string, remoteStack: string) {
    super(message)
    this.name = 'InvocationFailedError'
    this.remoteStack = remoteStack
  }
}

/** The worker process ended while the invocation was in flight. */
export class WorkerExitError extends Error {
  readonly exitCode: number

  constructor(exitCode: number) {
    // The wording of the real host; 137 and 143 are 128 + the signal's number.
    super(`node exited with code ${exitCode} (0x${exitCode.toString(16).toUpperCase()})`)
    this.name = 'WorkerExitError'
    this.exitCode = exitCode
  }
}

/** No worker is ready and the caller does not want to wait for one. */
export class WorkerNotReadyError extends Error {
  constructor() {
    super('no worker is ready')
    this.name = 'WorkerNotReadyError'
  }
}

/** `functionTimeout` was reached; the worker is being replaced. */
export class FunctionTimeoutError extends Error {
  constructor(functionName: string, timeoutMs: number) {
    const timeout = toTimeSpan(timeoutMs)
    super(`Timeout value of ${timeout} was exceeded by function: Functions.${functionName}`)
    this.name = 'FunctionTimeoutError'
  }
}

/** The host stops: the work was neither done nor failed and runs again at the next start. */
export class AbandonedError extends Error {
  constructor() {
    super('the host is stopping; the invocation was abandoned')
    this.name = 'AbandonedError'
  }
}

export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Milliseconds as .NET prints a TimeSpan, `hh:mm:ss` or `d.hh:mm:ss`; parts of seconds are cut. */
export function toTimeSpan(durationMs: number): string {
  const secondsTotal = Math.floor(durationMs / 1000)
  const days = Math.floor(secondsTotal / 86_400)
  const parts = [Math.floor(secondsTotal / 3600) % 24, Math.floor(secondsTotal / 60) % 60]
  const clock = [...parts, secondsTotal % 60].map((part) => String(part).padStart(2, '0')).join(':')
  return days > 0 ? `${days}.${clock}` : clock
}
