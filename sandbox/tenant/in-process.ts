/**
 * The tenant without its servers: calls are functions of this process, so that a test can play
 * thousands of steps. State, routes, faults, links and lags are those of `startTenant`; what is
 * left out is HTTP on a wire: no connection is kept, and a `hold` would never let go.
 */

import { assembleTenant } from './assemble.ts'
import type { Operations } from './control/operations.ts'
import type { ControlClient } from './control-client.ts'
import { createFaultBoard } from './faults.ts'
import { type Answer, type Call, StreamedBody } from './http.ts'
import { DEFAULT_IDENTITY_HEADER, TENANT_ID } from './identities.ts'
import { DEFAULT_SETTINGS, type TenantSettings } from './state/settings.ts'
import { TenantState } from './state/tenant-state.ts'

/** Nobody listens there: only `send` knows the way. */
const BASE_URL = 'http://tenant.invalid'

export interface InProcessTenant {
  readonly url: string
  readonly tenantId: string
  readonly control: ControlClient
  /** One HTTP request, answered; rejects where the connection would have been cut. */
  send(request: Request): Promise<Response>
  close(): void
}

/** Making a key takes longer than all the rest, and no test is about its chance. */
let signingKey: string | undefined

export async function openTenant(options: {
  readonly clock: () => number
  readonly settings?: Partial<TenantSettings>
}): Promise<InProcessTenant> {
  const { clock } = options
  const state = new TenantState({
    file: ':memory:',
    tenantId: TENANT_ID,
    settings: { ...DEFAULT_SETTINGS, ...options.settings },
    clock,
  })
  if (signingKey !== undefined) state.db.setMeta('signing-key', signingKey)
  const faults = createFaultBoard(() => state.settings.seed)
  const identityHeader = DEFAULT_IDENTITY_HEADER
  const baseUrl = () => BASE_URL
  const tenant = await assembleTenant({ state, faults, clock, identityHeader, baseUrl })
  signingKey ??= state.db.meta('signing-key')
  state.trouble.startHere()
  return {
    url: BASE_URL,
    tenantId: TENANT_ID,
    control: controlOf(tenant.operations),
    send: async (request) => toResponse(await tenant.handle(await toCall(request))),
    close: () => state.close(),
  }
}

/** The operations as the client of the control interface offers them, schemas and all. */
function controlOf(operations: Operations): ControlClient {
  const methods = Object.entries(operations).map(([name, { schema, run }]) => [
    name,
    async (input: unknown) => (run as (checked: unknown) => unknown)(schema.parse(input)),
  ])
  return Object.fromEntries(methods)
}

async function toCall(request: Request): Promise<Call> {
  const { pathname, search } = new URL(request.url)
  const body = Buffer.from(await request.arrayBuffer())
  return {
    method: request.method,
    rawPath: pathname,
    rawQuery: search.slice(1),
    headers: Object.fromEntries(request.headers),
    readBody: async () => body,
    stream: async function* () {
      yield body
    },
  }
}

function toResponse(answer: Answer): Response {
  if (answer.drop) throw new TypeError('fetch failed: the connection was cut')
  const { body, status, headers = {} } = answer
  if (body === undefined) return new Response(null, { status, headers })
  if (body instanceof StreamedBody) {
    const sent = { ...headers, 'content-length': String(body.size) }
    return new Response(streamOf(body, answer.cutAt), { status, headers: sent })
  }
  const isRaw = typeof body === 'string' || body instanceof Uint8Array
  const bytes = Buffer.from(isRaw ? body : JSON.stringify(body))
  const typed = isRaw ? headers : { 'content-type': 'application/json', ...headers }
  if (answer.cutAt === undefined) return new Response(bytes, { status, headers: typed })
  return new Response(cut(bytes.subarray(0, Math.floor(bytes.length * answer.cutAt))), {
    status,
    headers: typed,
  })
}

/** Chunk by chunk, as they are asked for. */
function streamOf(body: StreamedBody, cutAt: number | undefined): ReadableStream<Uint8Array> {
  let left = Math.floor(body.size * (cutAt ?? 1))
  const chunks = body.chunks()[Symbol.iterator]()
  return new ReadableStream({
    pull(controller) {
      const chunk = left === 0 ? { done: true as const } : chunks.next()
      if (!chunk.done) {
        const part = chunk.value.subarray(0, left)
        left -= part.length
        controller.enqueue(part)
      } else if (cutAt === undefined) controller.close()
      else controller.error(new TypeError('terminated: the connection was cut'))
    },
  })
}

/** What arrived, and then a connection that is gone. */
function cut(bytes: Uint8Array): ReadableStream<Uint8Array> {
  let isSent = false
  return new ReadableStream({
    pull(controller) {
      if (isSent || bytes.length === 0) {
        controller.error(new TypeError('terminated: the connection was cut'))
        return
      }
      isSent = true
      controller.enqueue(bytes)
    },
  })
}
