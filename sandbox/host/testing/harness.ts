/**
 * Test helper: runs the gallery app in an embedded host or in a host process of its own.
 *
 * Orchestrations are driven through the app's own `client` function, so that every test goes the
 * whole way: HTTP, worker, SDK, RPC listener, engine, store.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Host, type HostOptions, type LogLine, startHost } from '../index.ts'

export const galleryDir = fileURLToPath(new URL('./apps/gallery', import.meta.url))
const mainFile = fileURLToPath(new URL('../main.ts', import.meta.url))
const waitMsMax = 15_000
const stepMs = 20

export interface Status {
  readonly instanceId: string
  readonly name: string
  readonly runtimeStatus: string
  readonly input: unknown
  readonly output: unknown
  readonly customStatus: unknown
}

/** What the SDK's client answered. */
export interface ClientAnswer {
  readonly value?: unknown
  readonly error?: string
}

/** A folder of one test: state file, effects file, removed by `remove`. */
export class Workspace {
  readonly folder = mkdtempSync(join(tmpdir(), 'embedded-host-'))
  readonly stateFile = join(this.folder, 'state.db')
  readonly effectsFile = join(this.folder, 'effects.txt')

  env(extra: Readonly<Record<string, string>> = {}): Record<string, string | undefined> {
    const own = { EFFECTS_FILE: this.effectsFile, TIMER_SCHEDULE: '0 0 0 1 1 *' }
    return { ...process.env, ...own, ...extra }
  }

  /** The lines that the app's activities and triggers wrote. */
  effects(): string[] {
    if (!existsSync(this.effectsFile)) return []
    return readFileSync(this.effectsFile, 'utf8').split('\n').filter(Boolean)
  }

  count(effect: string): number {
    return this.effects().filter((line) => line === effect).length
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Calls the SDK's client inside the app. */
export async function callClient(
  url: string,
  method: string,
  ...args: readonly unknown[]
): Promise<ClientAnswer> {
  const body = JSON.stringify({ method, args })
  const response = await fetch(`${url}/api/client`, { method: 'POST', body })
  if (response.status !== 200) throw new Error(`the client function answered ${response.status}`)
  return (await response.json()) as ClientAnswer
}

export async function start(url: string, name: string, id: string, input?: unknown): Promise<void> {
  const options = { instanceId: id, ...(input === undefined ? {} : { input }) }
  const answer = await callClient(url, 'startNew', name, options)
  if (answer.error !== undefined) throw new Error(answer.error)
}

export async function statusOf(url: string, id: string): Promise<Status> {
  const { value, error } = await callClient(url, 'getStatus', id)
  if (error !== undefined) throw new Error(error)
  return value as Status
}

/**
 * Waits for a status that is not open any more. Asks the host, not the app, because the app's
 * worker may be the thing that was killed; only then the app's client for the whole status.
 */
export async function finished(url: string, id: string): Promise<Status> {
  await until(async () => {
    const response = await fetch(`${url}/admin/instances`)
    const instances = (await response.json()) as { id: string; status: string }[]
    const status = instances.find((instance) => instance.id === id)?.status ?? 'Pending'
    return ['Pending', 'Running', 'Suspended'].includes(status) ? undefined : status
  }, `${id} to finish`)
  await until(async () => {
    const response = await fetch(`${url}/admin/host/status`)
    return ((await response.json()) as { workerReady: boolean }).workerReady || undefined
  }, 'a worker')
  return await statusOf(url, id)
}

/** Asks again and again until there is an answer; fails loudly after 15 s. */
export async function until<T>(
  ask: () => T | undefined | Promise<T | undefined>,
  what: string,
): Promise<T> {
  const endMs = Date.now() + waitMsMax
  while (Date.now() < endMs) {
    const answer = await ask()
    if (answer !== undefined) return answer
    await sleep(stepMs)
  }
  throw new Error(`waited ${waitMsMax} ms for ${what}`)
}

/** Starts an orchestration and waits for its end. */
export async function runToEnd(
  url: string,
  name: string,
  id: string,
  input?: unknown,
): Promise<Status> {
  await start(url, name, id, input)
  return await finished(url, id)
}

export interface EmbeddedGallery {
  readonly host: Host
  readonly url: string
  readonly logs: LogLine[]
  readonly workspace: Workspace
}

/** The gallery in a host inside the test's own process; `stop` it, then remove its workspace. */
export async function startGallery(
  options: Partial<HostOptions> = {},
  workspace: Workspace = new Workspace(),
): Promise<EmbeddedGallery> {
  const logs: LogLine[] = []
  const host = await startHost({
    appDir: galleryDir,
    port: 0,
    stateFile: workspace.stateFile,
    env: workspace.env(),
    log: (line) => logs.push(line),
    ...options,
  })
  return { host, url: host.url, logs, workspace }
}

export interface ReadyLine {
  readonly url: string
  readonly pid: number
  readonly workerPid: number
}

/** A host in a process of its own, which a test may kill. */
export class HostProcess {
  readonly child: ChildProcess
  readonly ready: ReadyLine[] = []
  readonly errors: string[] = []

  constructor(args: readonly string[], env: Readonly<Record<string, string | undefined>>) {
    this.child = spawn(process.execPath, [mainFile, ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const { stdout, stderr } = this.child
    if (stdout !== null) {
      createInterface({ input: stdout }).on('line', (line) => {
        this.ready.push(JSON.parse(line) as ReadyLine)
      })
    }
    if (stderr !== null) {
      createInterface({ input: stderr }).on('line', (line) => this.errors.push(line))
    }
  }

  static async gallery(
    workspace: Workspace,
    options: {
      readonly faults?: readonly string[]
      readonly env?: Readonly<Record<string, string>>
    } = {},
  ): Promise<HostProcess> {
    const faults = (options.faults ?? []).flatMap((fault) => ['--fault', fault])
    const args = ['--app', galleryDir, '--port', '0', '--state', workspace.stateFile, ...faults]
    const host = new HostProcess(args, workspace.env(options.env))
    await host.started()
    return host
  }

  /** Resolves when it is ready; one that is not in time is ended, so that nothing is left of it. */
  async started(): Promise<void> {
    try {
      await until(() => this.ready[0], 'the host to be ready')
    } catch (error) {
      await this.stop('SIGKILL')
      throw error
    }
  }

  get url(): string {
    return this.ready.at(-1)?.url ?? ''
  }

  async exit(): Promise<{ code: number | null; signal: string | null }> {
    const { child } = this
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    return { code: child.exitCode, signal: child.signalCode }
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    this.child.kill(signal)
    await this.exit()
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    // ESRCH: there is no such process; nothing else can happen with signal 0 on our own child.
    return false
  }
}
