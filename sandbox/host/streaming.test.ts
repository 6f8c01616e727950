/** HTTP streaming: what an app with `enableHttpStream` gets and gives, as observed in Azure's host. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as sendRequest } from 'node:http'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type EmbeddedGallery, startGallery, until } from './testing/harness.ts'

let app: EmbeddedGallery
let api = ''

before(async () => {
  const appDir = fileURLToPath(new URL('./testing/apps/streams', import.meta.url))
  app = await startGallery({ appDir })
  api = `${app.url}/api`
})
after(async () => {
  await app.host.stop()
  app.workspace.remove()
})

test('query values stand in params too, repeated keys stay apart, a slash is encoded twice', async () => {
  const response = await fetch(`${api}/describe/a%2Fb/c%20d/e?x=1&x=2&first=q`, {
    method: 'POST',
    headers: { 'x-test': 'seen' },
    body: 'text',
  })
  const invocationId = response.headers.get('x-ms-invocation-id')
  assert.match(String(invocationId), /^[\da-f-]{36}$/)
  assert.deepEqual(await response.json(), {
    url: `${api}/describe/a%252Fb/c%20d/e?x=1&x=2&first=q`,
    params: { x: '2', first: 'a%2Fb', rest: 'c d/e' },
    query: [
      ['x', '1'],
      ['x', '2'],
      ['first', 'q'],
    ],
    header: 'seen',
    body: 'text',
  })
})

test('bodies go both ways in parts', async () => {
  const call = sendRequest(`${api}/echo`, { method: 'POST', agent: false })
  call.flushHeaders()
  call.write('one')
  const [response] = await once(call, 'response')
  assert.equal(response.statusCode, 201)
  assert.equal(response.headers['x-answer'], 'yes')
  const parts: string[] = []
  for await (const part of response) {
    parts.push(String(part))
    // The second part is sent only when the first one has come back.
    if (parts.length === 1) call.end('two')
  }
  assert.deepEqual(parts, ['one', 'two'])
})

for (const name of ['throws', 'noAnswer', 'text']) {
  test(`${name}: a handler without a response gives no answer`, async () => {
    const limit = new AbortController()
    const call = fetch(`${api}/${name}`, { signal: limit.signal }).then(
      () => 'answered',
      () => 'aborted',
    )
    await until(() => app.workspace.count(`${name} ends`) > 0 || undefined, 'the handler')
    // Two more calls there and back: an answer of the first would have come by now.
    for (const path of ['describe/a', 'describe/b']) await fetch(`${api}/${path}`)
    limit.abort()
    assert.equal(await call, 'aborted')
  })
}

test('a worker that dies breaks the call off, and the next one serves again', async () => {
  await assert.rejects(fetch(`${api}/dies`), TypeError)
  const response = await until(async () => {
    // Until the host knows that the worker is gone, further calls break off too.
    const answer = await fetch(`${api}/describe/a`).catch(() => undefined)
    return answer?.status === 200 ? answer : undefined
  }, 'the next worker')
  assert.match(await response.text(), /"first":"a"/)
})
