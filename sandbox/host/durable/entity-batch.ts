/**
 * One batch of an entity: take its waiting requests, run them in one call, commit the effects.
 *
 * New state, replies and signals are one transaction with the removal of the requests; a crash
 * before it leaves them where they were, and the batch runs again. One batch at a time per entity
 * (the dispatcher sees to it), in the order of arrival. A batch whose worker died is repeated; one
 * that timed out answers an error to every caller and keeps the old state.
 */
import { randomUUID } from 'node:crypto'
import { FunctionTimeoutError, InvocationFailedError, WorkerExitError } from '../errors.ts'
import { crashHost } from '../faults.ts'
import type { AppFunction } from '../functions.ts'
import { type EpisodeEffects, noEffects } from './commit.ts'
import {
  type EntityRequest,
  type EntityResponse,
  entityInstanceId,
  parseEntityInstanceId,
  parseEntityRequest,
  requestEventName,
} from './entity-messages.ts'
import {
  type EntityAnswer,
  type EntityState,
  entityStatus,
  entityTriggerText,
  readEntityAnswer,
  readEntityState,
  storedEntityState,
} from './entity-state.ts'
import { EpisodeAbortedError } from './episode.ts'
import { missingFunction } from './failure-texts.ts'
import { type EventRaisedEvent, eventBase, eventTypes } from './history.ts'
import { type DurableRuntime, newHexId } from './runtime.ts'
import { messagesPerEpisodeMax, type StoredMessage } from './store.ts'

/** Safe to call at any time for any id; does nothing where nothing is waiting. */
export async function runEntityBatch(
  runtime: DurableRuntime,
  instanceId: string,
): Promise<EpisodeEffects> {
  const { store } = runtime
  const messages = store.messages(instanceId, 'one-episode')
  if (messages.length === 0) return noEffects
  const name = parseEntityInstanceId(instanceId)?.name ?? ''
  const entity = runtime.functions.find('entityTrigger', name)
  if (entity === undefined) {
    const cause = missingFunction(name, 'an entity')
    runtime.log('error', `${instanceId} has ${messages.length} request(s) that wait: ${cause}`)
    return noEffects
  }
  const requests = messages.flatMap(({ event }) => toRequests(event))
  const before = readEntityState(store.instance(instanceId)?.input ?? null)
  const answer =
    requests.length === 0
      ? { state: before, results: [], signals: [] }
      : await invokeEntity(runtime, entity, instanceId, before, requests)
  return store.transaction(
    () => commitBatch(runtime, { instanceId, messages, requests, answer }),
    () => {
      if (runtime.faults.fires('host-crash-before-commit', entity.name)) crashHost()
    },
  )
}

/** What is no request (an event that somebody raised by hand) is taken and ignored. */
function toRequests(event: StoredMessage['event']): EntityRequest[] {
  if (event.EventType !== eventTypes.eventRaised || event.Name !== requestEventName) return []
  const request = parseEntityRequest(event.Input)
  return request === undefined ? [] : [request]
}

async function invokeEntity(
  runtime: DurableRuntime,
  entity: AppFunction,
  instanceId: string,
  before: EntityState,
  requests: readonly EntityRequest[],
): Promise<EntityAnswer> {
  const value = { string: entityTriggerText(instanceId, before, requests) }
  try {
    const returned = await runtime.run(entity, { value, metadata: {} })
    const answer = readEntityAnswer(returned?.json, requests.length)
    if (answer !== undefined)
      return refuseTooLarge(runtime, { instanceId, before, requests }, answer)
    throw new EpisodeAbortedError(`the answer of ${instanceId} is not that of an entity function`)
  } catch (error) {
    if (error instanceof FunctionTimeoutError) {
      const failed = { isError: true, result: error.message }
      return { state: before, results: requests.map(() => failed), signals: [] }
    }
    if (error instanceof InvocationFailedError || error instanceof WorkerExitError) {
      const text = `a batch of ${instanceId} is repeated: ${error.message}`
      runtime.log('warning', text, entity.name)
      throw new EpisodeAbortedError(text, { cause: error })
    }
    throw error
  }
}

/** A state or result over the limit of the backend: the callers get an error, nothing changes. */
function refuseTooLarge(
  { sizes }: DurableRuntime,
  {
    instanceId,
    before,
    requests,
  }: { instanceId: string; before: EntityState; requests: readonly EntityRequest[] },
  answer: EntityAnswer,
): EntityAnswer {
  const texts = [answer.state.state, ...answer.results.map(({ result }) => result)]
  const refusals = texts.map((text) => sizes.refuse(instanceId, 'a state or result', text))
  const refusal = refusals.find((text) => text !== undefined)
  if (refusal === undefined) return answer
  const failed = { isError: true, result: JSON.stringify(refusal) }
  return { state: before, results: requests.map(() => failed), signals: [] }
}

interface Batch {
  readonly instanceId: string
  readonly messages: readonly StoredMessage[]
  readonly requests: readonly EntityRequest[]
  readonly answer: EntityAnswer
}

function commitBatch(runtime: DurableRuntime, batch: Batch): EpisodeEffects {
  const { store } = runtime
  const { instanceId, messages, requests, answer } = batch
  const nowMs = Date.now()
  const wake = new Set<string>()
  const send = (
    target: string,
    executionId: string | null,
    event: { Name: string; Input: string },
  ) => {
    const raised: EventRaisedEvent = {
      ...eventBase(nowMs),
      EventType: eventTypes.eventRaised,
      ...event,
    }
    store.addMessage(target, executionId, raised)
    wake.add(target)
  }
  store.deleteMessages(messages.map(({ seq }) => seq))
  if (store.instance(instanceId) === undefined) store.createEntity(instanceId, nowMs)
  // Each batch is an execution of its own: the real entity continues as new after it.
  const change = {
    status: 'Running',
    output: null,
    customStatus: entityStatus(answer.state),
    suspended: false,
    executionId: newHexId(),
    input: storedEntityState(answer.state),
  } as const
  store.updateInstance(instanceId, change, nowMs)
  for (const [index, request] of requests.entries()) {
    const outcome = answer.results[index]
    if (request.signal === true || request.parent === undefined || outcome === undefined) continue
    const failure = outcome.isError ? ({ exceptionType: 'Error' } as const) : {}
    const response: EntityResponse = { result: outcome.result, ...failure }
    const reply = { Name: request.id, Input: JSON.stringify(response) }
    send(request.parent, request.parentExecution ?? null, reply)
  }
  for (const { target, name, input } of answer.signals) {
    const id = randomUUID()
    const request: EntityRequest = { op: name, signal: true, input, id, parent: instanceId }
    send(entityInstanceId(target), null, { Name: requestEventName, Input: JSON.stringify(request) })
  }
  if (messages.length >= messagesPerEpisodeMax) wake.add(instanceId)
  return { ...noEffects, wake: [...wake] }
}
