/** Fixture: HTTP functions of an app that enabled HTTP streaming. */
import { appendFileSync } from 'node:fs'
import { app, type HttpResponseInit } from '@azure/functions'

app.setup({ enableHttpStream: true })

app.http('describe', {
  route: 'describe/{first}/{*rest}',
  handler: async (request) => ({
    jsonBody: {
      url: request.url,
      params: request.params,
      query: [...request.query],
      header: request.headers.get('x-test'),
      body: await request.text(),
    },
  }),
})
/** Answers each part of the request's body as soon as it came. */
app.http('echo', {
  methods: ['POST'],
  handler: ({ body }) => ({ status: 201, headers: { 'x-answer': 'yes' }, ...(body && { body }) }),
})

/** Tells a test that the handler has run. */
function note(text: string): void {
  const file = process.env['EFFECTS_FILE']
  if (file !== undefined) appendFileSync(file, `${text}\n`)
}

app.http('throws', {
  handler: () => {
    note('throws ends')
    throw new Error('no')
  },
})
app.http('noAnswer', {
  handler: () => {
    note('noAnswer ends')
    return undefined as unknown as HttpResponseInit
  },
})
app.http('text', {
  handler: () => {
    note('text ends')
    return 'just a text' as unknown as HttpResponseInit
  },
})
app.http('dies', { handler: () => process.exit(3) })
