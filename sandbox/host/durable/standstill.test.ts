/** Where the real host spins, stalls or waits for ever, this one does too, and says why. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, test } from 'node:test'
import type { OrchestrationContext } from 'durable-functions'
import { df, EngineRig, type RigOptions } from '../testing/engine-rig.ts'
import { until } from '../testing/harness.ts'

let runs = 0

df.app.activity('echo', { handler: (input: unknown) => input })
df.app.activity('counted', { handler: () => ++runs })
df.app.activity('fails', {
  handler: () => {
    throw new Error('no')
  },
})
df.app.orchestration('quick', function* (context: OrchestrationContext) {
  return yield context.df.callActivity('echo', 'quick')
})
df.app.orchestration('spins', function* (context: OrchestrationContext) {
  const timer = context.df.createTimer(inAnHour(context))
  yield context.df.Task.any([context.df.waitForExternalEvent('go'), timer])
  if (!timer.isCompleted) timer.cancel()
  context.df.continueAsNew({})
})
df.app.orchestration('collects', function* (context: OrchestrationContext) {
  const seen = context.df.getInput<{ seen: unknown[] }>()?.seen ?? []
  seen.push(yield context.df.waitForExternalEvent('item'))
  if (seen.length < 3) context.df.continueAsNew({ seen })
  return seen
})
df.app.orchestration('child', function* (context: OrchestrationContext) {
  return yield context.df.callActivity('counted')
})
df.app.orchestration('twins', function* (context: OrchestrationContext) {
  return yield context.df.Task.all([
    context.df.callSubOrchestrator('child', null, 'twin'),
    context.df.callSubOrchestrator('child', null, 'twin'),
  ])
})
df.app.orchestration('callsUnknown', function* (context: OrchestrationContext) {
  return yield context.df.callActivity('noSuchActivity')
})
df.app.orchestration('callsItself', function* (context: OrchestrationContext) {
  return yield context.df.callSubOrchestrator('quick', null, context.df.instanceId)
})
df.app.orchestration('callsEntityId', function* (context: OrchestrationContext) {
  return yield context.df.callSubOrchestrator('quick', null, '@x')
})
df.app.orchestration('throwsText', function* (context: OrchestrationContext) {
  yield context.df.callActivity('echo', 1)
  throw 'only a text'
})
df.app.orchestration('waitsForGo', function* (context: OrchestrationContext) {
  return yield context.df.waitForExternalEvent('Go')
})
df.app.orchestration('timesOutRetries', function* (context: OrchestrationContext) {
  const options = new df.RetryOptions(1, 3)
  options.retryTimeoutInMilliseconds = 0
  return yield context.df.callActivityWithRetry('fails', options)
})
df.app.orchestration('retriesNextWeek', function* (context: OrchestrationContext) {
  return yield context.df.callActivityWithRetry('fails', new df.RetryOptions(7 * 86_400_000, 3))
})
df.app.orchestration('leavesTimer', function* (context: OrchestrationContext) {
  const timer = context.df.createTimer(inAnHour(context))
  yield context.df.Task.any([context.df.callActivity('echo', 1), timer])
  return 'done'
})

function inAnHour(context: OrchestrationContext): Date {
  return new Date(context.df.currentUtcDateTime.getTime() + 3_600_000)
}

const rigs: EngineRig[] = []
const open = (options: RigOptions = {}): EngineRig => {
  const rig = new EngineRig(options)
  rigs.push(rig)
  return rig
}
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig.stop()
})

describe('spinning', () => {
  test('goes on through a terminate request until the host is restarted', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spin-'))
    const stateFile = join(folder, 'state.db')
    const first = open({ stateFile })
    await first.start('spins', 'spins')
    await first.raise('spins', 'go', 1)
    await first.said('makes no progress')
    await first.request('POST', 'instances/spins/terminate?reason=enough')
    await first.runToEnd('quick', 'meanwhile')
    assert.equal((await first.status('spins')).runtimeStatus, 'Running')
    await rigs.pop()?.stop()
    const second = open({ stateFile })
    const { runtimeStatus, output } = await second.finished('spins')
    assert.deepEqual([runtimeStatus, output], ['Terminated', 'enough'])
    rmSync(folder, { recursive: true })
  })

  test('is not what a plain wait with continueAsNew does: one event a round, none lost', async () => {
    const rig = open()
    await rig.start('collects', 'collects')
    for (const item of [1, 2, 3]) await rig.raise('collects', 'item', item)
    assert.deepEqual((await rig.finished('collects')).output, [1, 2, 3])
  })
})

describe('two children of one id at once', () => {
  test('run their activity again, and their parent never ends', async () => {
    runs = 0
    const rig = open({ settings: { stallBackOffMs: 5 } })
    await rig.start('twins', 'twins')
    await rig.said('started a second time while it runs')
    assert.equal((await rig.runToEnd('quick', 'unrelated')).output, 'quick')
    await until(() => (runs === 3 ? true : undefined), 'the activity to run three times')
    assert.equal((await rig.finished('twin')).runtimeStatus, 'Completed')
    assert.equal((await rig.status('twins')).runtimeStatus, 'Running')
  })

  test('make instances wait that have nothing to do with them', async () => {
    const stalled = open({ settings: { stallBackOffMs: 3_600_000 } })
    await stalled.start('twins', 'twins')
    await stalled.said('started a second time while it runs')
    await stalled.start('quick', 'unrelated')
    const sound = open()
    for (const id of ['one', 'two', 'three']) await sound.runToEnd('quick', id)
    assert.equal((await stalled.status('unrelated')).runtimeStatus, 'Pending')
  })

  test('one after the other are fine', async () => {
    const rig = open()
    await rig.runToEnd('child', 'twin')
    assert.equal((await rig.runToEnd('child', 'twin')).runtimeStatus, 'Completed')
  })
})

describe('waiting for ever', () => {
  const cases = [
    ['callsUnknown', 'the activity "noSuchActivity" does not exist'],
    ['callsItself', 'is the id of the instance or its parent'],
    ['callsEntityId', 'the child id "@x" starts with @'],
    ['throwsText', 'something that is no Error'],
    ['timesOutRetries', 'the retries of "fails" ended without the timer'],
    ['retriesNextWeek', 'a retry interval of "fails" is over six days'],
    ['leavesTimer', 'has returned, but stays Running until its timer fires'],
  ] as const
  for (const [name, text] of cases) {
    test(`${name}: ${text}`, async () => {
      const rig = open()
      await rig.start(name, name)
      await rig.said(text)
      assert.equal((await rig.status(name)).runtimeStatus, 'Running')
    })
  }

  test('an event in other letters ends the wait of the host and not that of the SDK', async () => {
    const rig = open()
    await rig.start('waitsForGo', 'letters')
    for (const name of ['go', 'GO']) await rig.raise('letters', name, 1)
    await rig.said('the event "go" ended the host\'s wait for "Go"')
    assert.equal((await rig.status('letters')).runtimeStatus, 'Running')
  })

  test('is said once per instance, and not at all when explanations are off', async () => {
    const silent = open({ settings: { explain: false } })
    await silent.start('callsUnknown', 'unknown')
    for (const item of [1, 2]) await silent.raise('unknown', 'item', item)
    await silent.runToEnd('quick', 'quick')
    assert.deepEqual(silent.logs, [])
    const rig = open()
    await rig.start('callsUnknown', 'unknown')
    await rig.said('noSuchActivity')
    await rig.raise('unknown', 'item', 1)
    await rig.runToEnd('quick', 'quick')
    assert.equal(rig.logs.filter(({ text }) => text.includes('noSuchActivity')).length, 1)
  })
})
