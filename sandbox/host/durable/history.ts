/**
 * History events as the Durable extension writes them and `durable-functions` reads them.
 *
 * Names are Pascal case because they go over the wire as they are. A completion event always has
 * its Result (`null` for none) and a failure event its Reason and Details: the SDK throws outside
 * its own error handling when they are missing.
 */

export const eventTypes = {
  executionStarted: 0,
  executionCompleted: 1,
  executionTerminated: 3,
  taskScheduled: 4,
  taskCompleted: 5,
  taskFailed: 6,
  subOrchestrationCreated: 7,
  subOrchestrationCompleted: 8,
  subOrchestrationFailed: 9,
  timerCreated: 10,
  timerFired: 11,
  orchestratorStarted: 12,
  orchestratorCompleted: 13,
  eventSent: 14,
  eventRaised: 15,
  executionSuspended: 19,
  executionResumed: 20,
} as const

interface EventBase {
  /** −1 unless the event schedules something; then the task's number. */
  readonly EventId: number
  readonly IsPlayed: boolean
  /** ISO text, UTC. */
  readonly Timestamp: string
}

export interface ExecutionStartedEvent extends EventBase {
  readonly EventType: 0
  readonly Name: string
  readonly Version: string | null
  /** JSON text, or null for no input. */
  readonly Input: string | null
  readonly OrchestrationInstance: { readonly InstanceId: string; readonly ExecutionId: string }
  readonly ParentInstance: ParentInstance | null
}

export interface ParentInstance {
  readonly Name: string
  readonly TaskScheduleId: number
  readonly OrchestrationInstance: { readonly InstanceId: string; readonly ExecutionId: string }
}

export interface ExecutionCompletedEvent extends EventBase {
  readonly EventType: 1
  readonly OrchestrationStatus: string
  readonly Result: string | null
}

export interface ReasonEvent extends EventBase {
  /** 3 terminated (the reason stands in Input), 19 suspended, 20 resumed. */
  readonly EventType: 3 | 19 | 20
  readonly Input: string
  readonly Reason: string
}

export interface ScheduledEvent extends EventBase {
  readonly EventType: 4
  readonly Name: string
  readonly Version: string | null
  readonly Input: null
}

export interface SubOrchestrationCreatedEvent extends EventBase {
  readonly EventType: 7
  readonly Name: string
  readonly Version: string | null
  readonly InstanceId: string
  readonly Input: string | null
}

export interface CompletedEvent extends EventBase {
  readonly EventType: 5 | 8
  readonly TaskScheduledId: number
  readonly Result: string | null
}

export interface FailedEvent extends EventBase {
  readonly EventType: 6 | 9
  readonly TaskScheduledId: number
  readonly Reason: string
  readonly Details: string | null
  readonly FailureDetails: null
}

export interface TimerCreatedEvent extends EventBase {
  readonly EventType: 10
  readonly FireAt: string
}

export interface TimerFiredEvent extends EventBase {
  readonly EventType: 11
  readonly TimerId: number
  readonly FireAt: string
}

export interface EpisodeMarkEvent extends EventBase {
  readonly EventType: 12 | 13
}

export interface EventSentEvent extends EventBase {
  readonly EventType: 14
  /** The instance that gets the event: an entity. */
  readonly InstanceId: string
  readonly Name: string
  /** JSON text of the request. */
  readonly Input: string
}

export interface EventRaisedEvent extends EventBase {
  readonly EventType: 15
  readonly Name: string
  /** JSON text. */
  readonly Input: string
}

export type HistoryEvent =
  | ExecutionStartedEvent
  | ExecutionCompletedEvent
  | ReasonEvent
  | ScheduledEvent
  | SubOrchestrationCreatedEvent
  | CompletedEvent
  | FailedEvent
  | TimerCreatedEvent
  | TimerFiredEvent
  | EpisodeMarkEvent
  | EventSentEvent
  | EventRaisedEvent

/** The members that every event shares, for an event that is written now. */
export function eventBase(nowMs: number, eventId = -1): EventBase {
  return { EventId: eventId, IsPlayed: false, Timestamp: new Date(nowMs).toISOString() }
}

export const runtimeStatuses = [
  'Pending',
  'Running',
  'Completed',
  'ContinuedAsNew',
  'Failed',
  'Canceled',
  'Terminated',
  'Suspended',
] as const

export type RuntimeStatus = (typeof runtimeStatuses)[number]

const openStatuses: ReadonlySet<RuntimeStatus> = new Set([
  'Pending',
  'Running',
  'ContinuedAsNew',
  'Suspended',
])

/** Whether an instance with this status still has something to do. */
export function isOpen(status: RuntimeStatus): boolean {
  return openStatuses.has(status)
}
