import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { createControlClient } from './index.ts'

const MAIN = new URL('main.ts', import.meta.url).pathname
const SEED = ['--seed', '1', '--users', '2', '--messages', '5']

interface Started {
  readonly child: ChildProcess
  readonly url: string
  readonly controlUrl: string
}

async function start(t: TestContext, args: readonly string[]): Promise<Started> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.after(() => child.kill('SIGKILL'))
  const [line] = await once(child.stdout, 'data')
  return { child, ...JSON.parse(String(line)) }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  child.kill(signal)
  const [code] = await once(child, 'exit')
  return code
}

test('state survives a clean stop and a kill', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tenant-main-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const args = ['--state', join(folder, 'tenant.db'), ...SEED]
  const first = await start(t, args)
  const control = createControlClient(first.controlUrl)
  const [user] = (await control.users({})).users
  const { id } = await control.deliver({ user: user?.id ?? '', subject: 'kept' })
  assert.equal(await end(first.child, 'SIGKILL'), null)
  const second = await start(t, args)
  const again = createControlClient(second.controlUrl)
  const { messages } = await again.messages({ user: user?.id ?? '', folder: 'inbox' })
  assert.ok(messages.some((message) => message.id === id))
  assert.equal(await end(second.child, 'SIGTERM'), 0)
})

test('a port in use is named and ends with code 2', async (t) => {
  const blocker = createServer().listen(0, '127.0.0.1')
  await once(blocker, 'listening')
  t.after(() => blocker.close())
  const address = blocker.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const child = spawn(process.execPath, [MAIN, '--port', String(port)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const said: Buffer[] = []
  child.stderr.on('data', (chunk: Buffer) => said.push(chunk))
  const [code] = await once(child, 'close')
  assert.equal(code, 2)
  assert.match(Buffer.concat(said).toString(), new RegExp(`port ${port} is in use`))
})
