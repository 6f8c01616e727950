/** Entities: calls, signals, order, errors. */
import { EntityId } from 'durable-functions'
import type { ConformanceCase } from '../suite/case.ts'
import type { Run } from '../suite/run.ts'
import { EXTENSION, OBSERVED, SDK } from '../suite/sources.ts'

/** Asks for the state until it is this one: a signal is on its way for a moment. */
async function reads(run: Run, key: string, wanted: unknown): Promise<unknown> {
  for (let n = 0; n < 100; n += 1) {
    const { value } = await run.client('readEntityState', { name: 'counter', key })
    const { entityState } = value as { entityState?: unknown }
    if (entityState === wanted) return entityState
    await run.pause(50)
  }
  return 'another state'
}

export const ENTITIES: readonly ConformanceCase[] = [
  {
    id: 'entity-calls',
    says: 'Calls of an entity come one after the other, each with what the one before it left.',
    source: `${EXTENSION}, TaskEntityShim.cs; ${SDK}, entities/Entity.js`,
    *orchestrator(context) {
      const id = new EntityId('counter', `${context.df.instanceId}-a`)
      yield context.df.callEntity(id, 'add', 5)
      yield context.df.callEntity(id, 'add', 7)
      return yield context.df.callEntity(id, 'get')
    },
    expect: { status: 'Completed', output: 12 },
  },
  {
    id: 'entity-signals',
    says: 'Signals of an orchestrator are not waited for, and are done before a later call of it.',
    source: `${EXTENSION}, DurableOrchestrationContext.cs`,
    *orchestrator(context) {
      const id = new EntityId('counter', `${context.df.instanceId}-a`)
      context.df.signalEntity(id, 'add', 1)
      context.df.signalEntity(id, 'add', 2)
      return yield context.df.callEntity(id, 'get')
    },
    expect: { status: 'Completed', output: 3 },
  },
  {
    id: 'entity-error',
    says: 'The error of an entity reaches its caller as "[object Object]"; what it changed before stays.',
    source: OBSERVED,
    *orchestrator(context) {
      const id = new EntityId('counter', `${context.df.instanceId}-a`)
      let error = 'none'
      try {
        yield context.df.callEntity(id, 'addThenFail', 4)
      } catch (thrown) {
        error = (thrown as Error).message
      }
      const sum: number = yield context.df.callEntity(id, 'get')
      return { error, sum }
    },
    expect: { status: 'Completed', output: { error: '[object Object]', sum: 4 } },
  },
  {
    id: 'entity-names',
    says: 'Names of entities ignore letter case.',
    source: OBSERVED,
    *orchestrator(context) {
      const key = `${context.df.instanceId}-a`
      yield context.df.callEntity(new EntityId('COUNTER', key), 'add', 3)
      return yield context.df.callEntity(new EntityId('Counter', key), 'get')
    },
    expect: { status: 'Completed', output: 3 },
  },
  {
    id: 'entity-client',
    says: 'The client signals an entity and reads its state; one that was never there has none.',
    source: `${SDK}, DurableClient.js; ${EXTENSION}, HttpApiHandler.cs`,
    drive: async (run) => {
      const key = run.other('a')
      const before = await run.client('readEntityState', { name: 'counter', key })
      run.note((before.value as { entityExists: boolean }).entityExists)
      await run.client('signalEntity', { name: 'counter', key }, 'add', 9)
      run.note(await reads(run, key, 9))
    },
    expect: { notes: [false, 9] },
  },
  {
    id: 'entity-unknown',
    says: 'Calling an entity that is not there leaves the instance Running for ever.',
    source: `${OBSERVED}: no EventSent`,
    *orchestrator(context) {
      yield context.df.callEntity(new EntityId('nobody', 'a'), 'add', 1)
      return 'unreachable'
    },
    expect: { status: 'Running', history: ['ExecutionStarted entity-unknown'] },
  },
]
