/** Promise P8, step by step: what an erasure answers, and what it has done by then. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { hasCode } from '../../model/errors.ts'
import type { OwnerId } from '../../model/ids.ts'
import { never } from '../testing/fixture.ts'
import { DAY_MS } from './days.ts'
import { ERASE, type EraserDeps, eraseOwner, SPARE } from './erase.ts'
import { isErased } from './erased.ts'
import { ownerErased } from './owner-erased.ts'
import { HOLD, RELEASE } from './rules.ts'
import {
  ADA,
  BOB,
  numbered,
  type OpsInMemory,
  opsInMemory,
  SECOND_MS,
  seededRandom,
} from './testing/records.ts'

const COOLING_OFF_DAYS = 7
const MINUTES_MS = 60_000
const coded = (code: string) => (error: unknown) => hasCode(error, code)

interface Erasing extends OpsInMemory {
  deps: EraserDeps
  /** What was done, in order. */
  done: string[]
  erase(owner?: OwnerId): ReturnType<typeof eraseOwner>
}

async function erasing(): Promise<Erasing> {
  const on = opsInMemory()
  await on.policy(1, 'forever')
  const done: string[] = []
  const deps: EraserDeps = {
    ops: on.ops,
    keys: {
      async erase(owner) {
        done.push(`keys ${owner}`)
        return { purgedAt: new Date(on.clock.now() + 7 * DAY_MS), otherRecipients: ['offline'] }
      },
    },
    async sweep(owner) {
      done.push(`sweep ${owner}`)
    },
    ...{ clock: on.clock, random: seededRandom(), coolingOffDays: COOLING_OFF_DAYS, delayDays: 30 },
  }
  return { ...on, deps, done, erase: (owner = ADA) => eraseOwner(deps, owner, never) }
}

/** Asked for, and no longer to be taken back. */
async function asked(): Promise<Erasing> {
  const on = await erasing()
  await on.put(ERASE, 'e', { owner: ADA })
  on.days(COOLING_OFF_DAYS)
  return on
}

describe('P8: an erasure', () => {
  test('that nobody asked for does nothing', async () => {
    const on = await erasing()
    await on.put(ERASE, 'e', { owner: BOB })
    on.days(100)
    assert.deepEqual(await on.erase(), { state: 'not-asked' })
    assert.deepEqual(on.done, [])
  })

  test('waits seven days in which it can be taken back', async () => {
    const on = await erasing()
    const until = on.clock.now() + COOLING_OFF_DAYS * DAY_MS
    await on.put(ERASE, 'e', { owner: ADA })
    on.clock.advance(COOLING_OFF_DAYS * DAY_MS - SECOND_MS)
    assert.deepEqual(await on.erase(), { state: 'waiting', until })
    assert.deepEqual([on.done, await isErased(on.ops, ADA, never)], [[], false])
    await on.put(SPARE, 'e', {})
    on.days(1)
    assert.deepEqual(await on.erase(), { state: 'not-asked' })
    assert.deepEqual(on.done, [])
  })

  test('counts from the oldest request that was not taken back', async () => {
    const on = await erasing()
    const ask = async (id: string) => {
      await on.put(ERASE, id, { owner: ADA })
      on.days(1)
    }
    for (const id of ['c', 'b', 'a']) await ask(id)
    await on.put(SPARE, 'c', {})
    const until = on.clock.now() + (COOLING_OFF_DAYS - 2) * DAY_MS
    assert.deepEqual(await on.erase(), { state: 'waiting', until })
    on.days(5)
    await on.erase()
    on.days(1)
    const erasure = await on.erase()
    assert.equal(erasure.state === 'done' && erasure.receipt.request, 'b')
  })

  test('counts from the older of two requests of one day', async () => {
    const on = await erasing()
    const until = on.clock.now() + COOLING_OFF_DAYS * DAY_MS
    await on.put(ERASE, 'b', { owner: ADA })
    on.clock.advance(60 * MINUTES_MS)
    await on.put(ERASE, 'a', { owner: ADA })
    assert.deepEqual(await on.erase(), { state: 'waiting', until })
  })

  test('of two requests of one moment takes the first of the listing', async () => {
    const on = await erasing()
    await on.put(ERASE, 'b', { owner: ADA })
    await on.put(ERASE, 'a', { owner: ADA })
    on.days(8)
    await on.erase()
    on.days(1)
    const erasure = await on.erase()
    assert.equal(erasure.state === 'done' && erasure.receipt.request, 'a')
  })

  test('deletes keys and then rows, and rows again 70 minutes later, before the receipt', async () => {
    const on = await asked()
    const until = on.clock.now() + 70 * MINUTES_MS
    const purgedAt = new Date(until + 7 * DAY_MS).toISOString()
    assert.deepEqual(await on.erase(), { state: 'waiting', until })
    assert.equal(await isErased(on.ops, ADA, never), true)
    const step = [`keys ${ADA}`, `sweep ${ADA}`]
    assert.deepEqual(on.done, step)
    on.clock.advance(70 * MINUTES_MS - SECOND_MS)
    assert.deepEqual(await on.erase(), { state: 'waiting', until })
    on.clock.advance(SECOND_MS)
    const receipt = { owner: ADA, request: 'e', purgedAt, otherRecipients: ['offline'] }
    assert.deepEqual(await on.erase(), { state: 'done', receipt })
    assert.deepEqual(on.done, [...step, ...step, ...step])
    const written = on.ops.creates.filter((name) => !name.startsWith('access/'))
    assert.ok(written.every((name) => name.startsWith('expirer/')))
    const said = on.ops.blobs.get(`expirer/receipt/${ADA}.json`)
    assert.deepEqual(JSON.parse(Buffer.from(said?.bytes ?? []).toString()), receipt)
  })

  test('that is done says so, and sweeps with every further call', async () => {
    const on = await asked()
    await on.erase()
    on.days(1)
    const receipt = await on.erase()
    on.done.length = 0
    on.days(1)
    assert.deepEqual(await on.erase(), receipt)
    assert.deepEqual(on.done, [`sweep ${ADA}`])
  })

  test('is held before it begins', async () => {
    const on = await asked()
    await on.put(HOLD, numbered(1), { owner: ADA })
    assert.deepEqual(await on.erase(), { state: 'held' })
    assert.deepEqual([on.done, await isErased(on.ops, ADA, never)], [[], false])
  })

  test('is held between its beginning and the end of the keys', async () => {
    const on = await asked()
    const begun = { owner: ADA, request: 'e' }
    await on.raw(`expirer/erased/${ADA}.json`, JSON.stringify(begun))
    await on.put(HOLD, numbered(1), { owner: 'all' })
    assert.deepEqual(await on.erase(), { state: 'held' })
    assert.deepEqual(on.done, [])
  })

  test('is held for as long as the release of a hold does not count', async () => {
    const on = await asked()
    await on.put(HOLD, numbered(1), { owner: ADA })
    await on.put(RELEASE, '1', { hold: 1 })
    on.clock.advance(30 * DAY_MS - SECOND_MS)
    assert.deepEqual(await on.erase(), { state: 'held' })
    on.clock.advance(SECOND_MS)
    assert.equal((await on.erase()).state, 'waiting')
  })

  test('that has begun goes on by its record, whatever became of the request', async () => {
    const on = await asked()
    await on.erase()
    on.days(1)
    await on.put(SPARE, 'e', {})
    const erasure = await on.erase()
    assert.equal(erasure.state === 'done' && erasure.receipt.request, 'e')
  })

  test('does nothing where rules are missing', async () => {
    const on = await asked()
    await on.put(HOLD, numbered(2), { owner: BOB })
    await assert.rejects(on.erase(), coded('RulesMissing'))
    assert.deepEqual(on.done, [])
  })

  test('does not begin by a clock that is ahead of storage', async () => {
    const on = await erasing()
    await on.put(ERASE, 'e', { owner: ADA })
    on.deps.clock = { now: () => on.clock.now() + 8 * DAY_MS }
    await assert.rejects(on.erase(), coded('ClockWrong'))
    assert.deepEqual([on.done, await isErased(on.ops, ADA, never)], [[], false])
  })

  test('that is held does not go on by a clock that is ahead of storage', async () => {
    const on = await asked()
    await on.raw(`expirer/erased/${ADA}.json`, JSON.stringify({ owner: ADA, request: 'e' }))
    await on.put(HOLD, numbered(1), { owner: ADA })
    await on.put(RELEASE, '1', { hold: 1 })
    on.deps.clock = { now: () => on.clock.now() + 40 * DAY_MS }
    await assert.rejects(on.erase(), coded('ClockWrong'))
    assert.deepEqual(on.done, [])
  })

  test('keeps to records that can be read', async () => {
    const unreadable = [
      [`expirer/receipt/${ADA}.json`, '{}'],
      [`expirer/erased/${ADA}.json`, '{}'],
      ['access/2026-03-01/erase-x.json', '{}'],
      ['access/2026-03-01/erase-x.json', JSON.stringify({ owner: `${ADA}a` })],
      ['access/2026-03-01/erase-x.json', JSON.stringify({ owner: `x${ADA}` })],
      ['access/2026-03-01/spare-e.json', '{"id":1}'],
    ] as const
    for (const [name, text] of unreadable) {
      const on = await asked()
      await on.raw(name, text)
      await assert.rejects(on.erase(), coded('RecordUnreadable'), name)
      assert.deepEqual(on.done, [])
    }
  })

  test('is what a writer is told of', () => {
    const { code, kind, context } = ownerErased(ADA)
    assert.deepEqual([code, kind, context], ['OwnerErased', 'permanent', { owner: ADA }])
  })

  test('has begun for whoever asks as soon as there is a record, whatever it says', async () => {
    const on = await erasing()
    await on.raw(`expirer/erased/${ADA}.json`, 'spoilt')
    assert.equal(await isErased(on.ops, ADA, never), true)
    assert.equal(await isErased(on.ops, BOB, never), false)
  })
})
