/**
 * One activity call: build its input, run the function, store the answer.
 *
 * At least once: the item is deleted in the same transaction that stores the answer, so a host
 * that dies in between runs the activity again, with a higher dequeue count. A handler that
 * throws, times out or loses its worker fails the task; only a stopping host leaves it open.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import {
  AbandonedError,
  FunctionTimeoutError,
  InvocationFailedError,
  WorkerExitError,
} from '../errors.ts'
import { crashHost } from '../faults.ts'
import type { RpcTypedData } from '../worker/protocol.ts'
import { activityDetails, activityReason, missingFunction } from './failure-texts.ts'
import { type CompletedEvent, eventBase, eventTypes, type FailedEvent } from './history.ts'
import { callHttp, HttpCallError, type HttpCallRequest, httpActivityName } from './http-call.ts'
import { withoutJsonMetadata } from './newtonsoft.ts'
import type { DurableRuntime } from './runtime.ts'
import type { ActivityItem } from './store.ts'

/**
 * Runs the item and stores what came of it; answers whether its instance has a message now.
 * The caller keeps an item from running twice at the same time.
 */
export async function runActivity(runtime: DurableRuntime, item: ActivityItem): Promise<boolean> {
  const { store, faults } = runtime
  store.countDequeue(item.seq)
  if (item.dequeueCount > 0) {
    const text = `the activity of ${item.instanceId} runs again; begun before: ${item.dequeueCount}`
    runtime.log('warning', text, item.name)
  }
  const first = await callActivity(runtime, item)
  if (first === 'abandoned') return false
  if (faults.fires('activity-after-effect', item.name)) crashHost()
  const lateMs = faults.lateMs('late-completion', item.name)
  if (lateMs > 0) await sleep(lateMs)
  const events = [first]
  if (faults.fires('duplicate-completion', item.name)) events.push(first)
  if (faults.fires('duplicate-activity', item.name)) {
    const second = await callActivity(runtime, item)
    if (second !== 'abandoned') events.push(second)
  }
  store.transaction(() => {
    for (const event of events) store.addMessage(item.instanceId, item.executionId, event)
    store.deleteActivity(item.seq)
  })
  return true
}

async function callActivity(
  runtime: DurableRuntime,
  item: ActivityItem,
): Promise<CompletedEvent | FailedEvent | 'abandoned'> {
  const activity = runtime.functions.find('activityTrigger', item.name)
  try {
    if (item.name === httpActivityName) {
      const call = JSON.parse(item.input ?? '{}') as HttpCallRequest
      const answer = await callHttp(call, runtime.settings.httpDeadlineMs)
      return completed(item, JSON.stringify(answer))
    }
    if (activity === undefined) {
      // The app was changed while the item waited.
      throw new InvocationFailedError(missingFunction(item.name, 'an activity'), '')
    }
    const input = withoutJsonMetadata(item.input === null ? null : JSON.parse(item.input))
    const value = toActivityValue(input)
    const { bindingName } = activity.trigger
    const metadata = activityMetadata(item.instanceId, bindingName, input)
    const onSent = (): undefined => {
      if (runtime.faults.fires('worker-kill-in-activity', item.name)) runtime.killWorker()
    }
    const answer = await runtime.run(activity, { value, metadata }, { onSent })
    const result = toResultText(answer)
    const refusal = runtime.sizes.refuse(item.instanceId, `the result of ${item.name}`, result)
    if (refusal !== undefined) throw new InvocationFailedError(refusal, '')
    return completed(item, result)
  } catch (error) {
    if (error instanceof AbandonedError) return 'abandoned'
    if (!isFailureOfTheTask(error)) throw error
    return {
      ...eventBase(Date.now()),
      EventType: eventTypes.taskFailed,
      TaskScheduledId: item.taskId,
      Reason:
        error instanceof HttpCallError
          ? error.message
          : activityReason(activity?.name ?? item.name, error),
      Details: activityDetails(error),
      FailureDetails: null,
    }
  }
}

function completed(item: ActivityItem, result: string | null): CompletedEvent {
  return {
    ...eventBase(Date.now()),
    EventType: eventTypes.taskCompleted,
    TaskScheduledId: item.taskId,
    Result: result,
  }
}

function isFailureOfTheTask(
  error: unknown,
): error is InvocationFailedError | WorkerExitError | FunctionTimeoutError | HttpCallError {
  return (
    error instanceof HttpCallError ||
    error instanceof InvocationFailedError ||
    error instanceof WorkerExitError ||
    error instanceof FunctionTimeoutError
  )
}

/**
 * The trigger value: texts as they are (the library then parses them, so that a text input, which
 * the SDK encodes twice, arrives as text), booleans in .NET's spelling, everything else as JSON.
 * null means that there is no value and the handler sees undefined.
 */
export function toActivityValue(input: unknown): RpcTypedData | null {
  if (input === null || input === undefined) return null
  if (typeof input === 'string') return { string: input }
  if (typeof input === 'boolean') return { string: input ? 'True' : 'False' }
  return { string: JSON.stringify(input) }
}

function activityMetadata(
  instanceId: string,
  bindingName: string,
  input: unknown,
): Record<string, RpcTypedData> {
  const metadata: Record<string, RpcTypedData> = { instanceId: { string: instanceId } }
  if (input === null || input === undefined) return metadata
  const data = { json: JSON.stringify(input) }
  metadata['data'] = data
  metadata[bindingName] = data
  if (typeof input === 'object' && !Array.isArray(input)) {
    for (const [name, value] of Object.entries(input)) {
      metadata[name] ??= { json: JSON.stringify(value) }
    }
  }
  return metadata
}

/** The handler's value as the JSON text of the task's result; no value is null. */
export function toResultText(answer: RpcTypedData | null): string | null {
  if (answer === null) return null
  if (answer.string !== undefined) return JSON.stringify(answer.string)
  if (answer.json !== undefined) return answer.json
  if (answer.bytes !== undefined) {
    return JSON.stringify(Buffer.from(answer.bytes).toString('base64'))
  }
  const number = answer.int === undefined ? answer.double : in64Bits(answer.int)
  if (number === undefined) return null
  // Newtonsoft writes what JSON cannot hold as texts.
  return Number.isFinite(number) ? JSON.stringify(number) : JSON.stringify(String(number))
}

/** The worker's channel has integers of 64 bits: a larger one overflows, silently. */
function in64Bits(integer: number): number {
  return Number.isSafeInteger(integer) ? integer : Number(BigInt.asIntN(64, BigInt(integer)))
}
