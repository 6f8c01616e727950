/**
 * What the status API shows of an instance: the member order, times in whole seconds, and the
 * folded history of `showHistory`. Pure.
 */
import { eventTypes, type HistoryEvent } from './history.ts'
import type { Instance } from './store.ts'

export interface StatusOptions {
  readonly showInput: boolean
  /** The stored events, when the caller asked for them. */
  readonly history: readonly HistoryEvent[] | undefined
  readonly showHistoryOutput: boolean
}

export interface StatusBody {
  readonly name: string
  readonly instanceId: string
  readonly runtimeStatus: string
  readonly input: unknown
  readonly customStatus: unknown
  readonly output: unknown
  readonly createdTime: string
  readonly lastUpdatedTime: string
  readonly historyEvents?: readonly Record<string, unknown>[]
}

/** No member is ever missing: the SDK throws without `input` or `output`. */
export function statusBody(instance: Instance, options: StatusOptions): StatusBody {
  const { history } = options
  const shown = { input: options.showInput, output: options.showHistoryOutput }
  return {
    name: instance.name,
    instanceId: instance.id,
    runtimeStatus: instance.status,
    input: options.showInput ? parse(instance.input) : null,
    customStatus: parse(instance.customStatus),
    output: parse(instance.output),
    createdTime: wholeSeconds(instance.createdMs),
    lastUpdatedTime: wholeSeconds(instance.updatedMs),
    ...(history === undefined ? {} : { historyEvents: foldHistory(history, shown) }),
  }
}

/**
 * The key of a task that two events scheduled, if any: the extension answers 400 for such a
 * history, which an execution that failed as non-deterministic can have.
 */
export function duplicateTask(history: readonly HistoryEvent[]): string | undefined {
  const seen = new Set<string>()
  for (const { EventType, EventId } of history) {
    const task = EventType === eventTypes.taskScheduled ? 'TaskScheduled' : undefined
    const child = EventType === eventTypes.subOrchestrationCreated ? childCreated : undefined
    const kind = task ?? child
    if (kind === undefined) continue
    const key = `${kind}_${EventId}`
    if (seen.has(key)) return key
    seen.add(key)
  }
  return undefined
}

const childCreated = 'SubOrchestrationInstanceCreated'

interface Shown {
  readonly input: boolean
  readonly output: boolean
}

/** What scheduled a task is shown with the task's end, and by itself only while that is open. */
function foldHistory(history: readonly HistoryEvent[], shown: Shown): Record<string, unknown>[] {
  const scheduled = new Map<number, HistoryEvent>()
  const ended = new Set<number>()
  for (const event of history) {
    if (event.EventId >= 0) scheduled.set(event.EventId, event)
    if ('TaskScheduledId' in event) ended.add(event.TaskScheduledId)
  }
  const folded: Record<string, unknown>[] = []
  for (const event of history) {
    const schedules = event.EventType === 4 || event.EventType === 7
    if (schedules && ended.has(event.EventId)) continue
    const entry = foldEvent(event, scheduled, shown)
    if (entry !== undefined) folded.push(entry)
  }
  return folded
}

function foldEvent(
  event: HistoryEvent,
  scheduled: ReadonlyMap<number, HistoryEvent>,
  shown: Shown,
): Record<string, unknown> | undefined {
  const { Timestamp } = event
  const result = (text: string | null): Record<string, unknown> =>
    shown.output ? { Result: parse(text) } : {}
  const input = (text: string | null): Record<string, unknown> =>
    shown.input ? { Input: text } : {}
  const origin = (id: number): Record<string, unknown> => {
    const source = scheduled.get(id)
    if (source === undefined || !('Name' in source)) return {}
    return { ScheduledTime: source.Timestamp, FunctionName: source.Name }
  }
  switch (event.EventType) {
    case eventTypes.executionStarted:
      return {
        EventType: 'ExecutionStarted',
        ...input(event.Input),
        Timestamp,
        FunctionName: event.Name,
      }
    case eventTypes.executionCompleted: {
      const status = { OrchestrationStatus: event.OrchestrationStatus, Timestamp }
      const failed = event.OrchestrationStatus !== 'Completed'
      return {
        EventType: 'ExecutionCompleted',
        ...status,
        ...(failed && shown.output ? { Result: event.Result } : result(event.Result)),
      }
    }
    case eventTypes.executionTerminated:
      return { EventType: 'ExecutionTerminated', Timestamp, Reason: event.Reason }
    case eventTypes.executionSuspended:
      return { EventType: 'ExecutionSuspended', Timestamp, Reason: event.Reason }
    case eventTypes.executionResumed:
      return { EventType: 'ExecutionResumed', Timestamp, Reason: event.Reason }
    case eventTypes.taskCompleted:
    case eventTypes.subOrchestrationCompleted:
      return {
        EventType: event.EventType === 5 ? 'TaskCompleted' : 'SubOrchestrationInstanceCompleted',
        ...result(event.Result),
        Timestamp,
        ...origin(event.TaskScheduledId),
      }
    case eventTypes.taskFailed:
    case eventTypes.subOrchestrationFailed:
      return {
        EventType: event.EventType === 6 ? 'TaskFailed' : 'SubOrchestrationInstanceFailed',
        Reason: event.Reason,
        Details: event.Details,
        Timestamp,
        ...origin(event.TaskScheduledId),
      }
    case eventTypes.timerCreated:
      return { EventType: 'TimerCreated', Timestamp, FireAt: event.FireAt }
    case eventTypes.timerFired:
      return { EventType: 'TimerFired', Timestamp, FireAt: event.FireAt }
    case eventTypes.eventRaised:
      return { EventType: 'EventRaised', Name: event.Name, ...input(event.Input), Timestamp }
    case eventTypes.eventSent: {
      const { InstanceId, Name } = event
      return { EventType: 'EventSent', InstanceId, Name, ...input(event.Input), Timestamp }
    }
    case eventTypes.taskScheduled:
      return { EventType: 'TaskScheduled', Name: event.Name, ...input(event.Input), Timestamp }
    case eventTypes.subOrchestrationCreated: {
      const { InstanceId, Name } = event
      return { EventType: childCreated, InstanceId, Name, ...input(event.Input), Timestamp }
    }
    default:
      return undefined
  }
}

function parse(text: string | null): unknown {
  return text === null ? null : JSON.parse(text)
}

function wholeSeconds(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19)}Z`
}
