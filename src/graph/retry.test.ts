import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AppError } from '../model/errors.ts'
import { ATTEMPTS_MAX } from './error-table.ts'
import { mailboxOf } from './mailbox.ts'
import { graphError, graphOn, json, networkError } from './testing/scripted.ts'

const signal = new AbortController().signal

/** What a service may do with a request, and whether the create took effect. */
const acts = fc.constantFrom(
  { effect: true, act: () => json({ id: 'new' }, { status: 201 }) },
  { effect: true, act: () => Promise.reject(networkError('ECONNRESET')) },
  { effect: false, act: () => Promise.reject(networkError('ECONNRESET')) },
  { effect: false, act: () => Promise.reject(networkError('ECONNREFUSED')) },
  { effect: true, act: () => graphError(500, 'ErrorInternalServerError') },
  { effect: true, act: () => new Response(null, { status: 504 }) },
  { effect: false, act: () => graphError(503, 'ErrorServerBusy', { 'Retry-After': '1' }) },
  { effect: false, act: () => graphError(429, 'ApplicationThrottled', { 'Retry-After': '1' }) },
  { effect: false, act: () => graphError(400, 'ErrorInvalidProperty') },
  { effect: true, act: () => new Response('{"id":', { status: 201 }) },
)

test('whatever the service does, a create takes effect at most once and its end is known', () =>
  fc.assert(
    fc.asyncProperty(fc.array(acts, { minLength: 1, maxLength: 8 }), async (plan) => {
      let made = 0
      let sent = 0
      const { graph } = graphOn(async () => {
        const step = plan[Math.min(sent, plan.length - 1)]
        sent += 1
        made += step?.effect ? 1 : 0
        return (await step?.act()) ?? json({})
      })
      const create = { name: 'create', method: 'POST' as const, path: ['m'], body: '{}' }
      const result = await mailboxOf(graph, 'u')
        .json(create, signal)
        .catch((e: unknown) => e)
      assert.ok(made <= 1, `made ${made} times`)
      assert.ok(sent <= ATTEMPTS_MAX)
      const unknown = ['AnswerLost', 'UnreadableAnswer']
      if (!(result instanceof AppError)) assert.equal(made, 1)
      else if (!unknown.includes(result.code)) assert.equal(made, 0, result.code)
    }),
    { numRuns: 200 },
  ))

test('a read ends after a bounded number of attempts with the service named as the trouble', async () => {
  let sent = 0
  const { graph } = graphOn(async () => {
    sent += 1
    return new Response(null, { status: 503 })
  })
  const call = mailboxOf(graph, 'u').json({ name: 'read', path: ['m'] }, signal)
  await assert.rejects(call, (e) => e instanceof AppError && e.code === 'GraphUnavailable')
  assert.equal(sent, ATTEMPTS_MAX)
})

test('an answer that may be passing is not believed because other failures came before it', async () => {
  const plan = [
    () => graphError(503, 'ErrorServerBusy'),
    () => graphError(401, 'InvalidAuthenticationToken'),
    () => new Response(null, { status: 404 }),
    () => graphError(400, 'invalidRequest'),
    () => json({ id: 'there' }),
  ]
  let sent = 0
  const { graph } = graphOn(async () => plan[sent++]?.() ?? json({}))
  const found = await mailboxOf(graph, 'u').json({ name: 'read', path: ['m'] }, signal)
  assert.deepEqual([found['id'], sent], ['there', plan.length])
})

test('an answer that broke off is read again; one that always does is the end of it', async () => {
  let sent = 0
  const broken = () => new Response('{"value":[', { status: 200 })
  const passing = graphOn(async () => {
    sent += 1
    return sent === 1 ? broken() : json({ id: 'there' })
  })
  const found = await mailboxOf(passing.graph, 'u').json({ name: 'read', path: ['m'] }, signal)
  assert.deepEqual([found['id'], sent], ['there', 2])
  sent = 0
  const lasting = graphOn(async () => {
    sent += 1
    return broken()
  })
  const call = mailboxOf(lasting.graph, 'u').json({ name: 'read', path: ['m'] }, signal)
  await assert.rejects(call, (e) => e instanceof AppError && e.code === 'UnreadableAnswer')
  assert.equal(sent, 3)
})
