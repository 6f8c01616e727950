/**
 * One episode: take an instance's messages, run the orchestrator on its whole history, commit.
 *
 * Everything that follows from an episode is one transaction; a crash before it leaves the
 * messages where they were, and the episode runs again from scratch. Messages that arrive while
 * the orchestrator runs go to the next episode.
 */
import { FunctionTimeoutError, InvocationFailedError, WorkerExitError } from '../errors.ts'
import { crashHost, type FaultSwitches } from '../faults.ts'
import { type Batch, commitEpisode, type EpisodeEffects, noEffects } from './commit.ts'
import { missingFunction } from './failure-texts.ts'
import { eventBase, eventTypes, type HistoryEvent, isOpen } from './history.ts'
import {
  type OrchestratorAnswer,
  readReturnedState,
  readThrownState,
} from './orchestrator-answer.ts'
import { type ReplayResult, replay } from './replay.ts'
import type { DurableRuntime } from './runtime.ts'
import { type Instance, messagesPerEpisodeMax, type StoredMessage } from './store.ts'
import { versionFits, versionMismatchText } from './versioning.ts'

/** The orchestrator timed out or must not run here; the episode is repeated, for ever. */
export class EpisodeAbortedError extends Error {}

/** Safe to call at any time for any id; does nothing where nothing is waiting. */
export async function runEpisode(
  runtime: DurableRuntime,
  instanceId: string,
): Promise<EpisodeEffects> {
  const { store } = runtime
  const instance = store.instance(instanceId)
  if (instance === undefined || !isOpen(instance.status)) {
    store.deleteMessagesOf(instanceId)
    return noEffects
  }
  const own = runtime.continued.get(instanceId)
  runtime.continued.delete(instanceId)
  const waiting = store.messages(instanceId, instance.suspended ? 'held-too' : 'one-episode')
  const messages = inAnyOrder(runtime.faults, waiting.slice(0, own))
  const batch = takeBatch(instance, messages)
  requireVersion(runtime, instance, batch)
  if (batch.collision !== undefined) return await runCollision(runtime, instance, batch.collision)
  if (batch.consumed.length === 0) return noEffects
  if (batch.events.length === 0) {
    store.deleteMessages(batch.consumed)
    return { ...noEffects, wake: [instanceId] }
  }
  const pastTexts = store.historyTexts(instanceId)
  const nowMs = Date.now()
  const mark = { ...eventBase(nowMs), EventType: eventTypes.orchestratorStarted }
  const newEvents: HistoryEvent[] = [mark, ...batch.events]
  const pastCount = pastTexts.length
  const commit = (
    result: ReplayResult | undefined,
    customStatus: string | null,
  ): EpisodeEffects => {
    const outcome = { instance, batch, newEvents, pastCount, result, customStatus }
    const effects = commitEpisode(runtime, outcome)
    const more = messages.length < waiting.length || messages.length >= messagesPerEpisodeMax
    return more ? { ...effects, wake: [...effects.wake, instanceId] } : effects
  }
  if (!versionFitsHost(runtime, instance)) {
    const [reason, details] = [versionMismatchText, versionMismatchText]
    const completion = { status: 'Failed', reason, details } as const
    return commit({ scheduled: [], completion, explanations: [] }, instance.customStatus)
  }
  if (batch.terminated !== undefined) return commit(undefined, instance.customStatus)

  const { answer, result } = await play(runtime, instance, pastTexts, newEvents)
  for (const text of result.explanations) runtime.explainer.say(instanceId, instance.name, text)
  const { completion } = result
  const carriedOver = completion?.status === 'ContinuedAsNew' ? completion.carriedOver.length : 0
  runtime.spinGuard.note(instanceId, instance.name, carriedOver)
  return commit(result, customStatusOf(answer, instance.customStatus))
}

/** Runs the orchestrator on the history and interprets its answer; changes nothing. */
async function play(
  runtime: DurableRuntime,
  instance: Instance,
  pastTexts: readonly string[],
  newEvents: readonly HistoryEvent[],
): Promise<{ readonly answer: OrchestratorAnswer; readonly result: ReplayResult }> {
  const answer = await invokeOrchestrator(runtime, instance, pastTexts, newEvents)
  const past = pastTexts.map((text) => JSON.parse(text) as HistoryEvent)
  const result = replay(
    {
      name: instance.name,
      instanceId: instance.id,
      parentInstanceId: instance.parent?.OrchestrationInstance.InstanceId ?? null,
      executionId: instance.executionId,
      answer,
      hasActivity: (name) => runtime.functions.find('activityTrigger', name) !== undefined,
      httpAsyncSleepMs: runtime.settings.httpAsyncSleepMs,
      hasEntity: (name) => runtime.functions.find('entityTrigger', name) !== undefined,
      hasOrchestrator: (name) => runtime.functions.find('orchestrationTrigger', name) !== undefined,
    },
    [...past, ...newEvents],
  )
  return { answer, result }
}

/**
 * A second start of an instance that still runs. The real backend sends its messages before it
 * finds out that the history has rows already: the activities run once more, their results are
 * nobody's, and the dispatcher backs off. The start is delivered again once, then dropped.
 */
async function runCollision(
  runtime: DurableRuntime,
  instance: Instance,
  collision: NonNullable<Batch['collision']>,
): Promise<EpisodeEffects> {
  const { store, stall } = runtime
  const { seq, started } = collision
  const executionId = started.OrchestrationInstance.ExecutionId
  const second = { ...instance, executionId, input: started.Input, parent: started.ParentInstance }
  const mark = { ...eventBase(Date.now()), EventType: eventTypes.orchestratorStarted }
  const { result } = await play(runtime, second, [], [mark, started])
  const last = stall.collide(seq) === 'last'
  store.transaction(() => {
    for (const { kind, id: taskId, ...task } of result.scheduled) {
      if (kind !== 'activity' || !('input' in task)) continue
      const { name, input } = task
      store.addActivity({ instanceId: instance.id, executionId, taskId, name, input })
    }
    if (last) store.deleteMessages([seq])
  })
  runtime.explainer.say(
    instance.id,
    instance.name,
    'it was started a second time while it runs, as a child with the same id; the second parent ' +
      'task never ends, its activities run again for nothing, and the work items of all instances ' +
      'wait until five have succeeded, twice, as on the real host',
  )
  return { ...noEffects, wake: [instance.id], activitiesAdded: true, collided: true }
}

function versionFitsHost({ settings }: DurableRuntime, { version }: Instance): boolean {
  return versionFits(settings.versionMatchStrategy, version, settings.defaultVersion)
}

/** By the strategy Reject the messages stay where they are, for a host with another version. */
function requireVersion(runtime: DurableRuntime, instance: Instance, batch: Batch): void {
  const { defaultVersion, versionFailureStrategy, versionMatchStrategy } = runtime.settings
  if (batch.consumed.length === 0 || versionFailureStrategy === 'Fail') return
  if (versionFitsHost(runtime, instance)) return
  const text =
    `its version "${instance.version ?? ''}" does not fit this host's "${defaultVersion ?? ''}" ` +
    `(${versionMatchStrategy}); it waits for a host that takes it, and so does a terminate request`
  runtime.explainer.say(instance.id, instance.name, text)
  throw new EpisodeAbortedError(`${instance.id}: ${text}`)
}

/** As stored, or as the fault `shuffle` has it; an execution always begins with its start. */
function inAnyOrder(
  faults: FaultSwitches,
  messages: readonly StoredMessage[],
): readonly StoredMessage[] {
  const isStart = ({ event }: StoredMessage): boolean =>
    event.EventType === eventTypes.executionStarted
  const rest = messages.filter((message) => !isStart(message))
  return [...messages.filter(isStart), ...faults.shuffled(rest)]
}

/** Kept when the orchestrator throws; otherwise every answer sets it, and a falsy one clears it. */
function customStatusOf(answer: OrchestratorAnswer, current: string | null): string | null {
  if (answer.kind === 'unreadable' || answer.thrown) return current
  const { customStatus } = answer.state
  return customStatus ? JSON.stringify(customStatus) : null
}

const noBatch: Batch = {
  consumed: [],
  events: [],
  suspended: 'unchanged',
  terminated: undefined,
  collision: undefined,
}

function takeBatch(instance: Instance, messages: readonly StoredMessage[]): Batch {
  const consumed: number[] = []
  const events: HistoryEvent[] = []
  let held = instance.suspended
  let suspended: Batch['suspended'] = 'unchanged'
  for (const { seq, executionId, event } of messages) {
    if (
      executionId !== null &&
      executionId !== instance.executionId &&
      event.EventType === eventTypes.executionStarted
    ) {
      return { ...noBatch, consumed: [seq], collision: { seq, started: event } }
    }
    if (executionId !== null && executionId !== instance.executionId) {
      // A late result of an execution that continueAsNew or a new start has replaced.
      consumed.push(seq)
    } else if (event.EventType === eventTypes.executionTerminated) {
      const taken = { consumed: [...consumed, seq], events: [event], suspended }
      return { ...noBatch, ...taken, terminated: event }
    } else if (event.EventType === eventTypes.executionSuspended) {
      held = true
      suspended = event
      consumed.push(seq)
      events.push(event)
    } else if (event.EventType === eventTypes.executionResumed) {
      held = false
      suspended = 'no'
      consumed.push(seq)
      events.push(event)
    } else if (!held || event.EventType === eventTypes.executionStarted) {
      consumed.push(seq)
      events.push(event)
    }
  }
  return { ...noBatch, consumed, events, suspended }
}

async function invokeOrchestrator(
  runtime: DurableRuntime,
  instance: Instance,
  pastTexts: readonly string[],
  newEvents: readonly HistoryEvent[],
): Promise<OrchestratorAnswer> {
  const orchestrator = runtime.functions.find('orchestrationTrigger', instance.name)
  if (orchestrator === undefined) {
    return { kind: 'unreadable', message: missingFunction(instance.name, 'an orchestrator') }
  }
  const { httpAsyncSleepMs } = runtime.settings
  const value = { string: triggerText(instance, pastTexts, newEvents, httpAsyncSleepMs) }
  const onSent = (): 'ignore-answer' | undefined => {
    if (runtime.faults.fires('host-crash-in-episode', instance.name)) crashHost()
    if (!runtime.faults.fires('worker-kill-in-episode', instance.name)) return undefined
    runtime.killWorker()
    return 'ignore-answer'
  }
  try {
    const answer = await runtime.run(orchestrator, { value, metadata: {} }, { onSent })
    return readReturnedState(answer)
  } catch (error) {
    if (error instanceof FunctionTimeoutError) {
      throw new EpisodeAbortedError(`an episode of ${instance.id} timed out`, { cause: error })
    }
    if (error instanceof InvocationFailedError || error instanceof WorkerExitError) {
      return readThrownState(error)
    }
    throw error
  }
}

/** The trigger value. Past events are stored as they are sent, so that they are not parsed here. */
function triggerText(
  instance: Instance,
  pastTexts: readonly string[],
  newEvents: readonly HistoryEvent[],
  httpAsyncSleepMs: number,
): string {
  const history = [...pastTexts, ...newEvents.map((event) => JSON.stringify(event))]
  const parentInstanceId = instance.parent?.OrchestrationInstance.InstanceId ?? null
  const rest = JSON.stringify({
    instanceId: instance.id,
    isReplaying: false,
    parentInstanceId,
    upperSchemaVersion: 1,
    upperSchemaVersionNew: 2,
    longRunningTimerIntervalDuration: '3.00:00:00',
    maximumShortTimerDuration: '6.00:00:00',
    // Spelled like this on the wire.
    defaultHttpAsyncRequestSleepTimeMillseconds: httpAsyncSleepMs,
  })
  return `{"history":[${history.join(',')}],"input":${instance.input ?? 'null'},${rest.slice(1)}`
}
