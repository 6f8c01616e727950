import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messagePath, startBench } from '../testing/harness.ts'

const ADA = 'ada.brandt@sandbox.example'
const BELA = 'bela.kovacs@sandbox.example'
const SEED = { seed: 1, users: 2, messages: 60 }

test('every message of a generated mailbox is listed and read alike', async (t) => {
  const { walk, call, bytes } = await startBench(t, { seed: SEED })
  const { items } = await walk(`/users/${ADA}/messages?$top=25`)
  assert.equal(items.length, 60)
  assert.equal(new Set(items.map(({ id }) => id)).size, 60)
  for (const item of items.slice(0, 10)) {
    const one = await call(messagePath(ADA, item.id))
    assert.deepEqual({ ...one.json, '@odata.context': 0 }, { ...item, '@odata.context': 0 })
    assert.equal(one.headers.get('etag'), item['@odata.etag'])
    const mime = await bytes(`${messagePath(ADA, item.id)}/$value`)
    assert.match(mime.toString(), new RegExp(`Message-ID: ${item.internetMessageId}`))
  }
})

test('the MIME of a multipart is another at each call, and the log has each', async (t) => {
  const { control, bytes } = await startBench(t, { seed: SEED })
  const { id } = await control.deliver({
    user: ADA,
    subject: 'with a file',
    body: 'text',
    attachments: [{ name: 'a.bin', base64: Buffer.from('bytes').toString('base64') }],
  })
  const path = `${messagePath(ADA, id)}/$value`
  const [first, second] = [await bytes(path), await bytes(path)]
  assert.notDeepEqual(first, second)
  const { answers } = await control.mimeLog({ message: id })
  const { createHash } = await import('node:crypto')
  assert.deepEqual(
    answers.map(({ sha256 }) => sha256),
    [first, second].map((mime) => createHash('sha256').update(mime).digest('hex')),
  )
})

test('filters find by Message-ID, state and date; what is not served is refused', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  await control.deliver({
    user: ADA,
    subject: "it's here",
    internetMessageId: '<a+b@x.example>',
    received: '2019-05-06T07:08:09Z',
  })
  const find = async (filter: string, more = '') => {
    const query = new URLSearchParams({ $filter: filter })
    const { status, json } = await call(`/users/${ADA}/messages?${query}${more}`)
    return status === 200 ? json.value.map((m) => m.subject) : [status, json.error.code]
  }
  assert.deepEqual(await find("internetMessageId eq '<a+b@x.example>'"), ["it's here"])
  assert.deepEqual(await find("subject eq 'it''s here' and isRead eq false"), ["it's here"])
  assert.deepEqual(await find('receivedDateTime lt 2020-01-01T00:00:00Z'), ["it's here"])
  assert.deepEqual(await find("receivedDateTime lt '2020-01-01'"), [400, 'BadRequest'])
  assert.deepEqual(await find("contains(subject,'x')"), [501, 'notImplemented'])
  assert.deepEqual(await find('isRead eq false', '&$orderby=receivedDateTime'), [
    ...[400, 'InefficientFilter'],
  ])
})

test('counting, skipping and ordering follow the options', async (t) => {
  const { call } = await startBench(t, { seed: SEED })
  const path = `/users/${ADA}/messages?$orderby=receivedDateTime asc&$select=receivedDateTime`
  const { json } = await call(`${path}&$top=60`)
  const dates = json.value.map((m) => m.receivedDateTime)
  assert.deepEqual(dates, dates.toSorted())
  const skipped = await call(`${path}&$top=5&$skip=10&$count=true`)
  assert.deepEqual(
    skipped.json.value.map((m) => m.receivedDateTime),
    dates.slice(10, 15),
  )
  assert.equal(Reflect.get(skipped.json, '@odata.count'), 60)
})

test('a message of another mailbox or folder is not found', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  const { id } = await control.deliver({ user: ADA, subject: 'mine' })
  assert.equal((await call(messagePath(BELA, id))).json.error.code, 'ErrorItemNotFound')
  const there = `/users/${ADA}/mailFolders/archive/messages/${encodeURIComponent(id)}`
  assert.equal((await call(there)).status, 404)
  assert.equal((await call(there.replace('archive', 'inbox'))).status, 200)
})

test('text is given instead of HTML where the client prefers it', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  const { id } = await control.deliver({
    user: ADA,
    body: '<html><body><p>One &amp; two</p></body></html>',
    bodyType: 'html',
  })
  const prefer = 'outlook.body-content-type="text"'
  const { json } = await call(messagePath(ADA, id), { headers: { prefer } })
  assert.equal(json.body.contentType, 'text')
  assert.equal(json.body.content.trim(), 'One & two')
})

test('ids of the request are echoed, in errors too', async (t) => {
  const { call } = await startBench(t, { seed: SEED })
  const { headers, json } = await call('/users/nobody', {
    headers: { 'client-request-id': 'abc-1' },
  })
  assert.equal(headers.get('client-request-id'), 'abc-1')
  assert.match(headers.get('request-id') ?? '', /^[0-9a-f-]{36}$/)
  assert.equal(Reflect.get(Reflect.get(json.error, 'innerError'), 'client-request-id'), 'abc-1')
})

test('what is not served says so and never means something else', async (t) => {
  const { call, tenant } = await startBench(t, { seed: SEED })
  const statusOf = async (path: string, method = 'GET') => (await call(path, { method })).status
  assert.equal(await statusOf(`/users/${ADA}/events`), 501)
  assert.equal(await statusOf('/groups/delta'), 501)
  assert.equal(await statusOf(`${tenant.url}/beta/users`), 501)
  assert.equal(await statusOf('/nonsense'), 400)
  assert.equal(await statusOf(`/users/${ADA}/mailboxSettings`, 'DELETE'), 405)
  assert.equal(await statusOf(`/users/${ADA}/messages?$expand=extensions`), 501)
  assert.equal(await statusOf(`/users/${ADA}/messages?$select=nothing`), 400)
})
