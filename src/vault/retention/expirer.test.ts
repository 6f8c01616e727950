/** The expirer on the storage simulator: what it plans, when it deletes, and what it refuses. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { IDENTITIES } from '../../../sandbox/storage/index.ts'
import { AppError, hasCode } from '../../model/errors.ts'
import type { BlobRemoval, BlobVersion } from '../../ports.ts'
import { never } from '../testing/fixture.ts'
import { DAY_MS } from './days.ts'
import { type ExpiryPlan, executePlans } from './expirer.ts'
import { HOLD } from './rules.ts'
import { ADA, BOB, numbered, SECOND_MS } from './testing/records.ts'
import {
  fourVersions,
  LOCK_DAYS,
  MAIL,
  type Names,
  RetentionWorld,
  stream,
  WINDOWS,
} from './testing/world.ts'

const HOUR_MS = 3_600_000
const PLAN = /^expirer\/\d{4}-\d{2}-\d{2}\/plan-[0-9a-f]{32}\.json$/
const DONE = /^expirer\/.*\/done-/
const coded = (code: string) => (error: unknown) => hasCode(error, code)
const vaultNames = (world: RetentionWorld, ending = '') =>
  world.storage.vault.names().filter((name) => name.endsWith(ending))
const plans = (world: RetentionWorld) => world.said(PLAN) as ExpiryPlan[]
const namesOf = (plan: ExpiryPlan | undefined) => plan?.blobs.map(({ name }) => name) ?? []
const commit = (seq: number, { owner, workload } = MAIL) =>
  `c/${owner}/${workload}/${numbered(seq)}/commit.json`
const REFUSED = { outcome: 'refused', code: '' }

/** The first two versions are past retention and locked no longer; the keeper has just passed. */
let past: RetentionWorld
/** The same without any lock. */
let open: RetentionWorld
let names: Names

before(async () => {
  const made = await fourVersions()
  past = made.world
  names = made.names
  past.days(65)
  await past.keep()
  open = (await fourVersions({ policy: 'none' })).world
})

/** With one plan: that of the first commit. */
async function planned(): Promise<RetentionWorld> {
  const world = past.fork()
  assert.deepEqual(await world.plan(), { outcome: 'planned', plans: 1, blobs: 1 })
  return world
}

/** When the newest plan was created, by storage. */
function plannedAt(world: RetentionWorld): number {
  const times = world.storage.ops
    .names('expirer/')
    .filter((name) => PLAN.test(name))
    .map((name) => world.storage.ops.currentOf(name)?.createdAt.getTime() ?? 0)
  return Math.max(...times)
}

/** Plans and carries out, until nothing more goes. Answers the plans. */
async function expireAll(world: RetentionWorld): Promise<ExpiryPlan[]> {
  const seen = new Set(world.storage.ops.names('expirer/'))
  const all: ExpiryPlan[] = []
  while ((await world.plan()).outcome === 'planned') {
    for (const name of world.storage.ops.names('expirer/')) {
      if (seen.has(name) || !PLAN.test(name)) continue
      seen.add(name)
      all.push(JSON.parse(Buffer.from(world.storage.ops.currentOf(name)?.bytes ?? []).toString()))
    }
    world.days(1)
    await world.execute()
  }
  return all
}

function recordingRemoval(world: RetentionWorld, refused?: (name: string) => string | undefined) {
  const { removal } = world.expirerDeps()
  const calls: string[] = []
  const remove: BlobRemoval['remove'] = async (name, version, signal) => {
    calls.push(name)
    const code = refused?.(name)
    if (code) throw new AppError({ code, kind: 'permanent', message: 'x' })
    return await removal.remove(name, version, signal)
  }
  return { calls, removal: { ...removal, remove } }
}

describe('P1: a plan', () => {
  test('names the commits before the next base, and nothing else', async () => {
    const world = await planned()
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
    const world = await planned()
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
    const world = await planned()
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
    const world = await planned()
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
    const { removal } = world.expirerDeps()
    const versions = async function* (prefix: string): AsyncGenerator<BlobVersion> {
      if (!prefix.startsWith('packs/')) return
      const one = { bytes: 1, current: false, held: false, createdAt: new Date(0) }
      for (let n = 0; n < 2502; n += 1) {
        const name = `${prefix}2026-03/${numbered(n).padStart(64, '0')}.pk`
        for (const version of ['1', '2', '3']) yield { ...one, name, version }
      }
    }
    const answer = await world.plan(ADA, { removal: { ...removal, versions } })
    assert.deepEqual(answer, { outcome: 'planned', plans: 1, blobs: 5000 })
  })
})

function passOf(world: RetentionWorld, more = {}): string {
  const counts = { owners: 0, versions: 0, extended: 0, held: 0, released: 0, doubts: 0 }
  const pass = { begunAt: world.now, policies: 1, holds: 0, counts, forgedBases: 0, ...more }
  return JSON.stringify(pass)
}

describe('P1: a plan is carried out', () => {
  test('when storage has had it for 24 hours, and no second before', async () => {
    const world = await planned()
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
    const world = await planned()
    world.days(2)
    await world.execute()
    assert.deepEqual(await world.execute(), [])
    const plan = world.storage.ops.names('expirer/').find((name) => PLAN.test(name)) ?? ''
    assert.equal(world.storage.ops.names(plan.replace('plan-', 'done-')).length, 1)
  })

  test('for a week, and then it is stale', async () => {
    const world = await planned()
    world.at(plannedAt(world) + 7 * DAY_MS - SECOND_MS)
    const late = world.fork()
    assert.equal((await world.execute())[0]?.outcome, 'executed')
    late.at(plannedAt(late) + 7 * DAY_MS)
    const stale = { outcome: 'stale', removed: 0, left: 0, refused: 0 }
    assert.deepEqual(await late.execute(), [stale])
    assert.deepEqual(late.said(DONE), [stale])
    assert.ok(vaultNames(late).includes(commit(1)))
  })

  test('as long as the caller may go on', async () => {
    const world = await planned()
    world.days(1)
    const answers = await executePlans(world.expirerDeps(), () => false, never)
    assert.deepEqual([answers.size, world.said(DONE)], [0, []])
  })

  test('commits in their order, after their rows', async () => {
    const world = await planned()
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
      const world = await planned()
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
    let removed = 0
    const remove: BlobRemoval['remove'] = async (...call) => {
      removed += 1
      world.storage.clock.advance(removed === 1 ? 29 * 60_000 : 60_000)
      return await deps.removal.remove(...call)
    }
    const before = world.said(DONE).length
    await assert.rejects(world.execute({ removal: { ...deps.removal, remove } }), (error) => {
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
    const world = await planned()
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
    const world = await planned()
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
    const world = await planned()
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

describe('P1: nothing goes', () => {
  /** Refused when it is planned, and when it is carried out. */
  async function refuses(code: string, bring: (world: RetentionWorld) => Promise<unknown>) {
    const fresh = past.fork()
    await bring(fresh)
    assert.deepEqual(await fresh.plan(), { ...REFUSED, code })
    assert.deepEqual(plans(fresh), [])
    const world = await planned()
    await bring(world)
    world.at(Math.max(world.now, plannedAt(world) + DAY_MS))
    assert.deepEqual(await world.execute(), [{ ...REFUSED, code }])
    assert.deepEqual(world.said(DONE), [])
    assert.ok(vaultNames(world).includes(commit(1)))
  }

  test('half a generation after the last pass of the keeper began, to the second', async () => {
    const world = past.fork()
    const [pass] = world.said(/^keeper\/.*\/pass-/) as { begunAt: number }[]
    const due = (pass?.begunAt ?? 0) + (WINDOWS.generationDays / 2) * DAY_MS
    world.at(due)
    assert.equal((await world.fork().plan()).outcome, 'planned')
    world.at(due + SECOND_MS)
    assert.deepEqual(await world.plan(), { ...REFUSED, code: 'KeeperLate' })
    const late = past.fork()
    late.at(due - DAY_MS + SECOND_MS)
    await late.plan()
    late.at(due + SECOND_MS)
    assert.deepEqual(await late.execute(), [{ ...REFUSED, code: 'KeeperLate' }])
  })

  test('before there was any', async () => {
    const { world } = await fourVersions()
    world.days(65)
    assert.deepEqual(await world.plan(), { ...REFUSED, code: 'KeeperLate' })
  })

  test('by an older pass, whatever it is called', async () => {
    for (const [id, code] of [
      ['a', 'RulesMissing'],
      ['z', 'RulesMissing'],
    ] as const) {
      const world = past.fork()
      world.days(1)
      const day = new Date(world.now).toISOString().slice(0, 10)
      await world.raw(`keeper/${day}/pass-m.json`, passOf(world, { policies: 2 }))
      const older = passOf(world, { begunAt: world.now - 1000 })
      await world.raw(`keeper/${day}/pass-${id}.json`, older)
      assert.deepEqual(await world.plan(), { ...REFUSED, code })
    }
  })

  test('where the keeper knew of more policies or holds than there are', async () => {
    for (const more of [{ policies: 2 }, { holds: 1 }]) {
      await refuses('RulesMissing', async (world) => {
        world.days(1)
        await world.raw('keeper/2027-01-01/pass-x.json', passOf(world, more))
      })
    }
    await refuses('RulesMissing', (world) => world.put(HOLD, numbered(2), { owner: BOB }))
  })

  test('of an owner who is held', async () => {
    await refuses('OwnerHeld', (world) => world.put(HOLD, numbered(1), { owner: ADA }))
    await refuses('OwnerHeld', (world) => world.put(HOLD, numbered(1), { owner: 'all' }))
    const world = past.fork()
    await world.put(HOLD, numbered(1), { owner: BOB })
    assert.equal((await world.plan()).outcome, 'planned')
  })

  test('where a record cannot be read', async () => {
    await refuses('RecordUnreadable', (world) =>
      world.raw('access/2026-03-01/hold-0000000001.json', '{'),
    )
    await refuses('RecordUnreadable', (world) => world.raw('keeper/2026-03-01/pass-x.json', '{}'))
  })

  test('of an owner whose keys are missing', async () => {
    await refuses('KeyDisabled', async (world) => world.storage.keys.disable(ADA))
  })

  test('of a stream with a hole', async () => {
    const name = commit(9)
    await refuses('ChainGap', (world) => world.raw(name, '{}', 'vault'))
  })

  test('of a stream of a kind that is not known', async () => {
    const name = commit(1).replace('/mail/', '/chat/')
    await refuses('WorkloadUnknown', (world) => world.raw(name, '{}', 'vault'))
  })

  test('where a base says something else than its commits', async () => {
    const world = await RetentionWorld.make()
    await world.policy(1, { days: 30 })
    await world.register(ADA)
    for (const item of ['a', 'b']) await world.commit(item)
    await world.base({ forged: true })
    await world.commit('a')
    await world.base()
    await world.commit('a')
    world.days(65)
    await world.keep()
    assert.deepEqual(await world.plan(), { ...REFUSED, code: 'BaseDiffers' })
  })

  test('where two commits carry a base of one state', async () => {
    const world = await RetentionWorld.make()
    await world.policy(1, { days: 30 })
    await world.register(ADA)
    await world.commit('a')
    const [asOf] = world.refs()
    assert.ok(asOf)
    for (let n = 0; n < 2; n += 1) await world.base({ asOf })
    for (let n = 0; n < 2; n += 1) {
      await world.commit('a')
      await world.base()
    }
    await world.commit('a')
    world.days(65)
    await world.keep()
    assert.deepEqual(await world.plan(), { ...REFUSED, code: 'BaseContested' })
  })

  test('by a clock that is wrong', async () => {
    const world = await planned()
    const clock = { now: () => world.now + DAY_MS }
    await assert.rejects(world.execute({ clock }), coded('ClockWrong'))
    await assert.rejects(world.plan(ADA, { clock }), coded('ClockWrong'))
  })

  test('by trouble that passes, which is thrown', async () => {
    const world = await planned()
    world.days(1)
    const indexSecret = async () => {
      throw new AppError({ code: 'Busy', kind: 'transient', message: 'x' })
    }
    await assert.rejects(world.execute({ keys: { indexSecret } }), coded('Busy'))
    await assert.rejects(past.fork().plan(ADA, { keys: { indexSecret } }), coded('Busy'))
  })
})

describe('P1: nobody works an owner whose blobs go', () => {
  const MINUTE_MS = 60_000

  test('so the expirer takes the lease, and gives it back as it was', async () => {
    const world = await planned()
    world.days(1)
    const deps = world.expirerDeps()
    const { owners } = deps.catalogue
    const before = await owners.get(ADA, never)
    let seen: unknown
    const remove: BlobRemoval['remove'] = async (...call) => {
      const claimed = await world.catalogue().owners.claim(ADA, { holder: 'x', leaseMs: 1 }, never)
      seen = claimed
      return await deps.removal.remove(...call)
    }
    assert.equal(
      (await world.execute({ removal: { ...deps.removal, remove } }))[0]?.outcome,
      'executed',
    )
    assert.equal(seen, undefined)
    assert.deepEqual((await owners.get(ADA, never))?.attempts, before?.attempts)
    const after = await owners.claim(ADA, { holder: 'x', leaseMs: 1 }, never)
    assert.equal(after?.owner.attempts, (before?.attempts ?? 0) + 1)
  })

  test('gives it back after trouble, too', async () => {
    const world = await planned()
    world.days(1)
    const { removal } = recordingRemoval(world, () => 'Broken')
    await world.execute({ removal })
    assert.equal((await world.execute())[0]?.outcome, 'executed')
  })

  test('and waits where somebody has it', async () => {
    const world = await planned()
    world.days(1)
    const { owners } = world.catalogue()
    const lease = await owners.claim(ADA, { holder: 'slice', leaseMs: 5 * MINUTE_MS }, never)
    assert.ok(lease)
    assert.deepEqual(await world.execute(), [{ outcome: 'busy', code: 'OwnerBusy' }])
    assert.ok(vaultNames(world).includes(commit(1)))
    assert.deepEqual(world.said(DONE), [])
    await owners.release(lease, { attempts: 0 }, never)
    assert.equal((await world.execute())[0]?.outcome, 'executed')
  })

  test('needs none for an owner without a row, but a catalogue that is ready', async () => {
    const { world } = await fourVersions({ row: false })
    world.days(65)
    await world.keep()
    await world.plan()
    world.days(1)
    const deps = world.expirerDeps()
    const lost = { ...deps.catalogue, ready: async () => false }
    assert.deepEqual(await world.execute({ catalogue: lost }), [
      { ...REFUSED, code: 'CatalogueNotReady' },
    ])
    assert.ok(vaultNames(world).includes(commit(1)))
    assert.equal((await world.execute())[0]?.outcome, 'executed')
  })
})

describe('P8: what is left of an erased owner', () => {
  /** As it was left by erasure: the locks of its blobs are over, and so is the waiting. */
  async function erased(purgedAt?: number): Promise<RetentionWorld> {
    const world = (await fourVersions()).world
    await world.raw(`expirer/erased/${ADA}.json`, '{}')
    if (purgedAt !== undefined) {
      const said = { owner: ADA, request: 'e', otherRecipients: [] }
      const receipt = { ...said, purgedAt: new Date(purgedAt).toISOString() }
      await world.raw(`expirer/receipt/${ADA}.json`, JSON.stringify(receipt))
    }
    world.days(65)
    await world.keep()
    world.storage.keys.disable(ADA)
    return world
  }

  test('stays until there is a receipt', async () => {
    assert.deepEqual(await (await erased()).plan(), { outcome: 'nothing' })
  })

  test('goes from the date of the receipt on, and its records last', async () => {
    const date = Date.parse('2026-05-10T00:00:00Z')
    const world = await erased(date)
    world.at(date - SECOND_MS)
    assert.deepEqual(await world.plan(), { outcome: 'nothing' })
    world.at(date)
    const all = vaultNames(world).filter((name) => name.includes(ADA))
    const record = `owners/${ADA}/1.json`
    const told = await expireAll(world)
    assert.deepEqual(
      told.map(({ what }) => what),
      [{ is: 'erased' }, { is: 'erased' }],
    )
    assert.deepEqual(namesOf(told[0]).sort(), all.filter((name) => name !== record).sort())
    assert.deepEqual(namesOf(told[1]), [record])
    assert.deepEqual(vaultNames(world), ['format.json'])
  })

  test('records stay as long as anything else is locked', async () => {
    const world = await erased(0)
    await world.raw(commit(9), 'late', 'vault')
    await expireAll(world)
    assert.deepEqual(vaultNames(world), [commit(9), 'format.json', `owners/${ADA}/1.json`])
  })

  test('and nothing of it goes while it is held', async () => {
    const world = await erased(0)
    await world.put(HOLD, numbered(1), { owner: ADA })
    assert.deepEqual(await world.plan(), { ...REFUSED, code: 'OwnerHeld' })
  })
})
