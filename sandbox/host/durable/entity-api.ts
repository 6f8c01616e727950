/** The entity part of the extension's HTTP API: read a state, signal, list. */
import { randomUUID } from 'node:crypto'
import type { RpcAnswer, RpcRequest } from '../http/plain.ts'
import {
  type EntityRequest,
  entityInstanceId,
  parseEntityInstanceId,
  requestEventName,
} from './entity-messages.ts'
import { readEntityState } from './entity-state.ts'
import { missingFunction } from './failure-texts.ts'
import { eventBase, eventTypes } from './history.ts'
import { badArgument, badRequest, continuationHeader, pageOf, readBody } from './http-values.ts'
import { hasForbiddenCharacter } from './instance-ids.ts'
import type { DurableRuntime } from './runtime.ts'
import type { StatusQueries } from './status-queries.ts'

export interface EntityApiOptions {
  readonly runtime: DurableRuntime
  readonly queries: StatusQueries
  readonly wake: (instanceId: string) => void
}

/** Stands for an empty key in an address. */
const emptyKey = '$'

export class EntityApi {
  readonly #options: EntityApiOptions

  constructor(options: EntityApiOptions) {
    this.#options = options
  }

  /** `name` and `key` are the decoded path segments behind `entities`. */
  handle(request: RpcRequest, name: string | undefined, key: string | undefined): RpcAnswer {
    if (request.method === 'GET')
      return key && name ? this.#read(name, key) : this.#list(request, name)
    if (request.method !== 'POST' && request.method !== 'DELETE') return { status: 404 }
    if (!name)
      return badArgument('Invalid entity id: entity name must not be a null or empty string.')
    return this.#signal(request, name, key ?? '')
  }

  #read(name: string, key: string): RpcAnswer {
    const id = entityInstanceId({ name, key: key === emptyKey ? '' : key })
    const input = this.#options.runtime.store.instance(id)?.input ?? null
    const { state } = readEntityState(input)
    return state === null ? { status: 404 } : { status: 200, json: JSON.parse(state) }
  }

  #signal(request: RpcRequest, name: string, key: string): RpcAnswer {
    const { runtime, wake } = this.#options
    if (hasForbiddenCharacter(key)) {
      return badArgument('Entity keys must not contain /, \\, #, ?, or control characters.')
    }
    if (runtime.functions.find('entityTrigger', name) === undefined) {
      return badArgument(missingFunction(name, 'an entity'))
    }
    const isJson = (request.headers['content-type'] ?? '').toLowerCase().includes('json')
    const body = isJson || request.body === '' ? request.body : JSON.stringify(request.body)
    const input = readBody(body)
    if (input === 'invalid') return badRequest('Could not parse JSON content')
    const op = request.method === 'DELETE' ? 'delete' : (request.query.get('op') ?? '')
    const signal: EntityRequest = {
      op,
      signal: true,
      ...(input === null ? {} : { input }),
      id: randomUUID(),
    }
    const id = entityInstanceId({ name, key })
    runtime.store.addMessage(id, null, {
      ...eventBase(Date.now()),
      EventType: eventTypes.eventRaised,
      Name: requestEventName,
      Input: JSON.stringify(signal),
    })
    wake(id)
    return { status: 202 }
  }

  #list(request: RpcRequest, name: string | undefined): RpcAnswer {
    const { queries, runtime } = this.#options
    const { query } = request
    const { rowsMax, afterId } = pageOf(request, runtime.settings.statusPageSize)
    const filter = {
      createdFromMs: 0,
      createdToMs: Number.MAX_SAFE_INTEGER,
      statuses: [],
      idPrefix: name ? `@${name.toLowerCase()}@` : '@',
    }
    const page = queries.page(filter, afterId, rowsMax)
    const fromMs = Date.parse(query.get('lastOperationTimeFrom') ?? '') || 0
    const toMs = Date.parse(query.get('lastOperationTimeTo') ?? '') || Number.MAX_SAFE_INTEGER
    const withState = query.get('fetchState')?.toLowerCase() === 'true'
    const last = page.length === rowsMax ? page.at(-1)?.id : undefined
    return {
      status: 200,
      headers: { [continuationHeader]: last ? Buffer.from(last).toString('base64url') : '' },
      json: page.flatMap(({ id, input, updatedMs }) => {
        const { state } = readEntityState(input)
        if (state === null || updatedMs < fromMs || updatedMs > toMs) return []
        const lastOperationTime = new Date(updatedMs).toISOString()
        const shown = withState ? (JSON.parse(state) as unknown) : null
        return [{ entityId: parseEntityInstanceId(id), lastOperationTime, state: shown }]
      }),
    }
  }
}
