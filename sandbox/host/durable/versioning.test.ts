/** Which versions a host takes, and what becomes of the others. */
import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import type { OrchestrationContext } from 'durable-functions'
import type { HostSettings } from '../settings.ts'
import { df, EngineRig } from '../testing/engine-rig.ts'
import { compareVersions } from './versioning.ts'

df.app.orchestration('tellsVersion', (context: OrchestrationContext) => told(context))
df.app.orchestration('childVersions', function* (context: OrchestrationContext) {
  const own: unknown = yield context.df.callSubOrchestrator('tellsVersion', null, undefined, '1.5')
  const usual: unknown = yield context.df.callSubOrchestrator('tellsVersion', null)
  return [context.df.version, own, usual]
})

// biome-ignore lint/correctness/useYield: an orchestrator is a generator, also without a step
function* told(context: OrchestrationContext): Generator<never, unknown> {
  return context.df.version
}

let rig: EngineRig | undefined
const withSettings = (settings: Partial<HostSettings>): EngineRig => {
  rig = new EngineRig({ settings: { retryDelayMs: 5, ...settings } })
  return rig
}
afterEach(async () => {
  await rig?.stop()
  rig = undefined
})

describe('the comparison', () => {
  const pairs: readonly (readonly [string | null, string | null, number])[] = [
    [null, '', 0],
    [null, '1.0', -1],
    ['1.0', null, 1],
    ['1.10', '1.9', 1],
    ['1.0', '1.0.0', -1],
    ['10', '9', -1],
    ['v2', 'V2', 0],
    ['2025-01-02', '2025-01-01', 1],
  ]
  for (const [one, other, expected] of pairs) {
    test(`${one} and ${other}`, () => {
      assert.equal(Math.sign(compareVersions(one, other)), expected)
    })
  }
})

describe('instances', () => {
  test('have the version of host.json, of their start, or of their call', async () => {
    const host = withSettings({ defaultVersion: '2.0' })
    assert.equal((await host.runToEnd('tellsVersion', 'usual')).output, '2.0')
    await host.start('tellsVersion', 'given', null, '?version=1.0')
    assert.equal((await host.finished('given')).output, '1.0')
    const { output } = await host.runToEnd('childVersions', 'parent')
    assert.deepEqual(output, ['2.0', '1.5', '2.0'])
  })

  test('of a newer version wait for another host, and the log says so', async () => {
    const host = withSettings({ defaultVersion: '2.0' })
    await host.start('tellsVersion', 'newer', null, '?version=2.1')
    await host.said('its version "2.1" does not fit this host\'s "2.0" (CurrentOrOlder)')
    await host.request('POST', 'instances/newer/terminate?reason=x')
    await host.runToEnd('tellsVersion', 'other')
    assert.equal((await host.status('newer')).runtimeStatus, 'Pending')
    assert.equal(host.logs.filter(({ text }) => text.includes('does not fit')).length, 1)
  })

  test('fail when the strategy says so', async () => {
    const host = withSettings({
      defaultVersion: '2.0',
      versionMatchStrategy: 'Strict',
      versionFailureStrategy: 'Fail',
    })
    await host.start('tellsVersion', 'older', null, '?version=1.0')
    const { runtimeStatus, output } = await host.finished('older')
    assert.equal(runtimeStatus, 'Failed')
    assert.match(String(output), /^VersionMismatch: /)
  })

  test('of any version run when versions are not looked at', async () => {
    const host = withSettings({ defaultVersion: '2.0', versionMatchStrategy: 'None' })
    await host.start('tellsVersion', 'any', null, '?version=9.0')
    assert.equal((await host.finished('any')).output, '9.0')
  })
})
