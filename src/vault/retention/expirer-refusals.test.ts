/** The expirer on the storage simulator: what it refuses, and for whom. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { AppError } from '../../model/errors.ts'
import type { BlobRemoval } from '../../ports.ts'
import { never } from '../testing/fixture.ts'
import { DAY_MS } from './days.ts'
import { HOLD } from './rules.ts'
import {
  coded,
  commit,
  DONE,
  expireAll,
  forgedBase,
  namesOf,
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
import { fourVersions, RetentionWorld, WINDOWS } from './testing/world.ts'

let past: RetentionWorld

before(async () => {
  past = (await pastRetention()).past
})

describe('P1: nothing goes', () => {
  /** Refused when it is planned, and when it is carried out. */
  async function refuses(code: string, bring: (world: RetentionWorld) => Promise<unknown>) {
    const fresh = past.fork()
    await bring(fresh)
    assert.deepEqual(await fresh.plan(), { ...REFUSED, code })
    assert.deepEqual(plans(fresh), [])
    const world = await planned(past)
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
    const world = await forgedBase()
    await world.keep()
    assert.deepEqual(await world.plan(), { ...REFUSED, code: 'BaseDiffers' })
  })

  test('before a base of which a proof says something else', async () => {
    const other = JSON.stringify({ asOf: { seq: 1, hash: 'other' }, parts: [] })
    const world = past.fork()
    await world.raw(`expirer/proven/${ADA}-mail-2.json`, other)
    assert.deepEqual(await world.plan(), { outcome: 'nothing' })
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
    const world = await planned(past)
    const clock = { now: () => world.now + DAY_MS }
    await assert.rejects(world.execute({ clock }), coded('ClockWrong'))
    await assert.rejects(world.plan(ADA, { clock }), coded('ClockWrong'))
  })

  test('by trouble that passes, which is thrown', async () => {
    const world = await planned(past)
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
    const world = await planned(past)
    world.days(1)
    const deps = world.expirerDeps()
    const { owners } = deps.catalogue
    const earlier = await owners.claim(ADA, { holder: 'x', leaseMs: 1 }, never)
    assert.ok(earlier)
    await owners.release(earlier, { attempts: 3 }, never)
    const holders: string[] = []
    const claim: typeof owners.claim = async (owner, lease, signal) => {
      holders.push(lease.holder)
      return await owners.claim(owner, lease, signal)
    }
    const catalogue = { ...deps.catalogue, owners: { ...owners, claim } }
    let seen: unknown
    const remove: BlobRemoval['remove'] = async (...call) => {
      const claimed = await world.catalogue().owners.claim(ADA, { holder: 'x', leaseMs: 1 }, never)
      seen = claimed
      return await deps.removal.remove(...call)
    }
    const removal = { ...deps.removal, remove }
    assert.equal((await world.execute({ removal, catalogue }))[0]?.outcome, 'executed')
    assert.equal(seen, undefined)
    assert.equal(holders.length, 1)
    assert.match(holders[0] ?? '', /^expirer [0-9a-f]{32}$/)
    assert.equal((await owners.get(ADA, never))?.attempts, 3)
    const after = await owners.claim(ADA, { holder: 'x', leaseMs: 1 }, never)
    assert.equal(after?.owner.attempts, 4)
  })

  test('gives it back after trouble, too', async () => {
    const world = await planned(past)
    world.days(1)
    const { removal } = recordingRemoval(world, () => 'Broken')
    await world.execute({ removal })
    assert.equal((await world.execute())[0]?.outcome, 'executed')
  })

  test('and waits where somebody has it', async () => {
    const world = await planned(past)
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
    assert.equal(plans(world).length, 2)
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
