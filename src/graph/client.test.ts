import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError, hasCode } from '../model/errors.ts'
import { deadline } from './deadline.ts'
import { mailboxOf } from './mailbox.ts'
import {
  BASE_URL,
  graphError,
  graphOn,
  json,
  networkError,
  type Step,
  scripted,
} from './testing/scripted.ts'

const signal = new AbortController().signal

function mailboxOn(...steps: Step[]) {
  const script = scripted(...steps)
  const world = graphOn(script.transport)
  return { ...world, ...script, mailbox: mailboxOf(world.graph, 'u/1') }
}

const get = { name: 'messages.get', path: ['messages', 'a/b+c='] }
const create = { name: 'message.create', method: 'POST' as const, path: ['messages'], body: '{}' }

test('a call says who it is, asks for immutable ids and encodes ids in its path', async () => {
  const { mailbox, seen } = mailboxOn(() => json({ id: '1' }))
  await mailbox.json({ ...get, query: { $select: 'id,subject' } }, signal)
  const [request] = seen
  assert.equal(
    request?.url,
    `${BASE_URL}/v1.0/users/u%2F1/messages/a%2Fb%2Bc%3D?$select=id%2Csubject`,
  )
  assert.equal(request?.headers.get('prefer'), 'IdType="ImmutableId"')
  assert.equal(request?.headers.get('user-agent'), 'ISV|Holdfast|Holdfast/0.1')
  assert.equal(request?.headers.get('authorization'), 'Bearer secret-token')
})

test('a link is followed verbatim, with the header of immutable ids', async () => {
  const link = `${BASE_URL}/v1.0/users/x/delta?$skiptoken=a%2Fb+c=='(1)&$b=%20&z`
  const { mailbox, seen } = mailboxOn(() => json({}))
  await mailbox.json({ name: 'messages.delta', link, prefer: ['odata.maxpagesize=5'] }, signal)
  assert.equal(decodeURI(seen[0]?.url ?? '').replaceAll('%27', "'"), decodeURI(link))
  assert.equal(seen[0]?.headers.get('prefer'), 'IdType="ImmutableId", odata.maxpagesize=5')
})

test('a link to another host gets no token', async () => {
  const { mailbox, seen } = mailboxOn()
  const call = mailbox.json({ name: 'x', link: 'http://127.0.0.1:8/v1.0/users' }, signal)
  await assert.rejects(call, (e) => hasCode(e, 'ForeignLink'))
  assert.equal(seen.length, 0)
})

test('control characters inside strings are kept, a cut body is unreadable', async () => {
  const text = '{"a":"x\u0001\ny\\u0002\\"\u0007"}'
  const { mailbox } = mailboxOn(
    () => new Response(text),
    ...[1, 2, 3].map(() => () => new Response('{"value":[')),
  )
  assert.deepEqual(await mailbox.json(get, signal), { a: 'x\u0001\ny\u0002"\u0007' })
  await assert.rejects(mailbox.json(get, signal), (e) => hasCode(e, 'UnreadableAnswer'))
})

test('a read is tried again after a reset, a 500, a 503 without a body and a broken body', async () => {
  const { mailbox, seen } = mailboxOn(
    () => Promise.reject(networkError('ECONNRESET')),
    () => graphError(500, 'ErrorInternalServerError'),
    () => new Response(null, { status: 503 }),
    () => new Response(new ReadableStream({ start: (c) => c.error(networkError('ECONNRESET')) })),
    () => json({ ok: true }),
  )
  assert.deepEqual(await mailbox.json(get, signal), { ok: true })
  assert.equal(seen.length, 5)
  assert.equal(mailbox.requests(), 5)
})

test('the pause that a 429 asks for is kept, fractions and dates included', async () => {
  const { mailbox, clock } = mailboxOn(
    () => graphError(429, 'ApplicationThrottled', { 'Retry-After': '2.128' }),
    () => json({}),
    () =>
      graphError(429, 'ApplicationThrottled', {
        'Retry-After': new Date(clock.now() + 5000).toUTCString(),
      }),
    () => json({}),
  )
  const start = clock.now()
  await mailbox.json(get, signal)
  assert.equal(clock.now() - start, 2128)
  const again = clock.now()
  await mailbox.json(get, signal)
  assert.ok(clock.now() - again >= 4000 && clock.now() - again <= 5000)
})

test('a pause that the deadline does not allow is said, not slept', async () => {
  const { mailbox, clock, seen } = mailboxOn(() =>
    graphError(429, 'TooManyRequests', { 'Retry-After': '10' }),
  )
  using slice = deadline(clock, 4000)
  const start = clock.now()
  await assert.rejects(
    mailbox.json(get, slice.signal),
    (e) => hasCode(e, 'Throttled') && e.kind === 'throttled' && e.retryAfterMs === 10_000,
  )
  assert.equal(clock.now(), start)
  assert.equal(seen.length, 1)
})

test('a 404 without a body is doubted, one with a body is not', async () => {
  const { mailbox, seen } = mailboxOn(
    () => new Response(null, { status: 404 }),
    () => json({ id: '1' }),
    () => graphError(404, 'ErrorItemNotFound'),
    () => new Response(null, { status: 404 }),
    () => new Response(null, { status: 404 }),
    () => new Response(null, { status: 404 }),
  )
  assert.deepEqual(await mailbox.json(get, signal), { id: '1' })
  await assert.rejects(mailbox.json(get, signal), (e) => hasCode(e, 'ItemGone'))
  assert.equal(seen.length, 3)
  await assert.rejects(mailbox.json(get, signal), (e) => hasCode(e, 'ItemGone'))
  assert.equal(seen.length, 6)
})

for (const [what, step] of [
  ['a reset', () => Promise.reject(networkError('ECONNRESET'))],
  ['a 500', () => graphError(500, 'ErrorInternalServerError')],
  [
    'a 503 that names a wait',
    () => new Response(null, { status: 503, headers: { 'Retry-After': '1' } }),
  ],
  ['a 504', () => new Response('<html>', { status: 504 })],
  ['a broken body', () => new Response(new ReadableStream({ start: (c) => c.error(new Error()) }))],
] as [string, Step][]) {
  test(`a create is never sent twice after ${what}`, async () => {
    const { mailbox, seen } = mailboxOn(step)
    await assert.rejects(mailbox.json(create, signal), (e) => hasCode(e, 'AnswerLost'))
    assert.equal(seen.length, 1)
  })
}

test('a create is sent again after a 429 and after a refused connection', async () => {
  const { mailbox, seen } = mailboxOn(
    () => graphError(429, 'ApplicationThrottled', { 'Retry-After': '1' }),
    () => Promise.reject(networkError('ECONNREFUSED')),
    () => json({ id: 'new' }, { status: 201 }),
  )
  assert.deepEqual(await mailbox.json(create, signal), { id: 'new' })
  assert.equal(seen.length, 3)
})

test('a create whose deadline passes under way is lost, one whose deadline passed is not sent', async () => {
  const stop = new AbortController()
  const { mailbox, seen } = mailboxOn((request) => {
    stop.abort()
    return Promise.reject(request.signal.reason)
  })
  await assert.rejects(mailbox.json(create, stop.signal), (e) => hasCode(e, 'AnswerLost'))
  await assert.rejects(mailbox.json(create, stop.signal), (e) => hasCode(e, 'DeadlineReached'))
  assert.equal(seen.length, 1)
})

test('an attempt that nobody answers ends and is tried again', async () => {
  const never: Step = (request) =>
    new Promise((_, reject) => {
      request.signal.addEventListener('abort', () => reject(request.signal.reason))
    })
  const { mailbox, seen } = mailboxOn(never, () => json({ ok: 1 }))
  assert.deepEqual(await mailbox.json(get, signal), { ok: 1 })
  assert.equal(seen.length, 2)
})

test('a long stream holds its slot until it is read, a short one does not', async () => {
  const chunk = new Uint8Array(600_000)
  const long = () => {
    let left = 5
    return new Response(
      new ReadableStream({
        pull(c) {
          left -= 1
          if (left < 0) c.close()
          else c.enqueue(chunk)
        },
      }),
    )
  }
  const { mailbox } = mailboxOn(
    long,
    long,
    long,
    long,
    () => json({}),
    () => json({}),
  )
  const read = { ...get, answer: 'streamed' as const }
  const streams = await Promise.all([1, 2, 3, 4].map(() => mailbox.send(read, signal)))
  let entered = false
  const fifth = mailbox.json(get, signal).then(() => {
    entered = true
  })
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(entered, false)
  const [first, second] = streams
  assert.equal((await first?.arrayBuffer())?.byteLength, 3_000_000)
  await fifth
  await second?.body?.cancel()
  await mailbox.json(get, signal)
})

test('no error holds an address, a token or a part of a body', async () => {
  const secret = 'secret'
  const { mailbox } = mailboxOn(
    () =>
      json({ error: { code: 'ErrorAccessDenied', message: 'secret-subject' } }, { status: 403 }),
    () => new Response('{"subject":"secret-subject', { status: 200 }),
    () => Promise.reject(new TypeError('Failed to parse URL from http://x/secret-link')),
  )
  const post = { ...create, path: ['secret-id'] }
  for (let turn = 0; turn < 3; turn += 1) {
    const error = await mailbox.json(post, signal).catch((e: unknown) => e)
    assert.ok(error instanceof AppError)
    const all = `${error.message} ${error.hint} ${JSON.stringify(error.context)} ${String(error.cause)}`
    assert.ok(!all.includes(secret), all)
  }
})
