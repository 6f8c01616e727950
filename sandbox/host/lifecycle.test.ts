/** Starting and stopping an embedded host: what is refused, what is drained, what is said. */
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, test } from 'node:test'
import { type HostOptions, type LogLine, startHost } from './index.ts'
import {
  callClient,
  type EmbeddedGallery,
  finished,
  isAlive,
  start,
  startGallery,
  statusOf,
  until,
  Workspace,
} from './testing/harness.ts'

let workspace: Workspace
const launched: EmbeddedGallery[] = []

async function launch(options: Partial<HostOptions>, own: Workspace): Promise<EmbeddedGallery> {
  const gallery = await startGallery(options, own)
  launched.push(gallery)
  return gallery
}

beforeEach(() => {
  workspace = new Workspace()
})
afterEach(async () => {
  // A test that failed half-way has not stopped its host; stopping twice does nothing.
  for (const { host } of launched.splice(0)) await host.stop()
  workspace.remove()
})

/** An app of a few lines, outside the repository: it has no packages, only what it registers. */
function writeApp(code: string, extra: Readonly<Record<string, string>> = {}): string {
  const folder = join(workspace.folder, 'app')
  mkdirSync(folder)
  const manifest = { name: 'tiny', type: 'module', main: 'app.js' }
  const files = { 'package.json': JSON.stringify(manifest), 'app.js': code, ...extra }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  return folder
}

/** Imports the repository's own package from wherever the app lies. */
function importing(name: string): string {
  return JSON.stringify(import.meta.resolve(name))
}

async function startError(appDir: string, logs: LogLine[] = []): Promise<unknown> {
  const { stateFile } = workspace
  const log = (line: LogLine): number => logs.push(line)
  return await startHost({ appDir, port: 0, stateFile, log, env: workspace.env() }).then(
    async (host) => {
      await host.stop()
      return undefined
    },
    (error: unknown) => error,
  )
}

function hasCode(error: unknown, code: string, text: RegExp): void {
  assert.ok(error instanceof Error, 'the start was expected to fail')
  assert.equal('code' in error ? error.code : undefined, code)
  assert.match(error.message, text)
}

test('an app that throws while it is loaded is refused with its stack', async () => {
  hasCode(await startError(writeApp('throw new Error("broken app")')), 'app-load', /broken app/)
})

test('an app without a matching entry file is refused', async () => {
  const manifest = '{ "main": "dist/*.js" }'
  const error = await startError(writeApp('', { 'package.json': manifest }))
  hasCode(error, 'app-load', /zero files matching the supplied pattern "dist\/\*\.js"/)
})

test('bindings that are not served are refused at the start', async () => {
  const blob = await startError(
    writeApp(`import { app } from ${importing('@azure/functions')}
    app.storageBlob('b', { path: 'x/{name}', connection: 'X', handler: () => {} })`),
  )
  hasCode(blob, 'unsupported', /function "b" has a blobTrigger binding/)
})

test('a route of the host and a route of another function are refused at the start', async () => {
  const functions = `import { app } from ${importing('@azure/functions')};`
  const reserved = writeApp(`${functions}
    app.http('a', { route: 'administration', handler: () => ({}) })`)
  hasCode(await startError(reserved), 'bad-setting', /"a" conflicts with one or more built in/)
  workspace.remove()
  workspace = new Workspace()
  const twice = writeApp(`${functions}
    app.http('a', { route: 'x', methods: ['GET'], handler: () => ({}) })
    app.http('b', { route: 'X', methods: ['PUT'], handler: () => ({}) })
    app.http('c', { route: 'x', handler: () => ({}) })`)
  hasCode(await startError(twice), 'bad-setting', /"c" conflicts .* defined by function "a"/)
})

test('what host.json sets in vain is named at the start', async () => {
  const logs: LogLine[] = []
  const hostJson = '{ "version": "2.0", "watchDirs": ["x"], "logging": { "a": 1 } }'
  assert.equal(await startError(writeApp('', { 'host.json': hostJson }), logs), undefined)
  assert.deepEqual(
    logs.filter(({ category }) => category === 'host').map(({ text }) => text),
    ['host.json: watchDirs is unknown: it has no effect in any host'],
  )
})

test('stop waits for running activities, and ends the worker', async () => {
  const { host, url } = await launch({}, workspace)
  await start(url, 'calls', 'drained', { name: 'slow', input: { ms: 300, name: 'x' } })
  await until(() => workspace.count('slow begins x') || undefined, 'the activity')
  const pid = host.workerPid() ?? 0
  await host.stop()
  assert.equal(await host.exited, 0)
  assert.equal(workspace.count('slow ends x'), 1)
  assert.equal(isAlive(pid), false)
})

test('what stop abandons runs again at the next start', async () => {
  const first = await launch({ settings: { drainMs: 0 } }, workspace)
  const call = { name: 'slow', input: { ms: 400, name: 'y' } }
  await start(first.url, 'calls', 'abandoned', call)
  await until(() => workspace.count('slow begins y') || undefined, 'the activity')
  await first.host.stop()
  const second = await launch({}, workspace)
  assert.equal((await finished(second.url, 'abandoned')).output, 'slept')
  assert.equal(workspace.count('slow begins y'), 2)
  await second.host.stop()
})

test('the host ends after so many worker deaths only when it is told to', async () => {
  const { host, url } = await launch({ settings: { workerDeathsMax: 1 } }, workspace)
  await start(url, 'calls', 'deadly', { name: 'exit', input: { code: 3 } })
  assert.equal(await host.exited, 1)
})

test('a state file keeps its instances for the next host', async () => {
  const first = await launch({}, workspace)
  await start(first.url, 'chain', 'kept')
  await finished(first.url, 'kept')
  await first.host.stop()
  const second = await launch({}, workspace)
  assert.equal((await statusOf(second.url, 'kept')).runtimeStatus, 'Completed')
  await second.host.stop()
})

/** Raises more events than one episode takes to an instance that holds them back. */
async function holdBack(url: string, id: string, count: number): Promise<void> {
  await start(url, 'counts', id, { count })
  await callClient(url, 'suspend', id, 'hold')
  for (let index = 0; index < count; index++) {
    await callClient(url, 'raiseEvent', id, 'item', index)
  }
}

test('a resume is found behind more held messages than one episode takes', async () => {
  const { host, url } = await launch({}, workspace)
  await holdBack(url, 'held', 260)
  await callClient(url, 'resume', 'held', 'go on')
  assert.equal((await finished(url, 'held')).output, 260)
  await host.stop()
})

test('a backlog of more messages than one episode takes is worked off after a restart', async () => {
  const first = await launch({}, workspace)
  await holdBack(first.url, 'backlog', 260)
  await first.host.stop()
  const state = new DatabaseSync(workspace.stateFile)
  state.exec("UPDATE instances SET suspended = 0, status = 'Running'")
  state.close()
  const second = await launch({}, workspace)
  assert.equal((await finished(second.url, 'backlog')).output, 260)
  await second.host.stop()
})
