import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect } from 'node:tls'
import { FILES_HOST, GRAPH_HOST, type GraphProxy, startGraphProxy } from './graph-proxy.ts'

interface Seen {
  method: string | undefined
  url: string | undefined
  headers: IncomingMessage['headers']
  body: string
}

/** A stand-in for the tenant that redirects `/content` and answers everything else. */
async function startEcho(t: TestContext) {
  const seen: Seen[] = []
  const server = createServer(async (request, response) => {
    const { method, url, headers } = request
    seen.push({ method, url, headers, body: await textOf(request) })
    if (url === '/content') {
      response.writeHead(302, { location: `${origin()}/file?tempauth=a%2Bb` }).end()
    } else if (url === '/cut') {
      response.writeHead(200, { 'content-length': 10 }).write('half', () => response.destroy())
    } else response.writeHead(207, { 'x-ms-resource-unit': '2' }).end('answer')
  })
  const origin = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy = await startGraphProxy(origin())
  t.after(async () => {
    await proxy.stop()
    server.close()
    server.closeAllConnections()
  })
  return { seen, proxy }
}

async function textOf(message: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of message) parts.push(part)
  return Buffer.concat(parts).toString()
}

/** The tunnel's end, or the proxy's refusal. */
async function tunnel(proxy: GraphProxy, target: string): Promise<Socket> {
  const asked = httpRequest(proxy.url, { method: 'CONNECT', path: target })
  asked.end()
  const [answer, socket] = (await once(asked, 'connect')) as [IncomingMessage, Socket]
  if (answer.statusCode === 200) return socket
  socket.destroy()
  throw new Error(`refused with ${answer.statusCode}`)
}

async function call(
  proxy: GraphProxy,
  host: string,
  options: { method?: string; path: string; body?: string },
) {
  const socket = await tunnel(proxy, `${host}:443`)
  const secure = connect({ socket, servername: host, ca: proxy.authority })
  const { method = 'GET', path, body } = options
  const sent = httpsRequest({
    ...{ method, path, createConnection: () => secure },
    headers: { host, authorization: 'Bearer secret', 'x-mark': 'kept', connection: 'close' },
  })
  sent.end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return { status: answer.statusCode, headers: answer.headers, body: await textOf(answer) }
}

test('a call to Graph reaches the tenant as it was sent, and the answer comes back', async (t) => {
  const { proxy, seen } = await startEcho(t)
  const path = '/v1.0/drives/b!a%2Fb/root?$top=1'
  const answer = await call(proxy, GRAPH_HOST, { method: 'POST', path, body: 'question' })
  assert.deepEqual([answer.status, answer.body], [207, 'answer'])
  assert.equal(answer.headers['x-ms-resource-unit'], '2')
  const [first] = seen
  assert.deepEqual([first?.method, first?.url, first?.body], ['POST', path, 'question'])
  assert.equal(first?.headers['authorization'], 'Bearer secret')
  assert.equal(first?.headers['x-mark'], 'kept')
})

test('a download is sent on to the host of files, where no token goes along', async (t) => {
  const { proxy, seen } = await startEcho(t)
  const { status, headers } = await call(proxy, GRAPH_HOST, { path: '/content' })
  assert.equal(status, 302)
  assert.equal(headers.location, `https://${FILES_HOST}/file?tempauth=a%2Bb`)
  const { pathname, search, host } = new URL(headers.location)
  await call(proxy, host, { path: `${pathname}${search}` })
  assert.equal(seen[1]?.url, '/file?tempauth=a%2Bb')
  assert.equal(seen[1]?.headers['authorization'], undefined)
  assert.equal(seen[1]?.headers['x-mark'], 'kept')
})

test('an answer that breaks off breaks off for the client too', async (t) => {
  const { proxy } = await startEcho(t)
  await assert.rejects(call(proxy, GRAPH_HOST, { path: '/cut' }))
})

test('every other host and port is refused', async (t) => {
  const { proxy, seen } = await startEcho(t)
  for (const target of ['example.com:443', `${GRAPH_HOST}:80`, `evil.${GRAPH_HOST}:443`]) {
    await assert.rejects(tunnel(proxy, target), /refused with 403/)
  }
  assert.equal((await fetch(proxy.url)).status, 405)
  assert.deepEqual(seen, [])
})
