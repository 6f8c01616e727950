/**
 * The calls of SharePoint and OneDrive: their budget, what they cost and how they are counted.
 *
 * SharePoint charges resource units to the app in the whole tenant (facts 2.2), so each call names
 * its kind; permissions are the dearest by far and are counted apart. A download address lets in
 * whoever has it: it goes out without a token and as it came.
 */
import type { Graph, GraphRequest } from './client.ts'
import type { Meter } from './exchange.ts'
import { type JsonObject, unreadableAnswer } from './json.ts'

/** Resource units of one request, by its kind; each page is a request (facts 2.2). */
export const UNITS = {
  /** One item, by id. */
  item: 1,
  /** Delta with a token: of a nextLink or a deltaLink. */
  deltaOn: 1,
  download: 1,
  list: 2,
  /** Delta from the beginning. */
  deltaAnew: 2,
  write: 2,
  /** Anything on permissions. */
  permissions: 5,
} as const
export type Charge = keyof typeof UNITS

type Dressed = 'service' | 'budgetScope' | 'meter' | 'units'

/** One call below the version, or a link. */
export interface SharePointRequest extends Omit<GraphRequest, Dressed | 'preauthenticated'> {
  charge: Charge
}

/** One call to an address that Graph gave for a file's content. */
export interface AddressRequest
  extends Pick<GraphRequest, 'name' | 'method' | 'headers' | 'body' | 'answer'> {
  /** A secret (P9). */
  address: string
  charge: Charge
}

export interface SharePoint {
  send(request: SharePointRequest, signal: AbortSignal): Promise<Response>
  json(request: SharePointRequest, signal: AbortSignal): Promise<JsonObject>
  /**
   * The address that the service redirects to, a secret (P9). Throws `UnreadableAnswer` where it
   * does not redirect.
   */
  addressOf(request: SharePointRequest, signal: AbortSignal): Promise<string>
  /** Without a token. What a refused address is answered with is thrown at the first refusal. */
  sendTo(request: AddressRequest, signal: AbortSignal): Promise<Response>
  /** Requests that left this process, retries included. */
  requests(): number
  /** Resource units in all, as charged. */
  units(): number
  /** Those among them that went to permissions. */
  permissionUnits(): number
}

/** `tenant` names the budget: all sites of a tenant share one. */
export function sharePointOf(graph: Graph, tenant: string): SharePoint {
  const ordinary: Meter = { requests: 0, units: 0 }
  const permissions: Meter = { requests: 0, units: 0 }
  const dress = (charge: Charge) => ({
    service: 'sharepoint' as const,
    budgetScope: tenant,
    units: UNITS[charge],
    meter: charge === 'permissions' ? permissions : ordinary,
  })
  const send: SharePoint['send'] = ({ charge, ...rest }, signal) =>
    graph.send({ ...rest, ...dress(charge) }, signal)
  return {
    send,
    async addressOf(request, signal) {
      const response = await send({ ...request, answer: 'redirect' }, signal)
      const address = response.headers.get('location')
      if (address === null) throw unreadableAnswer(request.name, 'it names no address')
      return address
    },
    json: ({ charge, ...rest }, signal) => graph.json({ ...rest, ...dress(charge) }, signal),
    sendTo: ({ charge, address, ...rest }, signal) =>
      graph.send({ ...rest, preauthenticated: address, ...dress(charge) }, signal),
    requests: () => ordinary.requests + permissions.requests,
    units: () => ordinary.units + permissions.units,
    permissionUnits: () => permissions.units,
  }
}
