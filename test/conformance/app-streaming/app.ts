/** The second app: HTTP functions whose requests and answers are streams. */
import { setTimeout as sleep } from 'node:timers/promises'
import { app, type HttpResponseInit } from '@azure/functions'

const PART_MS = 700

app.setup({ enableHttpStream: true })

app.http('plain', { handler: () => ({ body: 'plain' }) })

app.http('parts', {
  handler: () => ({
    body: new ReadableStream({
      async start(controller) {
        for (const part of ['one ', 'two']) {
          controller.enqueue(new TextEncoder().encode(part))
          await sleep(PART_MS)
        }
        controller.close()
      },
    }),
  }),
})

app.http('things', {
  route: 'things/{name}',
  handler: ({ params, query }) => ({ jsonBody: { params, query: [...query] } }),
})

app.http('answers', {
  route: 'answers/{kind}',
  handler: ({ params }): HttpResponseInit => {
    if (params['kind'] === 'throw') throw new Error('no')
    return (params['kind'] === 'text' ? 'a text' : undefined) as unknown as HttpResponseInit
  },
})
