/** callHttp, run by the engine with the real SDK against a small server of the test's own. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'
import type { CallHttpOptions, OrchestrationContext } from 'durable-functions'
import { df, EngineRig } from '../testing/engine-rig.ts'

df.app.orchestration('asksHttp', function* (context: OrchestrationContext) {
  const { andThen, ...options } = context.df.getInput<
    CallHttpOptions & { andThen?: boolean }
  >() ?? {
    method: 'GET',
    url: '',
  }
  const answer: unknown = yield context.df.callHttp(options)
  if (andThen) yield context.df.callActivity('never', null)
  return answer
})
df.app.activity('never', { handler: () => 'ran' })

interface Answer {
  readonly statusCode: number
  readonly headers: Record<string, string>
  readonly content: string
}

const seen: { readonly line: string; readonly type: string | undefined; readonly body: string }[] =
  []
let polls = 0

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  const body = Buffer.concat(chunks).toString()
  seen.push({
    line: `${request.method} ${request.url}`,
    type: request.headers['content-type'],
    body,
  })
  switch (request.url) {
    case '/broken':
      response.writeHead(500, { 'X-Why': 'tired' }).end('no')
      break
    case '/moved':
      response.writeHead(302, { Location: '/echo' }).end()
      break
    case '/long':
      response.writeHead(202, { Location: `${origin}/poll`, 'Retry-After': '0' }).end()
      break
    case '/poll':
      polls++
      if (polls < 3)
        response.writeHead(202, { Location: `${origin}/poll`, 'Retry-After': '0' }).end()
      else response.writeHead(200).end('done')
      break
    case '/nowhere':
      response.writeHead(202).end()
      break
    case '/silent':
      break
    default:
      response.writeHead(200, { 'Content-Type': 'application/json', 'X-One': '1' }).end('{"a":1}')
  }
}

const server = createServer((request, response) => {
  serve(request, response).catch((error: unknown) => response.destroy(error as Error))
})
let rig: EngineRig
let origin = ''

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  rig = new EngineRig({ settings: { httpAsyncSleepMs: 40, httpDeadlineMs: 500 } })
})
after(async () => {
  await rig.stop()
  server.closeAllConnections()
  server.close()
})

let count = 0
const ask = async (options: Partial<CallHttpOptions> & { andThen?: boolean }) =>
  await rig.runToEnd('asksHttp', `http-${count++}`, { method: 'GET', ...options })

describe('one request', () => {
  test('a JSON body goes out as text/plain unless a header says otherwise', async () => {
    await ask({ method: 'POST', url: `${origin}/echo`, body: { x: 1 } })
    const headers = { 'Content-Type': 'application/json' }
    await ask({ method: 'POST', url: `${origin}/echo`, body: '{}', headers })
    assert.deepEqual(seen.splice(0), [
      { line: 'POST /echo', type: 'text/plain', body: '{"x":1}' },
      { line: 'POST /echo', type: 'application/json', body: '{}' },
    ])
  })

  test('the answer has its headers but those about the content', async () => {
    const output = (await ask({ url: `${origin}/echo` })).output as Answer
    assert.deepEqual([output.statusCode, output.content], [200, '{"a":1}'])
    assert.equal(output.headers['X-One'], '1')
    const names = Object.keys(output.headers).map((name) => name.toLowerCase())
    assert.deepEqual(
      names.filter((name) => name.startsWith('content-')),
      [],
    )
  })

  test('500 is a value, and redirects are followed', async () => {
    const broken = (await ask({ url: `${origin}/broken` })).output as Answer
    assert.deepEqual([broken.statusCode, broken.content], [500, 'no'])
    const moved = (await ask({ url: `${origin}/moved` })).output as Answer
    assert.deepEqual([moved.statusCode, moved.content], [200, '{"a":1}'])
  })

  const failures: readonly (readonly [string, Partial<CallHttpOptions>, RegExp])[] = [
    ['a refused connection', { url: 'http://127.0.0.1:1/' }, /Connection refused \(127.0.0.1:1\)/],
    ['a missed deadline', { url: '/silent' }, /HttpClient.Timeout of 0.5 seconds elapsing/],
    ['no absolute address', { url: 'somewhere' }, /An invalid request URI was provided/],
    [
      'a multipart body',
      { url: '/echo', headers: { 'content-type': 'multipart/mixed' } },
      /Multipart content is not supported/,
    ],
    ['a token', { url: '/echo', tokenSource: { resource: 'r' } }, /no managed identity/],
  ]
  for (const [what, options, text] of failures) {
    test(`${what} fails the task`, async () => {
      const url = options.url?.startsWith('/') ? `${origin}${options.url}` : (options.url ?? '')
      const { runtimeStatus, output } = await ask({ ...options, url })
      assert.equal(runtimeStatus, 'Failed')
      assert.match(String(output), text)
    })
  }
})

describe('202', () => {
  test('with a Location is polled with timers until something else is answered', async () => {
    const { output, instanceId } = await ask({ method: 'POST', url: `${origin}/long` })
    assert.deepEqual([(output as Answer).statusCode, (output as Answer).content], [200, 'done'])
    const kinds = (await rig.history(instanceId)).map(({ EventType }) => EventType)
    const round = ['TimerCreated', 'TimerFired', 'TaskCompleted']
    const middle = ['TaskCompleted', ...round, ...round, ...round]
    assert.deepEqual(kinds, ['ExecutionStarted', ...middle, 'ExecutionCompleted'])
  })

  test('without a Location is the value, but the instance ends only after the timer', async () => {
    const { output, instanceId } = await ask({ url: `${origin}/nowhere` })
    assert.equal((output as Answer).statusCode, 202)
    const kinds = (await rig.history(instanceId)).map(({ EventType }) => EventType)
    assert.deepEqual(kinds.slice(1, -1), ['TaskCompleted', 'TimerCreated', 'TimerFired'])
  })

  test('without a Location and then an activity: that one is "done" before it ran', async () => {
    const { instanceId } = await ask({ url: `${origin}/nowhere`, andThen: true })
    const events = await rig.history(instanceId)
    const fired = events.findIndex(({ EventType }) => EventType === 'TimerFired')
    const ran = events.findIndex(({ FunctionName }) => FunctionName === 'never')
    assert.ok(fired < ran)
  })

  test('with polling switched off it is the value at once', async () => {
    const { instanceId } = await ask({ url: `${origin}/long`, enablePolling: false })
    const kinds = (await rig.history(instanceId)).map(({ EventType }) => EventType)
    assert.deepEqual(kinds, ['ExecutionStarted', 'TaskCompleted', 'ExecutionCompleted'])
  })
})
