/**
 * One episode: take an instance's messages, run the orchestrator on its whole history, commit.
 *
 * Everything that follows from an episode is one transaction; a crash before it leaves the
 * messages where they were, and the episode runs again from scratch. Messages that arrive while
 * the orchestrator runs go to the next episode.
 */
import { FunctionTimeoutError, InvocationFailedError, WorkerExitError } from '../errors.ts'
import { crashHost } from '../faults.ts'
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

/** The orchestrator timed out; the real host repeats the episode for ever, and so do we. */
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
  const messages = store.messages(instanceId, instance.suspended ? 'held-too' : 'one-episode')
  const batch = takeBatch(instance, messages)
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
    const more = messages.length >= messagesPerEpisodeMax
    return more ? { ...effects, wake: [...effects.wake, instanceId] } : effects
  }
  if (batch.terminated !== undefined) return commit(undefined, instance.customStatus)

  const answer = await invokeOrchestrator(runtime, instance, pastTexts, newEvents)
  const past = pastTexts.map((text) => JSON.parse(text) as HistoryEvent)
  const result = replay(
    {
      name: instance.name,
      instanceId,
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
  for (const text of result.explanations) {
    runtime.log('error', `instance ${instanceId}: ${text}`, instance.name)
  }
  const { completion } = result
  const carriedOver = completion?.status === 'ContinuedAsNew' ? completion.carriedOver.length : 0
  runtime.spinGuard.note(instanceId, instance.name, carriedOver)
  return commit(result, customStatusOf(answer, instance.customStatus))
}

/** Kept when the orchestrator throws; otherwise every answer sets it, and a falsy one clears it. */
function customStatusOf(answer: OrchestratorAnswer, current: string | null): string | null {
  if (answer.kind === 'unreadable' || answer.thrown) return current
  const { customStatus } = answer.state
  return customStatus ? JSON.stringify(customStatus) : null
}

function takeBatch(instance: Instance, messages: readonly StoredMessage[]): Batch {
  const consumed: number[] = []
  const events: HistoryEvent[] = []
  let held = instance.suspended
  let suspended: Batch['suspended'] = 'unchanged'
  for (const { seq, executionId, event } of messages) {
    if (executionId !== null && executionId !== instance.executionId) {
      // A late result of an execution that continueAsNew or a new start has replaced.
      consumed.push(seq)
    } else if (event.EventType === eventTypes.executionTerminated) {
      return { consumed: [...consumed, seq], events: [event], suspended, terminated: event }
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
  return { consumed, events, suspended, terminated: undefined }
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
