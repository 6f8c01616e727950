import { setTimeout as sleep } from 'node:timers/promises'
import { app, type HttpRequest, type HttpResponseInit } from '@azure/functions'
import * as df from 'durable-functions'

async function describe(request: HttpRequest): Promise<HttpResponseInit> {
  return {
    jsonBody: {
      method: request.method,
      params: request.params,
      query: Object.fromEntries(request.query),
      bytes: Buffer.from(await request.arrayBuffer()).toString('hex'),
      header: request.headers.get('x-test'),
    },
    headers: { 'x-answer': 'yes' },
    cookies: [{ name: 'crumb', value: 'a b', path: '/', httpOnly: true }],
  }
}

app.http('plain', { handler: describe })
app.http('onlyPut', { methods: ['PUT'], route: 'only', handler: describe })
app.http('item', { route: 'items/{id:int}', handler: describe })
app.http('literal', { route: 'items/special', handler: () => ({ body: 'literal' }) })
app.http('optional', { route: 'maybe/{name?}', handler: describe })
app.http('rest', { route: 'files/{*path}', authLevel: 'function', handler: describe })
app.http('throws', {
  handler: () => {
    throw new Error('no')
  },
})
app.http('text', { handler: () => 'just a text' as unknown as HttpResponseInit })
app.http('noAnswer', { handler: () => undefined as unknown as HttpResponseInit })
app.http('unknownMembers', { handler: () => ({ other: 1 }) as HttpResponseInit })
app.http('slowHttp', {
  handler: async () => {
    await sleep(20_000)
    return {}
  },
})
app.http('logs', {
  handler: (_request, context) => {
    context.warn('from context', 7)
    console.log('from console')
    return {}
  },
})
app.http('streams', {
  handler: () => ({
    body: new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('one '))
        controller.enqueue(new TextEncoder().encode('two'))
        controller.close()
      },
    }),
  }),
})
/** The SDK's client, driven from outside: {method, args} in, {value} or {error} out. */
df.app.client.http('client', {
  methods: ['POST'],
  handler: async (request, client) => {
    const { method, args } = (await request.json()) as { method: string; args: unknown[] }
    const call: unknown = Reflect.get(client, method)
    if (typeof call !== 'function') return { status: 400 }
    try {
      const value: unknown = await Reflect.apply(call, client, args)
      return { jsonBody: { value: value ?? null } }
    } catch (error) {
      return { jsonBody: { error: String(error) } }
    }
  },
})
