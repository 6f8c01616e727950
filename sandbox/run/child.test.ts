import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { startChild } from './child.ts'
import { isGone } from './testing/children.ts'
import { Trouble } from './trouble.ts'

const folder = await mkdtemp(join(tmpdir(), 'holdfast-child-'))
after(() => rm(folder, { recursive: true, force: true }))

const logFile = join(folder, 'child.log')
const options = (behaviour: string) => ({
  title: 'The child',
  script: new URL('./testing/obedient.ts', import.meta.url),
  args: [behaviour],
  env: process.env,
  logFile,
})

test('a child is ready with its first JSON line, tells more lines, and ends when asked', async () => {
  const told = Promise.withResolvers<unknown>()
  const child = await startChild({ ...options('ready'), onLine: told.resolve })
  assert.deepEqual(child.ready, { ready: true, pid: child.pid })
  assert.deepEqual(await told.promise, { workerPid: 7 })
  await child.stop()
  assert.equal(await child.exited, 3, 'it ended by itself, on SIGTERM')
  await child.stop()
})

test('a child that does not start is told with its own last words', async () => {
  const failed = startChild(options('fails'))
  await assert.rejects(failed, (error) => {
    assert.ok(error instanceof Trouble)
    assert.match(error.message, /The child did not start: .*\n {2}the state is broken$/)
    return error.exitCode === 1
  })
  assert.match(await readFile(logFile, 'utf8'), /the state is broken/)
})

test('a child that finds its port taken gives exit code 2', async () => {
  await assert.rejects(startChild(options('port')), { exitCode: 2 })
})

test('a child ends in good order when its parent is killed', async () => {
  const script = new URL('./child.ts', import.meta.url).href
  const given = JSON.stringify({ ...options('ready'), env: {}, script: undefined })
  const source = `const { startChild } = await import(${JSON.stringify(script)})
    const script = new URL(${JSON.stringify(options('ready').script.href)})
    const child = await startChild({ ...${given}, script })
    process.send(child.pid)`
  const parent = fork('-', [], { execArgv: ['--input-type=module', '-e', source] })
  const [pid] = (await once(parent, 'message')) as [number]
  parent.kill('SIGKILL')
  assert.ok(await isGone(pid, 5_000))
})
