/**
 * Entity ids and the messages to and from entities, in the shape of the real extension. Pure.
 *
 * An entity is an instance `@name@key` whose name is in lower case and whose key keeps its case.
 * A request travels as an event called `op`, the reply as an event called like the request's id.
 */
import { createHash } from 'node:crypto'

/** The name of every request's event. */
export const requestEventName = 'op'

/** One operation that somebody wants of an entity; members that are not set are left out. */
export interface EntityRequest {
  readonly op: string
  readonly signal?: true
  /** JSON text. */
  readonly input?: string
  readonly id: string
  /** Instance and execution that called; absent for signals of clients. */
  readonly parent?: string
  readonly parentExecution?: string
}

/** What the caller of an operation gets; `result` is a JSON text or null. */
export interface EntityResponse {
  readonly result: string | null
  readonly exceptionType?: 'Error'
}

export interface EntityId {
  readonly name: string
  readonly key: string
}

/** Whether an instance id is that of an entity. */
export function isEntityInstance(instanceId: string): boolean {
  return instanceId.startsWith('@')
}

export function entityInstanceId({ name, key }: EntityId): string {
  return `@${name.toLowerCase()}@${key}`
}

/** undefined for a text that is not `@name@key`. */
export function parseEntityInstanceId(instanceId: string): EntityId | undefined {
  const end = instanceId.indexOf('@', 1)
  if (!isEntityInstance(instanceId) || end < 2) return undefined
  return { name: instanceId.slice(1, end).toLowerCase(), key: instanceId.slice(end + 1) }
}

/** Reads a request from an event's input; undefined when it is none. */
export function parseEntityRequest(text: string): EntityRequest | undefined {
  const value: unknown = JSON.parse(text)
  if (typeof value !== 'object' || value === null) return undefined
  const { op, id } = value as { op?: unknown; id?: unknown }
  return typeof op === 'string' && typeof id === 'string' ? (value as EntityRequest) : undefined
}

const urlNamespace = '9e952959-5e33-4daf-827f-2fa12937b875'

/**
 * The id of a request: the same in every replay. A name-based UUID (version 5) of the instance,
 * the orchestrator's time and a counter, as the extension makes it.
 */
export function replaySafeGuid(instanceId: string, nowMs: number, counter: number): string {
  const time = new Date(nowMs).toISOString().replace('Z', '0000Z')
  const hash = createHash('sha1')
    .update(Buffer.from(urlNamespace.replaceAll('-', ''), 'hex'))
    .update(`${instanceId}_${time}_${counter}`)
    .digest()
    .subarray(0, 16)
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6)
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8)
  return hash.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
