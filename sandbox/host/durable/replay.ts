/**
 * The interpreter: walks an orchestrator's actions against its history, as the extension does.
 *
 * The actions are run one after the other, each awaited; a failed one is passed over, because the
 * orchestrator's own code has dealt with it. One counter numbers everything in the order of the
 * walk. Each "scheduled" event of the history must match what the walk scheduled under that
 * number; otherwise the execution fails as non-deterministic. WhenAll waits for all of its
 * children, WhenAny for the first. An execution completes only when nothing is open.
 *
 * "Just schedule what the SDK returned" would be simpler and wrong: the real bugs of retries in
 * Task.all and of cancelled timers come from precisely these rules.
 *
 * Pure: no clock, no I/O. Awaiting is modelled by `Signal`, which runs its continuations inline,
 * as the extension's single-threaded task scheduler does.
 */
import {
  NonDeterministicError,
  type Recorded,
  requireSame,
  type ScheduledAction,
} from './determinism.ts'
import {
  type EntityRequest,
  parseEntityInstanceId,
  replaySafeGuid,
  requestEventName,
} from './entity-messages.ts'
import { missingFunction, orchestratorDetails, orchestratorReason } from './failure-texts.ts'
import { type EventRaisedEvent, eventTypes, type HistoryEvent } from './history.ts'
import {
  type HttpCallAnswer,
  type HttpCallRequest,
  headerOf,
  httpActivityName,
} from './http-call.ts'
import { type Action, actionTypes, type OrchestratorAnswer } from './orchestrator-answer.ts'
import { retryDelayMs } from './retry.ts'
import { Signal } from './signal.ts'

const maximumShortTimerMs = 6 * 86_400_000
const longTimerIntervalMs = 3 * 86_400_000
const actionsMax = 100_000
const worthAWordMs = 60_000

/** How an execution ends in this episode. All values are JSON texts, except reasons. */
export type Completion =
  | { readonly status: 'Completed'; readonly output: string | null }
  | { readonly status: 'Failed'; readonly reason: string; readonly details: string }
  | {
      readonly status: 'ContinuedAsNew'
      readonly input: string | null
      readonly carriedOver: readonly EventRaisedEvent[]
    }

export interface ReplayInput {
  readonly name: string
  readonly instanceId: string
  readonly parentInstanceId: string | null
  readonly executionId: string
  readonly answer: OrchestratorAnswer
  /** Which functions exist; names ignore letter case. */
  readonly hasActivity: (name: string) => boolean
  readonly hasOrchestrator: (name: string) => boolean
  readonly hasEntity: (name: string) => boolean
  /** Between two polls of callHttp when the answer has no Retry-After. */
  readonly httpAsyncSleepMs: number
}

export interface ReplayResult {
  /** What the walk scheduled and the history does not hold yet, in the order of the numbers. */
  readonly scheduled: readonly ScheduledAction[]
  readonly completion: Completion | undefined
  /** Sentences for the host's log: why an instance will not go on, and the like. */
  readonly explanations: readonly string[]
}

/** Replays the whole history, new events included, and says what comes of it. */
export function replay(input: ReplayInput, history: readonly HistoryEvent[]): ReplayResult {
  return new Replay(input).run(history)
}

class RefusedActionError extends Error {}

type Outcome =
  | { readonly ok: true; readonly output: string | null }
  | { readonly ok: false; readonly reason: string; readonly details: string }

class Replay {
  readonly #input: ReplayInput
  readonly #unconfirmed = new Map<number, ScheduledAction>()
  readonly #open = new Map<number, Signal>()
  /** By the event's name in lower case; each with the name as it is waited for. */
  readonly #waiters = new Map<string, { readonly name: string; readonly signal: Signal }[]>()
  /** Names of events that nobody waited for yet, by the name in lower case. */
  readonly #buffered = new Map<string, string[]>()
  readonly #carriedOver: EventRaisedEvent[] = []
  /** JSON texts of what activities answered, by number. */
  readonly #results = new Map<number, string | null>()
  /** When timers fire, by number. */
  readonly #timers = new Map<number, number>()
  readonly #explanations: string[] = []
  #continueAsNew: { readonly input: string | null } | undefined
  #outcome: Outcome | undefined
  #nextId = 0
  #guidCount = 0
  #nowMs = 0

  constructor(input: ReplayInput) {
    this.#input = input
  }

  run(history: readonly HistoryEvent[]): ReplayResult {
    let completion: Completion | undefined
    try {
      for (const event of history) this.#process(event)
      completion = this.#complete()
    } catch (error) {
      completion = this.#fail(error)
    }
    const scheduled = [...this.#unconfirmed.values()]
    if (completion === undefined) this.#explainStandstill(scheduled)
    return { scheduled, completion, explanations: this.#explanations }
  }

  #complete(): Completion | undefined {
    if (this.#outcome === undefined) return undefined
    if (this.#open.size > 0 && this.#continueAsNew === undefined) return undefined
    if (!this.#outcome.ok) {
      const { reason, details } = this.#outcome
      return { status: 'Failed', reason, details }
    }
    if (this.#continueAsNew !== undefined) {
      const { input } = this.#continueAsNew
      return { status: 'ContinuedAsNew', input, carriedOver: this.#carriedOver }
    }
    return { status: 'Completed', output: this.#outcome.output }
  }

  #fail(error: unknown): Completion {
    if (error instanceof NonDeterministicError) {
      const { answer } = this.#input
      if (answer.kind === 'unreadable') {
        this.#explanations.push(
          `the orchestrator gave no readable answer: ${answer.message}; ` +
            'its status will say "Non-Deterministic workflow detected", as on the real host',
        )
      }
      return { status: 'Failed', reason: error.message, details: error.message }
    }
    if (error instanceof RefusedActionError) {
      this.#explanations.push(error.message)
      const reason = orchestratorReason(this.#input.name, error.message)
      return { status: 'Failed', reason, details: error.message }
    }
    throw error
  }

  #explainStandstill(scheduled: readonly ScheduledAction[]): void {
    const { answer } = this.#input
    const waits = this.#open.size > 0 || scheduled.length > 0 || this.#waiters.size > 0
    if (answer.kind !== 'state' || this.#explanations.length > 0) return
    if (this.#outcome !== undefined) this.#explainOpenTimers()
    if (waits) return
    this.#explanations.push(
      answer.thrown && answer.state.error === null
        ? 'the orchestrator threw something that is no Error, or an Error without a message; ' +
            'it stays Running for ever, as on the real host'
        : 'the orchestrator waits for a task that the host has no part of any more (their ' +
            'numbers have drifted apart); it stays Running for ever, as on the real host',
    )
  }

  /** A returned orchestrator ends with its last timer; short ones are not worth a word. */
  #explainOpenTimers(): void {
    for (const [id, fireAtMs] of this.#timers) {
      if (!this.#open.has(id) || fireAtMs - this.#nowMs < worthAWordMs) continue
      const fireAt = new Date(fireAtMs).toISOString()
      this.#explanations.push(
        `the orchestrator has returned, but stays Running until its timer fires at ${fireAt}; ` +
          'cancel timers that lost a race',
      )
    }
  }

  #process(event: HistoryEvent): void {
    switch (event.EventType) {
      case eventTypes.orchestratorStarted:
        this.#nowMs = Date.parse(event.Timestamp)
        return
      case eventTypes.executionStarted:
        this.#start()
        return
      case eventTypes.taskScheduled:
        this.#confirm({ id: event.EventId, kind: 'activity', name: event.Name })
        return
      case eventTypes.timerCreated:
        this.#confirm({ id: event.EventId, kind: 'timer', name: null })
        return
      case eventTypes.subOrchestrationCreated:
        this.#confirm({ id: event.EventId, kind: 'child', name: event.Name })
        return
      case eventTypes.eventSent: {
        const { EventId: id, Name: name, InstanceId: instanceId } = event
        this.#confirm({ id, kind: 'event', name, instanceId })
        return
      }
      case eventTypes.taskCompleted:
      case eventTypes.subOrchestrationCompleted:
        this.#results.set(event.TaskScheduledId, event.Result)
        this.#settle(event.TaskScheduledId, true)
        return
      case eventTypes.taskFailed:
      case eventTypes.subOrchestrationFailed:
        this.#settle(event.TaskScheduledId, false)
        return
      case eventTypes.timerFired:
        this.#settle(event.TimerId, true)
        return
      case eventTypes.eventRaised:
        this.#raise(event)
        return
      default:
        return
    }
  }

  #start(): void {
    const { answer, name } = this.#input
    if (answer.kind === 'unreadable') {
      const reason = orchestratorReason(name, answer.message)
      this.#outcome = { ok: false, reason, details: orchestratorDetails(answer.message, '') }
      return
    }
    if (answer.state.actions.length > actionsMax) {
      throw new RefusedActionError(`more than ${actionsMax} actions in one execution`)
    }
    this.#walk(answer.state.actions, 0)
  }

  #walk(actions: readonly Action[], from: number): void {
    for (let index = from; index < actions.length; index++) {
      const action = actions[index]
      if (action === undefined) break
      const signal = this.#runAction(action)
      if (!signal.settled) {
        const next = index + 1
        signal.whenSettled(() => this.#walk(actions, next))
        return
      }
    }
    this.#finish()
  }

  #finish(): void {
    const { answer, name } = this.#input
    if (answer.kind !== 'state') return
    const { error, isDone, output } = answer.state
    if (error !== null) {
      const reason = orchestratorReason(name, error)
      this.#outcome = { ok: false, reason, details: orchestratorDetails(error, answer.stack) }
    } else if (isDone) {
      this.#outcome = { ok: true, output: toJson(output) }
    }
  }

  #runAction(action: Action): Signal {
    switch (action.actionType) {
      case actionTypes.callActivity:
        return this.#activity(action)
      case actionTypes.callActivityWithRetry:
        return this.#retry(action, () => this.#activity(action))
      case actionTypes.callSubOrchestrator:
        return this.#child(action)
      case actionTypes.callSubOrchestratorWithRetry:
        return this.#retry(action, () => this.#child(action))
      case actionTypes.continueAsNew:
        this.#continueAsNew = { input: unwrapText(action.input) }
        return Signal.done(true)
      case actionTypes.createTimer:
        return this.#timer(Date.parse(action.fireAt ?? ''), action.isCanceled === true)
      case actionTypes.waitForExternalEvent:
        return this.#waitFor(action.externalEventName ?? '')
      case actionTypes.callHttp:
        return this.#http(action.httpRequest ?? {})
      case actionTypes.callEntity:
        return this.#callEntity(action)
      case actionTypes.signalEntity:
        return this.#signalEntity(action)
      case actionTypes.whenAll:
        return Signal.all((action.compoundActions ?? []).map((child) => this.#runAction(child)))
      case actionTypes.whenAny:
        return Signal.any((action.compoundActions ?? []).map((child) => this.#runAction(child)))
      default:
        throw new RefusedActionError(describeUnsupported(action.actionType))
    }
  }

  #activity(action: Action): Signal {
    const name = action.functionName ?? ''
    if (!this.#input.hasActivity(name)) {
      return this.#standStill(`the activity "${name}" does not exist`)
    }
    const input = toJson(action.input)
    return this.#schedule((id) => ({ kind: 'activity', id, name, input }))
  }

  #child(action: Action): Signal {
    const name = action.functionName ?? ''
    if (!this.#input.hasOrchestrator(name)) {
      return this.#standStill(`the orchestrator "${name}" does not exist`)
    }
    const given = action.instanceId
    if (given === this.#input.instanceId || (given && given === this.#input.parentInstanceId)) {
      return this.#standStill(`the child id "${given}" is the id of the instance or its parent`)
    }
    if (given?.startsWith('@')) {
      return this.#standStill(`the child id "${given}" starts with @`)
    }
    const input = toJson(action.input)
    const version = action.version ?? null
    return this.#schedule((id) => {
      const instanceId = given || `${this.#input.executionId}:${id}`
      return { kind: 'child', id, name, instanceId, input, version }
    })
  }

  /**
   * The request, and while it answers 202 a timer and a GET of its Location, again and again. A
   * Location that is missing is noticed only after the timer.
   */
  #http(request: HttpCallRequest, poll = request): Signal {
    const result = new Signal()
    const input = toJson(poll)
    const number = this.#nextId
    const task = this.#schedule((id) => ({ kind: 'activity', id, name: httpActivityName, input }))
    task.whenSettled((ok) => {
      const text = this.#results.get(number) ?? null
      const answer = ok && text !== null ? (JSON.parse(text) as HttpCallAnswer) : undefined
      if (answer?.statusCode !== 202 || request.asynchronousPatternEnabled !== true) {
        result.settle(ok)
        return
      }
      const retryAfter = headerOf(answer.headers, 'retry-after')
      const seconds = retryAfter === undefined ? undefined : Number(retryAfter)
      const sleepMs = seconds === undefined ? this.#input.httpAsyncSleepMs : seconds * 1000
      if (!Number.isInteger(sleepMs)) {
        result.settle(false)
        return
      }
      this.#shortTimer(this.#nowMs + sleepMs, false).whenSettled(() => {
        const uri = headerOf(answer.headers, 'location')
        if (uri !== undefined && URL.canParse(uri)) {
          const next = this.#http(request, pollRequest(request, uri))
          next.whenSettled((last) => result.settle(last))
          return
        }
        if (uri !== undefined) {
          this.#standStill(`callHttp was answered 202 with the relative Location "${uri}"`)
        }
        result.settle(false)
      })
    })
    return result
  }

  /** The answer comes as an event whose name is the request's id; it takes no number. */
  #callEntity(action: Action): Signal {
    const name = parseEntityInstanceId(action.instanceId ?? '')?.name ?? ''
    if (!this.#input.hasEntity(name)) {
      return this.#standStill(`the entity "${name}" does not exist`)
    }
    return this.#waitFor(this.#sendRequest(action, false))
  }

  /** Not awaited by anyone, so an unknown entity fails the instance here. */
  #signalEntity(action: Action): Signal {
    const name = parseEntityInstanceId(action.instanceId ?? '')?.name ?? ''
    if (!this.#input.hasEntity(name)) {
      throw new RefusedActionError(missingFunction(name, 'an entity'))
    }
    this.#sendRequest(action, true)
    return Signal.done(true)
  }

  #sendRequest(action: Action, signal: boolean): string {
    const { instanceId: parent, executionId: parentExecution } = this.#input
    const input = toJson(action.input)
    const request: EntityRequest = {
      op: action.operation ?? '',
      ...(signal ? { signal } : {}),
      ...(input === null ? {} : { input }),
      id: replaySafeGuid(parent, this.#nowMs, this.#guidCount++),
      parent,
      parentExecution,
    }
    const id = this.#nextId++
    const instanceId = action.instanceId ?? ''
    const sent = { kind: 'event', id, name: requestEventName, instanceId } as const
    this.#unconfirmed.set(id, { ...sent, request: JSON.stringify(request) })
    return request.id
  }

  /** The real host swallows these errors; the walk goes on and the orchestrator waits for ever. */
  #standStill(cause: string): Signal {
    this.#explanations.push(`${cause}; the instance stays Running for ever, as on the real host`)
    return Signal.done(false)
  }

  #schedule(build: (id: number) => ScheduledAction): Signal {
    const id = this.#nextId++
    const signal = new Signal()
    this.#unconfirmed.set(id, build(id))
    this.#open.set(id, signal)
    return signal
  }

  /** Timers of more than 6 days become pieces of 3 days; the SDK cuts them in the same way. */
  #timer(fireAtMs: number, cancelled: boolean): Signal {
    if (fireAtMs - this.#nowMs <= maximumShortTimerMs) return this.#shortTimer(fireAtMs, cancelled)
    const result = new Signal()
    this.#shortTimer(this.#nowMs + longTimerIntervalMs, cancelled).whenSettled((ok) => {
      if (!ok) result.settle(false)
      else this.#timer(fireAtMs, cancelled).whenSettled((last) => result.settle(last))
    })
    return result
  }

  #shortTimer(fireAtMs: number, cancelled: boolean): Signal {
    this.#timers.set(this.#nextId, fireAtMs)
    const signal = this.#schedule((id) => ({ kind: 'timer', id, fireAtMs }))
    if (cancelled) {
      // It keeps its number and its TimerCreated, but releases whoever waits for it at once.
      this.#open.delete(this.#nextId - 1)
      signal.settle(false)
    }
    return signal
  }

  #retry(action: Action, start: () => Signal): Signal {
    const options = action.retryOptions
    const result = new Signal()
    if (options === undefined) {
      throw new RefusedActionError('an action with retry has no retry options')
    }
    const { firstRetryIntervalInMilliseconds: first, maxRetryIntervalInMilliseconds: most } =
      options
    if (Math.max(first, most ?? 0) > maximumShortTimerMs) {
      return this.#standStill(`a retry interval of "${action.functionName}" is over six days`)
    }
    const firstAttemptMs = this.#nowMs
    const attempt = (number: number): void => {
      start().whenSettled((ok) => {
        const delayMs = ok ? 0 : retryDelayMs(options, number, this.#nowMs - firstAttemptMs)
        if (ok || delayMs === 0) {
          if (!ok) this.#explainNoRetryTimer(action.functionName ?? '')
          return result.settle(ok)
        }
        const last = number >= options.maxNumberOfAttempts
        this.#timer(this.#nowMs + (last ? 0 : delayMs), false).whenSettled(() => {
          if (last) result.settle(false)
          else attempt(number + 1)
        })
      })
    }
    attempt(1)
    return result
  }

  /** Without a delay there is no timer either, and the SDK then waits for ever (#629). */
  #explainNoRetryTimer(functionName: string): void {
    this.#explanations.push(
      `the retries of "${functionName}" ended without the timer that the SDK waits for ` +
        '(retryTimeoutInMilliseconds, or an interval of 0); that task never ends',
    )
  }

  #waitFor(name: string): Signal {
    const key = name.toLowerCase()
    const arrived = this.#buffered.get(key)?.shift()
    if (arrived !== undefined) {
      this.#explainLetterCase(arrived, name)
      return Signal.done(true)
    }
    const signal = new Signal()
    const stack = this.#waiters.get(key) ?? []
    stack.push({ name, signal })
    this.#waiters.set(key, stack)
    return signal
  }

  #raise(event: EventRaisedEvent): void {
    if (this.#continueAsNew !== undefined) {
      this.#carriedOver.push(event)
      return
    }
    const key = event.Name.toLowerCase()
    const stack = this.#waiters.get(key)
    // Waiters form a stack: the last one is served first.
    const waiter = stack?.pop()
    if (stack?.length === 0) this.#waiters.delete(key)
    if (waiter === undefined) {
      this.#buffered.set(key, [...(this.#buffered.get(key) ?? []), event.Name])
      return
    }
    this.#explainLetterCase(event.Name, waiter.name)
    waiter.signal.settle(true)
  }

  /** The host ignores letter case, the SDK does not: the event is used up and never seen. */
  #explainLetterCase(raised: string, awaited: string): void {
    if (raised === awaited) return
    this.#explanations.push(
      `the event "${raised}" ended the host's wait for "${awaited}", but the SDK minds letter ` +
        'case and never sees it; that wait never ends',
    )
  }

  #settle(id: number, ok: boolean): void {
    const signal = this.#open.get(id)
    // A second completion of the same task (an activity that ran twice) is ignored.
    if (signal === undefined) return
    this.#open.delete(id)
    signal.settle(ok)
  }

  #confirm(recorded: Recorded): void {
    requireSame(recorded, this.#unconfirmed.get(recorded.id))
    this.#unconfirmed.delete(recorded.id)
  }
}

function describeUnsupported(actionType: number): string {
  const name = Object.entries(actionTypes).find(([, type]) => type === actionType)?.[0]
  return `501: this host does not support ${name ?? `action type ${actionType}`}`
}

/** As the extension builds it: the function key of the first request is not for the poll. */
function pollRequest(request: HttpCallRequest, uri: string): HttpCallRequest {
  const headers = Object.entries(request.headers ?? {}).filter(
    ([name]) => name.toLowerCase() !== 'x-functions-key',
  )
  return {
    ...request,
    method: 'GET',
    uri,
    content: undefined,
    headers: Object.fromEntries(headers),
  }
}

function toJson(value: unknown): string | null {
  return value === undefined || value === null ? null : JSON.stringify(value)
}

/** The SDK encodes text inputs of continueAsNew twice. */
function unwrapText(input: unknown): string | null {
  return typeof input === 'string' ? input : toJson(input)
}
