/** HTTP functions of the cases, and two functions that show what a trigger or a client is told. */

import { app, type HttpResponseInit, input, trigger } from '@azure/functions'
import { effectsOf, note } from './effects.ts'

app.http('plain', { handler: () => ({ body: 'plain' }) })
app.http('only', { methods: ['PUT'], handler: () => ({ body: 'put' }) })
app.http('item', { route: 'items/{id:int}', handler: () => ({ body: 'item' }) })
app.http('literal', { route: 'items/special', handler: () => ({ body: 'literal' }) })
app.http('things', {
  route: 'things/{name}',
  handler: ({ params, query }, context) => {
    const metadata = Object.keys(context.triggerMetadata ?? {})
    return { jsonBody: { params, query: Object.fromEntries(query), metadata } }
  },
})

app.http('answers', {
  route: 'answers/{kind}',
  handler: ({ params }): HttpResponseInit => {
    switch (params['kind']) {
      case 'throw':
        throw new Error('no')
      case 'text':
        return 'a text' as HttpResponseInit
      case 'object':
        return { other: 1 } as HttpResponseInit
      case 'accepted':
        return { status: 202 }
      case 'created':
        return { status: 201, body: 'made' }
      case 'json':
        return { jsonBody: { a: 1 } }
      default:
        return undefined as unknown as HttpResponseInit
    }
  },
})

app.http('bytes', {
  methods: ['POST'],
  handler: async (request) => ({
    body: Buffer.from(await request.arrayBuffer()).toString('hex'),
  }),
})

app.http('streamed', {
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

app.http('asked', {
  methods: ['POST'],
  handler: async (request) => {
    const [type] = (request.headers.get('content-type') ?? '').split(';')
    return { jsonBody: { type, body: await request.text() } }
  },
})

/** Ready the third time that it is asked. */
app.http('later', {
  route: 'later/{id}',
  handler: ({ params, url }) => {
    const { id = '' } = params
    note(id, 'asked')
    if (effectsOf(id).length >= 3) return { body: 'ready' }
    return { status: 202, headers: { location: url, 'retry-after': '1' } }
  },
})

app.http('dies', { handler: () => process.exit(1) })

/** An orchestrator without the SDK: answers what it was told. */
app.generic('rawOrchestrator', {
  trigger: trigger.generic({ type: 'orchestrationTrigger' }),
  handler: (told) => {
    const value = typeof told === 'string' ? JSON.parse(told) : told
    const { history, upperSchemaVersion, upperSchemaVersionNew } = value
    const output = {
      members: Object.keys(value).sort(),
      input: value.input,
      schema: [upperSchemaVersion, upperSchemaVersionNew],
      durations: [
        value.longRunningTimerIntervalDuration,
        value.maximumShortTimerDuration,
        value.defaultHttpAsyncRequestSleepTimeMillseconds,
      ],
      events: history.map(({ EventType, EventId, IsPlayed }: Record<string, unknown>) => {
        return { EventType, EventId, IsPlayed }
      }),
    }
    return { isDone: true, actions: [[]], output, schemaVersion: 2 }
  },
})

const client = input.generic({ type: 'durableClient' })

app.http('binding', {
  extraInputs: [client],
  handler: (_request, context) => {
    const told = context.extraInputs.get(client)
    const value = typeof told === 'string' ? JSON.parse(told) : told
    const members = Object.keys(value).filter((name) => value[name] !== null)
    return {
      jsonBody: {
        members: members.sort(),
        creation: Object.keys(value.creationUrls).sort(),
        management: Object.keys(value.managementUrls).sort(),
      },
    }
  },
})
