/**
 * The check that a replay schedules what the history says, with the framework's texts.
 *
 * The texts reach the instance's output, and people search for them; the wording is the original's.
 */

/** What a replay schedules under a number; inputs are JSON texts. */
export type ScheduledAction =
  | {
      readonly kind: 'activity'
      readonly id: number
      readonly name: string
      readonly input: string | null
    }
  | { readonly kind: 'timer'; readonly id: number; readonly fireAtMs: number }
  | {
      readonly kind: 'child'
      readonly id: number
      readonly name: string
      readonly instanceId: string
      readonly input: string | null
      readonly version: string | null
    }
  | {
      readonly kind: 'event'
      readonly id: number
      readonly name: string
      /** The entity that gets it. */
      readonly instanceId: string
      /** JSON text of the request. */
      readonly request: string
    }

export class NonDeterministicError extends Error {
  constructor(details: string) {
    super(`Non-Deterministic workflow detected: ${details}`)
    this.name = 'NonDeterministicError'
  }
}

/** What a "scheduled" event of the history says. */
export interface Recorded {
  readonly id: number
  readonly kind: ScheduledAction['kind']
  /** null for timers, which have no name. */
  readonly name: string | null
  /** Only for events: to whom it was sent. */
  readonly instanceId?: string
}

const changedCode =
  'Was a change made to the orchestrator code after this instance had already started running?'
const words = {
  activity: { noun: 'an activity task', action: 'ScheduleTaskOrchestratorAction' },
  timer: { noun: 'a timer task', action: 'CreateTimerOrchestratorAction' },
  child: { noun: 'a sub-orchestration task', action: 'CreateSubOrchestrationAction' },
  event: { noun: 'a send event task', action: 'SendEventOrchestratorAction' },
} as const

/** Throws NonDeterministicError unless the replay scheduled the same thing under that number. */
export function requireSame(recorded: Recorded, action: ScheduledAction | undefined): void {
  const { id, kind, name } = recorded
  if (kind === 'event') {
    requireSameEvent(recorded, action)
    return
  }
  const { noun } = words[kind]
  const named = name === null ? '' : ` named '${name}'`
  const before = `A previous execution of this orchestration scheduled ${noun} with sequence`
  if (action === undefined) {
    const missing = `the current replay execution hasn't (yet?) scheduled this task`
    throw new NonDeterministicError(`${before} ID ${id}${named}, but ${missing}. ${changedCode}`)
  }
  const instead = `${before} number ${id}${named}, but the current orchestration replay instead`
  if (action.kind !== kind) {
    const produced = `produced a ${words[action.kind].action} action with this sequence number`
    throw new NonDeterministicError(`${instead} ${produced}. ${changedCode}`)
  }
  const current = action.kind === 'timer' ? null : action.name
  if (current?.toLowerCase() !== name?.toLowerCase()) {
    const scheduled = `scheduled ${noun} named '${current}' with this sequence number`
    throw new NonDeterministicError(`${instead} ${scheduled}. ${changedCode}`)
  }
}

/** The framework words this one in its own way. */
function requireSameEvent(recorded: Recorded, action: ScheduledAction | undefined): void {
  const { id, name, instanceId } = recorded
  const before =
    `A previous execution of this orchestration scheduled a send event task with sequence ID ${id}, ` +
    `type 'EventSent', name '${name}', instance ID '${instanceId}', but the current`
  if (action === undefined) {
    const missing = `replay execution hasn't (yet?) scheduled this task`
    throw new NonDeterministicError(`${before} ${missing}. ${changedCode}`)
  }
  if (action.kind !== 'event') {
    const instead = `orchestration replay instead scheduled a ${words[action.kind].action} task at`
    throw new NonDeterministicError(`${before} ${instead} this sequence number. ${changedCode}`)
  }
}
