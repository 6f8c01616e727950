import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '../model/errors.ts'
import { deadline } from './deadline.ts'
import {
  createGovernor,
  SERVICE_LIMITS,
  type ServiceLimits,
  SHAREPOINT_CONCURRENCY,
  sharePointLimits,
} from './governor.ts'
import type { Purse } from './purse.ts'
import { type SharePointRequest, sharePointOf } from './sharepoint.ts'
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
const item: SharePointRequest = { name: 'items.get', path: ['drives', 'd'], charge: 'item' }
const permissions: SharePointRequest = { ...item, charge: 'permissions' }

function sharePointOn(step: Step, limits?: ServiceLimits) {
  const all = limits === undefined ? undefined : { ...SERVICE_LIMITS, sharepoint: limits }
  const world = graphOn(async (request) => step(request), all)
  return { ...world, sharePoint: sharePointOf(world.graph, 'tenant') }
}

test('units are counted as charged, else by rule, retries and all; permissions apart', async () => {
  let answers: Step = () => json({}, { headers: { 'x-ms-resource-unit': '3' } })
  const { sharePoint } = sharePointOn((request) => answers(request))
  await sharePoint.json(item, signal)
  assert.equal(sharePoint.units(), 3)
  answers = () => json({})
  await sharePoint.json({ ...item, charge: 'list' }, signal)
  assert.equal(sharePoint.units(), 5)
  await sharePoint.json(permissions, signal)
  assert.deepEqual([sharePoint.units(), sharePoint.permissionUnits()], [10, 5])
  let broken = 2
  answers = () => (broken-- > 0 ? Promise.reject(networkError('ECONNRESET')) : json({}))
  await sharePoint.json(item, signal)
  assert.deepEqual([sharePoint.units(), sharePoint.requests()], [13, 6])
})

test('no minute holds more units than the tenant is granted', async () => {
  const starts: { at: number; units: number }[] = []
  const limits = sharePointLimits({ perMinute: 20, perDay: 1_000_000 })
  const { sharePoint, clock } = sharePointOn(() => json({}), limits)
  for (let n = 0; n < 40; n += 1) {
    using minute = deadline(clock, 120_000)
    try {
      await sharePoint.json(n % 3 === 0 ? permissions : item, minute.signal)
    } catch (error) {
      // Longer than one call may wait: the slice would answer `wait`.
      assert.ok(hasCode(error, 'Throttled'))
      await clock.sleep(error.retryAfterMs ?? 0, signal)
      continue
    }
    starts.push({ at: clock.now(), units: n % 3 === 0 ? 5 : 1 })
  }
  assert.ok(starts.length > 20)
  for (const { at } of starts) {
    const sum = starts
      .filter((one) => one.at >= at && one.at < at + 60_000)
      .reduce((units, one) => units + one.units, 0)
    assert.ok(sum <= 20, `${sum} units in one minute`)
  }
})

test('the day ends as well: the wait is told, not slept', async () => {
  const limits = sharePointLimits({ perMinute: 1000, perDay: 10 })
  const { sharePoint } = sharePointOn(() => json({}), limits)
  for (let n = 0; n < 10; n += 1) await sharePoint.json(item, signal)
  await assert.rejects(
    sharePoint.json(item, signal),
    (e) => hasCode(e, 'Throttled') && (e.retryAfterMs ?? 0) > 23 * 3_600_000,
  )
})

test('what the service charges beyond the rule is spent as well', async () => {
  const limits = sharePointLimits({ perMinute: 10, perDay: 1000 })
  const charged = () => json({}, { headers: { 'x-ms-resource-unit': '9' } })
  const { sharePoint } = sharePointOn(charged, limits)
  await sharePoint.json(item, signal)
  await assert.rejects(sharePoint.json({ ...item, charge: 'list' }, signal), (e) =>
    hasCode(e, 'Throttled'),
  )
})

test('where the service says what is left, no more is spent until its reset', async () => {
  const left = (remaining: string, reset: string): Record<string, string> => ({
    'RateLimit-Limit': '1250',
    'RateLimit-Remaining': remaining,
    'RateLimit-Reset': reset,
  })
  let headers = left('2', '12')
  const { sharePoint, clock } = sharePointOn(() => json({}, { headers }))
  const start = clock.now()
  await sharePoint.json(item, signal)
  headers = {}
  await sharePoint.json(item, signal)
  await sharePoint.json(item, signal)
  assert.equal(clock.now(), start, 'two units are left')
  await sharePoint.json(item, signal)
  assert.equal(clock.now(), start + 12_000)
  headers = left('nonsense', '12')
  await sharePoint.json(item, signal)
  await sharePoint.json(item, signal)
  assert.equal(clock.now(), start + 12_000, 'a malformed header says nothing')
})

test('a throttled call pauses the tenant until the later one of both times', async () => {
  const times: number[] = []
  let first = true
  const { sharePoint, clock } = sharePointOn(() => {
    times.push(clock.now())
    if (!first) return json({})
    first = false
    const headers = { 'Retry-After': '2', 'RateLimit-Reset': '9' }
    return graphError(429, 'activityLimitReached', headers)
  })
  await sharePoint.json(item, signal)
  const [refused = 0, taken = 0] = times
  assert.equal(taken - refused, 9_000)
})

test('calls of a tenant share their slots, whichever site they are for', async () => {
  let active = 0
  let most = 0
  const { slots } = SERVICE_LIMITS.sharepoint
  const { graph } = graphOn(async () => {
    active += 1
    most = Math.max(most, active)
    await new Promise((resolve) => setImmediate(resolve))
    active -= 1
    return json({})
  })
  const sites = [sharePointOf(graph, 'tenant'), sharePointOf(graph, 'tenant')]
  await Promise.all(
    Array.from({ length: 3 * slots }, (_, n) => sites[n % 2]?.json(item, signal) ?? assert.fail()),
  )
  assert.equal(most, slots)
  assert.ok(slots >= 4 * SHAREPOINT_CONCURRENCY, 'a site whose downloads are long stops no other')
})

test('a purse that is shared with others is asked for each call, and may take its time', async () => {
  const clock = new IdleClock()
  const taken: number[] = []
  const purse: Purse = {
    async take(units) {
      await clock.sleep(5, signal)
      taken.push(units)
      return taken.length === 2 ? 1000 : 0
    },
    correct: (units) => taken.push(units),
    isEmpty: () => true,
  }
  const governor = createGovernor({ clock, random: fixedRandom, purseOf: () => purse })
  const key = { app: 'a', service: 'sharepoint', scope: 't' } as const
  ;(await governor.enter(key, 'x', signal, 2)).release()
  const start = clock.now()
  ;(await governor.enter(key, 'x', signal, 5)).release()
  assert.ok(clock.now() >= start + 1000)
  governor.correct(key, -1)
  assert.deepEqual(taken, [2, 5, 5, -1])
})

test('what may have made a file or a version is not sent again', async () => {
  for (const method of ['PUT', 'PATCH', 'POST'] as const) {
    let sent = 0
    const { sharePoint } = sharePointOn(() => {
      sent += 1
      return Promise.reject(networkError('ECONNRESET'))
    })
    const write = { name: 'x', method, path: ['x'], charge: 'write', body: '{}' } as const
    await assert.rejects(sharePoint.send(write, signal), (e) => hasCode(e, 'AnswerLost'))
    assert.equal(sent, 1, method)
  }
})

test('bytes are sent as they are, under the type that the caller names', async () => {
  let seen: Request | undefined
  const { sharePoint } = sharePointOn((request) => {
    seen = request
    return json({})
  })
  const body = Uint8Array.from([0, 255, 1])
  const headers = { 'Content-Type': 'application/octet-stream' }
  const path = ['drives', 'd', 'items', 'i:', 'a', 'content']
  await sharePoint.send({ name: 'x', method: 'PUT', path, charge: 'write', body, headers }, signal)
  assert.match(seen?.url ?? '', /\/v1\.0\/drives\/d\/items\/i:\/a\/content$/)
  assert.equal(seen?.headers.get('content-type'), 'application/octet-stream')
  assert.deepEqual(new Uint8Array((await seen?.arrayBuffer()) ?? []), body)
})

test('an address that the service redirects to is told and not followed', async () => {
  const address = 'https://contoso.sharepoint.com/d?tempauth=x'
  const answers: Step[] = [
    () => new Response(null, { status: 302, headers: { Location: address } }),
    () => json({}),
    () => new Response(null, { status: 302, headers: { Location: address } }),
  ]
  let sent = 0
  const { sharePoint } = sharePointOn((request) => answers[sent++]?.(request) ?? json({}))
  const content = { name: 'x', path: ['content'], charge: 'download' } as const
  assert.equal(await sharePoint.addressOf(content, signal), address)
  await assert.rejects(sharePoint.addressOf(content, signal), (e) => hasCode(e, 'UnreadableAnswer'))
  await assert.rejects(sharePoint.send(content, signal), (e) => hasCode(e, 'RequestNotUnderstood'))
  assert.equal(sent, 3)
})
