/** The SDK's client and the effects, driven from outside. */
import { app } from '@azure/functions'
import * as df from 'durable-functions'
import { effectsOf } from './effects.ts'

/** `{method, args}` in, `{value}` or `{error}` out. */
df.app.client.http('client', {
  methods: ['POST'],
  handler: async (request, client) => {
    const { method, args } = (await request.json()) as { method: string; args: unknown[] }
    const call: unknown = Reflect.get(client, method)
    if (typeof call !== 'function') return { status: 400, body: `no method ${method}` }
    try {
      const value: unknown = await Reflect.apply(call, client, args)
      return { jsonBody: { value: value ?? null } }
    } catch (error) {
      return { jsonBody: { error: error instanceof Error ? error.message : String(error) } }
    }
  },
})

/** Where the management API is, with its key: what the runner needs to see answers as they are. */
df.app.client.http('links', {
  methods: ['GET'],
  handler: (request, client) => {
    const id = request.query.get('id') ?? ''
    return { jsonBody: client.createHttpManagementPayload(id) }
  },
})

app.http('effects', {
  methods: ['GET'],
  handler: (request) => ({ jsonBody: effectsOf(request.query.get('id') ?? '') }),
})
