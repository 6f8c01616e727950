/** The interpreter on hand-made histories: numbering, waiting, and the ways to go wrong. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { eventTypes, type HistoryEvent } from './history.ts'
import { type Action, actionTypes, type OrchestratorState } from './orchestrator-answer.ts'
import { type ReplayResult, replay } from './replay.ts'

const startMs = Date.parse('2026-01-01T00:00:00Z')
const base = { EventId: -1, IsPlayed: false, Timestamp: new Date(startMs).toISOString() }
const mark: HistoryEvent = { ...base, EventType: eventTypes.orchestratorStarted }
const begun: HistoryEvent = {
  ...base,
  EventType: eventTypes.executionStarted,
  Name: 'x',
  Version: null,
  Input: null,
  OrchestrationInstance: { InstanceId: 'i', ExecutionId: 'e' },
  ParentInstance: null,
}
const scheduled = (id: number, name = 'a'): HistoryEvent => ({
  ...{ ...base, EventId: id },
  EventType: eventTypes.taskScheduled,
  Name: name,
  Version: null,
  Input: null,
})
const completed = (id: number): HistoryEvent => ({
  ...base,
  EventType: eventTypes.taskCompleted,
  TaskScheduledId: id,
  Result: null,
})
const failed = (id: number): HistoryEvent => ({
  ...base,
  EventType: eventTypes.taskFailed,
  TaskScheduledId: id,
  Reason: 'r',
  Details: 'd',
  FailureDetails: null,
})
const timerCreated = (id: number): HistoryEvent => ({
  ...{ ...base, EventId: id },
  EventType: eventTypes.timerCreated,
  FireAt: base.Timestamp,
})
const timerFired = (id: number): HistoryEvent => ({
  ...base,
  EventType: eventTypes.timerFired,
  TimerId: id,
  FireAt: base.Timestamp,
})
const raised = (name: string): HistoryEvent => ({
  ...base,
  EventType: eventTypes.eventRaised,
  Name: name,
  Input: '1',
})

const call = (name: string): Action => ({
  actionType: actionTypes.callActivity,
  functionName: name,
})
const waitFor = (name: string): Action => ({
  actionType: actionTypes.waitForExternalEvent,
  externalEventName: name,
})
const timer = (afterMs: number, isCanceled = false): Action => ({
  actionType: actionTypes.createTimer,
  fireAt: new Date(startMs + afterMs).toISOString(),
  isCanceled,
})
const all = (...compoundActions: Action[]): Action => ({
  actionType: actionTypes.whenAll,
  compoundActions,
})
const any = (...compoundActions: Action[]): Action => ({
  actionType: actionTypes.whenAny,
  compoundActions,
})
const again: Action = { actionType: actionTypes.continueAsNew, input: { next: 1 } }

function run(
  actions: readonly Action[],
  events: readonly HistoryEvent[],
  change: Partial<OrchestratorState> = {},
): ReplayResult {
  const state = {
    isDone: false,
    actions,
    output: undefined,
    customStatus: undefined,
    error: null,
    ...change,
  }
  return replay(
    {
      name: 'x',
      instanceId: 'i',
      parentInstanceId: null,
      executionId: 'e',
      answer: { kind: 'state', state, thrown: false, stack: '' },
      hasActivity: (name) => name !== 'missing',
      hasOrchestrator: () => true,
      hasEntity: (name) => name === 'counter',
      httpAsyncSleepMs: 30_000,
    },
    [mark, begun, ...events],
  )
}

const ids = (result: ReplayResult): (string | number)[][] =>
  result.scheduled.map(({ kind, id }) => [kind, id])

describe('waiting', () => {
  test('actions are awaited one after the other', () => {
    assert.deepEqual(ids(run([call('a'), call('a')], [])), [['activity', 0]])
    assert.deepEqual(ids(run([call('a'), call('a')], [scheduled(0), completed(0)])), [
      ['activity', 1],
    ])
  })

  test('a failed action is passed over', () => {
    assert.deepEqual(ids(run([call('a'), call('a')], [scheduled(0), failed(0)])), [['activity', 1]])
  })

  test('WhenAll waits for all of its children, after a failure too', () => {
    const events = [scheduled(0), scheduled(1), failed(0)]
    assert.deepEqual(ids(run([all(call('a'), call('a')), call('a')], events)), [])
    const done = run([all(call('a'), call('a')), call('a')], [...events, completed(1)])
    assert.deepEqual(ids(done), [['activity', 2]])
  })

  test('WhenAny goes on with the first, and the loser holds up the end', () => {
    const events = [scheduled(0), scheduled(1), completed(1)]
    const actions = [any(call('a'), call('a'))]
    const open = run(actions, events, { isDone: true, output: 5 })
    assert.equal(open.completion, undefined)
    const closed = run(actions, [...events, failed(0)], { isDone: true, output: 5 })
    assert.deepEqual(closed.completion, { status: 'Completed', output: '5' })
  })

  test('a cancelled timer keeps its number, releases WhenAny at once and holds up nothing', () => {
    const actions = [any(call('a'), timer(5000, true)), call('a')]
    const first = run(actions, [scheduled(0), timerCreated(1), completed(0)])
    assert.deepEqual(ids(first), [['activity', 2]])
  })

  test('waiters of one name form a stack, and names ignore letter case', () => {
    const actions = [any(waitFor('Go'), waitFor('go')), waitFor('GO'), call('a')]
    assert.deepEqual(ids(run(actions, [raised('go')])), [])
    // The second event goes to the last waiter, the third wait's own.
    assert.deepEqual(ids(run(actions, [raised('go'), raised('go')])), [['activity', 0]])
  })

  test('an event that came before its waiter is buffered', () => {
    const actions = [call('a'), waitFor('go'), call('a')]
    const events = [scheduled(0), raised('go'), completed(0)]
    assert.deepEqual(ids(run(actions, events)), [['activity', 1]])
  })

  test('a timer of more than six days goes in pieces of three', () => {
    const day = 86_400_000
    const result = run([timer(7 * day)], [])
    assert.deepEqual(result.scheduled, [{ kind: 'timer', id: 0, fireAtMs: startMs + 3 * day }])
  })
})

describe('retries', () => {
  const options = { firstRetryIntervalInMilliseconds: 100, maxNumberOfAttempts: 2 }
  const retried = (extra = {}): Action => ({
    actionType: actionTypes.callActivityWithRetry,
    functionName: 'a',
    retryOptions: { ...options, ...extra },
  })

  test('attempt, timer, attempt, one more timer, and only then the next action', () => {
    const events = [scheduled(0), failed(0), timerCreated(1), timerFired(1), scheduled(2)]
    assert.deepEqual(ids(run([retried(), call('a')], [...events, failed(2)])), [['timer', 3]])
    const after = [...events, failed(2), timerCreated(3), timerFired(3)]
    assert.deepEqual(ids(run([retried(), call('a')], after)), [['activity', 4]])
  })

  test('a retry timeout ends without that timer (the SDK then waits for ever, #629)', () => {
    const events = [scheduled(0), failed(0)]
    const result = run([retried({ retryTimeoutInMilliseconds: 0 }), call('a')], events)
    assert.deepEqual(ids(result), [['activity', 1]])
  })
})

describe('the end', () => {
  test('continueAsNew carries over what comes after it and does not wait for open tasks', () => {
    const actions = [any(waitFor('go'), call('a')), again]
    const events = [scheduled(0), raised('go'), raised('go')]
    const { completion } = run(actions, events, { isDone: true })
    assert.equal(completion?.status, 'ContinuedAsNew')
    assert.deepEqual(
      completion?.status === 'ContinuedAsNew' && [completion.input, completion.carriedOver.length],
      ['{"next":1}', 1],
    )
  })

  test('any of event and cancelled timer, then continueAsNew: the event comes back', () => {
    const actions = [any(waitFor('go'), timer(5000, true)), again]
    const { completion } = run(actions, [timerCreated(0), raised('go')], { isDone: true })
    assert.equal(completion?.status === 'ContinuedAsNew' && completion.carriedOver.length, 1)
  })

  test('an unknown activity takes no number and never ends', () => {
    const result = run([call('missing')], [])
    assert.deepEqual(ids(result), [])
    assert.equal(result.completion, undefined)
    assert.match(result.explanations.join(), /"missing" does not exist/)
  })

  test('locks and unknown actions fail the instance with a clear text', () => {
    for (const actionType of [actionTypes.lockEntities, 99]) {
      const { completion } = run([{ actionType }], [])
      assert.match(
        completion?.status === 'Failed' ? completion.reason : '',
        /^Orchestrator function 'x' failed: 501: this host does not support/,
      )
    }
  })
})

describe('non-determinism', () => {
  const reasonOf = (result: ReplayResult): string =>
    result.completion?.status === 'Failed' ? result.completion.reason : ''

  test('another name, another kind, a missing task', () => {
    assert.match(reasonOf(run([call('b')], [scheduled(0, 'a')])), /named 'a'.*named 'b'/)
    const kind = reasonOf(run([timer(5)], [scheduled(0)]))
    assert.match(kind, /produced a CreateTimerOrchestratorAction action/)
    assert.match(reasonOf(run([], [scheduled(0)])), /hasn't \(yet\?\) scheduled this task/)
  })

  test('what the new code scheduled runs all the same', () => {
    assert.deepEqual(ids(run([call('b')], [scheduled(0, 'a')])), [['activity', 0]])
  })
})
