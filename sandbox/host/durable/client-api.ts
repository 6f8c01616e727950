/**
 * The extension's HTTP API: start, status, lists, events, terminate, suspend, resume, purge;
 * entities in entity-api.ts.
 *
 * The SDK calls it on the loopback listener; the same answers stand behind the webhook addresses.
 * Refused with 501: rewind. Every answer is final: nothing
 * is retried here, and writing is one transaction, so that a start conflict is exact (on the real
 * host the check is not atomic).
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { RpcAnswer, RpcRequest } from '../http/plain.ts'
import { type ManagementUrls, managementUrls } from './client-binding.ts'
import { EntityApi } from './entity-api.ts'
import { isEntityInstance } from './entity-messages.ts'
import { missingFunction } from './failure-texts.ts'
import {
  eventBase,
  eventTypes,
  type HistoryEvent,
  isOpen,
  type RuntimeStatus,
  runtimeStatuses,
} from './history.ts'
import { badArgument, badRequest, continuationHeader, pageOf, readBody } from './http-values.ts'
import { refuseInstanceId } from './instance-ids.ts'
import { type DurableRuntime, newHexId } from './runtime.ts'
import { duplicateTask, statusBody } from './status.ts'
import { StatusLag } from './status-lag.ts'
import type { InstanceFilter, StatusQueries } from './status-queries.ts'

const purgePageSize = 500

export interface ClientApiOptions {
  readonly runtime: DurableRuntime
  readonly queries: StatusQueries
  readonly wake: (instanceId: string) => void
  /** Base address and query of the links in answers. */
  readonly links: { readonly base: string; readonly query: string }
  /** Aborted when the host stops: nothing is waited for any more. */
  readonly stopping: AbortSignal
}

type SignalEventType = 3 | 19 | 20

export class ClientApi {
  readonly #options: ClientApiOptions
  readonly #entities: EntityApi
  readonly #statusLag: StatusLag

  constructor(options: ClientApiOptions) {
    this.#options = options
    this.#entities = new EntityApi(options)
    this.#statusLag = new StatusLag(options.runtime.faults.condition('status-lag'))
  }

  /** `segments` are the decoded path segments after the API's base. */
  async handle(request: RpcRequest, segments: readonly string[]): Promise<RpcAnswer> {
    const [area, first, second, third] = segments
    const route = `${request.method} ${area}`
    if (area === 'entities' && segments.length <= 3) {
      return this.#entities.handle(request, first, second)
    }
    if (route === 'POST orchestrators' && first && segments.length <= 3) {
      return await this.#start(request, first, second)
    }
    if (area !== 'instances') return { status: 404 }
    if (!first) {
      if (request.method === 'GET') return this.#list(request)
      if (request.method === 'DELETE') return this.#purgeMany(request)
      return { status: 404 }
    }
    if (second === undefined) {
      if (request.method === 'GET') {
        const key = `${first} ${request.query}`
        return this.#statusLag.tell(key, this.#status(request, first), Date.now())
      }
      if (request.method === 'DELETE') return this.#purge(first)
      return { status: 404 }
    }
    if (request.method !== 'POST') return { status: 404 }
    if (isEntityInstance(first)) return notHere('control of an entity by its instance id')
    return await this.#control(request, first, second, third, segments.length)
  }

  async #control(
    request: RpcRequest,
    id: string,
    operation: string,
    argument: string | undefined,
    length: number,
  ): Promise<RpcAnswer> {
    const reason = request.query.get('reason') ?? ''
    const name = operation.toLowerCase()
    if (name === 'raiseevent' && argument && length === 4) return this.#raise(request, id, argument)
    if (length !== 3) return { status: 404 }
    switch (name) {
      case 'terminate':
        return this.#signal(id, eventTypes.executionTerminated, reason)
      case 'suspend':
        return this.#signal(id, eventTypes.executionSuspended, reason)
      case 'resume':
        return this.#signal(id, eventTypes.executionResumed, reason)
      case 'rewind':
        return this.#rewind(id)
      case 'restart':
        return await this.#restart(request, id)
      default:
        return { status: 404 }
    }
  }

  async #start(request: RpcRequest, name: string, givenId: string | undefined): Promise<RpcAnswer> {
    const input = readBody(request.body)
    if (input === 'invalid') return badRequest('Invalid JSON content')
    return await this.#begin(request, { name, id: givenId || newHexId(), input })
  }

  /** Starts an instance; with `timeout` and `pollingInterval`, in seconds, waits for its end. */
  async #begin(
    request: RpcRequest,
    { name, id, input }: { name: string; id: string; input: string | null },
  ): Promise<RpcAnswer> {
    const { runtime, wake } = this.#options
    if (runtime.functions.find('orchestrationTrigger', name) === undefined) {
      return badArgument(missingFunction(name, 'an orchestrator'))
    }
    const refusal =
      refuseInstanceId(id, runtime.settings.instanceIdRule) ??
      runtime.sizes.refuse(id, 'the input', input)
    if (refusal !== undefined) return badArgument(refusal)
    const version = request.query.get('version') ?? runtime.settings.defaultVersion
    const conflict = runtime.store.transaction(() => {
      const existing = runtime.store.instance(id)
      if (existing !== undefined && isOpen(existing.status)) return existing.status
      const executionId = newHexId()
      const instance = { id, name, executionId, version, input, parent: null }
      runtime.store.createInstance(instance, Date.now())
      return undefined
    })
    if (conflict !== undefined) return conflictAnswer(conflict)
    const delayMs = runtime.faults.condition('start-delay')
    if (delayMs > 0) setTimeout(() => wake(id), delayMs).unref()
    else wake(id)
    const timeoutMs = secondsOf(request, 'timeout')
    const intervalMs = secondsOf(request, 'pollingInterval')
    if (timeoutMs === undefined || intervalMs === undefined) return this.#links(id)
    if (intervalMs > timeoutMs) {
      const [total, between] = [timeoutMs / 1000, intervalMs / 1000]
      return badArgument(`Total timeout ${total} should be bigger than retry timeout ${between}`)
    }
    return await this.#wait(request, id, timeoutMs, intervalMs)
  }

  /** The output as soon as there is one; else, or when the host stops, the links. */
  async #wait(
    request: RpcRequest,
    id: string,
    timeoutMs: number,
    intervalMs: number,
  ): Promise<RpcAnswer> {
    const { runtime, stopping } = this.#options
    const endMs = Date.now() + timeoutMs
    for (;;) {
      const instance = stopping.aborted ? undefined : runtime.store.instance(id)
      if (instance?.status === 'Completed') {
        return { status: 200, json: JSON.parse(instance.output ?? 'null') }
      }
      if (instance !== undefined && !isOpen(instance.status)) {
        return { ...this.#status(request, id), status: 200 }
      }
      const leftMs = endMs - Date.now()
      if (instance === undefined || leftMs <= 0) return this.#links(id)
      const options = { signal: stopping, ref: false }
      await sleep(Math.min(leftMs, intervalMs), undefined, options).catch(() => undefined)
    }
  }

  #links(id: string): RpcAnswer {
    const urls = this.#urls(id)
    return {
      status: 202,
      headers: { location: urls.statusQueryGetUri, 'retry-after': '10' },
      json: { id, ...urls },
    }
  }

  /** Starts the same orchestrator with the same input, under a new id unless told otherwise. */
  async #restart(request: RpcRequest, id: string): Promise<RpcAnswer> {
    const instance = this.#options.runtime.store.instance(id)
    if (instance === undefined) {
      return badRequest('InstanceId does not match a valid orchestration instance.')
    }
    const { name, input } = instance
    const sameId = request.query.get('restartWithNewInstanceId')?.toLowerCase() === 'false'
    return await this.#begin(request, { name, id: sameId ? id : newHexId(), input })
  }

  /** Not supported; what the extension refuses before it tries is answered as there. */
  #rewind(id: string): RpcAnswer {
    const status = this.#options.runtime.store.instance(id)?.status
    if (status === undefined) return { status: 404 }
    return isOpen(status) || status === 'Failed' ? notHere('rewind') : { status: 410 }
  }

  #urls(id: string): ManagementUrls {
    const { base, query } = this.#options.links
    return managementUrls(`${base}/instances/${encodeURIComponent(id)}`, query)
  }

  #status(request: RpcRequest, id: string): RpcAnswer {
    const { store } = this.#options.runtime
    const instance = store.instance(id)
    if (instance === undefined) return { status: 404 }
    const flag = (name: string): boolean => request.query.get(name)?.toLowerCase() === 'true'
    const history = flag('showHistory')
      ? store.historyTexts(id).map((text) => JSON.parse(text) as HistoryEvent)
      : undefined
    const duplicate = history && duplicateTask(history)
    if (duplicate !== undefined) {
      return badRequest(`An item with the same key has already been added. Key: ${duplicate}`)
    }
    const showInput = request.query.get('showInput')?.toLowerCase() !== 'false'
    const body = statusBody(instance, {
      showInput,
      history,
      showHistoryOutput: flag('showHistoryOutput'),
    })
    const asError = flag('returnInternalServerErrorOnFailure') && instance.status === 'Failed'
    if (!isOpen(instance.status)) return { status: asError ? 500 : 200, json: body }
    const headers = { location: this.#urls(id).statusQueryGetUri, 'retry-after': '5' }
    return { status: 202, headers, json: body }
  }

  #list(request: RpcRequest): RpcAnswer {
    const { queries, runtime } = this.#options
    const filter = readFilter(request.query)
    const { rowsMax, afterId } = pageOf(request, runtime.settings.statusPageSize)
    const page = queries.page(filter, afterId, rowsMax)
    const last = page.length === rowsMax ? page.at(-1)?.id : undefined
    const showInput = request.query.get('showInput')?.toLowerCase() !== 'false'
    return {
      status: 200,
      headers: { [continuationHeader]: last ? Buffer.from(last).toString('base64url') : '' },
      json: page.map((instance) =>
        statusBody(instance, { showInput, history: undefined, showHistoryOutput: false }),
      ),
    }
  }

  #raise(request: RpcRequest, id: string, eventName: string): RpcAnswer {
    const { runtime, wake } = this.#options
    if (!(request.headers['content-type'] ?? '').toLowerCase().includes('application/json')) {
      return badRequest('Only application/json request content is supported')
    }
    const input = readBody(request.body)
    if (input === null || input === 'invalid') return badRequest('Invalid JSON content')
    const instance = runtime.store.instance(id)
    if (instance === undefined) return { status: 404 }
    if (!isOpen(instance.status)) return { status: 410 }
    const refusal = runtime.sizes.refuse(id, `the event ${eventName}`, input)
    if (refusal !== undefined) return badRequest(refusal)
    runtime.store.addMessage(id, null, {
      ...eventBase(Date.now()),
      EventType: eventTypes.eventRaised,
      Name: eventName,
      Input: input,
    })
    wake(id)
    return { status: 202 }
  }

  #signal(id: string, eventType: SignalEventType, reason: string): RpcAnswer {
    const { runtime, wake } = this.#options
    const instance = runtime.store.instance(id)
    if (instance === undefined) return { status: 404 }
    if (!isOpen(instance.status)) return { status: 410 }
    runtime.store.addMessage(id, null, {
      ...eventBase(Date.now()),
      EventType: eventType,
      Input: reason,
      Reason: reason,
    })
    wake(id)
    return { status: 202 }
  }

  /** Running instances too, as on the real host; their children live on. */
  #purge(id: string): RpcAnswer {
    const { store } = this.#options.runtime
    const deleted = store.transaction(() => store.deleteInstance(id))
    return deleted ? { status: 200, json: { instancesDeleted: 1 } } : { status: 404 }
  }

  #purgeMany(request: RpcRequest): RpcAnswer {
    const { queries, runtime } = this.#options
    if (!request.query.get('createdTimeFrom')) {
      return badRequest("Please provide value for 'createdTimeFrom' parameter.")
    }
    const filter = readFilter(request.query)
    let instancesDeleted = 0
    let afterId = ''
    // Ends with the first page that is not full; every page starts after the last id.
    for (;;) {
      const page = queries.page(filter, afterId, purgePageSize)
      runtime.store.transaction(() => {
        for (const { id } of page) if (runtime.store.deleteInstance(id)) instancesDeleted++
      })
      afterId = page.at(-1)?.id ?? afterId
      if (page.length < purgePageSize) break
    }
    return instancesDeleted > 0 ? { status: 200, json: { instancesDeleted } } : { status: 404 }
  }
}

const waitMsMax = 2 ** 31 - 1

/** A query parameter in seconds, parts allowed, as milliseconds. */
function secondsOf({ query }: RpcRequest, name: string): number | undefined {
  const text = query.get(name) ?? ''
  const seconds = Number(text)
  if (text.trim() === '' || !Number.isFinite(seconds)) return undefined
  return Math.min(waitMsMax, Math.max(0, seconds * 1000))
}

function readFilter(query: URLSearchParams): InstanceFilter {
  const time = (name: string, otherwise: number): number => {
    const parsed = Date.parse(query.get(name) ?? '')
    return Number.isNaN(parsed) ? otherwise : parsed
  }
  const wanted = (query.get('runtimeStatus') ?? '').split(',').map((name) => name.toLowerCase())
  const statuses: RuntimeStatus[] = runtimeStatuses.filter((status) =>
    wanted.includes(status.toLowerCase()),
  )
  return {
    createdFromMs: time('createdTimeFrom', 0),
    createdToMs: time('createdTimeTo', Number.MAX_SAFE_INTEGER),
    statuses,
    idPrefix: query.get('instanceIdPrefix') ?? '',
  }
}

function conflictAnswer(status: string): RpcAnswer {
  return {
    status: 500,
    json: {
      Message: 'Something went wrong while processing your request',
      ExceptionType: 'DurableTask.Core.Exceptions.OrchestrationAlreadyExistsException',
      ExceptionMessage: `An Orchestration instance with the status ${status} already exists.`,
    },
  }
}

function notHere(what: string): RpcAnswer {
  // The SDK puts the body of a 501 into its error as it is: a text, not an object.
  return { status: 501, text: `501: this host does not support ${what}` }
}
