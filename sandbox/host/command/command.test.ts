/** The command: what it reads, what it shows, and the app folder that it starts. */
import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { galleryDir, HostProcess, until } from '../testing/harness.ts'
import { readArguments, stateFileOf } from './arguments.ts'
import { logText, startText } from './terminal.ts'

test('without arguments it takes this folder and the defaults of the extension', () => {
  assert.deepEqual(readArguments([]), {
    appDir: process.cwd(),
    port: undefined,
    stateFile: undefined,
    profile: 'azure-storage',
    keys: true,
    explain: false,
    faults: [],
    json: false,
    help: false,
  })
})

test('wrong arguments are refused with what would be right', () => {
  assert.throws(() => readArguments(['--port', '70000']), /0 to 65535/)
  assert.throws(() => readArguments(['--profile', 'x']), /azure-storage, dts, consumption/)
  assert.throws(() => readArguments(['--what']), /Unknown option '--what'/)
})

test('switches of the environment come after those of the command line', () => {
  const given = readArguments(['--fault', 'a:1', '--fault', 'b:2'], 'c:3,d:4')
  assert.deepEqual(given.faults, ['a:1', 'b:2', 'c:3', 'd:4'])
})

test('the default state file lies below the app and out of its repository', () => {
  const folder = mkdtempSync(join(tmpdir(), 'command-'))
  const given = readArguments(['--app', folder])
  assert.throws(() => stateFileOf(given), /is no function app of Node: it has no host.json/)
  assert.deepEqual(readdirSync(folder), [])
  for (const name of ['host.json', 'package.json']) writeFileSync(join(folder, name), '{}')
  assert.equal(stateFileOf(given), join(folder, '.holdfast-host', 'state.db'))
  assert.equal(readFileSync(join(folder, '.holdfast-host', '.gitignore'), 'utf8'), '*\n')
  rmSync(folder, { recursive: true })
})

test('people read the functions with their addresses and where to look', () => {
  const text = startText({
    url: 'http://127.0.0.1:7071',
    functions: [
      {
        name: 'list',
        trigger: 'httpTrigger',
        http: { methods: ['GET'], path: '/api/items/{id:int}', authLevel: 'function' },
      },
      { name: 'nightly', trigger: 'timerTrigger', schedule: '0 0 2 * * *' },
      { name: 'chain', trigger: 'orchestrationTrigger' },
      { name: 'fan', trigger: 'orchestrationTrigger' },
    ],
    stateFile: '/app/state.db',
    profile: 'consumption',
    masterKey: 'secret',
  })
  assert.equal(
    text,
    `
HTTP
  list  GET  http://127.0.0.1:7071/api/items/{id:int}  needs the function key

Timers
  nightly  0 0 2 * * *

Orchestrations
  chain, fan

  Status page  http://127.0.0.1:7071/admin/durable
  State        /app/state.db
  Profile      consumption
  Master key   secret

Ctrl-C stops the host.
`,
  )
})

test('a line of the log for people names its level where it matters, and its function', () => {
  const base = { atMs: new Date(2026, 0, 1, 9, 5, 7).getTime(), category: 'host' } as const
  assert.equal(logText({ ...base, level: 'information', text: 'ready' }), '09:05:07 ready')
  const warning = { ...base, level: 'warning', text: 'slow', functionName: 'list' } as const
  assert.equal(logText(warning), '09:05:07 warning: [list] slow')
})

/** The files that the README shows under their names. */
function exampleFiles(): Map<string, string> {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const blocks = readme.matchAll(/^`([\w./]+)`\n\n```\w+\n(.*?)^```$/gms)
  return new Map([...blocks].map(([, name = '', text = '']) => [name, text]))
}

test('the app of the README runs as it stands there, without further arguments', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'command-'))
  t.after(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'src'))
  symlinkSync(
    fileURLToPath(new URL('../../../node_modules', import.meta.url)),
    join(folder, 'node_modules'),
  )
  const files = exampleFiles()
  assert.deepEqual([...files.keys()], ['package.json', 'host.json', 'src/greet.js'])
  for (const [name, text] of files) writeFileSync(join(folder, name), text)
  const env = { ...process.env, 'host.function.default': 'own-key' }
  const host = new HostProcess(['--app', folder, '--port', '0'], env)
  t.after(() => host.stop('SIGKILL'))
  await until(() => host.ready[0], 'the host to be ready')
  const start = `${host.url}/api/start`
  const body = '["Ada","Grace"]'
  assert.equal((await fetch(start, { method: 'POST', body })).status, 401)
  const started = await fetch(`${start}?code=own-key`, { method: 'POST', body })
  const { statusQueryGetUri } = (await started.json()) as { statusQueryGetUri: string }
  const output = await until(async () => {
    const status = (await (await fetch(statusQueryGetUri)).json()) as { output: unknown }
    return status.output ?? undefined
  }, 'the greetings')
  assert.deepEqual(output, ['Hello Ada', 'Hello Grace'])
  assert.ok(readdirSync(join(folder, '.holdfast-host')).includes('state.db'))
})

test('what is no function app is refused before anything is written', async () => {
  const host = new HostProcess(['--app', join(galleryDir, '..')], process.env)
  assert.equal((await host.exit()).code, 1)
  assert.match(host.errors.join(), /is no function app of Node/)
})
