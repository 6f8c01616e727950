import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, test } from 'node:test'
import { readLocalSettings } from './local-settings.ts'
import {
  type HostSettings,
  type ReadSettings,
  readEnvironment,
  readSettings,
  resolveSettingNames,
} from './settings.ts'
import { parseTimeSpan } from './time-span.ts'

const folders: string[] = []

function appWith(files: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'settings-'))
  folders.push(folder)
  for (const [name, value] of Object.entries(files)) {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    writeFileSync(join(folder, name), text)
  }
  return folder
}

/** What a host.json means; texts are written as they are. */
function read(
  hostJson: unknown,
  env: Readonly<Record<string, string>> = {},
  profile: Partial<HostSettings> = {},
): ReadSettings {
  const appDir = appWith({ 'host.json': hostJson })
  return readSettings({ appDir, env, profile, overrides: {} })
}

function durable(durableTask: unknown): unknown {
  return { version: '2.0', extensions: { durableTask } }
}

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

describe('host.json', () => {
  test('what it sets is used', () => {
    const { settings, warnings } = read({
      version: '2.0',
      functionTimeout: '00:10:00',
      functions: ['a'],
      extensions: {
        durableTask: { hubName: 'MyHub', maxConcurrentActivityFunctions: 3 },
        http: { routePrefix: '/x/', customHeaders: { 'x-frame-options': 'DENY' } },
        queues: { batchSize: 8, messageEncoding: 'None', maxPollingInterval: '00:00:00.500' },
      },
    })
    assert.deepEqual(warnings, [])
    assert.equal(settings.functionTimeoutMs, 600_000)
    assert.deepEqual(settings.functions, ['a'])
    assert.equal(settings.hubName, 'MyHub')
    assert.equal(settings.maxConcurrentActivityFunctions, 3)
    assert.equal(settings.routePrefix, 'x')
    assert.deepEqual(settings.customHeaders, { 'x-frame-options': 'DENY' })
    assert.deepEqual(settings.queues, {
      maxPollingIntervalMs: 500,
      visibilityTimeoutMs: 0,
      batchSize: 8,
      newBatchThreshold: 4,
      maxDequeueCount: 5,
      messageEncoding: 'none',
    })
  })

  test('an app without one has the defaults', () => {
    const { settings } = readSettings({ appDir: appWith({}), env: {}, overrides: {} })
    assert.equal(settings.hubName, 'TestHubName')
    assert.equal(settings.routePrefix, 'api')
    assert.equal(settings.functionTimeoutMs, 30 * 60_000)
  })

  test('letter case, texts instead of numbers, comments and last commas do not matter', () => {
    const { settings } = read(`\uFEFF{
      // a comment with "quotes"
      "VERSION": "2.0", /* another */ "version": "2.0",
      "extensions": { "QUEUES": { "batchsize": "4", "maxDequeueCount": 2, }, },
    }`)
    assert.equal(settings.queues.batchSize, 4)
    assert.equal(settings.queues.maxDequeueCount, 2)
  })

  test('what has no effect here and what nobody knows is named, the platform is not', () => {
    const { warnings } = read({
      version: '2.0',
      logging: { logLevel: { default: 'Information' } },
      extensionBundle: { id: 'x', version: '[4.*, 5.0.0)' },
      extensions: {
        durableTask: { tracing: { version: 'V2' }, useGracefulShutdown: true, speling: 1 },
        http: { maxConcurrentRequests: 5 },
        serviceBus: { prefetchCount: 1 },
      },
      retry: { strategy: 'fixedDelay', maxRetryCount: 2, delayInterval: '00:00:01' },
    })
    assert.deepEqual(warnings, [
      'host.json: extensions.durableTask.speling is unknown: it has no effect in any host',
      'host.json: extensions.http.maxConcurrentRequests has no effect in this host',
      'host.json: extensions.serviceBus has no effect in this host',
      'host.json: retry.strategy has no effect in this host',
      'host.json: retry.maxRetryCount has no effect in this host',
      'host.json: retry.delayInterval has no effect in this host',
    ])
  })

  const wrong: readonly [unknown, RegExp][] = [
    [{}, /the required member "version" is missing/],
    [{ version: '1.0' }, /version is "1.0"; it must be "2.0"/],
    [{ version: '2.0', functionTimeout: 'soon' }, /functionTimeout is "soon"; .*hh:mm:ss/],
    [{ version: '2.0', functionTimeout: '00:00:00.5' }, /longer than a second/],
    [{ version: '2.0', extensions: 5 }, /extensions is 5; it must be an object/],
    [{ version: '2.0', extensions: { queues: { batchSize: 33 } } }, /from 1 to 32/],
    [{ version: '2.0', extensions: { queues: { newBatchThreshold: -1 } } }, /at least 0/],
    [{ version: '2.0', extensions: { queues: { maxPollingInterval: '00:00:00.05' } } }, /00.100/],
    [{ version: '2.0', extensions: { queues: { messageEncoding: 'utf8' } } }, /base64 or none/],
    [{ version: '2.0', extensions: { http: { dynamicThrottlesEnabled: 'yes' } } }, /true or false/],
    [durable({ hubName: 'my-hub' }), /hubName is "my-hub"; it must be 3 to 45 letters/],
    [durable({ hubName: '%HUB%' }), /HUB, which is unset/],
    [durable({ maxConcurrentActivityFunctions: 0 }), /at least 1/],
    [durable({ versionMatchStrategy: 'Newest' }), /None or Strict or CurrentOrOlder/],
    [durable({ storageProvider: { partitionCount: 17 } }), /from 1 to 16/],
    [
      durable({ storageProvider: { workItemQueueVisibilityTimeout: '00:00:30' } }),
      /between 1 and 60 minutes/,
    ],
    ['{ "version": "2.0" ', /cannot be read/],
    ['[]', /no JSON object/],
  ]
  for (const [hostJson, reason] of wrong) {
    test(`the start is refused: ${reason.source}`, () => {
      assert.throws(() => read(hostJson), { code: 'bad-setting', message: reason })
    })
  }

  test('all that is wrong is said at once', () => {
    const hostJson = { version: '2.0', functionTimeout: 1, extensions: { queues: [] } }
    assert.throws(() => read(hostJson), /functionTimeout is 1; .*extensions.queues is \[\]/)
  })

  test('app settings win over it, and may be named in it', () => {
    const env = {
      AzureFunctionsJobHost__extensions__durableTask__maxConcurrentActivityFunctions: '7',
      AzureFunctionsJobHost__functionTimeout: '-1',
      HUB: 'FromSetting',
    }
    const { settings } = read(durable({ hubName: '%HUB%', maxConcurrentActivityFunctions: 2 }), env)
    assert.equal(settings.maxConcurrentActivityFunctions, 7)
    assert.equal(settings.functionTimeoutMs, 2 ** 31 - 1)
    assert.equal(settings.hubName, 'FromSetting')
  })

  test('it wins over a profile', () => {
    const profile = { maxConcurrentActivityFunctions: 10, maxConcurrentOrchestratorFunctions: 5 }
    const { settings } = read(durable({ maxConcurrentActivityFunctions: 2 }), {}, profile)
    assert.equal(settings.maxConcurrentActivityFunctions, 2)
    assert.equal(settings.maxConcurrentOrchestratorFunctions, 5)
  })

  test('that of the product is right and has no unknown member', () => {
    const text = readFileSync(new URL('../../host.json', import.meta.url), 'utf8')
    assert.deepEqual(read(text, { TASK_HUB: 'hub', ORCH_VERSION: '1.0' }).warnings, [])
  })
})

describe('local.settings.json', () => {
  test('its Values and ConnectionStrings fill gaps and replace nothing', () => {
    const file = {
      IsEncrypted: false,
      Values: { A: 'file', B: 2 },
      Host: { LocalHttpPort: 7072, CORS: '*' },
      ConnectionStrings: { Sql: 'x=1', Other: { ConnectionString: 'y=2', ProviderName: 'p' } },
    }
    const local = readLocalSettings(appWith({ 'local.settings.json': file }))
    assert.deepEqual(readEnvironment(local, { A: 'caller', C: undefined }), {
      'ConnectionStrings:Sql': 'x=1',
      'ConnectionStrings:Other': 'y=2',
      A: 'caller',
      B: '2',
    })
    assert.equal(local.port, 7072)
    assert.deepEqual(local.warnings, ['local.settings.json: Host.CORS has no effect in this host'])
  })

  test('what it must not hold is refused, what nobody knows is named', () => {
    const readFile = (file: unknown) => readLocalSettings(appWith({ 'local.settings.json': file }))
    assert.throws(() => readFile({ IsEncrypted: true, Values: {} }), /is encrypted/)
    assert.throws(() => readFile({ Values: { A: { b: 1 } } }), /local.settings.json: Values.A/)
    assert.throws(() => readFile({ Host: { LocalHttpPort: 'x' } }), /Host.LocalHttpPort/)
    assert.deepEqual(readFile({ Valeus: {} }).warnings, [
      'local.settings.json: Valeus is unknown: it has no effect in any host',
    ])
  })
})

test('%NAME% is replaced; an unset name is an error', () => {
  assert.equal(resolveSettingNames('a-%X%-b', { X: '1' }), 'a-1-b')
  assert.throws(() => resolveSettingNames('%Y%', {}), { code: 'bad-setting' })
})

test('TimeSpans', () => {
  assert.equal(parseTimeSpan('1.02:03:04.5'), ((26 * 60 + 3) * 60 + 4.5) * 1000)
  assert.equal(parseTimeSpan('00:05'), 300_000)
  for (const wrong of ['5 minutes', '24:00:00', '00:60:00', '00:00:60']) {
    assert.equal(parseTimeSpan(wrong), undefined)
  }
})
