import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { BACKUP_CLIENT_ID } from '../index.ts'
import { type BatchPart, startBench } from '../testing/harness.ts'

const ADA = 'ada.brandt@sandbox.example'
const SEED = { seed: 4, users: 2, messages: 30 }

interface PartInput {
  readonly id: string
  readonly method: string
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly dependsOn?: readonly string[]
}

const get = (id: string, url: string, dependsOn?: readonly string[]): PartInput => ({
  ...{ id, method: 'GET', url },
  ...(dependsOn ? { dependsOn } : {}),
})

async function startBatch(t: TestContext) {
  const bench = await startBench(t, { seed: SEED })
  const send = (requests: readonly PartInput[]) => bench.call('/$batch', { json: { requests } })
  const batch = async (requests: readonly PartInput[]) => {
    const { status, json } = await send(requests)
    assert.equal(status, 200)
    return new Map(json.responses.map((part) => [part.id, part]))
  }
  return { ...bench, send, batch }
}

function statuses(parts: ReadonlyMap<string, BatchPart>): Record<string, number> {
  return Object.fromEntries([...parts].toSorted().map(([id, { status }]) => [id, status]))
}

test('requests of a batch are answered one by one, each with its own status', async (t) => {
  const { batch, control } = await startBatch(t)
  const { id } = await control.deliver({ user: ADA, subject: 'in a batch' })
  const message = `/users/${ADA}/messages/${encodeURIComponent(id)}`
  const parts = await batch([
    get('a', `${message}?$select=subject`),
    get('b', `${message}/$value`),
    get('c', `/users/${ADA}/messages/nothing`),
    { ...get('d', '/users/x/events'), method: 'GET' },
  ])
  assert.deepEqual(statuses(parts), { a: 200, b: 200, c: 404, d: 501 })
  assert.equal(parts.get('a')?.body.subject, 'in a batch')
  assert.equal(parts.get('a')?.headers['Content-Type'], 'application/json')
  const mime = Buffer.from(String(parts.get('b')?.body), 'base64').toString()
  assert.match(mime, /Subject: in a batch/)
  assert.equal(parts.get('c')?.body.error.code, 'ErrorItemNotFound')
  const { requests } = await control.counts({})
  assert.deepEqual([requests['batch'], requests['message.get']], [1, 2])
})

test('writes carry JSON with its type, or base64; headers hold for their request', async (t) => {
  const { batch, send, control } = await startBatch(t)
  const json = { 'Content-Type': 'application/json', Prefer: 'IdType="ImmutableId"' }
  const create = { method: 'POST', url: `/users/${ADA}/messages` }
  const mime = Buffer.from('Subject: from MIME\r\n\r\nx').toString('base64')
  const parts = await batch([
    { ...create, id: '1', headers: json, body: { subject: 'from JSON' } },
    {
      ...{ ...create, id: '2', headers: { 'content-type': 'text/plain' } },
      body: Buffer.from(mime).toString('base64'),
    },
  ])
  assert.deepEqual(statuses(parts), { 1: 201, 2: 201 })
  const { messages } = await control.messages({ user: ADA, folder: 'drafts' })
  assert.equal(messages.find(({ id }) => id === parts.get('1')?.body.id)?.subject, 'from JSON')
  assert.ok(messages.some(({ subject }) => subject === 'from MIME'))
  assert.equal((await send([{ ...create, id: '1', body: {} }])).status, 400)
})

test('of more than four for one mailbox the rest is throttled, each with Retry-After', async (t) => {
  const { batch, call } = await startBatch(t)
  const { json } = await call('/users')
  const other = json.value.find((user) => user.userPrincipalName !== ADA)?.id ?? ''
  const inbox = (user: string) => `/users/${user}/mailFolders/inbox`
  const parts = await batch([
    ...[1, 2, 3, 4, 5, 6, 7].map((n) => get(`ada ${n}`, inbox(ADA))),
    ...[1, 2, 3, 4].map((n) => get(`other ${n}`, inbox(other))),
  ])
  const throttled = [...parts.values()].filter(({ status }) => status === 429)
  assert.deepEqual(throttled.map(({ id }) => id).toSorted(), ['ada 5', 'ada 6', 'ada 7'])
  for (const { headers, body } of throttled) {
    assert.equal(headers['Retry-After'], '1')
    assert.match(body.error.message, /MailboxConcurrency/)
  }
  const chain = [1, 2, 3, 4, 5, 6].map((n) => get(`${n}`, inbox(ADA), n === 1 ? [] : [`${n - 1}`]))
  const chained = [...(await batch(chain)).values()]
  assert.ok(chained.every(({ status }) => status === 200))
})

test('what depends on a failure is not run', async (t) => {
  const { batch, send } = await startBatch(t)
  const users = '/users?$top=1'
  const failed = await batch([
    get('1', users),
    get('2', '/nonsense', ['1']),
    get('3', users, ['2']),
    get('4', users, ['3']),
  ])
  assert.deepEqual(statuses(failed), { 1: 200, 2: 400, 3: 424, 4: 424 })
  const onOne = await batch([get('a', users, ['c']), get('b', users, ['c']), get('c', users)])
  assert.deepEqual(statuses(onOne), { a: 200, b: 200, c: 200 })
  const mixed = [get('1', users), get('2', users), get('3', users, ['1'])]
  assert.equal((await send(mixed)).status, 400)
  assert.equal((await send([get('1', users, ['1'])])).status, 400)
})

test('batches that are too large, nested, doubled or unsigned are refused', async (t) => {
  const { send, call, control, tenant } = await startBatch(t)
  const parts = (n: number) => Array.from({ length: n }, (_, i) => get(`${i}`, '/users?$top=1'))
  assert.equal((await send(parts(20))).status, 200)
  assert.equal((await send(parts(21))).status, 400)
  assert.equal((await send([])).status, 400)
  assert.equal((await send([get('1', '/users'), get('1', '/users')])).status, 400)
  assert.equal((await send([get('1', '/$batch')])).status, 400)
  assert.equal((await send([get('1', `${tenant.url}/v1.0/users`)])).status, 400)
  const { token } = await control.issueAppToken({ clientId: BACKUP_CLIENT_ID, lifeSeconds: -60 })
  const late = await call('/$batch', { json: { requests: parts(1) }, as: { token } })
  assert.equal(late.status, 401)
})

test('permissions and faults are those of each request', async (t) => {
  const { call, control } = await startBatch(t)
  await control.addFault({ path: '/mailFolders/inbox$', action: 'throttled-fraction' })
  await control.addFault({ path: '/mailFolders/drafts$', action: 'cut-answer' })
  const folder = (name: string) => `/users/${ADA}/mailFolders/${name}`
  const requests = [
    get('inbox', folder('inbox')),
    get('drafts', folder('drafts')),
    {
      ...{ id: 'write', method: 'POST', url: folder('inbox/messages'), body: {} },
      headers: { 'content-type': 'application/json' },
    },
  ]
  const { json } = await call('/$batch', { json: { requests }, as: 'backup' })
  const parts = new Map(json.responses.map((part) => [part.id, part]))
  assert.deepEqual(statuses(parts), { drafts: 504, inbox: 429, write: 403 })
  assert.equal(parts.get('inbox')?.headers['Retry-After'], '0.128')
})
