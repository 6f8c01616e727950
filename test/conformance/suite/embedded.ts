/** The embedded host in a process of its own, with the app of this suite, which may be killed. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { HostUnderTest } from './run.ts'

const APP_DIR = fileURLToPath(new URL('../app', import.meta.url))
const STREAMING_DIR = fileURLToPath(new URL('../app-streaming', import.meta.url))
const MAIN = fileURLToPath(new URL('../../../sandbox/host/main.ts', import.meta.url))
const WAIT_MS = 45_000

export interface EmbeddedHost extends HostUnderTest {
  restart(env?: Readonly<Record<string, string>>): Promise<void>
  /** What it logged, newest last. */
  readonly log: readonly string[]
  stop(): Promise<void>
}

export async function startEmbedded(): Promise<EmbeddedHost> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-conformance-'))
  const log: string[] = []
  const start = (env: Readonly<Record<string, string>> = {}, port = 0) =>
    startProcess({ app: APP_DIR, state: join(folder, 'state.db'), folder, port, env, log })
  let running = await start()
  const other = { app: STREAMING_DIR, state: join(folder, 'streaming.db'), port: 0, env: {} }
  const streaming = await startProcess({ ...other, folder, log })
  const { url } = running
  return {
    url,
    log,
    isEmbedded: true,
    streamingUrl: streaming.url,
    waitMs: WAIT_MS,
    async restart(env) {
      await end(running.child, 'SIGKILL')
      running = await start(env, Number(new URL(url).port))
    },
    async stop() {
      await end(running.child, 'SIGTERM')
      await end(streaming.child, 'SIGTERM')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

interface Start {
  app: string
  state: string
  folder: string
  port: number
  env: Readonly<Record<string, string>>
  log: string[]
}

async function startProcess({ app, state, folder, port, env, log }: Start) {
  const args = ['--app', app, '--port', String(port), '--state', state]
  const own = { CONFORMANCE_EFFECTS: join(folder, 'effects'), ...env }
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: { ...process.env, ...own },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  createInterface({ input: child.stderr }).on('line', (line) => log.push(line))
  const lines = createInterface({ input: child.stdout })
  const ready = once(lines, 'line').then(([line]) => JSON.parse(line) as { url: string })
  const failed = once(child, 'exit').then(() => {
    throw new Error(`the host did not start: ${log.slice(-5).join('\n')}`)
  })
  const { url } = await Promise.race([ready, failed])
  failed.catch(() => undefined)
  return { child, url }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill(signal)
  await exited
}
