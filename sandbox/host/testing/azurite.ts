/** Test helper: Azurite's queue service as a child process, in memory, on a free port. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { connect, createServer } from 'node:net'
import { until } from './harness.ts'

const entry = createRequire(import.meta.url).resolve('azurite/dist/src/queue/main.js')
/** The emulator's published development account; no secret. */
const account = 'devstoreaccount1'
const key =
  'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='

export class Azurite {
  readonly connectionString: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, port: number) {
    this.#child = child
    this.connectionString = [
      'DefaultEndpointsProtocol=http',
      `AccountName=${account}`,
      `AccountKey=${key}`,
      `QueueEndpoint=http://127.0.0.1:${port}/${account}`,
    ].join(';')
  }

  static async start(): Promise<Azurite> {
    const port = await freePort()
    const args = ['--queueHost', '127.0.0.1', '--queuePort', String(port)]
    const child = spawn(
      process.execPath,
      [entry, ...args, '--inMemoryPersistence', '--silent', '--skipApiVersionCheck'],
      { stdio: 'ignore' },
    )
    await until(() => answers(port), 'Azurite')
    return new Azurite(child, port)
  }

  /** Killed: it keeps nothing, and a gentle end waits for every idle connection. */
  async stop(): Promise<void> {
    this.#child.kill('SIGKILL')
    if (this.#child.signalCode === null) await once(this.#child, 'exit')
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  if (typeof address !== 'object' || address === null) throw new Error('no port')
  return address.port
}

async function answers(port: number): Promise<true | undefined> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(undefined))
  })
}
