/** Sizes: warnings of Azure Storage, and the hard limits of the profile dts. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { EntityContext, OrchestrationContext } from 'durable-functions'
import { df, EngineRig } from '../testing/engine-rig.ts'

const text = (length: number): string => 'x'.repeat(length)

df.app.activity('makes', { handler: (length: number) => text(length) })
df.app.activity('takes', { handler: () => 'taken' })
df.app.entity('keeps', (context: EntityContext<string>) => {
  if (context.df.operationName === 'set') context.df.setState(text(context.df.getInput() ?? 0))
  context.df.return(context.df.getState()?.length ?? 0)
})
df.app.orchestration('waits', function* (context: OrchestrationContext) {
  return yield context.df.waitForExternalEvent('e')
})
df.app.orchestration('sizes', function* (context: OrchestrationContext) {
  const {
    made = 0,
    given = 0,
    kept,
    output = 0,
    child,
    again,
  } = context.df.getInput<Record<string, number>>() ?? {}
  if (again) {
    context.df.continueAsNew({ pad: text(again) })
    return null
  }
  yield context.df.callActivity('makes', made)
  yield context.df.callActivity('makes', made)
  yield context.df.callActivity('takes', text(given))
  if (child) yield context.df.callSubOrchestrator('sizes', {}, text(child))
  if (kept === undefined) return text(output)
  const entity = new df.EntityId('keeps', 'k')
  try {
    yield context.df.callEntity(entity, 'set', kept)
    return 'kept'
  } catch (error) {
    return [String(error), yield context.df.callEntity(entity, 'get')]
  }
})

describe('azure-storage', () => {
  let rig: EngineRig
  before(() => {
    rig = new EngineRig()
  })
  after(() => rig.stop())

  const warnings = (id: string): string[] =>
    rig.logs.flatMap(({ level, text: line }) =>
      level === 'warning' && line.startsWith(`instance ${id}:`) ? [line] : [],
    )

  test('warns once per instance and kind, and goes on', async () => {
    await rig.runToEnd('sizes', 'small', { made: 29_000, given: 29_000, output: 29_000 })
    assert.deepEqual(warnings('small'), [])
    await rig.runToEnd('sizes', 'property', { made: 31_000 })
    assert.equal(warnings('property').length, 1)
    assert.match(warnings('property')[0] ?? '', /the result of makes has 31002 characters/)
    const { runtimeStatus } = await rig.runToEnd('sizes', 'message', {
      made: 60_000,
      output: 60_000,
    })
    assert.equal(runtimeStatus, 'Completed')
    assert.equal(warnings('message').length, 2)
    assert.match(
      warnings('message')[1] ?? '',
      /the result of makes has 60002 bytes; a queue message/,
    )
  })

  test('has no hard limit', async () => {
    const { output } = await rig.runToEnd('sizes', 'large', { output: 1_500_000 })
    assert.equal(String(output).length, 1_500_000)
  })
})

describe('dts', () => {
  const limit = 1_048_576
  let rig: EngineRig
  before(() => {
    rig = new EngineRig({ profile: 'dts' })
  })
  after(() => rig.stop())

  const cases = [
    ['an activity result', { made: limit }, /the result of makes has 1048578 bytes, more than/],
    ['an activity input', { given: limit }, /the input of takes has/],
    ['an output', { output: limit }, /the output has 1048578 bytes/],
    ['the input of continueAsNew', { again: limit }, /the input of continueAsNew has/],
    ['the id of a child', { child: 101 }, /at most 100 printable ASCII characters/],
  ] as const
  for (const [what, input, reason] of cases) {
    test(`${what} over its limit fails the instance with a clear text`, async () => {
      const { runtimeStatus, output } = await rig.runToEnd(
        'sizes',
        what.replaceAll(' ', '-'),
        input,
      )
      assert.equal(runtimeStatus, 'Failed')
      assert.match(String(output), reason)
    })
  }

  test('what fits just so is taken', async () => {
    const most = limit - 2
    const { runtimeStatus } = await rig.runToEnd('sizes', 'just-so', { made: most, output: most })
    assert.equal(runtimeStatus, 'Completed')
  })

  test('a state over 1 MB is an error for the caller, and the old state stays', async () => {
    await rig.runToEnd('sizes', 'kept', { kept: 10 })
    const { output } = await rig.runToEnd('sizes', 'not-kept', { kept: limit })
    const [error, length] = output as [string, number]
    assert.match(error, /^Error: a state or result has 1048578 bytes/)
    assert.equal(length, 10)
  })

  test('starts and events over 1 MB, and ids that are too long or not ASCII, are refused', async () => {
    const large = await rig.request('POST', 'orchestrators/sizes/large', text(limit))
    assert.equal(large.status, 400)
    assert.match(JSON.stringify(large.json), /the input has 1048578 bytes/)
    for (const id of [text(101), 'ä']) {
      const target = `orchestrators/sizes/${encodeURIComponent(id)}`
      assert.equal((await rig.request('POST', target, '')).status, 400)
    }
    await rig.start('waits', 'gets')
    const event = await rig.request('POST', 'instances/gets/raiseEvent/e', text(limit))
    assert.equal(event.status, 400)
  })
})
