/**
 * Reads what an orchestrator function answered: the state JSON with its actions.
 *
 * The state comes as a return value, or inside a thrown error behind a label. The host's
 * credential filter runs over the latter and can break its JSON; that is copied from the real
 * host, not repaired.
 */
import { InvocationFailedError } from '../errors.ts'
import type { RpcTypedData } from '../worker/protocol.ts'
import { sanitise } from './failure-texts.ts'
import type { HttpCallRequest } from './http-call.ts'

export interface RetryOptions {
  readonly firstRetryIntervalInMilliseconds: number
  readonly maxNumberOfAttempts: number
  readonly backoffCoefficient?: number
  readonly maxRetryIntervalInMilliseconds?: number
  readonly retryTimeoutInMilliseconds?: number
}

/** An action as the SDK writes it; which members are set follows from `actionType`. */
export interface Action {
  readonly actionType: number
  readonly functionName?: string
  readonly input?: unknown
  readonly retryOptions?: RetryOptions
  readonly instanceId?: string
  readonly version?: string
  readonly fireAt?: string
  readonly isCanceled?: boolean
  readonly externalEventName?: string
  readonly operation?: string
  readonly httpRequest?: HttpCallRequest
  readonly compoundActions?: readonly Action[]
}

export const actionTypes = {
  callActivity: 0,
  callActivityWithRetry: 1,
  callSubOrchestrator: 2,
  callSubOrchestratorWithRetry: 3,
  continueAsNew: 4,
  createTimer: 5,
  waitForExternalEvent: 6,
  callEntity: 7,
  callHttp: 8,
  signalEntity: 9,
  scheduledSignalEntity: 10,
  whenAny: 11,
  whenAll: 12,
  lockEntities: 13,
  releaseEntities: 14,
} as const

export interface OrchestratorState {
  readonly isDone: boolean
  readonly actions: readonly Action[]
  readonly output: unknown
  readonly customStatus: unknown
  readonly error: string | null
}

/**
 * state: the function returned or threw a readable state. unreadable: it did neither (the worker
 * died, a value did not serialise, the filter broke the JSON); `message` says what happened.
 */
export type OrchestratorAnswer =
  | {
      readonly kind: 'state'
      readonly state: OrchestratorState
      readonly thrown: boolean
      readonly stack: string
    }
  | { readonly kind: 'unreadable'; readonly message: string }

const outOfProcDataLabel = '\n\n$OutOfProcData$:'

export function readReturnedState(value: RpcTypedData | null): OrchestratorAnswer {
  const json = value?.json ?? value?.string
  if (json === undefined) {
    return {
      kind: 'unreadable',
      message: 'The data returned by the out-of-process function execution was not valid json.',
    }
  }
  return parseState(json, false, '')
}

/** For an orchestrator invocation that did not answer with a value. */
export function readThrownState(error: Error): OrchestratorAnswer {
  if (!(error instanceof InvocationFailedError)) {
    return { kind: 'unreadable', message: error.message }
  }
  const message = sanitise(error.message)
  const start = message.indexOf(outOfProcDataLabel)
  if (start < 0) return { kind: 'unreadable', message }
  return parseState(message.slice(start + outOfProcDataLabel.length), true, error.remoteStack)
}

function parseState(json: string, thrown: boolean, stack: string): OrchestratorAnswer {
  try {
    const state = toState(JSON.parse(json))
    if (state !== undefined) return { kind: 'state', state, thrown, stack }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  return {
    kind: 'unreadable',
    message: 'Out of proc orchestrators must return a valid JSON schema',
  }
}

interface WireState {
  readonly isDone?: unknown
  readonly actions?: unknown
  readonly output?: unknown
  readonly customStatus?: unknown
  readonly error?: unknown
}

function toState(value: unknown): OrchestratorState | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const wire: WireState = value
  // Schema 1 and later: exactly one inner list, with all actions since the execution began.
  const actions: unknown = Array.isArray(wire.actions) ? wire.actions[0] : undefined
  if (!Array.isArray(actions) || !actions.every(isAction)) return undefined
  return {
    isDone: wire.isDone === true,
    actions,
    output: wire.output,
    customStatus: wire.customStatus,
    error: typeof wire.error === 'string' && wire.error !== '' ? wire.error : null,
  }
}

function isAction(value: unknown): value is Action {
  return (
    typeof value === 'object' &&
    value !== null &&
    'actionType' in value &&
    typeof value.actionType === 'number'
  )
}
