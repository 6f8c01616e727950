import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FAULT_KINDS, type FaultKind } from './fault-kinds.ts'
import { createFaultBoard } from './faults.ts'
import { RESTORE_CLIENT_ID } from './identities.ts'
import { type Bench, startBench } from './testing/harness.ts'

const ADA = 'ada.brandt@sandbox.example'
const SEED = { seed: 9, users: 1, messages: 12 }
const LIST = `/users/${ADA}/mailFolders/inbox/messages`

/** One request as plain HTTP sees it: a fault may answer what no Graph client can read. */
async function raw({ tenant, control }: Bench, path: string, method = 'GET') {
  const { token } = await control.issueAppToken({ clientId: RESTORE_CLIENT_ID })
  const response = await fetch(`${tenant.url}/v1.0${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(method === 'POST' ? { body: JSON.stringify({ subject: 'one' }) } : {}),
  })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

async function once(bench: Bench, action: FaultKind, path = LIST) {
  await bench.control.addFault({ path: '.', action })
  return raw(bench, path)
}

test('throttling comes with a whole, a fractional, a dated and no Retry-After', async (t) => {
  const bench = await startBench(t, { seed: SEED })
  const plain = await once(bench, 'throttled')
  assert.deepEqual([plain.status, plain.headers.get('retry-after')], [429, '1'])
  assert.equal((await once(bench, 'throttled-fraction')).headers.get('retry-after'), '0.128')
  const dated = (await once(bench, 'throttled-date')).headers.get('retry-after') ?? ''
  assert.match(dated, /^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/)
  assert.equal((await once(bench, 'throttled-silent')).headers.get('retry-after'), null)
  assert.match((await once(bench, 'mailbox-concurrency')).text, /over its MailboxConcurrency limit/)
  await bench.control.addFault({ path: '.', action: 'throttled-fraction', retryAfterSeconds: 2.5 })
  assert.equal((await raw(bench, LIST)).headers.get('retry-after'), '2.500')
})

test('front doors answer with empty bodies and HTML, and lie about what is there', async (t) => {
  const bench = await startBench(t, { seed: SEED })
  assert.deepEqual(await once(bench, 'unavailable-empty').then(statusAndText), [503, ''])
  const html = await once(bench, 'unavailable-html')
  assert.deepEqual([html.status, html.headers.get('content-type')], [503, 'text/html'])
  assert.throws(() => JSON.parse(html.text))
  assert.deepEqual(await once(bench, 'false-404').then(statusAndText), [404, ''])
  assert.match((await once(bench, 'invalid-request')).text, /"invalidRequest"/)
  assert.equal((await once(bench, 'internal-error')).status, 500)
  const expired = await once(bench, 'expired-token')
  assert.deepEqual([expired.status, /InvalidAuthentication/.test(expired.text)], [401, true])
  assert.equal((await raw(bench, LIST)).status, 200, 'each fault fired once')
})

function statusAndText({ status, text }: { status: number; text: string }) {
  return [status, text]
}

test('answers are cut in the middle of a page and of a body', async (t) => {
  const bench = await startBench(t, { seed: SEED })
  const { messages } = await bench.control.messages({ user: ADA, folder: 'inbox' })
  const mime = `/users/${ADA}/messages/${encodeURIComponent(messages[0]?.id ?? '')}/$value`
  await assert.rejects(once(bench, 'cut-answer'), { name: 'TypeError' })
  await assert.rejects(once(bench, 'cut-answer', mime), { name: 'TypeError' })
  const truncated = await once(bench, 'truncated-json')
  assert.ok(truncated.status === 200 && truncated.text.endsWith('"value":['))
  await once(bench, 'truncated-json', mime)
  const missed = (await bench.control.listFaults({})).faults.at(-1)
  assert.deepEqual([missed?.hit, missed?.hits], [false, 0], 'MIME is no JSON')
})

test('raw control characters are the ones that the content has', async (t) => {
  const bench = await startBench(t, { seed: SEED })
  const body = 'one\ttwo\r\n\\n is no line end, \u000b is a control character "quoted"'
  const { id } = await bench.control.deliver({ user: ADA, body })
  const path = `/users/${ADA}/messages/${encodeURIComponent(id)}?$select=body`
  const { text } = await once(bench, 'raw-controls', path)
  assert.throws(() => JSON.parse(text), SyntaxError)
  const lenient = text.replace(/[^ -\uffff]/g, (c) => JSON.stringify(c).slice(1, -1))
  assert.equal(JSON.parse(lenient).body.content, body)
})

test('a lost answer leaves its effect, a dropped request none', async (t) => {
  const bench = await startBench(t, { seed: SEED })
  const drafts = async () =>
    (await bench.control.messages({ user: ADA, folder: 'drafts' })).messages.length
  const before = await drafts()
  const post = (action: FaultKind) =>
    bench.control
      .addFault({ path: '/messages$', action })
      .then(() => raw(bench, `/users/${ADA}/messages`, 'POST'))
  assert.equal((await post('timeout-after')).status, 504)
  await assert.rejects(post('drop-after'))
  await assert.rejects(post('cut-answer'))
  assert.equal(await drafts(), before + 3)
  await assert.rejects(post('drop-before'))
  assert.equal((await post('unavailable-empty')).status, 503)
  assert.equal(await drafts(), before + 3)
})

function hitsOf(seed: number, order: readonly string[]): string[] {
  const board = createFaultBoard(() => seed)
  board.add({ path: '.', rate: 0.3, action: 'mix' })
  const seen: string[] = []
  for (const path of order) {
    const taken = board.take({ app: 'app', method: 'GET', path })
    seen.push(`${path}: ${taken?.action ?? 'served'}`)
  }
  return seen.toSorted()
}

test('a rate hits its share, the same calls for the same seed, in any order', () => {
  const calls = Array.from({ length: 2_000 }, (_, n) => `/item/${n % 500}`)
  const first = hitsOf(7, calls)
  const share = first.filter((line) => !line.endsWith('served')).length / calls.length
  assert.ok(share > 0.26 && share < 0.34, String(share))
  assert.deepEqual(hitsOf(7, calls.toReversed()), first)
  assert.notDeepEqual(hitsOf(8, calls), first)
  for (const kind of FAULT_KINDS)
    assert.ok(
      first.some((line) => line.endsWith(kind)),
      kind,
    )
})

test('a mix does to writes only what happens to writes', () => {
  const board = createFaultBoard()
  board.add({ path: '.', rate: 1, action: 'mix' })
  const seen = new Set(
    Array.from(
      { length: 500 },
      (_, n) => board.take({ app: 'a', method: 'POST', path: `/${n}` })?.action,
    ),
  )
  for (const kind of ['false-404', 'invalid-request', 'truncated-json'] as const) {
    assert.ok(!seen.has(kind), kind)
  }
  assert.ok(seen.has('drop-after') && seen.has('timeout-after'))
})

test('the n-th call of each path is hit, of one app only', () => {
  const board = createFaultBoard()
  board.add({ path: '^/x', app: 'app', perPath: true, nth: 2, action: 'false-404' })
  const take = (app: string, path: string) => board.take({ app, method: 'GET', path }) !== null
  const answers = ['/x/1', '/x/2', '/x/1', '/x/2', '/x/1'].map((path) => take('app', path))
  assert.deepEqual(answers, [false, false, true, true, false])
  assert.ok(!take('other', '/x/1') && !take('other', '/x/1'))
})
