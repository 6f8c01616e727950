/**
 * The embedded Azure Functions host: runs an unmodified function app on one machine.
 *
 * What it does and does not do stands in README.md. Others import only this file.
 */
import { RunningHost } from './host.ts'
import { type LogLine, type LogSink, logToStderr } from './log.ts'
import type { ProfileName } from './profiles.ts'
import type { HostSettings } from './settings.ts'
import type { FunctionSummary } from './summaries.ts'

export { HostError, type HostErrorCode } from './errors.ts'
export { type FaultName, faultNames } from './faults.ts'
export type { LogCategory, LogLevel, LogLine, LogSink } from './log.ts'
export { type ProfileName, profileNames } from './profiles.ts'
export type { HostSettings, QueueSettings } from './settings.ts'
export type { FunctionSummary } from './summaries.ts'

export interface HostOptions {
  /** Folder with the app's package.json and host.json. */
  readonly appDir: string
  /** 0 takes a free port. Only 127.0.0.1 is bound. */
  readonly port: number
  /** SQLite file with all durable state; created when missing, used by one host at a time. */
  readonly stateFile: string
  /** The app's whole environment; the default is this process's own. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Default: warnings and worse go to standard error. */
  readonly log?: LogSink
  /** Fault switches, e.g. `worker-kill-in-episode:2@backupRun`. */
  readonly faults?: readonly string[]
  /** Defaults of a plan or backend, over which host.json wins; the default is azure-storage. */
  readonly profile?: ProfileName
  /** Replaces what host.json says. */
  readonly settings?: Partial<HostSettings>
  /** Called with the new pid whenever the worker was replaced. */
  readonly onWorkerReplaced?: (pid: number) => void
}

export interface Host {
  readonly url: string
  readonly port: number
  readonly functions: readonly FunctionSummary[]
  /** Opens every function and the durable webhooks; kept in the state file. */
  readonly masterKey: string
  /** undefined while a new worker is being started. */
  workerPid(): number | undefined
  /** Drains up to `drainMs`, then ends the worker; what was abandoned runs again next time. */
  stop(): Promise<void>
  /** Resolves with the exit code once the host has ended: 0, or 1 after too many worker deaths. */
  readonly exited: Promise<number>
}

/** Resolves when the app is loaded and served; rejects with a HostError otherwise. */
export async function startHost(options: HostOptions): Promise<Host> {
  const host = new RunningHost({
    appDir: options.appDir,
    port: options.port,
    stateFile: options.stateFile,
    env: options.env ?? process.env,
    log: options.log ?? logWarnings,
    faults: options.faults ?? [],
    profile: options.profile ?? 'azure-storage',
    settings: options.settings ?? {},
    onWorkerReplaced: options.onWorkerReplaced ?? (() => undefined),
  })
  await host.start()
  return {
    url: host.url,
    port: host.port,
    functions: host.functions,
    masterKey: host.masterKey,
    workerPid: () => host.workerPid,
    stop: () => host.stop(),
    exited: host.exited,
  }
}

function logWarnings(line: LogLine): void {
  if (line.level === 'warning' || line.level === 'error' || line.level === 'critical') {
    logToStderr(line)
  }
}
