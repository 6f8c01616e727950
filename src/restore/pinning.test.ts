/** DESIGN 5: what a restore reads does not expire under it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NEVER, OWNER } from '../catalogue/testing/fixtures.ts'
import { DAY_MS } from '../vault/retention/days.ts'
import { createRecord } from '../vault/retention/ops-records.ts'
import { PIN_DAYS_MAX, readRules } from '../vault/retention/rules.ts'
import { drive, planned, replayed, undoPlanned } from './testing/drive.ts'
import { trouble } from './testing/scripted-mailbox.ts'
import { SLICE_MS, START_MS, sampleWorld, type World } from './testing/world.ts'

/** Seqs that the expirer sees pinned. */
async function pinned(world: World): Promise<number[]> {
  const policy = 'access/2026-06-01/policy-0000000001.json'
  await createRecord(world.pins, policy, { policy: { retention: 'forever' } }, NEVER)
  const rules = { ops: world.pins, now: world.clock.now(), delayDays: 30 }
  const { pins } = await readRules(rules, NEVER)
  for (const { owner, workload } of pins) assert.deepEqual([owner, workload], [OWNER, 'mail'])
  return pins.map(({ seq }) => seq)
}

async function newest(world: World): Promise<{ seq: number }> {
  const head = await world.catalogue.stream(OWNER, 'mail').head(NEVER)
  return head ?? assert.fail('there is a backup')
}

describe('the commit that a restore reads is pinned', () => {
  test('from before its plan looks there until it has ended, and no longer', async () => {
    const world = await sampleWorld()
    const plan = await planned(world)
    const { seq } = await newest(world)
    assert.deepEqual(await pinned(world), [seq])
    await replayed(world, plan)
    assert.deepEqual(await pinned(world), [])
    const undo = await undoPlanned(world, plan.job)
    assert.deepEqual(await pinned(world), [seq], 'an undo compares with what was restored')
    await replayed(world, undo)
    assert.deepEqual(await pinned(world), [])
  })

  test('also for those whose plan fails, but only until then', async () => {
    const world = await sampleWorld()
    world.mailbox.failures.set('containers', [trouble('MailboxNotAvailable', 'permanent')])
    const plan = await planned(world)
    assert.equal(plan.report.state, 'failed')
    assert.deepEqual(await pinned(world), [])
  })

  test('for so many days where nobody starts what was planned', async () => {
    const world = await sampleWorld()
    await planned(world)
    world.clock.advance(START_MS + (PIN_DAYS_MAX - 1) * DAY_MS - world.clock.now())
    assert.equal((await pinned(world)).length, 1)
    world.clock.advance(2 * DAY_MS)
    assert.deepEqual(await pinned(world), [])
  })

  test('or there is no plan: trouble of storage is waited for', async () => {
    const world = await sampleWorld()
    const restore = world.restore()
    const at = new Date(world.clock.now()).toISOString()
    const body = { resource: world.key, workload: 'mail', at, selection: { all: true } }
    const asked = { ...body, destination: { kind: 'original' } }
    const { id } = await restore.create(asked, 'operator', NEVER)
    world.pins.failNext({ call: 'create', when: 'before' })
    const deadline = world.clock.now() + SLICE_MS
    assert.equal((await restore.step(id, { deadline }, NEVER)).state, 'wait')
    assert.deepEqual(await pinned(world), [])
    await drive(world, restore, id)
    assert.equal((await pinned(world)).length, 1)
  })
})
