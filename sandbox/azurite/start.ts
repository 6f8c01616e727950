/**
 * Azurite (Microsoft's storage emulator) as a child process: blobs, queues and tables.
 *
 * Ports are free ones unless given. Azurite is never killed hard: it saves at most every five
 * seconds, so a SIGKILL loses acknowledged writes. It runs in a process group of its own, so
 * that Ctrl-C reaches only its parent, and it ends by itself when the parent is gone. What it
 * does not have (immutability, versions, rights) is in the storage simulator, not here.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** Longer than the slowest start that was seen on a busy machine. */
const START_TIMEOUT_MS = 30_000
/** Azurite's documented, public account; the same in every emulator in the world. */
const ACCOUNT = 'devstoreaccount1'
const ACCOUNT_KEY =
  'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='

const SERVICES = ['Blob', 'Queue', 'Table'] as const
type Service = (typeof SERVICES)[number]

export interface AzuriteOptions {
  /** Keeps the data in this folder, made where it is missing. Absent: everything in memory. */
  dataDir?: string
  /** Says so explicitly; excludes `dataDir`. */
  inMemory?: true
  /** 0 or absent: a free port. */
  ports?: { blob?: number; queue?: number; table?: number }
}

export interface Azurite {
  /** Endpoints with the account name, without a slash at the end. */
  blobUrl: string
  queueUrl: string
  tableUrl: string
  connectionString: string
  pid: number
  /** Saves and ends it; resolves when the process is gone. Idempotent. */
  stop(): Promise<void>
}

/** Resolves when all three services listen; rejects with what Azurite said if it ends instead. */
export async function startAzurite(options: AzuriteOptions = {}): Promise<Azurite> {
  if (options.inMemory === true && options.dataDir !== undefined) {
    throw new TypeError('Azurite runs either in memory or with a data folder, not both.')
  }
  const child = spawnAzurite(options)
  const exited = once(child, 'exit')
  const stop = async () => {
    if (child.connected) child.disconnect()
    await exited
  }
  try {
    return { ...(await listening(child)), pid: child.pid ?? 0, stop }
  } catch (cause) {
    await stop()
    throw cause
  }
}

function spawnAzurite(options: AzuriteOptions): ChildProcess {
  const { blob = 0, queue = 0, table = 0 } = options.ports ?? {}
  if (options.dataDir !== undefined) mkdirSync(options.dataDir, { recursive: true })
  const place =
    options.dataDir === undefined ? ['--inMemoryPersistence'] : ['--location', options.dataDir]
  const ports = ['--blobPort', blob, '--queuePort', queue, '--tablePort', table].map(String)
  const main = createRequire(import.meta.url).resolve('azurite/dist/src/azurite.js')
  return fork(main, ['--silent', '--disableTelemetry', ...place, ...ports], {
    cwd: options.dataDir ?? tmpdir(),
    detached: true,
    execArgv: ['--import', new URL('./end-with-parent.ts', import.meta.url).href],
    // A debugger or coverage switch of the parent is not meant for Azurite.
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
}

type Endpoints = Pick<Azurite, 'blobUrl' | 'queueUrl' | 'tableUrl' | 'connectionString'>

/** Reads the addresses that Azurite prints; after that its output is drained and dropped. */
async function listening(child: ChildProcess): Promise<Endpoints> {
  const said: string[] = []
  const found = new Map<Service, string>()
  const timer = setTimeout(() => child.disconnect(), START_TIMEOUT_MS)
  const { stdout, stderr } = child
  if (stdout === null || stderr === null) throw new TypeError('Azurite was started without pipes.')
  stderr.setEncoding('utf8').on('data', (text: string) => said.push(text))
  try {
    for await (const line of createInterface({ input: stdout })) {
      said.push(line)
      const match = /^Azurite (\w+) service is successfully listening at (\S+)$/.exec(line)
      const service = SERVICES.find((name) => name === match?.[1])
      if (service !== undefined && match?.[2] !== undefined) found.set(service, match[2])
      if (found.size === SERVICES.length) break
    }
  } finally {
    clearTimeout(timer)
    stdout.resume()
    stderr.removeAllListeners('data').resume()
  }
  return endpoints(found, said)
}

function endpoints(found: ReadonlyMap<Service, string>, said: readonly string[]): Endpoints {
  const [blob, queue, table] = SERVICES.map((name) => found.get(name))
  if (blob === undefined || queue === undefined || table === undefined) {
    throw new Error(`Azurite did not start: ${said.join(' ').slice(-2000)}`)
  }
  const url = (address: string) => `${address}/${ACCOUNT}`
  const connectionString = [
    'DefaultEndpointsProtocol=http',
    `AccountName=${ACCOUNT}`,
    `AccountKey=${ACCOUNT_KEY}`,
    `BlobEndpoint=${url(blob)}`,
    `QueueEndpoint=${url(queue)}`,
    `TableEndpoint=${url(table)}`,
  ].join(';')
  return { blobUrl: url(blob), queueUrl: url(queue), tableUrl: url(table), connectionString }
}

/** `node sandbox/azurite/start.ts [folder]` keeps one running until Ctrl-C. */
if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const dataDir = process.argv[2]
  const azurite = await startAzurite(dataDir === undefined ? {} : { dataDir })
  console.log(azurite.connectionString)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      azurite.stop().then(
        () => process.exit(0),
        () => process.exit(1),
      )
    })
  }
}
