/**
 * What an entity keeps between batches, and what its function is given and answers. Pure.
 *
 * The stored JSON is the input of the entity's instance, as on the real host, so that status
 * lists show it; the queue is not in it, because waiting requests are messages of the instance.
 */
import { type EntityId, type EntityRequest, parseEntityInstanceId } from './entity-messages.ts'

export interface EntityState {
  readonly exists: boolean
  /** JSON text of the state, null for none. */
  readonly state: string | null
}

/** From the stored input of an entity's instance; null for a new one. */
export function readEntityState(input: string | null): EntityState {
  const stored = (input === null ? {} : JSON.parse(input)) as { exists?: boolean; state?: string }
  return { exists: stored.exists === true, state: stored.state ?? null }
}

export function storedEntityState({ exists, state }: EntityState): string {
  return JSON.stringify({
    ...(exists ? { exists } : {}),
    ...(state === null ? {} : { state }),
    sorter: {},
  })
}

/** The custom status of an entity's instance. */
export function entityStatus({ exists }: EntityState): string {
  return JSON.stringify(exists ? { entityExists: true } : {})
}

/** The trigger value of an entity function: the whole batch in one call. */
export function entityTriggerText(
  instanceId: string,
  { exists, state }: EntityState,
  requests: readonly EntityRequest[],
): string {
  const batch = requests.map(({ op, input, signal }) => ({
    name: op,
    input: input ?? null,
    isSignal: signal === true,
  }))
  return JSON.stringify({ self: parseEntityInstanceId(instanceId), exists, state, batch })
}

export interface OperationResult {
  readonly isError: boolean
  /** JSON text; of an error it is the error as the SDK writes it, without its text. */
  readonly result: string | null
}

export interface EntitySignal {
  readonly target: EntityId
  readonly name: string
  readonly input: string
}

export interface EntityAnswer {
  readonly state: EntityState
  /** At least one for each request; the i-th belongs to the i-th request. */
  readonly results: readonly OperationResult[]
  readonly signals: readonly EntitySignal[]
}

/** undefined when the answer has not the shape of the contract, or fewer results than requests. */
export function readEntityAnswer(
  json: string | undefined,
  requestCount: number,
): EntityAnswer | undefined {
  if (json === undefined) return undefined
  const value = JSON.parse(json) as {
    results?: unknown
    signals?: unknown
    entityExists?: unknown
    entityState?: unknown
  } | null
  const { results, signals = [], entityExists, entityState } = value ?? {}
  if (!Array.isArray(results) || results.length < requestCount || !results.every(isObject)) {
    return undefined
  }
  if (!Array.isArray(signals) || !signals.every(isSignal)) return undefined
  const exists = entityExists === true
  const state = typeof entityState === 'string' && exists ? entityState : null
  return {
    state: { exists, state },
    results: results.map(({ isError, result }) => ({
      isError: isError === true,
      result: typeof result === 'string' ? result : null,
    })),
    signals,
  }
}

function isObject(value: unknown): value is { isError?: unknown; result?: unknown } {
  return typeof value === 'object' && value !== null
}

function isSignal(value: unknown): value is EntitySignal {
  if (typeof value !== 'object' || value === null) return false
  const { target, name } = value as { target?: Partial<EntityId>; name?: unknown }
  return typeof target?.name === 'string' && typeof target.key === 'string' && name !== undefined
}
