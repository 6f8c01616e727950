/**
 * The calls of one mailbox: its budget, its address and what every Outlook call must say.
 *
 * Immutable ids are asked for on every call, links included: headers are not part of a link, and
 * one call without the header would make every moved message look new.
 */
import type { Graph, GraphRequest } from './client.ts'
import type { JsonObject } from './json.ts'

/** One call below `/users/{id}`, or a link. */
export interface MailboxRequest
  extends Omit<GraphRequest, 'service' | 'budgetScope' | 'meter' | 'headers'> {
  /** Further `Prefer` values. */
  prefer?: readonly string[]
}

export interface Mailbox {
  send(request: MailboxRequest, signal: AbortSignal): Promise<Response>
  json(request: MailboxRequest, signal: AbortSignal): Promise<JsonObject>
  /** Requests that left this process, retries included. */
  requests(): number
}

/** Outlook's limit for calls at once of one app in one mailbox. */
export const MAILBOX_CONCURRENCY = 4

export function mailboxOf(graph: Graph, userId: string): Mailbox {
  const meter = { requests: 0, units: 0 }
  const dress = (request: MailboxRequest): GraphRequest => {
    const { prefer = [], path, ...rest } = request
    return {
      ...rest,
      ...(path === undefined ? {} : { path: ['users', userId, ...path] }),
      headers: { Prefer: ['IdType="ImmutableId"', ...prefer].join(', ') },
      service: 'outlook',
      budgetScope: userId,
      meter,
    }
  }
  return {
    send: (request, signal) => graph.send(dress(request), signal),
    json: (request, signal) => graph.json(dress(request), signal),
    requests: () => meter.requests,
  }
}
