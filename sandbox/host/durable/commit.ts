/**
 * Writes what came of an episode, in one transaction.
 *
 * Nothing is written when the instance was purged, finished or replaced while its orchestrator
 * ran. The order inside the history is that of the task framework: marks and messages first,
 * then what was scheduled, by number, then the end.
 */
import { crashHost } from '../faults.ts'
import type { ScheduledAction } from './determinism.ts'
import { orchestratorReason } from './failure-texts.ts'
import {
  type CompletedEvent,
  type ExecutionStartedEvent,
  eventBase,
  eventTypes,
  type FailedEvent,
  type HistoryEvent,
  isOpen,
  type ReasonEvent,
  type RuntimeStatus,
} from './history.ts'
import { refuseInstanceId } from './instance-ids.ts'
import type { Completion, ReplayResult } from './replay.ts'
import { type DurableRuntime, newHexId } from './runtime.ts'
import type { Instance } from './store.ts'

/** The real limit is 16 KB of UTF-16, with a border that is not exact (8,200 characters pass). */
const customStatusLengthMax = 16_384

export interface EpisodeEffects {
  /** Instances that have new messages. */
  readonly wake: readonly string[]
  readonly activitiesAdded: boolean
  readonly timersAdded: boolean
  /** Two starts of one id met: not a success for the dispatcher's back-off. */
  readonly collided?: true
}

export const noEffects: EpisodeEffects = { wake: [], activitiesAdded: false, timersAdded: false }

/** What an episode delivers to an instance. */
export interface Batch {
  readonly consumed: readonly number[]
  readonly events: readonly HistoryEvent[]
  readonly suspended: ReasonEvent | 'no' | 'unchanged'
  readonly terminated: ReasonEvent | undefined
  /** A second start of the instance while it runs; nothing else is delivered with it. */
  readonly collision: { readonly seq: number; readonly started: ExecutionStartedEvent } | undefined
}

export interface EpisodeOutcome {
  readonly instance: Instance
  readonly batch: Batch
  readonly newEvents: readonly HistoryEvent[]
  readonly pastCount: number
  /** undefined when the instance was terminated: its orchestrator did not run. */
  readonly result: ReplayResult | undefined
  readonly customStatus: string | null
}

type End =
  | { readonly status: 'Completed'; readonly output: string | null }
  | { readonly status: 'Failed'; readonly reason: string; readonly details: string }
  | { readonly status: 'Terminated'; readonly reason: string }

export function commitEpisode(runtime: DurableRuntime, outcome: EpisodeOutcome): EpisodeEffects {
  const { store, faults } = runtime
  return store.transaction(
    () => {
      const { instance } = outcome
      const current = store.instance(instance.id)
      const replaced = current?.executionId !== instance.executionId
      if (current === undefined || replaced || !isOpen(current.status)) return noEffects
      return new Commit(runtime, outcome).write()
    },
    () => {
      if (faults.fires('host-crash-before-commit', outcome.instance.name)) crashHost()
    },
  )
}

class Commit {
  readonly #runtime: DurableRuntime
  readonly #outcome: EpisodeOutcome
  readonly #nowMs = Date.now()
  readonly #wake = new Set<string>()
  readonly #appended: HistoryEvent[]

  constructor(runtime: DurableRuntime, outcome: EpisodeOutcome) {
    this.#runtime = runtime
    this.#outcome = outcome
    this.#appended = [...outcome.newEvents]
  }

  write(): EpisodeEffects {
    const { store } = this.#runtime
    const { instance, batch, result } = this.#outcome
    store.deleteMessages(batch.consumed)
    const refusal = this.#refusal()
    const scheduled = refusal === undefined ? (result?.scheduled ?? []) : []
    for (const action of scheduled) this.#schedule(action)
    const end = refusal ?? this.#end()
    if (end === undefined) this.#goOn()
    else if (end.status === 'ContinuedAsNew') this.#continueAsNew(end)
    else this.#finish(end)
    this.#appended.push({ ...eventBase(this.#nowMs), EventType: eventTypes.orchestratorCompleted })
    if (end?.status !== 'ContinuedAsNew') {
      store.appendHistory(instance.id, this.#outcome.pastCount, this.#appended)
    }
    return {
      wake: [...this.#wake],
      activitiesAdded: scheduled.some(({ kind }) => kind === 'activity'),
      timersAdded: scheduled.some(({ kind }) => kind === 'timer'),
    }
  }

  /** What the orchestrator wants and the backend does not take: the instance fails. */
  #refusal(): End | undefined {
    const { instance, result } = this.#outcome
    const { sizes, settings } = this.#runtime
    const refuse = (what: string, payload: string | null): string | undefined =>
      sizes.refuse(instance.id, what, payload)
    const reasons: (string | undefined)[] = []
    for (const action of result?.scheduled ?? []) {
      if (action.kind === 'event') reasons.push(refuse('the request to an entity', action.request))
      if (!('input' in action)) continue
      reasons.push(refuse(`the input of ${action.name}`, action.input))
      if (action.kind === 'child' && settings.instanceIdRule !== 'azure-storage') {
        reasons.push(refuseInstanceId(action.instanceId, settings.instanceIdRule))
      }
    }
    const { completion } = result ?? {}
    if (completion?.status === 'Completed') reasons.push(refuse('the output', completion.output))
    if (completion?.status === 'ContinuedAsNew') {
      reasons.push(refuse('the input of continueAsNew', completion.input))
    }
    const reason = reasons.find((text) => text !== undefined)
    if (reason === undefined) return undefined
    return { status: 'Failed', reason: orchestratorReason(instance.name, reason), details: reason }
  }

  #end(): Completion | End | undefined {
    const { batch, result, customStatus } = this.#outcome
    if (batch.terminated !== undefined) {
      return { status: 'Terminated', reason: batch.terminated.Reason }
    }
    if (customStatus !== null && customStatus.length > customStatusLengthMax) {
      const sizeBytes = customStatus.length * 2
      const reason = `The UTF-16 size of the custom status is ${sizeBytes} bytes, more than 16 KB.`
      return { status: 'Failed', reason, details: reason }
    }
    return result?.completion
  }

  #schedule(action: ScheduledAction): void {
    const { store, settings, faults } = this.#runtime
    const { id: instanceId, executionId, name: instanceName } = this.#outcome.instance
    const base = eventBase(this.#nowMs, action.id)
    if (action.kind === 'activity') {
      const { name, input } = action
      store.addActivity({ instanceId, executionId, taskId: action.id, name, input })
      const event = { ...base, EventType: eventTypes.taskScheduled, Name: name }
      this.#appended.push({ ...event, Version: null, Input: null })
    } else if (action.kind === 'timer') {
      const { fireAtMs } = action
      const lateMs = faults.lateMs('late-timer', instanceName)
      const dueMs = timerDueMs(fireAtMs, this.#nowMs, settings.timerGranularityMs) + lateMs
      store.addTimer(instanceId, executionId, { timerId: action.id, fireAtMs, dueMs })
      const FireAt = new Date(fireAtMs).toISOString()
      this.#appended.push({ ...base, EventType: eventTypes.timerCreated, FireAt })
    } else if (action.kind === 'event') {
      this.#sendEvent(action)
    } else {
      this.#startChild(action)
    }
  }

  #sendEvent(action: Extract<ScheduledAction, { kind: 'event' }>): void {
    const { id, instanceId, name, request } = action
    const sent = { InstanceId: instanceId, Name: name, Input: request }
    this.#appended.push({
      ...eventBase(this.#nowMs, id),
      EventType: eventTypes.eventSent,
      ...sent,
    })
    this.#runtime.store.addMessage(instanceId, null, {
      ...eventBase(this.#nowMs),
      EventType: eventTypes.eventRaised,
      Name: name,
      Input: request,
    })
    this.#wake.add(instanceId)
  }

  #startChild(action: Extract<ScheduledAction, { kind: 'child' }>): void {
    const { store, settings } = this.#runtime
    const { instance } = this.#outcome
    const { name, input, instanceId: childId } = action
    const version = action.version ?? settings.defaultVersion
    this.#appended.push({
      ...eventBase(this.#nowMs, action.id),
      EventType: eventTypes.subOrchestrationCreated,
      Name: name,
      Version: version,
      InstanceId: childId,
      Input: input,
    })
    const existing = store.instance(childId)
    const parent = {
      Name: instance.name,
      TaskScheduleId: action.id,
      OrchestrationInstance: { InstanceId: instance.id, ExecutionId: instance.executionId },
    }
    const child = { id: childId, name, executionId: newHexId(), version, input, parent }
    // The real backend does not notice that the id is taken before the child's first episode.
    if (existing !== undefined && isOpen(existing.status)) store.addStart(child, this.#nowMs)
    else store.createInstance(child, this.#nowMs)
    this.#wake.add(childId)
  }

  #goOn(): void {
    const { instance, batch, customStatus } = this.#outcome
    const suspension = batch.suspended
    const suspended = suspension === 'unchanged' ? instance.suspended : suspension !== 'no'
    // The status API shows the reason of a suspension as output.
    let output = suspended ? instance.output : null
    if (typeof suspension === 'object') output = JSON.stringify(suspension.Reason)
    const status = suspended ? 'Suspended' : 'Running'
    const change = { status, output, customStatus, suspended } as const
    this.#runtime.store.updateInstance(instance.id, change, this.#nowMs)
    // What was held back during the suspension has no message of its own to wake it.
    if (suspension === 'no') this.#wake.add(instance.id)
  }

  #continueAsNew(end: Extract<Completion, { status: 'ContinuedAsNew' }>): void {
    const { store } = this.#runtime
    const { instance, customStatus } = this.#outcome
    const { input } = end
    const executionId = newHexId()
    const open = { status: 'Running', output: null, suspended: false } as const
    store.updateInstance(instance.id, { ...open, customStatus, executionId, input }, this.#nowMs)
    store.clearExecution(instance.id)
    const started: HistoryEvent = {
      ...eventBase(this.#nowMs),
      EventType: eventTypes.executionStarted,
      Name: instance.name,
      Version: instance.version,
      Input: input,
      OrchestrationInstance: { InstanceId: instance.id, ExecutionId: executionId },
      ParentInstance: instance.parent,
    }
    store.addMessagesInFront(instance.id, executionId, [started, ...end.carriedOver])
    this.#runtime.continued.set(instance.id, 1 + end.carriedOver.length)
    this.#wake.add(instance.id)
  }

  #finish(end: End): void {
    const { store } = this.#runtime
    const { instance, customStatus } = this.#outcome
    const output = end.status === 'Completed' ? end.output : JSON.stringify(end.reason)
    this.#appended.push({
      ...eventBase(this.#nowMs),
      EventType: eventTypes.executionCompleted,
      OrchestrationStatus: end.status,
      Result: end.status === 'Completed' ? end.output : end.reason,
    })
    const status: RuntimeStatus = end.status
    const change = { status, output, customStatus, suspended: false }
    store.updateInstance(instance.id, change, this.#nowMs)
    store.deleteMessagesOf(instance.id)
    store.clearTimers(instance.id)
    this.#tellParent(end)
  }

  #tellParent(end: End): void {
    const { parent } = this.#outcome.instance
    if (parent === null) return
    const { InstanceId, ExecutionId } = parent.OrchestrationInstance
    const base = eventBase(this.#nowMs)
    const TaskScheduledId = parent.TaskScheduleId
    const event: CompletedEvent | FailedEvent =
      end.status === 'Completed'
        ? {
            ...base,
            EventType: eventTypes.subOrchestrationCompleted,
            TaskScheduledId,
            Result: end.output,
          }
        : {
            ...base,
            EventType: eventTypes.subOrchestrationFailed,
            TaskScheduledId,
            Reason: end.reason,
            // A terminated child has none, and the SDK cannot read that: the parent fails.
            Details: end.status === 'Failed' ? end.details : null,
            FailureDetails: null,
          }
    this.#runtime.store.addMessage(InstanceId, ExecutionId, event)
    this.#wake.add(InstanceId)
  }
}

/** When a timer's message becomes visible: its delay is cut to whole steps, never prolonged. */
function timerDueMs(fireAtMs: number, nowMs: number, granularityMs: number): number {
  const delayMs = Math.max(0, fireAtMs - nowMs)
  if (granularityMs === 0) return nowMs + delayMs
  return nowMs + Math.floor(delayMs / granularityMs) * granularityMs
}
