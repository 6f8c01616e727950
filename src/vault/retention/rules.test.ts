/** What policies, holds and pins say, and from when on (decision 018). */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AppError } from '../../model/errors.ts'
import { never } from '../testing/fixture.ts'
import { DAY_MS } from './days.ts'
import { HOLD, isHeld, PIN, RELEASE, readRules, UNPIN } from './rules.ts'
import { ADA, BOB, numbered, type OpsInMemory, opsInMemory, SECOND_MS } from './testing/records.ts'

const DELAY_DAYS = 30
const coded = (code: string, context: object) => (error: unknown) => {
  assert.ok(error instanceof AppError)
  assert.deepEqual([error.code, error.kind, error.context], [code, 'corrupt', context])
  return true
}

function rulesOf({ ops, clock }: OpsInMemory) {
  return readRules({ ops, now: clock.now(), delayDays: DELAY_DAYS }, never)
}

async function withPolicy(): Promise<OpsInMemory> {
  const on = opsInMemory()
  await on.policy(1, { days: 30 })
  return on
}

/** A second before and at the moment at which `delayDays` are over. */
async function aroundDelay<T>(on: OpsInMemory, look: () => Promise<T>): Promise<[T, T]> {
  on.clock.advance(DELAY_DAYS * DAY_MS - SECOND_MS)
  const before = await look()
  on.clock.advance(SECOND_MS)
  return [before, await look()]
}

describe('P1: policies', () => {
  test('without any, nothing may go', async () => {
    await assert.rejects(rulesOf(opsInMemory()), coded('RulesMissing', { kind: 'policy' }))
  })

  test('the first counts at once, with nothing held or pinned', async () => {
    assert.deepEqual(await rulesOf(await withPolicy()), {
      retention: { days: 30 },
      held: new Set(),
      released: new Set(),
      pins: [],
      numbers: { policy: 1, hold: 0 },
    })
  })

  test('one that says nothing of retention keeps for ever', async () => {
    const on = opsInMemory()
    await on.policy(1, undefined)
    assert.equal((await rulesOf(on)).retention, 'forever')
  })

  test('a longer retention counts at once', async () => {
    const on = await withPolicy()
    on.days(100)
    await on.policy(2, { days: 90 })
    assert.deepEqual((await rulesOf(on)).retention, { days: 90 })
  })

  test('a shorter one counts when storage has had it for 30 days, and no second before', async () => {
    const on = await withPolicy()
    on.days(100)
    await on.policy(2, { days: 20 })
    const [before, after] = await aroundDelay(on, async () => (await rulesOf(on)).retention)
    assert.deepEqual([before, after], [{ days: 30 }, { days: 20 }])
  })

  test('of several steps down, each waits for itself', async () => {
    const on = opsInMemory()
    await on.policy(1, 'forever')
    on.days(100)
    await on.policy(2, { days: 60 })
    on.days(10)
    await on.policy(3, { days: 20 })
    const kept: unknown[] = []
    for (const days of [19, 1, 9, 1]) {
      on.days(days)
      kept.push((await rulesOf(on)).retention)
    }
    assert.deepEqual(kept, ['forever', { days: 60 }, { days: 60 }, { days: 20 }])
  })

  test('they count by their numbers, in whatever order a listing tells them', async () => {
    const on = opsInMemory()
    on.days(2)
    await on.policy(1, { days: 40 })
    on.days(-1)
    await on.policy(2, { days: 20 })
    on.days(-1)
    await on.policy(3, { days: 10 })
    on.days(200)
    assert.deepEqual((await rulesOf(on)).retention, { days: 10 })
  })

  test('where a number is missing, nothing may go', async () => {
    for (const numbers of [[2], [1, 3]]) {
      const on = opsInMemory()
      for (const n of numbers) await on.policy(n, 'forever')
      await assert.rejects(rulesOf(on), coded('RulesMissing', { kind: 'policy' }))
    }
  })

  test('of two with one number, both count', async () => {
    const on = await withPolicy()
    on.days(1)
    await on.policy(1, { days: 60 })
    on.days(1)
    const { retention, numbers } = await rulesOf(on)
    assert.deepEqual([retention, numbers.policy], [{ days: 60 }, 2])
  })

  test('one may be large', async () => {
    const on = await withPolicy()
    const policy = { retention: { days: 90 }, note: 'x'.repeat(1024 * 1024) }
    await on.raw(`access/2026-03-02/policy-${numbered(2)}.json`, JSON.stringify({ policy }))
    assert.deepEqual((await rulesOf(on)).retention, { days: 90 })
  })
})

describe('P1: holds', () => {
  test('hold their owner, and nobody else, from the first moment', async () => {
    const on = await withPolicy()
    await on.put(HOLD, numbered(1), { owner: ADA })
    const rules = await rulesOf(on)
    assert.deepEqual([isHeld(rules, ADA), isHeld(rules, BOB)], [true, false])
    assert.deepEqual(rules.numbers, { policy: 1, hold: 1 })
    assert.deepEqual(rules.released, new Set())
  })

  test('or everybody', async () => {
    const on = await withPolicy()
    await on.put(HOLD, numbered(1), { owner: 'all' })
    const rules = await rulesOf(on)
    assert.deepEqual([isHeld(rules, ADA), isHeld(rules, BOB)], [true, true])
  })

  test('hold for 30 days after storage got their release', async () => {
    const on = await withPolicy()
    await on.put(HOLD, numbered(1), { owner: ADA })
    await on.put(HOLD, numbered(2), { owner: BOB })
    on.days(50)
    await on.put(RELEASE, '2', { hold: 2 })
    const look = async () => {
      const { held, released, numbers } = await rulesOf(on)
      return { held: [...held], released: [...released], holds: numbers.hold }
    }
    assert.deepEqual(await aroundDelay(on, look), [
      { held: [ADA, BOB], released: [], holds: 2 },
      { held: [ADA], released: [BOB], holds: 2 },
    ])
  })

  test('of which one is released hold by the others', async () => {
    const on = await withPolicy()
    await on.put(HOLD, numbered(1), { owner: ADA })
    await on.put(HOLD, numbered(2), { owner: ADA })
    await on.put(RELEASE, '1', { hold: 1 })
    on.days(DELAY_DAYS)
    const rules = await rulesOf(on)
    assert.deepEqual([isHeld(rules, ADA), [...rules.released]], [true, [ADA]])
  })

  test('of which one is missing let nothing go', async () => {
    const on = await withPolicy()
    await on.put(HOLD, numbered(2), { owner: ADA })
    await assert.rejects(rulesOf(on), coded('RulesMissing', { kind: 'hold' }))
  })
})

describe('P1: pins', () => {
  const until = (on: OpsInMemory, days: number) =>
    new Date(on.clock.now() + days * DAY_MS).toISOString()
  const pin = { owner: ADA, workload: 'mail', seq: 4 } as const
  const pins = async (on: OpsInMemory) => (await rulesOf(on)).pins

  test('hold a point until the moment that they say', async () => {
    const on = await withPolicy()
    await on.put(PIN, 'p', { ...pin, until: until(on, 3) })
    on.clock.advance(3 * DAY_MS - SECOND_MS)
    assert.deepEqual(await pins(on), [pin])
    on.clock.advance(SECOND_MS)
    assert.deepEqual(await pins(on), [])
  })

  test('and for 30 days at most, by the clock of storage', async () => {
    const on = await withPolicy()
    await on.put(PIN, 'p', { ...pin, seq: 0, until: until(on, 365) })
    on.clock.advance(30 * DAY_MS - SECOND_MS)
    assert.deepEqual(await pins(on), [{ ...pin, seq: 0 }])
    on.clock.advance(SECOND_MS)
    assert.deepEqual(await pins(on), [])
  })

  test('are taken away by their own id', async () => {
    const on = await withPolicy()
    await on.put(PIN, 'p', { ...pin, until: until(on, 3) })
    await on.put(PIN, 'q', { ...pin, workload: 'drive', until: until(on, 3) })
    await on.put(UNPIN, 'p', {})
    assert.deepEqual(await pins(on), [{ ...pin, workload: 'drive' }])
  })
})

describe('P1: a record that cannot be understood lets nothing go', () => {
  const unreadable: [string, string, unknown][] = [
    [
      'a policy with a retention that there is not',
      'access/*/policy-0000000002',
      { policy: { retention: 'short' } },
    ],
    ['a policy without its content', 'access/*/policy-0000000002', {}],
    ['a hold of what is no owner', 'access/*/hold-0000000001', { owner: `${ADA}a` }],
    ['a hold of what is no owner either', 'access/*/hold-0000000001', { owner: `x${ADA}` }],
    ['a hold of nobody', 'access/*/hold-0000000001', {}],
    ['a release of what is no number', 'access/*/release-1', { hold: 0 }],
    ['a release of nothing', 'access/*/release-1', {}],
    [
      'a pin of nobody',
      'restore/*/pin-1',
      { workload: 'mail', seq: 1, until: '2027-01-01T00:00:00Z' },
    ],
    [
      'a pin of an unknown workload',
      'restore/*/pin-1',
      { owner: ADA, workload: 'chat', seq: 1, until: '2027-01-01T00:00:00Z' },
    ],
    [
      'a pin of a seq that there is not',
      'restore/*/pin-1',
      { owner: ADA, workload: 'mail', seq: -1, until: '2027-01-01T00:00:00Z' },
    ],
    [
      'a pin without an end',
      'restore/*/pin-1',
      { owner: ADA, workload: 'mail', seq: 1, until: 'later' },
    ],
    ['an unpin that says more', 'restore/*/unpin-1', { pin: 1 }],
  ]
  for (const [what, name, document] of unreadable) {
    test(what, async () => {
      const on = await withPolicy()
      await on.raw(`${name.replace('*', '2026-03-02')}.json`, JSON.stringify(document))
      const [, service, kind] = /^(\w+)\/\*\/([a-z]+)-/.exec(name) ?? []
      await assert.rejects(rulesOf(on), coded('RecordUnreadable', { service, kind }))
    })
  }
})

test('P1: a name that no service writes is no rule', async () => {
  const on = await withPolicy()
  for (const name of ['policy-a0000000001', 'policy-0000000001a', 'policy-2', 'hold-00000000022']) {
    await on.raw(`access/2026-03-02/${name}.json`, JSON.stringify({ owner: ADA, policy: {} }))
  }
  const { numbers, retention } = await rulesOf(on)
  assert.deepEqual([numbers, retention], [{ policy: 1, hold: 0 }, { days: 30 }])
})
