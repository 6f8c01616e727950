/** Sub-orchestrations, and functions that are not there. */
import type { ConformanceCase } from '../suite/case.ts'
import { EXTENSION, FRAMEWORK, OBSERVED } from '../suite/sources.ts'

export const CHILDREN: readonly ConformanceCase[] = [
  {
    id: 'child-default-id',
    says: 'A child without an id of its own is called like the parent’s execution, a colon, and its number.',
    source: `${OBSERVED}; ${FRAMEWORK}, TaskOrchestrationContext.cs`,
    *orchestrator(context) {
      yield context.df.callActivity('echo', 0)
      return yield context.df.callSubOrchestrator('tells-its-id')
    },
    children: {
      *'tells-its-id'(context) {
        yield context.df.callActivity('echo', 0)
        return context.df.instanceId
      },
    },
    expect: { status: 'Completed', output: '<hex>:1' },
  },
  {
    id: 'child-input',
    says: 'A child gets its input, or null without one, and answers its output.',
    source: OBSERVED,
    *orchestrator(context) {
      const given: unknown = yield context.df.callSubOrchestrator('tells-its-input', { a: '1' })
      const none: unknown = yield context.df.callSubOrchestrator('tells-its-input')
      return [given, none]
    },
    children: {
      *'tells-its-input'(context) {
        yield context.df.callActivity('echo', 0)
        return { input: context.df.getInput() ?? null }
      },
    },
    expect: { status: 'Completed', output: [{ input: { a: '1' } }, { input: null }] },
  },
  {
    id: 'child-same-id-again',
    says: 'Two children with one id, one after the other, work.',
    source: OBSERVED,
    *orchestrator(context) {
      const id = `${context.df.instanceId}-child`
      const first: unknown = yield context.df.callSubOrchestrator('adds-one', 1, id)
      const second: unknown = yield context.df.callSubOrchestrator('adds-one', 2, id)
      return [first, second]
    },
    children: {
      *'adds-one'(context) {
        const input: number = context.df.getInput() ?? 0
        const echoed: number = yield context.df.callActivity('echo', input)
        return echoed + 1
      },
    },
    expect: { status: 'Completed', output: [2, 3] },
  },
  {
    id: 'child-fails',
    says: 'The parent sees the failure of a child as an error that names the child.',
    source: `${OBSERVED}: Details are plain text, not JSON`,
    *orchestrator(context) {
      try {
        yield context.df.callSubOrchestrator('throws')
        return 'unreachable'
      } catch (error) {
        const [reason, details = ''] = String((error as Error).message).split(' \n ')
        return { reason, details: details.slice(0, 'Message: no way'.length) }
      }
    },
    children: {
      *throws(context) {
        yield context.df.callActivity('echo', 0)
        throw new Error('no way')
      },
    },
    expect: {
      status: 'Completed',
      output: {
        reason: "Orchestrator function 'throws' failed: no way",
        details: 'Message: no way',
      },
      history: [
        'ExecutionStarted child-fails',
        "SubOrchestrationInstanceFailed throws: Orchestrator function 'throws' failed: no way",
        'ExecutionCompleted Completed = {"reason":"Orchestrator function \'throws\' failed: no way","details":"Message: no way"}',
      ],
    },
  },
  {
    id: 'child-outlives-terminate',
    says: 'A child goes on to its end where its parent is terminated.',
    source: OBSERVED,
    *orchestrator(context) {
      return yield context.df.callSubOrchestrator('works-on', {}, `${context.df.instanceId}-child`)
    },
    children: {
      *'works-on'(context) {
        return yield context.df.callActivity('slow', { word: 'child', ms: 1200 })
      },
    },
    drive: async (run) => {
      await run.start()
      await run.effect('child begins', run.other('child'))
      await run.client('terminate', run.id, 'enough')
      await run.ended()
      run.note((await run.ended(run.other('child'))).runtimeStatus)
    },
    expect: { status: 'Terminated', output: 'enough', notes: ['Completed'] },
  },
  {
    id: 'child-outlives-purge',
    says: 'A purge by id removes a running instance; its child goes on.',
    source: `${OBSERVED}, against what the documentation says`,
    *orchestrator(context) {
      return yield context.df.callSubOrchestrator('stays', {}, `${context.df.instanceId}-child`)
    },
    children: {
      *stays(context) {
        return yield context.df.callActivity('slow', { word: 'child', ms: 1200 })
      },
    },
    drive: async (run) => {
      await run.start()
      await run.effect('child begins', run.other('child'))
      run.note((await run.client('purgeInstanceHistory', run.id)).value)
      run.note(await run.status())
      run.note((await run.ended(run.other('child'))).runtimeStatus)
    },
    expect: { status: 'none', notes: [{ instancesDeleted: 1 }, undefined, 'Completed'] },
  },
  {
    id: 'unknown-activity',
    says: 'Calling an activity that is not there leaves the instance Running for ever.',
    source: `${OBSERVED}, against the extension’s texts: the exception in the walk is swallowed`,
    *orchestrator(context) {
      try {
        yield context.df.callActivity('nobody', {})
      } catch {
        return 'unreachable'
      }
      return 'unreachable'
    },
    expect: { status: 'Running', history: ['ExecutionStarted unknown-activity'] },
  },
  {
    id: 'unknown-child',
    says: 'Calling an orchestrator that is not there leaves the instance Running for ever.',
    source: OBSERVED,
    *orchestrator(context) {
      yield context.df.callSubOrchestrator('nobody', {})
      return 'unreachable'
    },
    expect: { status: 'Running', history: ['ExecutionStarted unknown-child'] },
  },
  {
    id: 'child-with-own-id',
    says: 'A child with the id of its parent leaves the parent Running for ever.',
    source: OBSERVED,
    *orchestrator(context) {
      yield context.df.callSubOrchestrator('never-started', {}, context.df.instanceId)
      return 'unreachable'
    },
    children: {
      *'never-started'(context) {
        yield context.df.callActivity('say', { word: 'never' })
        return 'unreachable'
      },
    },
    expect: { status: 'Running', effects: [] },
  },
  {
    id: 'unknown-start',
    says: 'The start of an orchestrator that is not there is refused.',
    source: `${OBSERVED}: 400`,
    drive: async (run) => {
      const { error = '' } = await run.client('startNew', 'nobody', { instanceId: run.id })
      run.note(/doesn't exist/.test(error))
      const { statusQueryGetUri = '' } = await run.links()
      const start = statusQueryGetUri.replace('/instances/', '/orchestrators/nobody/')
      run.note((await run.http('POST', start, { json: {} })).status)
    },
    expect: { status: 'none', notes: [true, 400] },
  },
  {
    id: 'names-ignore-case',
    says: 'Names of orchestrators ignore letter case; the status shows what the caller wrote.',
    source: OBSERVED,
    *orchestrator(context) {
      return yield context.df.callActivity('ECHO', 'done')
    },
    drive: async (run) => {
      await run.start({ name: 'NAMES-ignore-CASE' })
      await run.ended()
      const { value } = await run.client('getStatus', run.id)
      run.note((value as { name: string }).name)
    },
    expect: { status: 'Completed', output: 'done', notes: ['NAMES-ignore-CASE'] },
  },
  {
    id: 'children-of-one-id',
    says: 'Two children with one id at once: the parent never ends.',
    source: `${OBSERVED}: the second start collides in the history table; ${EXTENSION}`,
    isAlone: true,
    isLong: true,
    *orchestrator(context) {
      const id = `${context.df.instanceId}-twin`
      yield context.df.Task.all([
        context.df.callSubOrchestrator('twin', 1, id),
        context.df.callSubOrchestrator('twin', 2, id),
      ])
      return 'unreachable'
    },
    children: {
      *twin(context) {
        return yield context.df.callActivity('echo', context.df.getInput())
      },
    },
    drive: async (run) => {
      await run.start()
      await run.still(run.id, 4000)
      // All instances of the hub wait now; a host without the second start has forgotten why.
      await run.client('purgeInstanceHistory', `${run.id}-twin`)
      await run.host.restart?.()
    },
    expect: { status: 'Running' },
  },
]
