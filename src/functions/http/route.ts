/**
 * One call of the API: who may make it, what it takes, what it does.
 *
 * A route closes over the schemas, so that a handler sees parsed values only. A caller is
 * authorised before anything that it sent is read. Handlers throw; the edge answers.
 */
import type { HttpRequest } from '@azure/functions'
import type { z } from 'zod'
import type { Caller, Right } from '../../access/index.ts'
import type { HttpDeps } from './deps.ts'
import { parsedBody, parsedQuery } from './input.ts'

export const METHODS = ['GET', 'POST', 'PUT'] as const
export type Method = (typeof METHODS)[number]

export interface Reply {
  status: number
  headers?: Readonly<Record<string, string>>
  /** Sent as application/json. */
  json?: unknown
  /** Sent as it is; the headers say what it is. */
  content?: Uint8Array | AsyncIterable<Uint8Array>
}

export interface Call<Query, Body> {
  caller: Caller
  /** Parts of the path, as the host gave them: not yet checked. */
  params: { readonly id?: string; readonly item?: string }
  query: Query
  body: Body
  headers: { get(name: string): string | null }
  signal: AbortSignal
}

export interface Route {
  /** Name of the function: letters and digits. */
  name: string
  method: Method
  /** Without the prefix of the host (`/api/`). */
  path: string
  right: Right
  run(request: HttpRequest, deps: HttpDeps, signal: AbortSignal): Promise<Reply>
}

interface RouteSpec<Query extends z.ZodObject, Body> {
  name: string
  path: string
  right: Right
  /** Strict: a parameter that is not in it is refused. */
  query: Query
  handle(call: Call<z.output<Query>, Body>, deps: HttpDeps): Promise<Reply>
}

/** A call that changes something. A failed one has changed nothing, or is safe to send again. */
export function bodyRoute<Query extends z.ZodObject, Body extends z.ZodType>(
  spec: RouteSpec<Query, z.output<Body>> & { method: 'POST' | 'PUT'; body: Body },
): Route {
  return madeRoute(spec, spec.method, (request) => parsedBody(request, spec.body))
}

export function getRoute<Query extends z.ZodObject>(spec: RouteSpec<Query, undefined>): Route {
  // The body of a GET has no meaning (RFC 9110, 9.3.1), and the host drops it.
  return madeRoute(spec, 'GET', () => Promise.resolve(undefined))
}

function madeRoute<Query extends z.ZodObject, Body>(
  spec: RouteSpec<Query, Body>,
  method: Method,
  bodyOf: (request: HttpRequest) => Promise<Body>,
): Route {
  const { name, path, right } = spec
  return {
    name,
    method,
    path,
    right,
    async run(request, deps, signal) {
      const caller = await deps.access.authorise(request.headers, right)
      const query = parsedQuery(request.query, spec.query)
      const body = await bodyOf(request)
      const { params, headers } = request
      return spec.handle({ caller, params, query, body, headers, signal }, deps)
    },
  }
}
