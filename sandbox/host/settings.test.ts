import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, test } from 'node:test'
import { parseTimeSpan, readEnvironment, readSettings, resolveSettingNames } from './settings.ts'

const folders: string[] = []

function appWith(files: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'settings-'))
  folders.push(folder)
  for (const [name, value] of Object.entries(files)) {
    writeFileSync(join(folder, name), JSON.stringify(value))
  }
  return folder
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

test('host.json is read, and what has no effect is named', () => {
  const durableTask = {
    hubName: 'H',
    maxConcurrentActivityFunctions: 3,
    tracing: { version: 'V2' },
  }
  const app = appWith({
    'host.json': {
      version: '2.0',
      functionTimeout: '00:10:00',
      extensions: { durableTask, http: { routePrefix: '' } },
    },
  })
  const { settings, unused } = readSettings(app, {})
  assert.equal(settings.functionTimeoutMs, 600_000)
  assert.equal(settings.maxConcurrentActivityFunctions, 3)
  assert.equal(settings.routePrefix, '')
  assert.deepEqual(unused, ['extensions.durableTask.tracing.version'])
})

test('a visibility timeout outside 1 to 60 minutes stops the start', () => {
  const storageProvider = { workItemQueueVisibilityTimeout: '00:00:30' }
  const app = appWith({ 'host.json': { extensions: { durableTask: { storageProvider } } } })
  assert.throws(() => readSettings(app, {}), /must be between 1 and 60 minutes/)
})

test('local.settings.json fills gaps and replaces nothing', () => {
  const app = appWith({ 'local.settings.json': { Values: { A: 'file', B: 'file' } } })
  assert.deepEqual(readEnvironment(app, { A: 'caller', C: undefined }), { A: 'caller', B: 'file' })
})

test('%NAME% is replaced; an unset name is an error', () => {
  assert.equal(resolveSettingNames('a-%X%-b', { X: '1' }), 'a-1-b')
  assert.throws(() => resolveSettingNames('%Y%', {}), { code: 'bad-setting' })
})

test('TimeSpans', () => {
  assert.equal(parseTimeSpan('1.02:03:04.5'), ((26 * 60 + 3) * 60 + 4.5) * 1000)
  assert.equal(parseTimeSpan('00:05'), 300_000)
  assert.equal(parseTimeSpan('5 minutes'), undefined)
})
