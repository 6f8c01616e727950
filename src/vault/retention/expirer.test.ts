/** The expirer on the storage simulator: what it plans, and when it deletes. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { IDENTITIES } from '../../../sandbox/storage/index.ts'
import { AppError } from '../../model/errors.ts'
import type { BlobRemoval, BlobVersion } from '../../ports.ts'
import { never } from '../testing/fixture.ts'
import { DAY_MS } from './days.ts'
import { type ExpiryPlan, executePlans } from './expirer.ts'
import {
  coded,
  commit,
  DONE,
  expireAll,
  namesOf,
  PLAN,
  passOf,
  pastRetention,
  planned,
  plannedAt,
  plans,
  REFUSED,
  recordingRemoval,
  vaultNames,
} from './testing/expiring.ts'
import { ADA, BOB, numbered, SECOND_MS } from './testing/records.ts'
import {
  fourVersions,
  LOCK_DAYS,
  type Names,
  type RetentionWorld,
  stream,
} from './testing/world.ts'

const HOUR_MS = 3_600_000

let past: RetentionWorld
let names: Names

before(async () => {
  const made = await pastRetention()
  past = made.past
  names = made.names
})

describe('P1: a plan', () => {
  test('names the commits before the next base, and nothing else', async () => {
    const world = await planned(past)
    const [plan] = plans(world)
    const [asOf] = world.refs()
    assert.deepEqual(plan?.what, { is: 'commits', workload: 'mail', asOf, carrier: 2 })
    const version = world.storage.vault.currentOf(commit(1))
    assert.deepEqual(plan?.blobs, [
      { name: commit(1), version: version?.id, bytes: version?.bytes.length },
    ])
    assert.equal(plan?.owner, ADA)
  })

  test('goes on base by base, and then with what nothing needs any more', async () => {
    const world = past.fork()
    const all = await expireAll(world)
    const parts = vaultNames(past, '.bs').filter((name) => name.includes(`/${numbered(1)}/`))
    const [, first = [], base = []] = names
    const index = base.filter((name) => name.endsWith('.bi'))
    const pack = first.filter((name) => name.endsWith('.pk'))
    assert.deepEqual(
      all.map(({ what }) => what.is),
      ['commits', 'commits', 'unneeded'],
    )
    assert.deepEqual(all.map(namesOf), [
      [commit(1)],
      [commit(2), commit(3)],
      [...parts, ...index, ...pack],
    ])
    const gone = all.flatMap(namesOf)
    const left = vaultNames(past).filter((name) => !gone.includes(name))
    assert.deepEqual(vaultNames(world), left)
    assert.deepEqual(world.said(DONE).length, 3)
  })

  test('is not made where all is needed', async () => {
    const world = (await fourVersions()).world
    await world.keep()
    assert.deepEqual(await world.plan(), { outcome: 'nothing' })
    assert.deepEqual([await world.execute(), plans(world)], [[], []])
    const old = past.fork()
    const removal = { ...old.expirerDeps().removal, async *versions() {} }
    assert.deepEqual(await old.plan(ADA, { removal }), { outcome: 'nothing' })
    assert.deepEqual(plans(old), [])
  })

  test('leaves commits alone as long as one of them is locked or held', async () => {
    for (const protect of ['lock', 'hold']) {
      const world = past.fork()
      const { vault } = world.storage
      const id = vault.currentOf(commit(1))?.id ?? ''
      const untilMs = world.now + DAY_MS
      if (protect === 'lock') {
        vault.setLock(IDENTITIES.account, commit(1), id, { untilMs, mode: 'Locked' })
      } else vault.setHold(IDENTITIES.account, commit(1), id, true)
      assert.deepEqual(await world.plan(), { outcome: 'nothing' })
    }
  })

  test('waits for the last of several versions of a commit, and names all', async () => {
    const world = past.fork()
    const { removal } = world.expirerDeps()
    const until = new Date(world.now + DAY_MS)
    const twice = (more: Partial<BlobVersion>): BlobRemoval => ({
      ...removal,
      async *versions(prefix, signal) {
        for await (const version of removal.versions(prefix, signal)) {
          yield version
          if (version.name === commit(1)) yield { ...version, version: 'second', ...more }
        }
      },
    })
    const locked = twice({ lock: { until, locked: true } })
    assert.deepEqual(await world.plan(ADA, { removal: locked }), { outcome: 'nothing' })
    await world.plan(ADA, { removal: twice({}) })
    assert.deepEqual(namesOf(plans(world)[0]), [commit(1), commit(1)])
  })

  test('takes the rows of packs away before it is written', async () => {
    const world = await planned(past)
    world.days(1)
    await world.execute()
    await world.plan()
    world.days(1)
    await world.execute()
    const deps = world.expirerDeps()
    const forgotten: unknown[] = []
    const { packs } = deps.catalogue
    const catalogue = {
      ...deps.catalogue,
      packs: {
        ...packs,
        forget: async (...[owner, ids]: Parameters<typeof packs.forget>) => {
          forgotten.push(owner, ...ids)
          assert.equal(plans(world).length, 2)
        },
      },
    }
    assert.equal((await world.plan(ADA, { catalogue })).outcome, 'planned')
    const pack = names[1]?.find((name) => name.endsWith('.pk')) ?? ''
    assert.deepEqual(forgotten, [ADA, pack.slice(-67, -3)])
  })

  test('of an owner stays the only one until it is a week old', async () => {
    const world = await planned(past)
    world.days(1)
    assert.deepEqual(await world.plan(), { outcome: 'open' })
    await world.keep()
    world.at(plannedAt(world) + 7 * DAY_MS - SECOND_MS)
    assert.deepEqual(await world.plan(), { outcome: 'open' })
    world.at(plannedAt(world) + 7 * DAY_MS)
    assert.equal((await world.plan()).outcome, 'planned')
    assert.equal(plans(world).length, 2)
  })

  test("of another owner is in nobody's way", async () => {
    const world = await planned(past)
    await world.register(BOB)
    assert.deepEqual(await world.plan(BOB), { outcome: 'nothing' })
  })

  test('holds 5,000 blobs, and the next one the rest', async () => {
    const world = past.fork()
    const { removal } = world.expirerDeps()
    const many = (count: number, last = commit(1)): BlobRemoval => ({
      ...removal,
      async *versions() {
        const version = { bytes: 1, current: false, held: false }
        for (let n = 0; n < count; n += 1) {
          yield { ...version, name: commit(1), version: numbered(n) }
        }
        yield { ...version, name: last, version: numbered(count) }
        if (last !== commit(1)) assert.fail('the listing goes on')
      },
    })
    for (const all of [many(6000), many(5000, commit(2))]) {
      const fork = world.fork()
      const answer = await fork.plan(ADA, { removal: all })
      assert.deepEqual(answer, { outcome: 'planned', plans: 1, blobs: 5000 })
      assert.ok(plans(fork)[0]?.blobs.every(({ name }) => name === commit(1)))
    }
  })
})

describe('P1: what nothing needs', () => {
  /** The same versions without any lock. */
  let open: RetentionWorld

  before(async () => {
    open = (await fourVersions({ policy: 'none' })).world
  })

  test('goes when it is older than the lock of new blobs, to the second', async () => {
    const world = open.fork()
    const pack = `packs/${ADA}/2026-03/${'f'.repeat(64)}.pk`
    const index = pack.replace('packs/', 'idx/').replace('.pk', '.ix')
    world.days(1)
    await world.policy(2, 'forever')
    await world.raw(pack, 'left behind', 'vault')
    await world.raw(index, 'left behind', 'vault')
    const due = (world.storage.vault.currentOf(pack)?.createdAt.getTime() ?? 0) + LOCK_DAYS * DAY_MS
    world.at(due - HOUR_MS)
    await world.raw(`keeper/2026-05-01/pass-x.json`, passOf(world))
    world.at(due - SECOND_MS)
    assert.deepEqual(await world.plan(), { outcome: 'nothing' })
    world.at(due)
    assert.deepEqual(await world.plan(), { outcome: 'planned', plans: 1, blobs: 2 })
    const [plan] = plans(world)
    assert.deepEqual([plan?.what, namesOf(plan)], [{ is: 'unneeded' }, [index, pack]])
  })

  test('counts by its youngest version, and goes with all of them', async () => {
    const world = open.fork()
    const pack = `packs/${ADA}/2026-03/${'f'.repeat(64)}.pk`
    await world.policy(2, 'forever')
    await world.raw(pack, 'left behind', 'vault')
    world.days(10)
    await world.raw(pack, 'and again', 'vault')
    world.days(LOCK_DAYS - 1)
    await world.raw('keeper/2026-05-01/pass-x.json', passOf(world))
    assert.deepEqual(await world.plan(), { outcome: 'nothing' })
    world.days(1)
    await world.plan()
    assert.deepEqual(namesOf(plans(world)[0]), [pack, pack])
  })

  test('stays while one of its versions is locked', async () => {
    const world = open.fork()
    const pack = `packs/${ADA}/2026-03/${'f'.repeat(64)}.pk`
    await world.policy(2, 'forever')
    await world.raw(pack, 'left behind', 'vault')
    await world.raw(pack, 'and again', 'vault')
    const id = world.storage.vault.versionsOf(pack)[0]?.id ?? ''
    world.days(LOCK_DAYS + 1)
    const untilMs = world.now + DAY_MS
    world.storage.vault.setLock(IDENTITIES.account, pack, id, { untilMs, mode: 'Locked' })
    await world.raw('keeper/2026-05-01/pass-x.json', passOf(world))
    assert.deepEqual(await world.plan(), { outcome: 'nothing' })
    world.days(2)
    assert.equal((await world.plan()).outcome, 'planned')
  })

  test('loses no row where only its index goes', async () => {
    const world = open.fork()
    await world.policy(2, 'forever')
    await world.raw(`idx/${ADA}/2026-03/${'f'.repeat(64)}.ix`, 'left behind', 'vault')
    world.days(100)
    await world.raw('keeper/2026-06-01/pass-x.json', passOf(world))
    const { catalogue } = world.expirerDeps()
    const forget: typeof catalogue.packs.forget = async (_, ids) => assert.deepEqual(ids, [])
    const packs = { ...catalogue.packs, forget }
    const answer = await world.plan(ADA, { catalogue: { ...catalogue, packs } })
    assert.deepEqual(answer, { outcome: 'planned', plans: 1, blobs: 1 })
  })

  test('stays where storage does not say how old it is', async () => {
    const world = open.fork()
    await world.policy(2, 'forever')
    await world.raw(`packs/${ADA}/2026-03/${'f'.repeat(64)}.pk`, 'left behind', 'vault')
    world.days(100)
    await world.raw('keeper/2026-06-01/pass-x.json', passOf(world))
    const { removal } = world.expirerDeps()
    const ageless: BlobRemoval = {
      ...removal,
      async *versions(prefix, signal) {
        for await (const version of removal.versions(prefix, signal)) {
          const { createdAt: _, ...rest } = version
          yield rest
        }
      },
    }
    assert.deepEqual(await world.plan(ADA, { removal: ageless }), { outcome: 'nothing' })
    assert.equal((await world.plan()).outcome, 'planned')
  })

  test('holds 5,000 blobs, of which the last name may be cut', async () => {
    const world = open.fork()
    await world.policy(2, 'forever')
    world.days(100)
    await world.raw('keeper/2026-06-01/pass-x.json', passOf(world))
    for (const [ids, names] of [
      [['1', '2'], 2500],
      [['1', '2', '3'], 1667],
    ] as const) {
      const fork = world.fork()
      const versions = async function* (prefix: string): AsyncGenerator<BlobVersion> {
        if (!prefix.startsWith('packs/')) return
        const one = { bytes: 1, current: false, held: false, createdAt: new Date(0) }
        for (let n = 0; ; n += 1) {
          // That a name is over shows with the next one.
          assert.ok(n <= names, 'the listing goes on')
          const name = `${prefix}2026-03/${numbered(n).padStart(64, '0')}.pk`
          for (const version of ids) yield { ...one, name, version }
        }
      }
      const { removal, catalogue } = fork.expirerDeps()
      const packs = { ...catalogue.packs, forget: async () => {} }
      const deps = { removal: { ...removal, versions }, catalogue: { ...catalogue, packs } }
      const answer = await fork.plan(ADA, deps)
      assert.deepEqual(answer, { outcome: 'planned', plans: 1, blobs: 5000 })
    }
  })
})

describe('P1: a plan is carried out', () => {
  test('when storage has had it for 24 hours, and no second before', async () => {
    const world = await planned(past)
    world.at(plannedAt(world) + 24 * HOUR_MS - SECOND_MS)
    assert.deepEqual(await world.execute(), [])
    assert.ok(vaultNames(world).includes(commit(1)))
    world.at(plannedAt(world) + 24 * HOUR_MS)
    const executed = { outcome: 'executed', removed: 1, left: 0, refused: 0 }
    assert.deepEqual(await world.execute(), [executed])
    assert.ok(!vaultNames(world).includes(commit(1)))
    assert.deepEqual(world.said(DONE), [executed])
  })

  test('once, under the day and the id of the plan', async () => {
    const world = await planned(past)
    world.days(2)
    await world.execute()
    assert.deepEqual(await world.execute(), [])
    const plan = world.storage.ops.names('expirer/').find((name) => PLAN.test(name)) ?? ''
    assert.equal(world.storage.ops.names(plan.replace('plan-', 'done-')).length, 1)
  })

  test('for a week, and then it is stale', async () => {
    const world = await planned(past)
    world.at(plannedAt(world) + 7 * DAY_MS - SECOND_MS)
    const late = world.fork()
    assert.equal((await world.execute())[0]?.outcome, 'executed')
    late.at(plannedAt(late) + 7 * DAY_MS)
    const stale = { outcome: 'stale', removed: 0, left: 0, refused: 0 }
    assert.deepEqual(await late.execute(), [stale])
    assert.deepEqual(late.said(DONE), [stale])
    assert.deepEqual(await late.execute(), [])
    assert.ok(vaultNames(late).includes(commit(1)))
  })

  test('as long as the caller may go on', async () => {
    const world = await planned(past)
    world.days(1)
    const answers = await executePlans(world.expirerDeps(), () => false, never)
    assert.deepEqual([answers.size, world.said(DONE)], [0, []])
  })

  test('commits in their order, after their rows', async () => {
    const world = await planned(past)
    world.days(1)
    await world.execute()
    await world.plan()
    world.days(1)
    const deps = world.expirerDeps()
    const { calls, removal } = recordingRemoval(world)
    const expired: unknown[] = []
    const catalogue: typeof deps.catalogue = {
      ...deps.catalogue,
      stream: (owner, workload) => {
        const tables = deps.catalogue.stream(owner, workload)
        return {
          ...tables,
          async expire(asOf, { notAfter }, signal) {
            assert.deepEqual(calls, [])
            expired.push(owner, workload, asOf, notAfter - world.now <= 30 * 60_000)
            return await tables.expire(asOf, { notAfter }, signal)
          },
        }
      },
    }
    await world.execute({ removal, catalogue })
    assert.deepEqual(calls, [commit(2), commit(3)])
    assert.deepEqual(expired, [ADA, 'mail', world.refs()[2], true])
  })

  test('and of commits none before one that stays', async () => {
    for (const code of ['BlobLocked', 'BlobHeld']) {
      const world = await planned(past)
      world.days(1)
      await world.execute()
      await world.plan()
      world.days(1)
      const { calls, removal } = recordingRemoval(world, () => code)
      const executed = { outcome: 'executed', removed: 0, left: 0, refused: 1 }
      assert.deepEqual(await world.execute({ removal }), [executed])
      assert.deepEqual(calls, [commit(2)])
    }
  })

  test('but what nothing needs goes though something else stays', async () => {
    const world = await leftovers()
    const { removal, calls } = recordingRemoval(world, (name) =>
      name.endsWith('.bi') ? 'BlobLocked' : undefined,
    )
    const executed = { outcome: 'executed', removed: 3, left: 0, refused: 1 }
    assert.deepEqual(await world.execute({ removal }), [executed])
    assert.equal(calls.length, 4)
  })

  test('passes what is gone already', async () => {
    const world = await leftovers()
    const deps = world.expirerDeps()
    const [gone] = namesOf(plans(world).find(({ what }) => what.is === 'unneeded'))
    assert.ok(gone)
    const removal: BlobRemoval = {
      ...deps.removal,
      remove: async (name, version, signal) =>
        name === gone ? 'missing' : await deps.removal.remove(name, version, signal),
    }
    const [answer] = await world.execute({ removal })
    assert.deepEqual(answer, { outcome: 'executed', removed: 3, left: 1, refused: 0 })
  })

  test('stops at what it does not understand, and goes on with it the next time', async () => {
    const world = await leftovers()
    const { removal } = recordingRemoval(world, () => 'Broken')
    assert.deepEqual(await world.execute({ removal }), [{ ...REFUSED, code: 'Broken' }])
    assert.equal((await world.execute())[0]?.outcome, 'executed')
  })

  test('for half an hour at most', async () => {
    const world = await leftovers()
    const deps = world.expirerDeps()
    let { now } = world
    let removed = 0
    const remove: BlobRemoval['remove'] = async (...call) => {
      removed += 1
      now += 15 * 60_000
      return await deps.removal.remove(...call)
    }
    const before = world.said(DONE).length
    const removal = { ...deps.removal, remove }
    const late = world.execute({ removal, clock: { now: () => now } })
    await assert.rejects(late, (error) => {
      return error instanceof AppError && error.code === 'TooLate' && error.kind === 'transient'
    })
    assert.equal(removed, 2)
    assert.equal(world.said(DONE).length, before)
    world.days(0.1)
    const [answer] = await world.execute()
    assert.deepEqual(answer, { outcome: 'executed', removed: 2, left: 2, refused: 0 })
  })
})

/** With a plan of four blobs that nothing needs, which is a day old. */
async function leftovers(): Promise<RetentionWorld> {
  const world = past.fork()
  for (let n = 0; n < 3; n += 1) {
    assert.equal((await world.plan()).outcome, 'planned')
    world.days(1)
    if (n < 2) await world.execute()
  }
  return world
}

describe('P1: only what both looks say goes', () => {
  /** In the place of the plan that is there. */
  async function instead(change: (plan: ExpiryPlan) => unknown): Promise<RetentionWorld> {
    const world = await planned(past)
    const name = world.storage.ops.names('expirer/').find((one) => PLAN.test(one)) ?? ''
    const plan = plans(world)[0]
    assert.ok(plan)
    await world.raw(name, JSON.stringify(change(plan)))
    world.days(1)
    return world
  }

  test('a plan with another state, carrier, workload or purpose is overtaken', async () => {
    const overtaken = { outcome: 'overtaken', removed: 0, left: 1, refused: 0 }
    for (const change of [
      { asOf: { seq: 1, hash: 'other', time: '' } },
      { carrier: 3 },
      { workload: 'drive' },
      { is: 'unneeded' },
      { is: 'erased' },
    ]) {
      const world = await instead((plan) => ({ ...plan, what: { ...plan.what, ...change } }))
      assert.deepEqual(await world.execute(), [overtaken])
      assert.deepEqual(world.said(DONE), [overtaken])
      assert.deepEqual(await world.execute(), [])
      assert.ok(vaultNames(world).includes(commit(1)))
    }
  })

  test('a plan that names more than may go leaves the rest', async () => {
    const world = await instead((plan) => {
      const newest = past.storage.vault.currentOf(commit(7))
      const more = { name: commit(7), version: newest?.id, bytes: 1 }
      const other = { name: commit(1), version: 'another', bytes: 1 }
      return { ...plan, blobs: [more, ...plan.blobs, other] }
    })
    const executed = { outcome: 'executed', removed: 1, left: 2, refused: 0 }
    assert.deepEqual(await world.execute(), [executed])
    assert.ok(vaultNames(world).includes(commit(7)))
  })

  test('what was locked meanwhile stays', async () => {
    const world = await planned(past)
    const id = world.storage.vault.currentOf(commit(1))?.id ?? ''
    const untilMs = world.now + 3 * DAY_MS
    world.storage.vault.setLock(IDENTITIES.account, commit(1), id, { untilMs, mode: 'Locked' })
    world.days(1)
    assert.equal((await world.execute())[0]?.outcome, 'overtaken')
  })

  test('of two streams each has a plan of its own', async () => {
    const drive = stream(ADA, 'drive')
    const world = (await fourVersions()).world
    for (let n = 0; n < 3; n += 1) {
      await world.commit('d', { at: drive })
      await world.base({ at: drive })
    }
    await world.commit('d', { at: drive })
    world.days(65)
    await world.keep()
    assert.deepEqual(await world.plan(), { outcome: 'planned', plans: 2, blobs: 2 })
    world.days(1)
    const answers = await world.execute()
    assert.deepEqual(
      answers.map(({ outcome }) => outcome),
      ['executed', 'executed'],
    )
    const all = vaultNames(world)
    assert.deepEqual([all.includes(commit(1)), all.includes(commit(1, drive))], [false, false])
  })

  test('a plan that cannot be read stops everything', async () => {
    for (const change of [
      (plan: ExpiryPlan) => ({ ...plan, owner: `${ADA}a` }),
      (plan: ExpiryPlan) => ({ ...plan, owner: `x${ADA}` }),
      (plan: ExpiryPlan) => ({ ...plan, what: { is: 'all' } }),
      (plan: ExpiryPlan) => ({ ...plan, what: { is: 'commits', workload: 'mail' } }),
      (plan: ExpiryPlan) => ({ ...plan, blobs: [{ name: 'x' }] }),
      (plan: ExpiryPlan) => ({ ...plan, blobs: Array(5001).fill(plan.blobs[0]) }),
      () => ({}),
    ]) {
      const world = await instead(change)
      await assert.rejects(world.execute(), coded('RecordUnreadable'))
    }
  })

  test('so does the word of its end', async () => {
    const world = await planned(past)
    const plan = world.storage.ops.names('expirer/').find((one) => PLAN.test(one)) ?? ''
    await world.raw(plan.replace('plan-', 'done-'), '{"outcome":"executed"}')
    world.days(1)
    await assert.rejects(world.execute(), coded('RecordUnreadable'))
    const other = past.fork()
    await other.raw(
      plan.replace('plan-', 'done-'),
      '{"outcome":"x","removed":0,"left":0,"refused":0}',
    )
    await assert.rejects(other.plan(), coded('RecordUnreadable'))
  })
})
