/** HTTP functions: routing, bodies and answers as observed on the real host. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type EmbeddedGallery, startGallery, until } from './testing/harness.ts'

let gallery: EmbeddedGallery
let url = ''

before(async () => {
  gallery = await startGallery()
  url = gallery.url
})
after(async () => {
  await gallery.host.stop()
  gallery.workspace.remove()
})

interface Described {
  readonly method: string
  readonly params: Record<string, string>
  readonly query: Record<string, string>
  readonly bytes: string
  readonly header: string | null
}

async function get(path: string, init?: RequestInit): Promise<Described> {
  const response = await fetch(`${url}/api/${path}`, init)
  assert.equal(response.status, 200)
  return (await response.json()) as Described
}

async function statusCode(path: string, init?: RequestInit): Promise<[number, string]> {
  const response = await fetch(`${url}/api/${path}`, init)
  return [response.status, await response.text()]
}

describe('routes', () => {
  test('the function name is the default route; case and a last slash do not matter', async () => {
    assert.equal((await get('plain')).method, 'GET')
    assert.equal((await get('PLAIN/')).method, 'GET')
  })

  test('a wrong method is 404 with an empty body, never 405', async () => {
    for (const method of ['GET', 'DELETE', 'OPTIONS']) {
      assert.deepEqual(await statusCode('only', { method }), [404, ''])
    }
    assert.equal((await get('only', { method: 'PUT' })).method, 'PUT')
    assert.deepEqual(await statusCode('plain', { method: 'HEAD' }), [404, ''])
  })

  test('parameters: constraint, optional, catch-all, decoded once', async () => {
    assert.deepEqual((await get('items/42')).params, { id: '42' })
    assert.deepEqual(await statusCode('items/x'), [404, ''])
    assert.deepEqual((await get('maybe')).params, {})
    assert.deepEqual((await get('maybe/a%20b')).params, { name: 'a b' })
    assert.deepEqual((await get('maybe/a%2Fb')).params, { name: 'a%2Fb' })
    const key = `code=${gallery.host.masterKey}`
    assert.deepEqual((await get(`files/a/b/c?${key}`)).params, { path: 'a/b/c' })
    assert.deepEqual(await statusCode('items/special'), [200, 'literal'])
  })

  test('what no function serves is 404', async () => {
    assert.deepEqual(await statusCode('nowhere'), [404, ''])
    assert.equal((await fetch(`${url}/plain`)).status, 404)
  })
})

describe('keys', () => {
  test('a function of level function answers 401 without a key, as header or as code', async () => {
    const { masterKey } = gallery.host
    assert.deepEqual(await statusCode('files/a'), [401, ''])
    assert.deepEqual(await statusCode('files/a?code=wrong'), [401, ''])
    assert.equal((await statusCode(`files/a?code=${masterKey}`))[0], 200)
    const headers = { 'x-functions-key': masterKey }
    assert.equal((await statusCode('files/a?code=wrong', { headers }))[0], 200)
  })

  test('the start tells which functions ask for a key', () => {
    const levels = gallery.host.functions.flatMap(({ name, http }) =>
      http !== undefined && http.authLevel !== 'anonymous' ? [[name, http.authLevel]] : [],
    )
    assert.deepEqual(levels, [['rest', 'function']])
  })
})

describe('requests and answers', () => {
  test('the body arrives byte for byte, repeated query keys arrive joined', async () => {
    const body = new Uint8Array([0, 255, 10, 13, 128])
    const headers = { 'x-test': 'seen' }
    const seen = await get('plain?a=1&a=2&b=x%2By', { method: 'POST', body, headers })
    assert.equal(seen.bytes, '00ff0a0d80')
    assert.deepEqual(seen.query, { a: '1,2', b: 'x+y' })
    assert.equal(seen.header, 'seen')
  })

  test('headers and cookies of the answer are sent', async () => {
    const response = await fetch(`${url}/api/plain`)
    assert.equal(response.headers.get('x-answer'), 'yes')
    assert.equal(response.headers.get('set-cookie'), 'crumb=a%20b; Path=/; HttpOnly')
    assert.equal(response.headers.get('content-type'), 'application/json')
  })

  test('a streamed body arrives whole', async () => {
    assert.deepEqual(await statusCode('streams'), [200, 'one two'])
  })

  test('errors and odd values: 500, 204 and 200 with empty bodies', async () => {
    assert.deepEqual(await statusCode('throws'), [500, ''])
    assert.deepEqual(await statusCode('text'), [500, ''])
    assert.deepEqual(await statusCode('noAnswer'), [204, ''])
    assert.deepEqual(await statusCode('unknownMembers'), [200, ''])
  })

  test('what the app logs and prints reaches the sink', async () => {
    await statusCode('logs')
    const printed = await until(
      () => gallery.logs.find(({ text }) => text === 'from console'),
      'the console line',
    )
    assert.equal(printed.category, 'stdout')
    const logged = gallery.logs.find(({ text }) => text === 'from context 7')
    assert.deepEqual(
      [logged?.category, logged?.level, logged?.functionName],
      ['function', 'warning', 'logs'],
    )
  })
})

describe('the other addresses', () => {
  test('the webhooks want the system key and start without a body with null as input', async () => {
    const base = `${url}/runtime/webhooks/durabletask`
    const refused = await fetch(`${base}/orchestrators/waits/hook`, { method: 'POST' })
    assert.equal(refused.status, 401)
    const client = await fetch(`${url}/api/client`, {
      method: 'POST',
      body: JSON.stringify({ method: 'createHttpManagementPayload', args: ['hook'] }),
    })
    const { value } = (await client.json()) as { value: { statusQueryGetUri: string } }
    const key = new URL(value.statusQueryGetUri).searchParams.get('code')
    const started = await fetch(`${base}/orchestrators/waits/hook?code=${key}`, { method: 'POST' })
    assert.equal(started.status, 202)
    const status = await fetch(value.statusQueryGetUri)
    assert.equal(status.status, 202)
    const body = (await status.json()) as Record<string, unknown>
    assert.equal(body['input'], null)
    assert.deepEqual(Object.keys(body), [
      'name',
      'instanceId',
      'runtimeStatus',
      'input',
      'customStatus',
      'output',
      'createdTime',
      'lastUpdatedTime',
    ])
    assert.match(String(body['createdTime']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/)
  })

  test('the admin page tells the worker and the functions', async () => {
    const response = await fetch(`${url}/admin/host/status`)
    const body = (await response.json()) as {
      state: string
      workerPid: number
      functions: unknown[]
    }
    assert.equal(body.state, 'running')
    assert.equal(body.workerPid, gallery.host.workerPid())
    assert.ok(body.functions.length > 20)
  })
})
