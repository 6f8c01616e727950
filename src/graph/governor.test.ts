import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../model/errors.ts'
import { deadline } from './deadline.ts'
import { type BudgetKey, createGovernor, type Service, type ServiceLimits } from './governor.ts'
import { mailboxOf } from './mailbox.ts'
import {
  fixedRandom,
  graphError,
  graphOn,
  IdleClock,
  json,
  networkError,
  type Step,
} from './testing/scripted.ts'

const signal = new AbortController().signal
const key: BudgetKey = { app: 'app', service: 'outlook', scope: 'mailbox' }

function governorWith(limits: ServiceLimits) {
  const clock = new IdleClock()
  const all: Record<Service, ServiceLimits> = {
    outlook: limits,
    directory: limits,
    sharepoint: limits,
  }
  return { clock, governor: createGovernor({ clock, random: fixedRandom, limits: all }) }
}

const outcomes = fc.constantFrom<Step>(
  () => json({}),
  () => graphError(429, 'ApplicationThrottled'),
  () => Promise.reject(networkError('ECONNRESET')),
  () => new Response(null, { status: 503 }),
  () => graphError(500, 'ErrorCorruptData'),
  (request) => Promise.reject(request.signal.reason ?? new Error('aborted')),
)

test('never more than four calls of a mailbox at once, and no slot is lost however calls end', () =>
  fc.assert(
    fc.asyncProperty(fc.array(outcomes, { minLength: 1, maxLength: 30 }), async (plan) => {
      let active = 0
      let most = 0
      let sent = 0
      const full = Promise.withResolvers<void>()
      let step: Step = async (request) => {
        sent += 1
        await new Promise((resolve) => setImmediate(resolve))
        return (await plan[sent % plan.length]?.(request)) ?? json({})
      }
      const { graph } = graphOn(async (request) => {
        active += 1
        most = Math.max(most, active)
        try {
          return await step(request)
        } finally {
          active -= 1
        }
      })
      const mailbox = mailboxOf(graph, 'u')
      const stop = new AbortController()
      const calls = plan.map((_, index) =>
        mailbox.json({ name: 'x', path: ['x'] }, index % 3 === 2 ? stop.signal : signal),
      )
      if (plan.length % 2 === 0) stop.abort()
      await Promise.allSettled(calls)
      assert.ok(most <= 4, `${most} at once`)
      // All four slots are there: four calls are under way before the first of them ends.
      step = async () => {
        if (active === 4) full.resolve()
        await full.promise
        return json({})
      }
      const { length } = await Promise.all(
        Array.from({ length: 4 }, () => mailbox.json({ name: 'x', path: ['x'] }, signal)),
      )
      assert.equal(length, 4)
    }),
    { numRuns: 60 },
  ))

test('a fifth caller waits for a slot, in order, and gives up at its deadline', async () => {
  const { clock, governor } = governorWith({
    slots: 1,
    windows: [{ unitsMax: 100, windowMs: 1000 }],
  })
  const first = await governor.enter(key, 'x', signal)
  const order: number[] = []
  const second = governor.enter(key, 'x', signal).then((permit) => {
    order.push(2)
    return permit
  })
  const third = governor.enter(key, 'x', signal).then((permit) => {
    order.push(3)
    return permit
  })
  using soon = deadline(clock, 500)
  await assert.rejects(
    governor.enter(key, 'x', soon.signal),
    (e) => hasCode(e, 'Throttled') || hasCode(e, 'DeadlineReached'),
  )
  first.release()
  first.release()
  ;(await second).release()
  ;(await third).release()
  assert.deepEqual(order, [2, 3])
  ;(await governor.enter(key, 'x', signal)).release()
})

test('no window holds more requests than its limit', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 40 }),
      async (pauses) => {
        const { clock, governor } = governorWith({
          slots: 4,
          windows: [{ unitsMax: 5, windowMs: 600 }],
        })
        const starts: number[] = []
        for (const pause of pauses) {
          const permit = await governor.enter(key, 'x', signal)
          starts.push(clock.now())
          permit.release()
          await clock.sleep(pause, signal)
        }
        for (const start of starts) {
          const inWindow = starts.filter((at) => at >= start && at < start + 600)
          assert.ok(inWindow.length <= 5, `${inWindow.length} in one window`)
        }
      },
    ),
    { numRuns: 40 },
  ))

test('a pause stops its own key only, and a wait beyond the deadline is thrown, not slept', async () => {
  const { clock, governor } = governorWith({
    slots: 4,
    windows: [{ unitsMax: 100, windowMs: 1000 }],
  })
  governor.pause(key, 60_000, 'Throttled')
  const start = clock.now()
  ;(await governor.enter({ ...key, scope: 'other' }, 'x', signal)).release()
  ;(await governor.enter({ ...key, app: 'other' }, 'x', signal)).release()
  await assert.rejects(
    governor.enter(key, 'x', signal),
    (e) => hasCode(e, 'Throttled') && e.retryAfterMs === 60_000,
  )
  assert.equal(clock.now(), start)
  await clock.sleep(55_000, signal)
  ;(await governor.enter(key, 'x', signal)).release()
  assert.equal(clock.now(), start + 60_000)
})

test('whoever waits for a pause is told what it is for, and not that it was throttled', async () => {
  let answers: Step = () => graphError(503, 'ErrorMailboxMoveInProgress')
  const { graph } = graphOn(async (request) => answers(request))
  const call = () => mailboxOf(graph, 'u').json({ name: 'x', path: ['x'] }, signal)
  const moving = (e: unknown) => hasCode(e, 'MailboxMoving') && e.kind === 'throttled'
  await assert.rejects(call(), moving)
  answers = () => json({})
  await assert.rejects(call(), moving, 'the second one is not even sent')
})

test('a budget that we used up ourselves is throttled, whatever it was paused for before', async () => {
  const { clock, governor } = governorWith({
    slots: 4,
    windows: [{ unitsMax: 1, windowMs: 60_000 }],
  })
  governor.pause(key, 1_000, 'MailboxMoving')
  await clock.sleep(2_000, signal)
  ;(await governor.enter(key, 'x', signal)).release()
  await assert.rejects(governor.enter(key, 'x', signal), (e) => hasCode(e, 'Throttled'))
})

test('pauses without a named time grow, and shrink after a success', async () => {
  const { clock, governor } = governorWith({
    slots: 4,
    windows: [{ unitsMax: 100, windowMs: 1000 }],
  })
  const waits: number[] = []
  for (let turn = 0; turn < 4; turn += 1) {
    if (turn === 3) governor.succeeded(key)
    governor.pause(key, undefined, 'Throttled')
    const start = clock.now()
    ;(await governor.enter(key, 'x', signal)).release()
    waits.push(clock.now() - start)
  }
  const [one = 0, two = 0, three = 0, four = 0] = waits
  assert.ok(one < two && two < three && four === one, waits.join())
})
