/**
 * Brings up what stands in for Azure and Microsoft 365: the simulated tenant, Azurite, and the
 * embedded host with the app, each a process of its own; all talk HTTP on loopback.
 *
 * Invariants: the app gets every setting from here and none from the caller's environment, so
 * that a shell prepared for a real tenant can never make the sandbox touch it; stopping ends the
 * host first and Azurite last, because each needs the ones after it to finish in order.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Azurite, startAzurite } from '../azurite/start.ts'
import {
  BACKUP_CLIENT_ID,
  type ControlClient,
  createControlClient,
  DEFAULT_IDENTITY_HEADER,
  RESTORE_CLIENT_ID,
  TENANT_ID,
} from '../tenant/index.ts'
import { type Child, startChild } from './child.ts'
import type { DataDir } from './data-dir.ts'
import { checkPorts, FREE_PORTS, type Ports } from './ports.ts'
import { Trouble } from './trouble.ts'

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url))
/** Of other tools and of real deployments; what the app may see is set below. */
const FOREIGN =
  /^(HOLDFAST_|AZURE_|IDENTITY_|MSI_|AzureWebJobs|FUNCTIONS_|WEBSITE_|languageWorkers|NODE_OPTIONS$)/
/**
 * V8 sizes its young generation by the machine; a worker is a small one, and objects here die
 * young. The old generation keeps its own limit: too small a one kills the worker.
 */
const WORKER_ARGUMENTS = '--max-semi-space-size=4 --optimize-for-size'

export interface TenantSeed {
  seed: number
  /** Mailboxes. */
  users: number
  /** In each mailbox. */
  messages: number
  bodyBytes?: number
  /** Files in each OneDrive and library; absent: there are none. */
  files?: number
  /** In each of them; absent: one for ten files. */
  folders?: number
  /** Sites with a library each, beside the OneDrives. */
  sites?: number
  /** Everything that a backup of files stumbles over. */
  oddFiles?: boolean
}

export interface StackOptions {
  dir: DataDir
  /** Absent: free ones. */
  ports?: Ports
  /** HOLDFAST_ settings beside those that name the other processes. */
  settings?: Readonly<Record<string, string>>
  /** Fills a tenant that is empty; one that has people keeps what it has. */
  seed?: TenantSeed
  importDir?: string
  azuriteInMemory?: boolean
  /** Fault switches of the host, such as `worker-kill-in-episode:2`. */
  faults?: readonly string[]
  /** Told what is being started, for people. */
  log?: (text: string) => void
}

export interface Stack {
  /** Base address of the API, without a slash at the end. */
  apiUrl: string
  tenantUrl: string
  controlUrl: string
  tenantId: string
  control: ControlClient
  azurite: Azurite
  /** Files that the tenant's import refused, where there was an import. */
  imported:
    | { imported: number; files: number; refused: { file: string; reason: string }[] }
    | undefined
  hostPid: number
  /** Pids of all workers so far; the last one is the present one. */
  workerPids: readonly number[]
  /** Resolves with the title of the first child that ends without being asked to. */
  brokenBy: Promise<string>
  /** Host, tenant, Azurite, in this order. Idempotent. */
  stop(): Promise<void>
}

/** Starts everything; what was started is stopped again where a later part fails. */
export async function startStack(options: StackOptions): Promise<Stack> {
  const log = options.log ?? (() => undefined)
  const ports = options.ports ?? FREE_PORTS
  const running: { stop(): Promise<void> }[] = []
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= stopAll(running)
    return stopped
  }
  try {
    await checkPorts(ports)
    log('starting Azurite')
    const azurite = await startAzuriteFor(options, ports)
    running.unshift(azurite)
    log('starting the simulated tenant')
    const tenant = await startTenantFor(options, ports)
    running.unshift(tenant)
    log('starting the host')
    const workerPids: number[] = []
    const host = await startHostFor(options, { ports, azurite, tenant, workerPids })
    running.unshift(host)
    return describe({ host, tenant, azurite, workerPids, isStopped: () => stopped, stop })
  } catch (error) {
    await stop()
    throw error
  }
}

/** The first failure is thrown after everything had its turn. */
async function stopAll(running: readonly { stop(): Promise<void> }[]): Promise<void> {
  const failures: unknown[] = []
  for (const part of running) {
    try {
      await part.stop()
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'A part of the sandbox did not stop.')
}

async function startAzuriteFor(options: StackOptions, ports: Ports): Promise<Azurite> {
  const { blob, queue, table } = ports
  const place = options.azuriteInMemory
    ? ({ inMemory: true } as const)
    : { dataDir: options.dir.azurite }
  try {
    return await startAzurite({ ...place, ports: { blob, queue, table } })
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Trouble(reason, { hint: 'Try again; if it stays so, use --fresh.', cause })
  }
}

function startTenantFor(options: StackOptions, ports: Ports): Promise<Child> {
  const { seed, importDir, dir } = options
  const args = [
    ...['--port', ports.tenant, '--control-port', ports.control],
    ...['--state', dir.tenantState, '--mail-advanced', 'on'],
    ...(importDir === undefined ? [] : ['--import', importDir]),
    ...(seed ? ['--seed', seed.seed, '--users', seed.users, '--messages', seed.messages] : []),
    ...(seed?.bodyBytes === undefined ? [] : ['--body-bytes', seed.bodyBytes]),
    ...(seed?.files === undefined ? [] : ['--files', seed.files, '--sites', seed.sites ?? 0]),
    ...(seed?.folders === undefined ? [] : ['--folders', seed.folders]),
    ...(seed?.oddFiles === true ? ['--odd-files', 'on'] : []),
  ]
  return startChild({
    title: 'The simulated tenant',
    script: new URL('../tenant/main.ts', import.meta.url),
    args: args.map(String),
    env: ownEnvironment(),
    logFile: dir.log('tenant'),
  })
}

interface HostParts {
  ports: Ports
  azurite: Azurite
  tenant: Child
  workerPids: number[]
}

async function startHostFor(options: StackOptions, parts: HostParts): Promise<Child> {
  const { ports, azurite, tenant, workerPids } = parts
  const noteWorker = (line: Readonly<Record<string, unknown>>) => {
    const pid = line['workerPid']
    if (typeof pid === 'number') workerPids.push(pid)
  }
  const faults = (options.faults ?? []).flatMap((fault) => ['--fault', fault])
  const host = await startChild({
    title: 'The host',
    script: new URL('../host/main.ts', import.meta.url),
    args: [
      ...['--app', REPOSITORY, '--port', String(ports.host)],
      ...['--state', options.dir.hostState, ...faults],
    ],
    env: {
      ...ownEnvironment(),
      ...appSettings(options, azurite.connectionString, text(tenant, 'url')),
    },
    logFile: options.dir.log('host'),
    onLine: noteWorker,
  })
  noteWorker(host.ready)
  return host
}

/** The caller's environment without what would name a real deployment. */
export function ownEnvironment(): Record<string, string | undefined> {
  const kept = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name))
  return Object.fromEntries(kept)
}

/** What a deployment's app settings say, for this machine. */
export function appSettings(
  options: Pick<StackOptions, 'dir' | 'settings'>,
  connection: string,
  tenantUrl: string,
): Record<string, string> {
  return {
    FUNCTIONS_WORKER_RUNTIME: 'node',
    // What a deployment sets too: V8 sizes its heap by the machine, and a worker is a small one.
    languageWorkers__node__arguments: WORKER_ARGUMENTS,
    AzureWebJobsStorage: connection,
    IDENTITY_ENDPOINT: `${tenantUrl}/msi/token`,
    IDENTITY_HEADER: DEFAULT_IDENTITY_HEADER,
    HOLDFAST_ROLE: 'all',
    HOLDFAST_TENANT_ID: TENANT_ID,
    HOLDFAST_GRAPH_URL: tenantUrl,
    HOLDFAST_AUTHORITY_URL: tenantUrl,
    HOLDFAST_BACKUP_CLIENT_ID: BACKUP_CLIENT_ID,
    HOLDFAST_RESTORE_CLIENT_ID: RESTORE_CLIENT_ID,
    HOLDFAST_VAULT_CONNECTION: connection,
    HOLDFAST_TABLES_CONNECTION: connection,
    HOLDFAST_QUEUES: connection,
    HOLDFAST_KEY_FILE: options.dir.keys,
    // Azurite has neither versions nor locks.
    HOLDFAST_VERIFY_LOCKS: 'skip',
    ...options.settings,
  }
}

interface StackParts {
  host: Child
  tenant: Child
  azurite: Azurite
  workerPids: readonly number[]
  isStopped: () => Promise<void> | undefined
  stop: () => Promise<void>
}

function describe(parts: StackParts): Stack {
  const { host, tenant, azurite, workerPids, isStopped, stop } = parts
  const controlUrl = text(tenant, 'controlUrl')
  const broken = [host, tenant].map(async (child) => {
    await child.exited
    // Ends that we asked for are nobody's news.
    if (isStopped()) await new Promise<never>(() => undefined)
    return child.title
  })
  return {
    apiUrl: text(host, 'url'),
    tenantUrl: text(tenant, 'url'),
    controlUrl,
    tenantId: TENANT_ID,
    control: createControlClient(controlUrl),
    azurite,
    imported: tenant.ready['imported'] as Stack['imported'],
    hostPid: host.pid,
    workerPids,
    brokenBy: Promise.race(broken),
    stop,
  }
}

function text(child: Child, name: string): string {
  const value = child.ready[name]
  if (typeof value !== 'string') throw new TypeError(`${child.title} did not say its ${name}`)
  return value
}

/** Waits in steps of `stepMs` until `ready` says so. Throws the Trouble after `limitMs`. */
export async function waitUntil(
  ready: () => Promise<boolean>,
  limits: { stepMs: number; limitMs: number; late: () => Trouble },
): Promise<void> {
  const until = Date.now() + limits.limitMs
  while (!(await ready())) {
    if (Date.now() > until) throw limits.late()
    await sleep(limits.stepMs)
  }
}
