/** Entities, run by the engine with the real SDK: queue, batches, replies, signals, client API. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { EntityContext, OrchestrationContext } from 'durable-functions'
import { FunctionTimeoutError, WorkerExitError } from '../errors.ts'
import { df, EngineRig } from '../testing/engine-rig.ts'
import { until } from '../testing/harness.ts'

const operations: string[] = []

df.app.entity('Counter', async (context: EntityContext<number>) => {
  const { operationName, entityId } = context.df
  const value = context.df.getState(() => 0) ?? 0
  const input: unknown = context.df.getInput()
  operations.push(`${entityId.key} ${operationName} ${JSON.stringify(input)}`)
  switch (operationName) {
    case 'add':
      context.df.setState(value + Number(input))
      return
    case 'get':
      context.df.return(value)
      return
    case 'breaks':
      context.df.setState(value + 1000)
      throw new Error('never seen by the caller')
    case 'tell':
      context.df.signalEntity(new df.EntityId('COUNTER', String(input)), 'add', 7)
      return
    default:
      context.df.destructOnExit()
  }
})

interface Step {
  readonly op: string
  readonly key: string
  readonly input?: unknown
  readonly signal?: boolean
  readonly name?: string
}

df.app.activity('echo', { handler: (input: unknown) => input })
df.app.orchestration('asks', function* (context: OrchestrationContext) {
  const answers: unknown[] = []
  for (const { name = 'counter', key, op, input, signal } of context.df.getInput<Step[]>() ?? []) {
    const id = new df.EntityId(name, key)
    try {
      if (signal) context.df.signalEntity(id, op, input)
      else answers.push((yield context.df.callEntity(id, op, input)) ?? null)
    } catch (error) {
      answers.push(String(error))
    }
  }
  answers.push(yield context.df.callActivity('echo', 'after'))
  return answers
})
df.app.orchestration('asksNobody', function* (context: OrchestrationContext) {
  const nobody = context.df.callEntity(new df.EntityId('nobody', 'x'), 'get')
  return yield context.df.Task.any([nobody, context.df.callActivity('echo', 'drift')])
})
df.app.orchestration('locks', function* (context: OrchestrationContext) {
  yield context.df.lock(new df.EntityId('counter', 'locked'))
  return 'locked'
})

let rig: EngineRig
/** What the next run of the entity function ends with instead of running. */
let nextFailure: Error | undefined

before(() => {
  const settings = { statusPageSize: 2, retryDelayMs: 5 }
  const beforeRun = (name: string): void => {
    const failure = name === 'Counter' ? nextFailure : undefined
    if (failure === undefined) return
    nextFailure = undefined
    throw failure
  }
  rig = new EngineRig({ settings, beforeRun })
})
after(() => rig.stop())

const signal = async (key: string, op: string, input?: unknown): Promise<void> => {
  assert.equal((await rig.request('POST', `entities/counter/${key}?op=${op}`, input)).status, 202)
}

/** Waits until the entity has worked off its queue so far that `want` is its state. */
const untilState = async (key: string, want: unknown): Promise<unknown> =>
  await until(async () => {
    const { status, json } = await rig.request('GET', `entities/COUNTER/${key}`)
    return (status === 200 ? json === want : want === undefined) || undefined
  }, `the state of ${key} to be ${want}`)

describe('an orchestration and an entity', () => {
  test('a call is answered, and a signal before it has been worked off by then', async () => {
    const { output } = await rig.runToEnd('asks', 'asks', [
      { op: 'add', key: 'a', input: 5, signal: true },
      { op: 'get', key: 'a' },
      { op: 'add', key: 'a', input: 2 },
      { op: 'get', key: 'a', name: 'COUNTER' },
    ])
    assert.deepEqual(output, [5, null, 7, 'after'])
  })

  test('a request takes a number; its answer is an event called like the request', async () => {
    await rig.runToEnd('asks', 'history', [
      { op: 'add', key: 'h', input: { x: 1 }, signal: true },
      { op: 'get', key: 'h' },
    ])
    const [, sent, called, answer, ...rest] = await rig.history('history')
    const inputOf = (entry: typeof sent): Record<string, unknown> =>
      JSON.parse(String(entry?.['Input'])) as Record<string, unknown>
    assert.deepEqual([sent?.EventType, sent?.['Name']], ['EventSent', 'op'])
    assert.equal(sent?.['InstanceId'], '@counter@h')
    const { id, parentExecution, ...signalled } = inputOf(sent)
    assert.deepEqual(signalled, { op: 'add', signal: true, input: '{"x":1}', parent: 'history' })
    assert.match(
      String(id),
      /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    )
    assert.match(String(parentExecution), /^[0-9a-f]{32}$/)
    const request = inputOf(called)
    assert.deepEqual(
      [called?.EventType, request['op'], request['signal']],
      ['EventSent', 'get', undefined],
    )
    assert.deepEqual([answer?.EventType, answer?.['Name']], ['EventRaised', request['id']])
    assert.deepEqual(inputOf(answer), { result: '0' })
    assert.deepEqual(
      rest.map(({ EventType }) => EventType),
      ['TaskCompleted', 'ExecutionCompleted'],
    )
  })

  test('an error loses its text, and what the operation had changed stays', async () => {
    const { output } = await rig.runToEnd('asks', 'breaks', [
      { op: 'breaks', key: 'b' },
      { op: 'get', key: 'b' },
    ])
    assert.deepEqual(output, ['Error: [object Object]', 1000, 'after'])
  })

  test('an unknown entity takes no number: the SDK and the host drift apart', async () => {
    const { output } = await rig.runToEnd('asksNobody', 'nobody')
    assert.match(String(output), /^Non-Deterministic workflow detected/)
    await rig.said('incompatible History event')
  })

  test('a signal to an unknown entity fails the instance', async () => {
    const steps = [{ op: 'add', key: 'x', name: 'nobody', signal: true }]
    const { runtimeStatus, output } = await rig.runToEnd('asks', 'signals-nobody', steps)
    assert.equal(runtimeStatus, 'Failed')
    assert.match(
      String(output),
      /'nobody' doesn't exist, is disabled, or is not an entity function/,
    )
  })

  test('locks fail with a text that says which protocol they need', async () => {
    const { output } = await rig.runToEnd('locks', 'locks')
    assert.match(String(output), /lock requires .* schema V4 or higher/)
  })
})

describe('batches', () => {
  test('requests are worked off in the order of their arrival', async () => {
    for (const input of [1, 2, 3, 4]) await signal('order', 'add', input)
    await untilState('order', 10)
    const mine = operations.filter((line) => line.startsWith('order '))
    assert.deepEqual(
      mine,
      [1, 2, 3, 4].map((input) => `order add ${input}`),
    )
  })

  test('an entity signals another one', async () => {
    await signal('one', 'tell', 'two')
    await untilState('two', 7)
  })

  test('a batch whose worker died is repeated', async () => {
    nextFailure = new WorkerExitError(137)
    await signal('repeated', 'add', 3)
    await untilState('repeated', 3)
    await rig.said('a batch of @counter@repeated is repeated')
  })

  test('a batch that timed out gives its callers an error which the SDK cannot read', async () => {
    nextFailure = new FunctionTimeoutError('Counter', 2000)
    const steps = [{ op: 'add', key: 'slow', input: 1 }]
    const { output } = await rig.runToEnd('asks', 'timed-out', steps)
    assert.match(String(output), /^Non-Deterministic workflow detected/)
    await rig.said('"Timeout va"... is not valid JSON')
    assert.equal((await rig.request('GET', 'entities/counter/slow')).status, 404)
  })
})

describe('the client API', () => {
  test('status shows an entity as an instance that runs and whose input is its state', async () => {
    await signal('Shown', 'add', 3)
    await untilState('Shown', 3)
    const { name, runtimeStatus, input, customStatus } = await rig.status('@counter@Shown')
    assert.deepEqual([name, runtimeStatus], ['@counter@Shown', 'Running'])
    assert.deepEqual(input, { exists: true, state: '3', sorter: {} })
    assert.deepEqual(customStatus, { entityExists: true })
  })

  test('entities are listed page by page, with their state on request, without deleted ones', async () => {
    for (const key of ['p1', 'p2', 'p3']) await signal(key, 'add', 1)
    await signal('p2', 'delete')
    for (const key of ['p1', 'p3']) await untilState(key, 1)
    await untilState('p2', undefined)
    const first = await rig.request('GET', 'entities/counter?top=1000&fetchState=true')
    const all = first.json as { entityId: { name: string; key: string }; state: unknown }[]
    const mine = all.filter(({ entityId }) => entityId.key.startsWith('p'))
    assert.deepEqual(
      mine.map(({ entityId, state }) => [entityId.name, entityId.key, state]),
      [
        ['counter', 'p1', 1],
        ['counter', 'p3', 1],
      ],
    )
    const page = await rig.request('GET', 'entities/')
    assert.ok((page.json as unknown[]).length <= 2)
    assert.notEqual(page.headers?.['x-ms-continuation-token'], '')
  })

  test('purge removes an entity with its state', async () => {
    await signal('purged', 'add', 3)
    await untilState('purged', 3)
    assert.equal((await rig.request('DELETE', 'instances/@counter@purged')).status, 200)
    await untilState('purged', undefined)
  })

  test('a signal to an unknown entity, or to a key with a slash, is refused', async () => {
    assert.equal((await rig.request('POST', 'entities/nobody/k?op=add')).status, 400)
    assert.equal((await rig.request('POST', 'entities/counter/a%2Fb?op=add')).status, 400)
  })
})
