/**
 * The extension's HTTP API: start, status, lists, events, terminate, suspend, resume, purge;
 * entities in entity-api.ts.
 *
 * The SDK calls it on the loopback listener; the same answers stand behind the webhook addresses.
 * Refused with 501: rewind, restart, and start-and-wait. Every answer is final: nothing
 * is retried here, and writing is one transaction, so that a start conflict is exact (on the real
 * host the check is not atomic).
 */
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
import { badRequest, continuationHeader, pageOf, readBody } from './http-values.ts'
import { refuseInstanceId } from './instance-ids.ts'
import { type DurableRuntime, newHexId } from './runtime.ts'
import { duplicateTask, statusBody } from './status.ts'
import type { InstanceFilter, StatusQueries } from './status-queries.ts'

const purgePageSize = 500

export interface ClientApiOptions {
  readonly runtime: DurableRuntime
  readonly queries: StatusQueries
  readonly wake: (instanceId: string) => void
  /** Base address and query of the links in answers. */
  readonly links: { readonly base: string; readonly query: string }
}

type SignalEventType = 3 | 19 | 20

export class ClientApi {
  readonly #options: ClientApiOptions
  readonly #entities: EntityApi

  constructor(options: ClientApiOptions) {
    this.#options = options
    this.#entities = new EntityApi(options)
  }

  /** `segments` are the decoded path segments after the API's base. */
  handle(request: RpcRequest, segments: readonly string[]): RpcAnswer {
    const [area, first, second, third] = segments
    const route = `${request.method} ${area}`
    if (area === 'entities' && segments.length <= 3) {
      return this.#entities.handle(request, first, second)
    }
    if (route === 'POST orchestrators' && first && segments.length <= 3) {
      return this.#start(request, first, second)
    }
    if (area !== 'instances') return { status: 404 }
    if (!first) {
      if (request.method === 'GET') return this.#list(request)
      if (request.method === 'DELETE') return this.#purgeMany(request)
      return { status: 404 }
    }
    if (second === undefined) {
      if (request.method === 'GET') return this.#status(request, first)
      if (request.method === 'DELETE') return this.#purge(first)
      return { status: 404 }
    }
    if (request.method !== 'POST') return { status: 404 }
    if (isEntityInstance(first)) return notHere('control of an entity by its instance id')
    return this.#control(request, first, second, third, segments.length)
  }

  #control(
    request: RpcRequest,
    id: string,
    operation: string,
    argument: string | undefined,
    length: number,
  ): RpcAnswer {
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
      case 'restart':
        return notHere(name)
      default:
        return { status: 404 }
    }
  }

  #start(request: RpcRequest, name: string, givenId: string | undefined): RpcAnswer {
    const { runtime, wake } = this.#options
    if (request.query.has('timeout')) return notHere('start-and-wait')
    if (runtime.functions.find('orchestrationTrigger', name) === undefined) {
      return badRequest(missingFunction(name, 'an orchestrator'))
    }
    const id = givenId || newHexId()
    const refusal = refuseInstanceId(id)
    if (refusal !== undefined) return badRequest(refusal)
    const input = readBody(request.body)
    if (input === 'invalid') return badRequest('Invalid JSON content')
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
    wake(id)
    const urls = this.#urls(id)
    return {
      status: 202,
      headers: { location: urls.statusQueryGetUri, 'retry-after': '10' },
      json: { id, ...urls },
    }
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
