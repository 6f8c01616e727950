/** The keeper on the storage simulator: what it locks, what it holds, what it says. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { IDENTITIES } from '../../../sandbox/storage/index.ts'
import type { PackTable } from '../../catalogue/types.ts'
import { AppError, hasCode } from '../../model/errors.ts'
import { never } from '../testing/fixture.ts'
import { DAY_MS } from './days.ts'
import { isOldReport, type KeeperDeps, keeperProgressSchema, keeperStep } from './keeper.ts'
import { HOLD, RELEASE } from './rules.ts'
import { forgedBase } from './testing/expiring.ts'
import { ADA, BOB, numbered, SECOND_MS } from './testing/records.ts'
import {
  fourVersions,
  LOCK_DAYS,
  MAIL,
  type Names,
  RetentionWorld,
  stream,
} from './testing/world.ts'

const coded = (code: string) => (error: unknown) => hasCode(error, code)
const vaultNames = (world: RetentionWorld) => world.storage.vault.names()
const rounded = (days: number) => Math.round(days * 1000) / 1000

/** What is locked for R + G from now on, of names that exist. */
function renewed(world: RetentionWorld): string[] {
  return vaultNames(world).filter((name) => world.lockedFor(name) > LOCK_DAYS - 0.01)
}

function lapsed(world: RetentionWorld): string[] {
  return vaultNames(world).filter((name) => world.lockedFor(name) <= 0)
}

let plain: RetentionWorld
let months: RetentionWorld
let names: Names

before(async () => {
  plain = await RetentionWorld.make()
  await plain.register(ADA)
  await plain.commit('a', { bulky: true })
  const made = await fourVersions()
  months = made.world
  names = made.names
})

async function withPolicy(): Promise<RetentionWorld> {
  const world = plain.fork()
  await world.policy(1, 'forever')
  return world
}

describe('P1: the keeper locks', () => {
  test('nothing that is locked for R and half a G', async () => {
    const world = await withPolicy()
    const ofAda = vaultNames(world).filter((name) => name.includes(ADA)).length
    const { state, counts, doubts, forgedBases } = await world.keep()
    const none = { extended: 0, held: 0, released: 0, doubts: 0 }
    assert.deepEqual(counts, { owners: 1, versions: ofAda, ...none })
    assert.deepEqual([state, doubts, forgedBases], ['done', [], 0])
  })

  test('what ends before that for R and G, to the millisecond', async () => {
    const world = await withPolicy()
    const record = `owners/${ADA}/1.json`
    const ends = world.now + world.lockedFor(record) * DAY_MS
    for (const [early, counted] of [
      [0, 0],
      [1, 1],
    ] as const) {
      const fork = world.fork()
      const now = ends - 45 * DAY_MS + early
      fork.storage.clock.advance(now - fork.now)
      const { counts } = await fork.keep({ clock: { now: () => now } })
      assert.equal(counts.extended > 0, counted > 0)
      const until = ends - 45 * DAY_MS + LOCK_DAYS * DAY_MS + SECOND_MS
      assert.equal(fork.now + fork.lockedFor(record) * DAY_MS, counted > 0 ? until : ends)
    }
  })

  test('all that there is of an owner, the file of the format, and the records', async () => {
    const world = await withPolicy()
    world.days(30)
    const before = [...vaultNames(world), ...world.storage.ops.names('access/')]
    const { counts } = await world.keep()
    assert.deepEqual(renewed(world), vaultNames(world))
    for (const ending of ['.pk', '.ix', '.mf', 'commit.json', '1.json', 'format.json']) {
      assert.ok(
        vaultNames(world).some((name) => name.endsWith(ending)),
        ending,
      )
    }
    assert.equal(counts.extended, before.length)
    for (const name of world.storage.ops.names('access/')) {
      assert.equal(rounded(world.lockedFor(name, 'ops')), LOCK_DAYS)
    }
    assert.equal((await world.keep()).counts.extended, 0)
  })

  test('while it lists, so that no listing is held in memory', async () => {
    const world = await withPolicy()
    world.days(30)
    const deps = world.keeperDeps()
    const packs = vaultNames(world).filter((name) => name.endsWith('.pk'))
    const [pack = ''] = packs
    let locked = 0
    const { vault } = deps.locks
    deps.locks.vault = {
      ...vault,
      async *versions(prefix, signal) {
        for await (const version of vault.versions(prefix, signal)) {
          yield version
          if (version.name !== pack) continue
          for (const n of 'abcdefghijklmnopqrst') yield { ...version, name: `${pack}${n}` }
          assert.ok(locked >= 16)
        }
      },
      async lockUntil() {
        locked += 1
      },
    }
    await world.keep(deps)
    assert.ok(locked >= 21)
  })

  test('of a stream only what retention needs: from the base before the last one on', async () => {
    const world = months.fork()
    world.days(65)
    await world.keep()
    const [, first = [], base = [], second = []] = names
    const parts = vaultNames(world).filter((name) => /0000000001\/.*\.bs$/.test(name))
    assert.ok(parts.length > 0)
    const past = [...first, ...base, ...second.filter((name) => name.endsWith('commit.json'))]
    assert.deepEqual(lapsed(world).sort(), [...past, ...parts].sort())
    assert.deepEqual(
      renewed(world),
      vaultNames(world).filter((name) => !lapsed(world).includes(name)),
    )
  })

  test('of several versions the oldest; the others keep the lock of every new blob', async () => {
    const world = await withPolicy()
    world.days(10)
    const record = `owners/${ADA}/1.json`
    await world.raw(record, 'spoilt', 'vault')
    world.days(30)
    const before = world.lockedFor(record, 'vault', 1)
    const { counts } = await world.keep()
    assert.equal(rounded(world.lockedFor(record)), LOCK_DAYS)
    assert.equal(rounded(world.lockedFor(record, 'vault', 1)), rounded(before))
    assert.equal(counts.versions, vaultNames(world).filter((name) => name.includes(ADA)).length + 1)
  })

  test('for good what was locked for a while only, or not at all', async () => {
    for (const policy of [{ days: LOCK_DAYS, mode: 'Unlocked' }, 'none'] as const) {
      const world = await RetentionWorld.make(policy)
      await world.register(ADA)
      const record = `owners/${ADA}/1.json`
      await world.policy(1, 'forever')
      world.days(20)
      await world.raw(record, 'spoilt', 'vault')
      world.days(20)
      const { counts } = await world.keep()
      const locks = world.storage.vault.versionsOf(record).map(({ lock }) => lock?.mode)
      assert.deepEqual(locks, ['Locked', 'Locked'])
      assert.equal(rounded(world.lockedFor(record)), LOCK_DAYS)
      assert.equal(rounded(world.lockedFor(record, 'vault', 1)), LOCK_DAYS - 20)
      assert.ok(counts.extended >= 3)
    }
  })

  test('nothing into the past', async () => {
    const world = await RetentionWorld.make('none')
    await world.register(ADA)
    await world.policy(1, 'forever')
    const record = `owners/${ADA}/1.json`
    await world.raw(record, 'spoilt', 'vault')
    const second = world.storage.vault.versionsOf(record)[1]?.createdAt.getTime() ?? 0
    const now = second + LOCK_DAYS * DAY_MS
    world.storage.clock.advance(now - world.now)
    await world.keep({ clock: { now: () => now } })
    assert.equal(world.storage.vault.versionsOf(record)[1]?.lock, undefined)
  })

  test('what went meanwhile, or is locked for longer, is passed', async () => {
    for (const code of ['BlobMissing', 'LockRefused']) {
      const world = await withPolicy()
      world.days(30)
      const { counts } = await world.keep(refusing(world, 'lockUntil', code))
      assert.equal(counts.extended, 0)
    }
    const world = await withPolicy()
    world.days(30)
    await assert.rejects(world.keep(refusing(world, 'lockUntil', 'X')), coded('X'))
  })
})

function refusing(world: RetentionWorld, call: 'lockUntil' | 'setHold', code: string) {
  const { locks, packs } = world.keeperDeps()
  const refuse = async () => {
    throw new AppError({ code, kind: 'permanent', message: 'x' })
  }
  assert.ok(packs)
  const noteLocks = async () => assert.fail('a pack was noted that was not locked')
  return {
    locks: { vault: { ...locks.vault, [call]: refuse }, ops: { ...locks.ops, [call]: refuse } },
    packs: { noteLocks },
  }
}

describe('P1: the keeper holds', () => {
  const heldOf = (world: RetentionWorld, name: string) =>
    world.storage.vault.versionsOf(name).map(({ held }) => held)

  test('every version of a held owner, and nobody else', async () => {
    const world = await withPolicy()
    await world.register(BOB)
    const record = `owners/${ADA}/1.json`
    await world.raw(record, 'spoilt', 'vault')
    await world.put(HOLD, numbered(1), { owner: ADA })
    const { counts } = await world.keep()
    const ofAda = vaultNames(world).filter((name) => name.includes(ADA))
    assert.deepEqual([counts.held, counts.released], [ofAda.length + 1, 0])
    assert.ok(ofAda.every((name) => heldOf(world, name).every((held) => held)))
    assert.deepEqual(heldOf(world, `owners/${BOB}/1.json`), [false])
    assert.deepEqual(heldOf(world, 'format.json'), [false])
    assert.equal((await world.keep()).counts.held, 0)
  })

  test('until the release counts', async () => {
    for (const owner of [ADA, 'all'] as const) {
      const world = await withPolicy()
      await world.put(HOLD, numbered(1), { owner })
      await world.keep()
      await world.put(RELEASE, '1', { hold: 1 })
      assert.equal((await world.keep()).counts.released, 0)
      world.days(30)
      const { counts } = await world.keep()
      const ofAda = vaultNames(world).filter((name) => name.includes(ADA))
      assert.deepEqual([counts.held, counts.released], [0, ofAda.length])
      assert.ok(ofAda.every((name) => heldOf(world, name).every((held) => !held)))
    }
  })

  test('and takes away no hold that is not its own', async () => {
    const world = await withPolicy()
    const record = `owners/${ADA}/1.json`
    const id = world.storage.vault.currentOf(record)?.id ?? ''
    world.storage.vault.setHold(IDENTITIES.account, record, id, true)
    await world.put(HOLD, numbered(1), { owner: BOB })
    await world.keep()
    assert.deepEqual(heldOf(world, record), [true])
  })

  test('and locks what is held, though retention does not need it', async () => {
    const world = months.fork()
    world.days(65)
    await world.put(HOLD, numbered(1), { owner: ADA })
    await world.keep()
    assert.deepEqual(renewed(world), vaultNames(world))
  })

  test('where something went meanwhile, all else', async () => {
    const world = await withPolicy()
    await world.put(HOLD, numbered(1), { owner: ADA })
    const { counts } = await world.keep(refusing(world, 'setHold', 'BlobMissing'))
    assert.deepEqual([counts.held, counts.released], [0, 0])
    await assert.rejects(world.keep(refusing(world, 'setHold', 'X')), coded('X'))
  })
})

describe('P1: in doubt the keeper locks everything', () => {
  test('where the keys of an owner are missing', async () => {
    const world = months.fork()
    world.days(65)
    world.storage.keys.disable(ADA)
    const { counts, doubts } = await world.keep()
    assert.deepEqual([counts.doubts, doubts], [1, [{ owner: ADA, code: 'KeyDisabled' }]])
    assert.deepEqual(renewed(world), vaultNames(world))
  })

  test('where a policy is missing; and it touches no hold', async () => {
    const world = plain.fork()
    world.days(65)
    const id = world.storage.vault.currentOf(`owners/${ADA}/1.json`)?.id ?? ''
    world.storage.vault.setHold(IDENTITIES.account, `owners/${ADA}/1.json`, id, true)
    const { counts, doubts, state } = await world.keep()
    assert.deepEqual([counts.doubts, doubts], [1, [{ owner: ADA, code: 'RulesMissing' }]])
    assert.deepEqual([counts.held, counts.released, state], [0, 0, 'done'])
    assert.deepEqual(renewed(world), vaultNames(world))
    const [pass] = world.said(/^keeper\/.*\/pass-/) as { policies: number; holds: number }[]
    assert.deepEqual([pass?.policies, pass?.holds], [0, 0])
  })

  test('and counts every doubt, but names a hundred', async () => {
    const world = months.fork()
    world.days(65)
    world.storage.keys.disable(ADA)
    const first = await keeperStep(world.keeperDeps(), { mayGoOn: () => false }, never)
    const filled = (n: number) => ({
      ...first,
      after: '',
      counts: { ...first.counts, doubts: n },
      doubts: Array.from({ length: n }, () => ({ owner: BOB, code: 'X' })),
    })
    for (const [n, named] of [
      [99, 100],
      [100, 100],
    ] as const) {
      world.days(20)
      const from = filled(n)
      const next = await keeperStep(world.keeperDeps(), { from, mayGoOn: () => true }, never)
      assert.deepEqual([next.counts.doubts, next.doubts.length], [n + 1, named])
    }
  })

  test('but what passes is thrown, and there is no record of a pass', async () => {
    const world = months.fork()
    world.days(65)
    const indexSecret = async () => {
      throw new AppError({ code: 'Busy', kind: 'transient', message: 'x' })
    }
    await assert.rejects(world.keep({ keys: { indexSecret } }), coded('Busy'))
    const { ops } = world.keeperDeps()
    const read = async () => {
      throw new AppError({ code: 'Busy', kind: 'transient', message: 'x' })
    }
    await assert.rejects(world.keep({ ops: { ...ops, read } }), coded('Busy'))
    assert.deepEqual(world.said(/^keeper\/.*\/pass-/), [])
  })

  test('a base that says something else than its commits is counted, and not believed', async () => {
    const world = await forgedBase()
    const { forgedBases, counts } = await world.keep()
    assert.deepEqual([forgedBases, counts.doubts], [1, 0])
    assert.deepEqual(renewed(world), vaultNames(world))
    assert.deepEqual(
      world.said(/^keeper\/.*\/pass-/).map((pass) => (pass as { forgedBases: number }).forgedBases),
      [1],
    )
  })
})

describe('P8: of an erased owner the keeper', () => {
  async function erased(): Promise<RetentionWorld> {
    const world = await withPolicy()
    await world.raw(`expirer/erased/${ADA}.json`, '{}')
    world.days(65)
    return world
  }

  test('locks nothing any more', async () => {
    const world = await erased()
    const { counts } = await world.keep()
    assert.deepEqual(
      lapsed(world),
      vaultNames(world).filter((name) => name !== 'format.json'),
    )
    assert.equal(counts.doubts, 0)
  })

  test('writes no rows, even where it is held', async () => {
    const world = await erased()
    await world.put(HOLD, numbered(1), { owner: ADA })
    const noteLocks = async () => assert.fail('a row of an erased owner')
    await world.keep({ packs: { noteLocks } })
    assert.deepEqual(renewed(world), vaultNames(world))
  })
})

describe('the catalogue is told', () => {
  test('of the packs that are locked for longer, once for an owner', async () => {
    const world = await withPolicy()
    await world.commit('b')
    world.days(30)
    const told: Parameters<PackTable['noteLocks']>[] = []
    const packs: KeeperDeps['packs'] = {
      noteLocks: async (...call) => {
        told.push(call)
      },
    }
    await world.keep({ packs })
    assert.equal(told.length, 1)
    const [owner, locks = []] = told[0] ?? []
    assert.equal(owner, ADA)
    const versions = vaultNames(world).filter((name) => name.endsWith('.pk'))
    assert.deepEqual(
      locks.map(({ id }) => id).sort(),
      versions.map((name) => name.slice(-67, -3)).sort(),
    )
    for (const { id, bytes, createdAt, lockedUntil } of locks) {
      const name = versions.find((one) => one.includes(id)) ?? ''
      const version = world.storage.vault.currentOf(name)
      assert.equal(bytes, version?.bytes.length)
      assert.equal(createdAt, version?.createdAt.toISOString())
      // Storage rounds up to a second.
      assert.ok(Math.abs(Date.parse(lockedUntil) - (version?.lock?.untilMs ?? 0)) < SECOND_MS)
    }
    await world.keep({ packs })
    assert.equal(told.length, 1)
  })

  test('where there is one', async () => {
    const world = await withPolicy()
    world.days(30)
    const { packs: _, ...deps } = world.keeperDeps()
    const { counts } = await keeperStep(deps, { mayGoOn: () => true }, never)
    assert.ok(counts.extended > 0)
  })
})

describe('P1: a pass', () => {
  test('goes on where the step before left off, and is one pass', async () => {
    const world = await withPolicy()
    await world.register(BOB)
    world.days(30)
    const begunAt = Math.floor(world.now / SECOND_MS) * SECOND_MS
    const step = (from?: Awaited<ReturnType<typeof keeperStep>>) =>
      keeperStep(world.keeperDeps(), { ...(from && { from }), mayGoOn: () => false }, never)
    const first = await step()
    assert.deepEqual([first.state, first.after, first.counts.owners], ['owners', ADA, 1])
    assert.equal(first.begunAt, begunAt)
    assert.match(first.pass, /^[0-9a-f]{32}$/)
    assert.ok(!renewed(world).includes(`owners/${BOB}/1.json`))
    assert.ok(!renewed(world).includes('format.json'))
    world.days(1)
    const second = await step(JSON.parse(JSON.stringify(first)))
    assert.deepEqual([second.state, second.after, second.counts.owners], ['owners', BOB, 2])
    assert.ok(!renewed(world).includes('format.json'))
    assert.deepEqual(world.said(/^keeper\/.*\/pass-/), [])
    const third = await step(second)
    assert.deepEqual([third.state, third.pass, third.begunAt], ['done', first.pass, begunAt])
    assert.equal(third.counts.owners, 2)
    assert.ok(renewed(world).includes('format.json'))
    const day = new Date(begunAt).toISOString().slice(0, 10)
    const { counts, forgedBases } = third
    assert.deepEqual(world.said(new RegExp(`^keeper/${day}/pass-${first.pass}\\.json$`)), [
      { begunAt, policies: 1, holds: 0, counts, forgedBases },
    ])
  })

  test('travels from step to step as it is', async () => {
    const progress = await (await withPolicy()).keep()
    const filled = {
      ...progress,
      doubts: Array.from({ length: 100 }, () => ({ owner: ADA, code: 'X' })),
    }
    for (const one of [progress, filled, { ...progress, state: 'owners' }]) {
      assert.deepEqual(keeperProgressSchema.parse(JSON.parse(JSON.stringify(one))), one)
    }
    const owners = { owners: -1 }
    for (const wrong of [
      { state: 'begun' },
      { counts: { ...progress.counts, ...owners } },
      { counts: {} },
      { doubts: [...filled.doubts, ...filled.doubts] },
      { doubts: [{}] },
    ]) {
      assert.equal(keeperProgressSchema.safeParse({ ...progress, ...wrong }).success, false)
    }
  })

  test('that is done stays as it is', async () => {
    const world = await withPolicy()
    const done = await world.keep()
    const before = world.storage.changes
    const again = await keeperStep(world.keeperDeps(), { from: done, mayGoOn: () => true }, never)
    assert.deepEqual([again, world.storage.changes], [done, before])
  })

  test('of which the last step is repeated has one record', async () => {
    const world = await withPolicy()
    world.days(30)
    const from = await keeperStep(world.keeperDeps(), { mayGoOn: () => false }, never)
    const step = () => keeperStep(world.keeperDeps(), { from, mayGoOn: () => true }, never)
    const first = await step()
    const second = await step()
    assert.deepEqual([first.state, second.state], ['done', 'done'])
    assert.ok(second.counts.extended < first.counts.extended)
    const said = world.said(/^keeper\/.*\/pass-/) as { counts: unknown }[]
    assert.deepEqual(
      said.map(({ counts }) => counts),
      [first.counts],
    )
  })

  test('is not over before its record is there', async () => {
    const world = await withPolicy()
    const { ops } = world.keeperDeps()
    const create: typeof ops.create = async (name, ...rest) => {
      if (!name.includes('/pass-')) return await ops.create(name, ...rest)
      throw new AppError({ code: 'Busy', kind: 'transient', message: 'x' })
    }
    await assert.rejects(world.keep({ ops: { ...ops, create } }), coded('Busy'))
  })

  test('says how many policies and holds it knew', async () => {
    const world = await withPolicy()
    await world.policy(2, 'forever')
    for (const n of [1, 2, 3]) await world.put(HOLD, numbered(n), { owner: BOB })
    await world.keep()
    const [pass] = world.said(/^keeper\/.*\/pass-/) as { policies: number; holds: number }[]
    assert.deepEqual([pass?.policies, pass?.holds], [2, 3])
  })

  test('does not go on by a clock that is wrong, in no step', async () => {
    const world = await withPolicy()
    world.days(30)
    const from = await keeperStep(world.keeperDeps(), { mayGoOn: () => false }, never)
    const clock = { now: () => world.now + DAY_MS }
    const options = [{ mayGoOn: () => true }, { from, mayGoOn: () => true }]
    for (const option of options) {
      const step = keeperStep({ ...world.keeperDeps(), clock }, option, never)
      await assert.rejects(step, coded('ClockWrong'))
    }
  })

  test('goes over owners of two workloads by the union of both', async () => {
    const world = months.fork()
    const drive = stream(ADA, 'drive')
    const shared = await (await world.stream()).readCommit(1, never)
    const event = shared?.events[0]
    assert.ok(event)
    const { names: later } = await world.commit('', { at: drive, events: [event] })
    world.days(65)
    await world.keep()
    const pack = names[1]?.find((name) => name.endsWith('.pk')) ?? ''
    assert.ok(renewed(world).includes(pack))
    assert.ok(later.every((name) => renewed(world).includes(name)))
    assert.ok(
      lapsed(world).includes(names[1]?.find((name) => name.startsWith(`c/${MAIL.owner}`)) ?? ''),
    )
  })
})

describe('reports of 400 days ago are left to expire', () => {
  const now = Date.parse('2027-06-01T00:00:00Z')
  const old = '2026-04-26'
  const oldest = '2026-04-27'

  test('and these names are reports', () => {
    for (const name of [
      `keeper/${old}/begun-x.json`,
      `keeper/${old}/pass-x.json`,
      `expirer/${old}/plan-x.json`,
      `expirer/${old}/started-x.json`,
      `expirer/${old}/done-x.json`,
      `verify/${old}/report.json`,
    ]) {
      assert.equal(isOldReport(name, now), true, name)
      assert.equal(isOldReport(name.replace(old, oldest), now), false, name)
      assert.equal(isOldReport(name.replace(old, oldest), now + 1), true, name)
      assert.equal(isOldReport(`x/${name}`, now), false, name)
    }
  })

  test('and these decide what is kept, for ever', () => {
    for (const name of [
      `access/${old}/policy-0000000001.json`,
      `access/${old}/begun-x.json`,
      `restore/${old}/pin-x.json`,
      `expirer/${old}/passed.json`,
      'expirer/erased/x.json',
      'keeper/proven/plan-x.json',
      'keeper/2026-04-2/pass-x.json',
      'keeper/2026-4-26/pass-x.json',
      'keeper/226-04-26/pass-x.json',
      'verify/2026-04-2/x.json',
      'verify/2026-4-26/x.json',
      'verify/226-04-26/x.json',
      'verify/latest/x.json',
    ]) {
      assert.equal(isOldReport(name, now), false, name)
    }
  })

  test('by the keeper', async () => {
    const world = await withPolicy()
    await world.raw('keeper/2024-01-01/pass-old.json', '{"no":"pass"}')
    await world.raw('access/2024-01-01/audit-old.json', '{}')
    world.days(30)
    await world.keep()
    assert.equal(rounded(world.lockedFor('keeper/2024-01-01/pass-old.json', 'ops')), 30)
    assert.equal(rounded(world.lockedFor('access/2024-01-01/audit-old.json', 'ops')), LOCK_DAYS)
  })
})
